//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"edgecache/source/mysql/mariatest"
)

func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }

const script = `-- two tables
CREATE TABLE users (
  id INT PRIMARY KEY
);

CREATE TABLE orders (id INT PRIMARY KEY);
INSERT INTO users VALUES (1), (2);
`

// TestPrepare: an empty database gets the tables, one that has them keeps its
// rows, and others are refused in words that name no password.
func TestPrepare(t *testing.T) {
	server := mariatest.Get(t)
	dsn := server.Database(t, "")
	cfg, err := driver.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*driver.Config)) string {
		c := cfg.Clone()
		f(c)
		return c.FormatDSN()
	}
	db := server.Open(t, dsn)
	for _, step := range []struct{ before, dsn, script, want string }{
		{"", dsn, script, "the tables users, orders were made in the database "},
		{"DELETE FROM users WHERE id = 2", dsn, script, "has the tables; they are taken as they are"},
		{"DROP TABLE orders", dsn, script, "error: the database " + cfg.DBName + " has tables (users) and lacks orders: name an empty database in EDGECACHE_DSN"},
		{"DROP TABLE users", dsn, "CREATE TABLE users (id INT);\nCREATE TABLE;\n", "error: CREATE TABLE: Error 1064"},
		{"", "nonsense", script, "error: EDGECACHE_DSN must look like user:password@tcp(host:3306)/database"},
		{"", change(func(c *driver.Config) { c.DBName = "" }), script, "error: EDGECACHE_DSN must look like user:password@tcp(host:3306)/database"},
		{"", change(func(c *driver.Config) { c.DBName = "nowhere" }), script, "error: the database nowhere does not exist: CREATE DATABASE nowhere makes it"},
		{"", change(func(c *driver.Config) { c.Passwd = "wrong" }), script, "error: the server refuses the user or the password of EDGECACHE_DSN"},
		{"", change(func(c *driver.Config) { c.Addr = "127.0.0.1:1" }), script, "error: the server that EDGECACHE_DSN names cannot be reached"},
	} {
		if step.before != "" {
			if _, err := db.Exec(step.before); err != nil {
				t.Fatal(err)
			}
		}
		got, err := prepare(step.dsn, step.script)
		if err != nil {
			got = "error: " + err.Error()
		}
		if !strings.Contains(got, step.want) || cfg.Passwd != "" && strings.Contains(got, cfg.Passwd) {
			t.Errorf("%s, want %s", got, step.want)
		}
	}
}

// TestRun: the command gets the DSN of a private server and its exit code is
// ours; a second server in the same folder is refused while the first runs.
func TestRun(t *testing.T) {
	mariatest.Get(t)
	t.Setenv("EDGECACHE_DSN", "")
	dir := t.TempDir()
	file := filepath.Join(dir, "script.sql")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for range 2 { // the second finds what the first left
		code, err := run([]string{"-script", file, "-dir", filepath.Join(dir, "server"), "--", "sh", "-c", "echo $EDGECACHE_DSN > " + out + "; exit 7"}, io.Discard)
		if code != 7 || err != nil {
			t.Fatal(code, err)
		}
		text, err := os.ReadFile(out)
		if err != nil || !strings.HasPrefix(string(text), "root:") || !strings.HasSuffix(string(text), "/shop\n") {
			t.Errorf("%s %v", text, err)
		}
	}
	p, err := private(filepath.Join(dir, "server"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if _, err := private(filepath.Join(dir, "server")); err == nil || !strings.Contains(err.Error(), "is in use by another server: stop that one first") {
		t.Error(err)
	}
}

// TestRunArguments: what is missing is said.
func TestRunArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"2 a command is wanted, and -hold or both -script and -dir": {"-script", "x"},
		"2 <nil>": {"-nonsense"},
		"1 open absent.sql: no such file or directory": {"-script", "absent.sql", "-dir", "x", "--", "true"},
		"0 <nil>": {"-hold", "--", "true"},
		"3 <nil>": {"-hold", "--", "sh", "-c", "exit 3"},
		"1 <nil>": {"-hold", "--", "sh", "-c", "kill -9 $$"},
	} {
		code, err := run(args, io.Discard)
		if got := fmt.Sprint(code, " ", err); got != want {
			t.Errorf("%v: %s, want %s", args, got, want)
		}
	}
}

package mysql

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
)

// TestOpenErrors: what is wrong with a DSN or its user is said, and neither
// host nor password is.
func TestOpenErrors(t *testing.T) {
	server := mariatest.Get(t)
	dsn := server.Database(t, "CREATE TABLE u (id INT PRIMARY KEY);")
	name := dsn[strings.LastIndex(dsn, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	server.Exec(t, "CREATE USER IF NOT EXISTS limited@'%' IDENTIFIED BY 's3cret'", "GRANT SELECT ON "+name+".* TO limited@'%'")
	t.Cleanup(func() { server.Exec(t, "DROP USER limited@'%'") })
	for _, c := range []struct{ dsn, want string }{
		{"://", "invalid: the DSN cannot be read"},
		{"root:s3cret@tcp(127.0.0.1:1)/", "invalid: the DSN names no database"},
		{"root:s3cret@tcp(127.0.0.1:1)/x", "unavailable: the connection to the database was refused or lost"},
		{server.DSN(name, "limited", "wrong-s3cret"), "unavailable: the database refuses the user or the password"},
		{server.DSN("nowhere_s3cret", "", ""), "unavailable: the database that the DSN names does not exist"},
		{server.DSN("mysql", "limited", "s3cret"), "unavailable: a privilege is missing: GRANT SELECT, INSERT, UPDATE, DELETE ON `mysql`.* TO"},
	} {
		_, err := Open(context.Background(), Options{DSN: c.dsn, PollInterval: -1})
		got := printError(err)
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s", c.dsn, got)
		}
		for _, secret := range []string{"s3cret", "127.0.0.1", "limited"} {
			if strings.Contains(got, secret) {
				t.Errorf("%s names %s", got, secret)
			}
		}
	}
}

// TestPrivileges: what is missing is named with the GRANT that mends it, and a
// user who cannot see triggers widens every write.
func TestPrivileges(t *testing.T) {
	server := mariatest.Get(t)
	dsn := server.Database(t, "CREATE TABLE u (id INT PRIMARY KEY);\nCREATE TABLE v (id INT PRIMARY KEY);")
	name, _, _ := strings.Cut(dsn[strings.LastIndex(dsn, "/")+1:], "?")
	server.Exec(t, "CREATE USER writer@'%' IDENTIFIED BY 'pw'", "GRANT SELECT, INSERT, UPDATE ON "+name+".* TO writer@'%'")
	t.Cleanup(func() { server.Exec(t, "DROP USER writer@'%'") })
	d := openDSN(t, server.DSN(name, "writer", "pw"))
	_, _, err := tryWrite(d, "DELETE FROM u")
	if want := "GRANT DELETE ON `" + name + "`.`u` TO the user of the DSN"; err == nil || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
	if ws := mustWrite(t, d, "INSERT INTO u VALUES (1)"); !strings.Contains(ws.Everything, "GRANT TRIGGER ON") {
		t.Error(ws)
	}
	server.Exec(t, "GRANT TRIGGER ON "+name+".* TO writer@'%'")
	d = openDSN(t, server.DSN(name, "writer", "pw"))
	if ws := mustWrite(t, d, "INSERT INTO u VALUES (2)"); ws.Everything != "" || len(ws.Changes) != 1 {
		t.Error(ws)
	}
	server.Exec(t, "CREATE TRIGGER "+name+".t1 AFTER INSERT ON "+name+".u FOR EACH ROW INSERT INTO v VALUES (NEW.id)")
	if changed, err := d.Refresh(context.Background()); !changed || err != nil {
		t.Fatal(changed, err)
	}
	if ws := mustWrite(t, d, "INSERT INTO u VALUES (3)"); !strings.Contains(ws.Everything, "GRANT EXECUTE ON") {
		t.Error(ws)
	}
	// Without PROCESS a lost session is still proven gone.
	d.seams.rollback = func(s *session) error { s.broken = true; return fmt.Errorf("no answer") }
	if _, err := d.DryRun(context.Background(), []source.Statement{{SQL: "UPDATE v SET id = 5"}}); err != nil || d.Stats().Unproven != 0 {
		t.Error(err, d.Stats())
	}
}

// TestStatementErrors: kinds and sentences.
func TestStatementErrors(t *testing.T) {
	d := openTest(t, `CREATE TABLE p (id INT PRIMARY KEY, n INT NOT NULL, t VARCHAR(3), l VARCHAR(9) CHARACTER SET latin1, c INT CHECK (c > 0));
CREATE TABLE f (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id));
INSERT INTO p VALUES (1, 1, NULL, NULL, NULL);
INSERT INTO f VALUES (1, 1);`)
	for sql, want := range map[string]string{
		"INSERT INTO p (id, n) VALUES (1, 1)":            "constraint: Duplicate entry '1' for key 'PRIMARY'",
		"INSERT INTO p (id) VALUES (2)":                  "constraint: Field 'n' doesn't have a default value",
		"INSERT INTO p (id, n) VALUES (2, NULL)":         "constraint: Column 'n' cannot be null",
		"INSERT INTO p (id, n) VALUES (2, 'x')":          "constraint: Incorrect integer value: 'x'",
		"INSERT INTO p (id, n, t) VALUES (2, 1, 'long')": "constraint: Data too long for column 't'",
		"INSERT INTO p (id, n, l) VALUES (2, 1, '€Ω')":   "constraint: Incorrect string value",
		"INSERT INTO p (id, n, c) VALUES (2, 1, 0)":      "constraint: CONSTRAINT `p.c` failed",
		"INSERT INTO p (id, n) VALUES (2, 99999999999)":  "constraint: Out of range value",
		"DELETE FROM p WHERE id = 1":                     "constraint: Cannot delete or update a parent row",
		"INSERT INTO f VALUES (2, 2)":                    "constraint: Cannot add or update a child row",
		"UPDATE p SET n = n / 0":                         "constraint: Division by 0",
		"UPDATE p SET nope = 1":                          "invalid: Unknown column 'nope'",
		"UPDATE p SET":                                   "invalid: You have an error in your SQL syntax",
	} {
		_, res, err := tryWrite(d, sql)
		if got := printError(err); !strings.HasPrefix(got, want) || res.Outcome != source.OutcomeRolledBack {
			t.Errorf("%s: %s (%s)", sql, got, res.Outcome)
		}
	}
	ask := func(st source.Statement, lim source.Limits) string {
		_, err := d.Query(context.Background(), st, lim)
		return printError(err)
	}
	for want, got := range map[string]string{
		"too large: the answer has more than 2 rows\n":                          ask(source.Statement{SQL: "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"}, source.Limits{Rows: 2}),
		"too large: the answer has more than 10 bytes\n":                        ask(source.Statement{SQL: "SELECT REPEAT('x', 11)"}, source.Limits{Bytes: 10}),
		"invalid: the statement has 1 placeholders and was given 0 arguments\n": ask(source.Statement{SQL: "SELECT ?"}, source.Limits{}),
		"oversize: the statement with its arguments is larger than max_allowed_packet\n": ask(
			source.Statement{SQL: "SELECT '" + strings.Repeat("x", 20<<20) + "'"}, source.Limits{}),
	} {
		if got != want {
			t.Errorf("got %swant %s", got, want)
		}
	}
	if _, err := d.Query(context.Background(), source.Statement{SQL: "SELECT LENGTH(?)", Args: []source.Value{source.Text(strings.Repeat("x", 20<<20))}},
		source.Limits{}); source.KindOf(err) != source.ErrOversize {
		t.Error(err)
	}
}

// TestManyWriters: counters of many writers add up, each image is the row as
// one of them left it, and reads never see a part of a transaction.
func TestManyWriters(t *testing.T) {
	const writers, each = 6, 20
	d := openTest(t, "CREATE TABLE c (id INT PRIMARY KEY, n INT);\nINSERT INTO c VALUES (1, 0), (2, 0);")
	var wait sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]int{}
	for range writers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range each {
				res, err := write(d, context.Background(), func(ws *source.WriteSet) {
					mu.Lock()
					defer mu.Unlock()
					seen[ws.String()]++
				}, "UPDATE c SET n = n + 1 WHERE id = 1", "UPDATE c SET n = n + 1 WHERE id = 2")
				if err != nil || res.Outcome != source.OutcomeCommitted {
					t.Error(res, err)
				}
				if r := readAll(t, d, "SELECT a.n - b.n FROM c a JOIN c b ON b.id = 2 WHERE a.id = 1"); r[0][0] != source.Int(0) {
					t.Error("half a transaction", r)
				}
			}
		}()
	}
	wait.Wait()
	if len(seen) != writers*each {
		t.Errorf("%d different write sets", len(seen))
	}
	for i := range writers * each {
		if want := fmt.Sprintf("UPDATE c (1, %d) -> (1, %d)\nUPDATE c (2, %d) -> (2, %d)\n", i, i+1, i, i+1); seen[want] != 1 {
			t.Errorf("%d times %s", seen[want], want)
		}
	}
}

func TestServerOf(t *testing.T) {
	for version, want := range map[string]string{
		"10.11.19-MariaDB-log": "MariaDB 10.11.19", "5.5.5-10.6.1-MariaDB": "MariaDB 10.6.1", "8.0.36": "MySQL 8.0.36",
		"8.0.11-TiDB-v7.5.0": "TiDB 7.5.0", "9.1.0": "MySQL 9.1.0", "8.0.36-0ubuntu0.22.04.1": "MySQL 8.0.36",
	} {
		s := serverOf(version, "")
		if got := s.Flavour.String() + " " + s.release(); got != want || s.Version != version {
			t.Errorf("%s: %s", version, got)
		}
	}
}

func TestStrictReason(t *testing.T) {
	server, d := openOwn(t, twoRows)
	if why := d.StrictReason(context.Background()); why != "" {
		t.Error(why)
	}
	server.Global(t, "read_only", "1")
	if why := d.StrictReason(context.Background()); !strings.Contains(why, "read-only") {
		t.Error(why)
	}
}

func TestForeignCall(t *testing.T) {
	for text, want := range map[string]bool{
		"INSERT INTO log VALUES (NEW.id)": false, "SET NEW.x = other.f(1)": true, "CALL other.p": true, "CALL p(NEW.x)": false,
		"CALL `other` . `p` (1)": true, "SELECT 1.5 (2)": false, "SELECT shop.f(1)": false, "INSERT INTO shop.log(a) VALUES (1)": false,
		"INSERT INTO db2.log (a) VALUES (db3.f (1))": true,
	} {
		if got := foreignCall(text, "shop"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestVerb(t *testing.T) {
	for text, want := range map[string]verb{
		" -- x\n /* y */ (SELECT 1)": "SELECT", "# a\nupdate t": "UPDATE", "/*!50000 DROP TABLE t */": "", "SELECT '/*! x */'": "SELECT",
		"DELETE /*M!100000 QUICK */ FROM t": "", "--1": "", "`SELECT` 1": "", "CREATE TEMPORARY TABLE t (a INT)": "", "create or replace temporary table t (a INT)": "",
		"SELECT /*+ MAX_EXECUTION_TIME(1) */ 1": "SELECT", "SELECT 'it\\'s /*! x'": "SELECT", "": "",
	} {
		if got := verbOf(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

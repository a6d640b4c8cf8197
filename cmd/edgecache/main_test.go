package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const schema = `CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO users VALUES ('1', 'Ada'), ('2', 'Bob');`

const endpoints = `
sources: {main: {driver: sqlite, dsn: test.db, init: schema.sql}}
endpoints:
  - {name: users.get, route: "GET /v1/users/{id}", sql: "SELECT id, name FROM users WHERE id = :id", result: one, tags: [people]}
  - {name: users.put, route: "PUT /v1/users/{id}", sql: "UPDATE users SET name = :name WHERE id = :id"}
`

// configured writes a configuration that listens on ports of its own.
func configured(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "edge.yaml")
	for name, text := range map[string]string{file: yaml, filepath.Join(dir, "schema.sql"): schema} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	good := configured(t, anyPorts+endpoints)
	bad := configured(t, anyPorts+endpoints+"  - {route: GET /a, sql: SELECT nope FROM users}\n  - {route: GET /b, sql: SELECT 1 AS x, colour: red}\n")
	absent := configured(t, anyPorts+strings.Replace(endpoints, ", init: schema.sql", "", 1))
	driver := configured(t, anyPorts+strings.Replace(endpoints, "driver: sqlite, dsn: test.db, init: schema.sql", `driver: http, dsn: "http://127.0.0.1:1"`, 1))
	kept := configured(t, anyPorts+"store: {path: kept.db}\n"+strings.Replace(endpoints, "WHERE id = :id\"}\n", "WHERE id = :id\", ttl: 1h}\n", 1))
	for _, c := range []struct {
		args []string
		code int
		want []string // in either output
	}{
		{[]string{"version"}, 0, []string{"edgecache ", "go1."}},
		{[]string{"--help"}, 0, []string{"serve", "check", "explain", "graph", "endpoints", "purge", "stats", "version"}},
		{[]string{"nope"}, 2, []string{`there is no command "nope"`}},
		{[]string{"serv", "-c", good}, 2, []string{`there is no command "serv"; did you mean serve?`}},
		{[]string{"-z"}, 2, []string{"unknown shorthand flag"}},
		{[]string{"serve"}, 2, []string{"$EDGECACHE_CONFIG"}},
		{[]string{"serve", "-c", "/nope.yaml"}, 2, []string{"nope.yaml"}},
		{[]string{"serve", "-c", good, "--log", "loud"}, 2, []string{"--log"}},
		{[]string{"serve", "-c", bad}, 2, []string{"edge.yaml:8: endpoint GET /a: no such column: nope\n", "edge.yaml:9: endpoint GET /b: ", "colour"}},
		{[]string{"check", "-c", bad}, 2, []string{"edge.yaml:8: ", "edge.yaml:9: "}},
		{[]string{"check", "-c", absent}, 2, []string{"edge.yaml:4: source main: the database test.db is absent or empty"}},
		{[]string{"serve", "-c", absent, "--log", "off"}, 2, []string{"edge.yaml:4: source main: the database test.db is absent or empty"}},
		{[]string{"check", "-c", driver}, 2, []string{"edge.yaml:4: source main: driver \"http\" is not available in this version"}},
		{[]string{"serve", "-c", driver, "--log", "off"}, 2, []string{"edge.yaml:4: source main: driver \"http\" is not available in this version"}},
		{[]string{"check", "-c", kept}, 0, []string{"note: ttl has no effect on a write"}},
		{[]string{"check", "--json", "-c", kept}, 0, []string{"\"notes\": [],"}},
		{[]string{"endpoints", "add"}, 2, []string{"required flag"}},
		{[]string{"endpoints", "add", "-f", good}, 2, []string{"edge.yaml: it has server, which cannot be given to a running server: leave only endpoints"}},
		{[]string{"endpoints", "add", "-f", good + ".gone"}, 2, []string{"cannot read the mappings"}},
		{[]string{"endpoints", "rm"}, 2, []string{"accepts 1 arg"}},
		{[]string{"help", "exit-codes"}, 0, []string{"3  no server answers"}},
		{[]string{"check", "-c", good, "--color", "pink"}, 2, []string{"--color is auto, always or never"}},
		{[]string{"stats", "--interval", "1ms"}, 2, []string{"at least 100ms"}},
		{[]string{"serve", "-c", good, "--log-level", "loud"}, 2, []string{"--log-level"}},
		{[]string{"check", "-c", good}, 0, []string{"users.get  GET /v1/users/{id}  users (id, name)", "where id = :id", "update users (name)", "2 endpoints, no mistakes\n"}},
		{[]string{"explain", "-c", good, "UPDATE users SET name = 'Eve' WHERE id = '1'"}, 0, []string{"1: name 'Ada' → 'Eve' (1 column as it was)", "users.get: depends on parameters", "1 of 1 endpoint may hold affected responses"}},
		{[]string{"explain", "-c", good, "PUT", "/v1/users/1", "--data", `{"name":"Eve"}`}, 0, []string{"UPDATE users SET name = 'Eve' WHERE id = '1'", "users.get"}},
		{[]string{"explain", "-c", good, "UPDATE users SET name = :n WHERE id = :id", "--data", `{"n":"Eve","id":"2"}`}, 0, []string{"SET name = 'Eve' WHERE id = '2'"}},
		{[]string{"explain", "-c", good, "SELECT 1"}, 1, []string{"a write is wanted"}},
		{[]string{"explain", "-c", good}, 2, []string{"accepts between 1 and 2 arg"}},
		{[]string{"explain", "UPDATE users SET name = 1", "--server", "http://127.0.0.1:1"}, 3, []string{"nothing listens there"}},
		{[]string{"explain", "PUT", "/x", "--source", "main"}, 2, []string{"--source goes with SQL"}},
		{[]string{"explain", "PUT", "/x", "--data", "{"}, 2, []string{"malformed JSON"}},
		{[]string{"purge"}, 2, []string{"at least one of the flags"}},
		{[]string{"purge", "--all", "--table", "x"}, 2, []string{"none of the others can be"}},
		{[]string{"purge", "--record", "users"}, 2, []string{"TABLE:KEY"}},
		{[]string{"purge", "--all", "--server", "127.0.0.1"}, 2, []string{"must be a URL"}},
		{[]string{"purge", "--all", "--server", "http://127.0.0.1:1"}, 3, []string{"no answer from http://127.0.0.1:1: nothing listens there", "edgecache serve", "--server URL"}},
	} {
		code, stdout, stderr := command(t, c.args...)
		if code != c.code {
			t.Errorf("%v: exit %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%v lacks %q:\n%s%s", c.args, want, stdout, stderr)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(good), "test.db")); !os.IsNotExist(err) {
		t.Error("a command that does not serve made the database")
	}
}

func TestCheckPrintsJSON(t *testing.T) {
	code, stdout, stderr := command(t, "check", "--json", "-c", configured(t, endpoints))
	var out struct {
		Endpoints []struct {
			Name       string
			Statements []struct{ Precision string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &out); code != 0 || err != nil || len(out.Endpoints) != 2 || out.Endpoints[0].Statements[0].Precision != "row" {
		t.Errorf("exit %d, %v: %s%s", code, err, stdout, stderr)
	}
}

func TestPortInUseIsOneLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // a test's own
	for _, key := range []string{"server", "admin"} {
		other := map[string]string{"server": "admin", "admin": "server"}[key]
		file := configured(t, key+": {listen: "+l.Addr().String()+"}\n"+other+": {listen: \"127.0.0.1:0\"}\n"+endpoints)
		code, _, stderr := command(t, "serve", "-c", file, "--log", "off")
		if code != 1 || stderr != "edgecache: "+l.Addr().String()+" ("+key+".listen) is in use by another program\n" {
			t.Errorf("exit %d: %s", code, stderr)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "test.db")); !os.IsNotExist(err) {
			t.Error("the database was touched")
		}
	}
}

// serving runs `serve` until the test ends and returns both addresses.
func serving(t *testing.T, file string) (data, control string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, []string{"serve", "-c", file, "--log", "off"}, w, w)
		_ = w.Close()
	}()
	t.Cleanup(func() {
		stop()
		if code := <-exit; code != 0 {
			t.Errorf("serve: exit %d", code)
		}
	})
	lines := bufio.NewScanner(r)
	for range 2 {
		if !lines.Scan() {
			t.Fatal("serve ended before it was ready")
		}
		f := strings.Fields(lines.Text())
		switch f[0] {
		case "data":
			data = f[len(f)-1]
		case "control":
			control = f[len(f)-1]
		default:
			t.Fatalf("serve: %s", lines.Text())
		}
	}
	return data, control
}

func TestCommandsTalkToAServer(t *testing.T) {
	t.Setenv("EDGECACHE_TOKEN", "s3cret")
	data, control := serving(t, configured(t, "server: {listen: \"127.0.0.1:0\"}\nadmin: {listen: \"127.0.0.1:0\", token: \"${EDGECACHE_TOKEN}\"}\n"+endpoints))
	get := func(path string) {
		t.Helper()
		res, err := http.Get(data + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"endpoints", "list"}, []string{"users.get", "GET /v1/users/{id}", "24h"}},
		{[]string{"endpoints", "list", "--json"}, []string{`"sql"`}},
		{[]string{"explain", "PUT", "/v1/users/1", "--data", `{"name":"Eve"}`}, []string{"1: name 'Ada' → 'Eve' (1 column as it was)", "/v1/users/1  users: the row before the write satisfies id = '1'",
			"1 of 2 cached responses affected; 1 spared: 1 by predicate."}},
		{[]string{"graph", "--url", "/v1/users/2"}, []string{`"url": "/v1/users/2"`, `"predicate": "id = '2'"`}},
		{[]string{"stats"}, []string{"hit ratio", "users.get"}},
		{[]string{"stats", "--json"}, []string{`"entries": 2`, `"missesAbsent": `, `"sparedBy": {`}},
		{[]string{"purge", "--record", "users:1"}, []string{"1\n"}},
		{[]string{"purge", "--url", "/v1/users/2"}, []string{"1\n"}},
		{[]string{"purge", "--tag", "people"}, []string{"2\n"}},
		{[]string{"purge", "--endpoint", "users.get"}, []string{"2\n"}},
		{[]string{"purge", "--table", "users"}, []string{"2\n"}},
		{[]string{"purge", "--all"}, []string{"2\n"}},
	} {
		get("/v1/users/1")
		get("/v1/users/2")
		code, stdout, stderr := command(t, append(c.args, "--server", control)...)
		if code != 0 {
			t.Errorf("%v: exit %d: %s", c.args, code, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%v lacks %q:\n%s", c.args, want, stdout)
			}
		}
	}
	code, _, stderr := command(t, "purge", "--all", "--server", control, "--token", "wrong")
	if code != 4 || !strings.Contains(stderr, "does not take this token") || strings.Contains(stderr, "wrong") || strings.Contains(stderr, "s3cret") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	code, _, stderr = command(t, "purge", "--table", "nope", "--server", control)
	if code != 1 || stderr != "edgecache: there is no table nope\n" {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

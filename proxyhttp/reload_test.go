package proxyhttp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
)

// reloading is a server whose file a test rewrites.
type reloading struct {
	*harness
	text string
}

func startReloading(t *testing.T, opts ...option) *reloading {
	t.Helper()
	r := &reloading{text: testHead + testEndpoints}
	var dir string
	r.harness = start(t, append(opts, func(s *setup) {
		s.Reload = func() (*config.Config, []config.Mistake) {
			return config.Load(filepath.Join(dir, "test.yaml"), func(string) (string, bool) { return "", false })
		}
	})...)
	dir = r.dir
	r.rewrite("", "")
	return r
}

// rewrite changes the file's text from what it was at the start.
func (r *reloading) rewrite(old, new string) {
	r.t.Helper()
	if !strings.Contains(r.text, old) {
		r.t.Fatalf("the file has no %q", old)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "test.yaml"), []byte(strings.Replace(r.text, old, new, 1)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reloading) reload() Reloaded {
	r.t.Helper()
	var out Reloaded
	r.demand(200, "POST", "/v1/reload", "").json(r.t, &out)
	return out
}

func TestReload(t *testing.T) {
	r := startReloading(t)
	all := len(r.s.current().endpoints)
	warm := func() { r.get("/v1/users/1"); r.get("/v1/things"); r.get("/v1/uncached") }
	warm()
	if out := r.reload(); out.Unchanged != all || len(out.Added)+len(out.Changed)+len(out.Removed) != 0 {
		t.Errorf("an untouched file: %+v", out)
	}
	r.hit("/v1/users/1")

	r.rewrite("  - name: things\n    route: GET /v1/things\n    sql: SELECT * FROM things ORDER BY id\n",
		"  - name: stuff\n    route: GET /v1/stuff\n    sql: SELECT id FROM things ORDER BY id\n")
	out := r.reload()
	if !slices.Equal(out.Added, []string{"stuff"}) || !slices.Equal(out.Removed, []string{"things"}) || len(out.Changed) != 0 || out.Unchanged != all-1 {
		t.Errorf("got %+v", out)
	}
	r.hit("/v1/users/1")
	r.miss("/v1/stuff")
	if a := r.get("/v1/things"); a.StatusCode != 404 {
		t.Errorf("what is gone: %d", a.StatusCode)
	}

	// A default changes those that take it, and nothing else.
	r.rewrite("endpoints:", "defaults: {ttl: 2h}\nendpoints:")
	if out := r.reload(); slices.Contains(out.Changed, "users.get") || !slices.Contains(out.Changed, "users.list") {
		t.Errorf("got %+v", out)
	}
	r.hit("/v1/users/1") // its ttl is its own
	warm()
	r.rewrite("SELECT * FROM things ORDER BY id", "SELECT id FROM things ORDER BY id DESC")
	if out := r.reload(); !slices.Contains(out.Changed, "things") {
		t.Errorf("got %+v", out)
	}
	if a := r.miss("/v1/things"); a.body != `[{"id":2},{"id":1}]`+"\n" {
		t.Errorf("under the new SQL: %s", a.body)
	}
	r.hit("/v1/users/1")
	if !strings.Contains(r.log.String(), `msg="configuration reloaded"`) {
		t.Error("no line in the log")
	}
}

// Any mistake leaves everything as it was, and all of them are told.
func TestReloadIsAllOrNothing(t *testing.T) {
	r := startReloading(t)
	r.demand(201, "POST", "/v1/endpoints", cities)
	r.miss("/v1/users/1")
	r.miss("/v1/things")
	before := r.s.current()
	const things = "    sql: SELECT * FROM things ORDER BY id\n"
	for _, c := range []struct {
		old, new string
		want     []string
	}{
		{things, "    sql: SELECT nope FROM things\n  - {route: GET /new, sql: SELECT 1 AS x}\n  - {route: GET /bad, sql: SELECT x FROM nope, colour: red}\n",
			[]string{"test.yaml:50: endpoint things: no such column: nope", `endpoint GET /bad: the endpoint has no key \"colour\"`, "there are 2 mistakes, and nothing was changed"}},
		{things, things + "   - x\n", []string{"not valid YAML"}},
		{"dsn: test.db", "dsn: other.db", []string{"sources.main.dsn changes at the next start only; restart, or take the change back: nothing was reloaded"}},
		{"endpoints:", "server: {listen: \"127.0.0.1:9\"}\nadmin: {token: s3cret}\nstore: {max_memory: 1GiB}\nendpoints:",
			[]string{"server.listen changes at the next start only", "admin.token changes", "store.max_memory changes"}},
		{r.text, "", []string{"sources is missing"}},
	} {
		r.rewrite(c.old, c.new)
		a := r.admin("POST", "/v1/reload", "")
		if a.StatusCode != 422 || !strings.Contains(a.body, `"errors":[{`) {
			t.Errorf("%.60q: %d %s", c.new, a.StatusCode, a.body)
		}
		for _, want := range c.want {
			if !strings.Contains(a.body, want) {
				t.Errorf("%.60q lacks %q: %s", c.new, want, a.body)
			}
		}
		if strings.Contains(a.body, "s3cret") {
			t.Errorf("a secret is told: %s", a.body)
		}
	}
	if err := os.Remove(filepath.Join(r.dir, "test.yaml")); err != nil {
		t.Fatal(err)
	}
	if a := r.admin("POST", "/v1/reload", ""); a.StatusCode != 422 || !strings.Contains(a.body, "there is no such file") {
		t.Errorf("no file: %d %s", a.StatusCode, a.body)
	}
	if r.s.current() != before {
		t.Error("the registry was replaced")
	}
	r.hit("/v1/users/1")
	r.hit("/v1/things")
	r.miss("/v1/cities")

	// A source that does not answer is no mistake of the file.
	r.rewrite(things, "    sql: SELECT id FROM things\n")
	r.tap.undescribed.Store(1)
	if a := r.demand(503, "POST", "/v1/reload", ""); r.s.current() != before {
		t.Errorf("got %s", a.body)
	}
	r.reload()
}

// The file wins over what is registered, for as long as it says so.
func TestReloadPushesRegisteredOnesOut(t *testing.T) {
	store := &keptMappings{}
	r := startReloading(t, withMappings(store))
	r.demand(201, "POST", "/v1/endpoints", cities)
	r.demand(201, "PUT", "/v1/endpoints/other", `{"route":"GET /v1/other","sql":"SELECT 1 AS x"}`)
	r.miss("/v1/cities")
	r.miss("/v1/other")
	r.rewrite("endpoints:", "endpoints:\n  - {name: cities, route: GET /v1/towns, sql: SELECT 5 AS x}\n  - {name: else, route: GET /v1/other, sql: SELECT 6 AS x}")
	out := r.reload()
	if !slices.Equal(out.Shelved, []string{"cities", "other"}) || !slices.Equal(out.Added, []string{"cities", "else"}) {
		t.Errorf("got %+v", out)
	}
	if a := r.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("got %d", a.StatusCode)
	}
	if a := r.miss("/v1/other"); a.body != "[{\"x\":6}]\n" {
		t.Errorf("got %s", a.body)
	}
	if n := strings.Count(r.log.String(), "a registered mapping is not served"); n != 2 {
		t.Errorf("%d lines", n)
	}
	r.demand(409, "PUT", "/v1/endpoints/cities", cities)
	r.rewrite("", "")
	if out := r.reload(); !slices.Equal(out.Returned, []string{"cities", "other"}) || !slices.Equal(out.Removed, []string{"cities", "else"}) {
		t.Errorf("got %+v", out)
	}
	r.miss("/v1/cities")
	if a := r.miss("/v1/other"); a.body != "[{\"x\":1}]\n" {
		t.Errorf("got %s", a.body)
	}
}

// An endpoint of the file that no longer fits is a mistake of it, and one that
// fits again is compiled again.
func TestReloadLooksAtBrokenOnesAgain(t *testing.T) {
	r := startReloading(t)
	other := r.other()
	r.exec(other, "ALTER TABLE things RENAME TO stuff")
	eventually(t, "broken", func() bool { return strings.Contains(r.log.String(), "endpoint no longer fits the schema") })
	if a := r.demand(422, "POST", "/v1/reload", ""); !strings.Contains(a.body, "no such table: things") {
		t.Errorf("got %s", a.body)
	}
	r.rewrite("SELECT * FROM things", "SELECT * FROM stuff")
	if out := r.reload(); !slices.Equal(out.Changed, []string{"things"}) {
		t.Errorf("got %+v", out)
	}
	r.miss("/v1/things")
}

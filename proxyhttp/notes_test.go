package proxyhttp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
)

// What is wrong with one source hides nothing of the others, nor of the rest
// of the file, and `serve` says the same of it as `check`.
func TestMistakesOfSeveralSources(t *testing.T) {
	const text = `server: {listen: nowhere}
sources:
  main: {driver: sqlite, dsn: test.db, init: schema.sql}
  broken: {driver: sqlite, dsn: gone.db}
  wrong: {driver: sqlite, file: x.db}
  later: {driver: http, dsn: "http://127.0.0.1:1"}
endpoints:
  - {route: GET /a, source: main, sql: SELECT nope FROM users}
  - {route: GET /b, source: broken, sql: SELECT nope FROM users}
  - {route: GET /c, source: wrong, sql: SELECT nope FROM users}
  - {route: GET /d, source: later, sql: SELECT nope FROM users}
  - {route: GET /e, source: main, sql: SELECT nope FROM users, colour: red}
  - {route: GET /f, source: main, sql: SELECT nope FROM orders}
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "schema.sql"), []byte(testSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "test.yaml")
	cfg, found := config.Parse(file, []byte(text), nil)
	broken := "test.yaml:4: source broken: the database gone.db is absent or empty, and there is no init to make one from"
	want := []string{"test.yaml:1: listen of server", broken, "test.yaml:5: source wrong has no", "test.yaml:6: source later: driver", "test.yaml:8: endpoint GET /a: no such column: nope",
		"test.yaml:12: endpoint GET /e: the endpoint has no key", "test.yaml:13: endpoint GET /f: no such column: nope"}
	got := strings.ReplaceAll(Mistakes(AllMistakes(t.Context(), cfg, found)).Error(), dir+"/", "")
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("lacks %q", w)
		}
	}
	for _, w := range []string{"GET /b:", "GET /c:", "GET /d:", "GET /e: no such column"} {
		if strings.Contains(got, w) {
			t.Errorf("has %q", w)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
	cfg, found = config.Parse(file, []byte(text[strings.Index(text, "sources:"):strings.Index(text, "  wrong")]+"endpoints: []\n"), nil)
	if len(found) > 0 {
		t.Fatal(found)
	}
	_, err := New(t.Context(), Options{Config: cfg})
	if want := strings.Replace(broken, ":4:", ":3:", 1); err == nil || strings.ReplaceAll(err.Error(), dir+"/", "") != want {
		t.Errorf("New says %v, want %s", err, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "gone.db")); !os.IsNotExist(err) {
		t.Error("the absent database was made")
	}
}

const noted = `
store: {path: kept.db}
endpoints:
  - {name: search, route: GET /search, sql: "SELECT id FROM users WHERE :any = 'x' AND id = :id LIMIT :n"}
  - {name: declared, route: GET /declared, sql: "SELECT :any AS any FROM users", params: {any: {type: string}}}
  - {name: sorted, route: GET /sorted, sql: "SELECT id FROM users ORDER BY :s", params: {s: {type: choice, choices: [id, name]}}}
  - {name: chosen, route: GET /chosen, sql: "SELECT id FROM users WHERE city = :c", params: {c: {type: choice, choices: [Bern, Rome]}}}
  - {name: mapped, route: "GET /mapped/{s}/{x}", sql: "SELECT id FROM users ORDER BY :s", params: {s: {type: choice, choices: {id: id, name: name}}}}
  - {name: late, route: GET /late, sql: "SELECT id FROM users", consistency: eventual, stale_while_revalidate: 1m, stale_if_error: 1h}
  - {name: later, route: GET /later, sql: "SELECT id FROM users", consistency: eventual}
  - {name: uncached, route: GET /uncached, sql: "SELECT id FROM users", cache: false, client_ttl: 1m, records: [$.id], consistency: eventual, stale_if_error: 1m}
  - {name: write, route: POST /write, sql: "UPDATE users SET age = age + :by WHERE id = :id", ttl: 1h, client_ttl: 1m, vary: Accept, cache: false, rehydrate: lazy, consistency: eventual, stale_while_revalidate: 1m}
`

func TestNotes(t *testing.T) {
	h := start(t, func(s *setup) { s.yaml = noted })
	want := map[string][]string{
		"search":   {"parameter :any meets no column; URL text stays text; declare its type under params"},
		"declared": nil,
		"sorted":   {"parameter :s meets no column: a choice from a plain list is bound as a value; map choices to SQL fragments to sort by them"},
		"chosen":   nil,
		"mapped":   {"{x} has no effect: no statement names :x"},
		"late":     nil,
		"later":    nil,
		"uncached": {"client_ttl has no effect with cache: false", "stale_if_error has no effect with cache: false", "records has no effect on a database: its rows are known by their keys"},
		"write":    {"ttl has no effect on a write", "client_ttl has no effect on a write", "vary has no effect on a write", "cache has no effect on a write", "rehydrate has no effect on a write", "stale_while_revalidate has no effect on a write"},
	}
	var graph graphView
	h.admin("GET", "/debug/graph", "").json(t, &graph)
	if len(graph.Endpoints) != len(want) {
		t.Fatalf("%d endpoints", len(graph.Endpoints))
	}
	for _, e := range graph.Endpoints {
		if got := strings.Join(e.Notes, "\n"); got != strings.Join(want[e.Name], "\n") {
			t.Errorf("%s: %s", e.Name, got)
		}
	}
}

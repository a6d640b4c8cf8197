package proxyhttp

import (
	"context"
	"strings"
	"testing"

	"edgecache/depgraph"
)

// An endpoint's own limits decide, whether they are less or more than the
// server's; past one nothing is cut and nothing is stored.
func TestEndpointLimits(t *testing.T) {
	h := start(t, withLimits(Limits{Rows: 3, ResultBytes: 100}), withYAML(`
  - {route: GET /v1/two, sql: SELECT id FROM users ORDER BY id LIMIT :n, params: {n: {type: int}}, max_rows: 2}
  - {route: GET /v1/all, sql: SELECT id FROM users ORDER BY id, max_rows: 4}
  - {route: GET /v1/few, sql: "SELECT :t AS t", params: {t: {type: string}}, max_bytes: 5}
  - {route: GET /v1/much, sql: "SELECT :t AS t", params: {t: {type: string}}, max_bytes: 1KiB}
  - {route: GET /v1/server, sql: SELECT id FROM users ORDER BY id}
`))
	long := strings.Repeat("x", 500)
	h.miss("/v1/two?n=2")
	h.miss("/v1/all")
	h.miss("/v1/few?t=abcde")
	h.miss("/v1/much?t=" + long)
	for path, want := range map[string]string{
		"/v1/two?n=3":      "more than 2 rows; an answer may have 2 rows and 100 bytes",
		"/v1/few?t=abcdef": "more than 5 bytes; an answer may have 3 rows and 5 bytes",
		"/v1/server":       "more than 3 rows; an answer may have 3 rows and 100 bytes",
	} {
		for range 2 {
			a := h.get(path)
			if a.StatusCode != 500 || !strings.Contains(a.body, "answer-too-large") || !strings.Contains(a.body, want) || !strings.Contains(a.body, "max_rows or max_bytes") {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
		}
	}
	if n := len(h.s.graph.Entries(depgraph.Filter{})); n != 4 {
		t.Errorf("%d entries, want 4", n)
	}
}

// An endpoint's timeout ends its reads and its writes, and the answer names it.
func TestEndpointTimeout(t *testing.T) {
	h := start(t, withYAML(`
  - {route: GET /v1/slow, sql: SELECT count(*) AS n FROM users, timeout: 30ms}
  - {route: GET /v1/slower, sql: SELECT count(*) AS n FROM users, timeout: 40ms, cache: false}
  - name: endless
    route: POST /v1/endless
    sql: INSERT INTO things (i) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n
    timeout: 50ms
`))
	h.tap.set(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	for path, want := range map[string]string{"/v1/slow": "30ms", "/v1/slower": "40ms"} {
		a := h.get(path)
		if a.StatusCode != 504 || !strings.Contains(a.body, want) || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	h.tap.set(nil)
	h.miss("/v1/slow")
	h.miss("/v1/things")
	a := h.do("POST", "/v1/endless", "")
	if a.StatusCode != 504 || !strings.Contains(a.body, "50ms") {
		t.Errorf("a write: %d %s", a.StatusCode, a.body)
	}
	h.hit("/v1/things")
}

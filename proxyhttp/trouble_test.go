package proxyhttp

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

const troubled = `
  - name: overflow
    route: GET /v1/overflow
    sql: SELECT abs(:n) AS n
    params: {n: {type: int, required: true}}
  - name: typed
    route: PUT /v1/things/{id}
    sql: UPDATE things SET i = :i, r = :r, t = :t WHERE id = :id
  - name: rowid
    route: POST /v1/things
    sql: INSERT INTO things (id) VALUES (:id)
    params: {id: {type: string}}
`

// What no argument is to blame for is not the client's mistake.
func TestStatementsThatFailAreNotTheClientsMistake(t *testing.T) {
	h := start(t, withYAML(troubled))
	h.get("/v1/overflow?n=-5")
	a := h.get("/v1/overflow?n=-9223372036854775808")
	if a.StatusCode != 500 || !strings.Contains(a.body, "source-failed") || !strings.Contains(a.body, "the statement failed: integer overflow") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := h.do("POST", "/v1/things", `{"id":"x"}`); a.StatusCode != 400 || !strings.Contains(a.body, "datatype mismatch") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if log := h.log.String(); strings.Contains(log, "cause=<nil>") || !strings.Contains(log, "integer overflow") {
		t.Error(log)
	}
}

// A number that Go has no type for is answered in words of ours.
func TestNumbersOutOfRange(t *testing.T) {
	h := start(t, withYAML(troubled))
	for _, body := range []string{`{"i":1e999}`, `{"r":1e999}`, `{"r":-1e999}`} {
		a := h.do("PUT", "/v1/things/1", body)
		if a.StatusCode != 400 || !strings.Contains(a.body, "parameter ") || strings.Contains(a.body, "Go ") || strings.Contains(a.body, "json:") {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
}

func TestHeaderIsSpelledAsPromised(t *testing.T) {
	h := start(t)
	w := httptest.NewRecorder()
	h.s.Data().ServeHTTP(w, httptest.NewRequest("PUT", "/v1/users/1", strings.NewReader(`{"firstName":"Eve"}`)))
	for name := range w.Header() {
		if name == "EdgeCache-Invalidated" {
			return
		}
	}
	t.Errorf("%v", w.Header())
}

// Without its file a source fails at once; what is kept is still served.
func TestDeletedDatabase(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	if err := os.Remove(filepath.Join(h.dir, "test.db")); err != nil {
		t.Fatal(err)
	}
	a := h.get("/v1/users/2")
	if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	h.hit("/v1/users/1")
}

func TestFailedRefillsAreLogged(t *testing.T) {
	h := start(t)
	h.miss("/v1/users")
	h.tap.set(func(context.Context) error {
		return &source.Error{Kind: source.ErrBusy, Message: "locked by a test"}
	})
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	eventually(t, "a failed refill", func() bool {
		log := h.log.String()
		return strings.Contains(log, "level=DEBUG msg=\"refill failed\" endpoint=users.list") && strings.Contains(log, "locked by a test")
	})
	if a := h.get("/v1/users/2"); a.StatusCode != 503 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if log := h.log.String(); !strings.Contains(log, "request failed") || strings.Contains(log, "cause=") {
		t.Error(log) // this error has no cause
	}
	h.tap.set(nil)
}

// A source that opens and then cannot be asked is said once, not for each
// endpoint.
func TestSourceThatCannotBeAskedAtStart(t *testing.T) {
	dir := t.TempDir()
	cfg, mistakes := parseConfig(t, dir, testSchema, testEndpoints)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	_, err := New(t.Context(), Options{Config: cfg,
		Open: func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
			src, err := OpenSource(ctx, c, onForeign, lim, log)
			p := &tap{Source: src}
			p.undescribed.Store(1000)
			return p, err
		}})
	if want := filepath.Join(dir, "test.yaml") + ":1: source main: locked"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

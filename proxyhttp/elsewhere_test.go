package proxyhttp

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // another program

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

// elsewhere is another program that has the database open.
func (h *harness) elsewhere() *sql.DB {
	h.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.dir, "test.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	h.t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.Exec(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// afterwards lets a test hold answers that the source has given.
type afterwards struct {
	source.Source
	hold atomic.Pointer[gateOn]
}

func (a *afterwards) Query(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	res, err := a.Source.Query(ctx, st, lim)
	if g := a.hold.Load(); g != nil {
		_ = g.wait(ctx)
	}
	return res, err
}

// unpolled is a server whose source nobody looks at, so that only reports tell.
func unpolled(t *testing.T, yaml string) (*harness, *afterwards) {
	t.Helper()
	late := &afterwards{}
	h := start(t, withYAML(yaml), func(s *setup) {
		open := s.Open
		s.Open = func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
			c.Poll = -1
			src, err := open(ctx, c, onForeign, lim, log)
			late.Source = src
			return late, err
		}
	})
	return h, late
}

const report = `{"source":"main","statements":[{"sql":"UPDATE users SET name = 'Ida' WHERE id = :id","args":{"id":"1"}}]}`

// A report overtakes the fills that are under way: one that saw the rows before
// the write is given to nobody who asks after the report was answered. Reported
// again, it invalidates again.
func TestReportOvertakesFills(t *testing.T) {
	h, late := unpolled(t, `
  - {name: later, route: "GET /later/{id}", sql: SELECT name FROM users WHERE id = :id, consistency: eventual, stale_while_revalidate: 1m, rehydrate: "off"}
`)
	other := h.elsewhere()
	for n, path := range []string{"/v1/users/1", "/later/1"} {
		g := newGateOn()
		late.hold.Store(&g)
		first := make(chan *answer, 1)
		go func() { first <- h.get(path) }()
		<-g.came // it has its snapshot
		late.hold.Store(nil)
		exec(t, other, "UPDATE users SET name = 'Ida' WHERE id = '1'")
		if a := h.admin("POST", "/v1/writes", report); a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		second := make(chan *answer, 1) // after the report: the flight under way is not for it
		go func() { second <- h.get(path) }()
		eventually(t, "the second waits for the next flight", func() bool { return h.s.filler.Stats().Waited == int64(n)+1 })
		close(g.pass)
		if a := <-first; a.StatusCode != 200 || !strings.Contains(a.cache(), "OVERTAKEN") {
			t.Errorf("%s: the overtaken fill: %s", path, a.cache())
		}
		if a := <-second; !strings.Contains(a.body, "Ida") {
			t.Errorf("%s: after the report: %s %s", path, a.cache(), a.body)
		}
		if a := h.hit(path); !strings.Contains(a.body, "Ida") {
			t.Errorf("%s: %s", path, a.body)
		}
		if a := h.admin("POST", "/v1/writes", report); strings.TrimSpace(a.body) != `{"invalidated":1}` { // once more
			t.Errorf("%s: %s", path, a.body)
		}
		exec(t, other, "UPDATE users SET name = 'Ann' WHERE id = '1'")
	}
}

// A lock that another program keeps is waited for, then told of: 503, with
// nothing written; once it is free the same write goes through.
func TestLockedDatabase(t *testing.T) {
	h := start(t, withLimits(Limits{BusyWait: 20 * time.Millisecond}))
	h.miss("/v1/users/1")
	other := h.elsewhere()
	exec(t, other, "BEGIN IMMEDIATE")
	a := h.do("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "1" || a.Header.Get("EdgeCache-Invalidated") != "" ||
		!strings.Contains(a.body, "source-busy") || !strings.Contains(a.body, "locked by somebody else") {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	h.hit("/v1/users/1")  // nothing was written
	h.miss("/v1/users/2") // and readers do not wait
	exec(t, other, "COMMIT")
	if n := h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`); n != "1" {
		t.Errorf("%s invalidated", n)
	}
}

// What another program writes is seen by the poller; what it writes to a source
// that is not polled is seen at the next write.
func TestPollOfASource(t *testing.T) {
	h := start(t)
	h.miss("/v1/orders?userId=1")
	exec(t, h.elsewhere(), "UPDATE users SET name = 'Ida' WHERE id = '1'")
	eventually(t, "the poller looks", func() bool { return h.s.graph.Stats().Dropped == 1 })

	h, _ = unpolled(t, "")
	h.miss("/v1/orders?userId=1")
	exec(t, h.elsewhere(), "UPDATE users SET name = 'Ida' WHERE id = '1'")
	h.hit("/v1/orders?userId=1")
	h.write("PUT", "/v1/users/2", `{"firstName":"Eve"}`)
	h.miss("/v1/orders?userId=1")
}

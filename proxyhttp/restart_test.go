package proxyhttp

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

// stampedTap is a tap on a source that can tell whether it was written.
type stampedTap struct {
	*tap
	stamped
}

func (p stampedTap) Close() error { return p.tap.Close() }

// again starts a server on the files of an earlier one, or on new ones. What
// is eager waits until a test lets it: one worker, and a source that it holds.
func again(t *testing.T, dir string, c *clock, opts ...option) *harness {
	t.Helper()
	h, err := tryAgain(t, dir, c, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func tryAgain(t *testing.T, dir string, c *clock, opts ...option) (*harness, error) {
	t.Helper()
	h := &harness{t: t, clock: c, dir: dir, log: &logBuffer{}, served: true}
	o := setup{yaml: "store: {path: kept.db}\n" + testEndpoints, schema: testSchema}
	o.Options = Options{Now: h.clock.now, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelInfo})), Version: "test",
		Limits: Limits{QueueWorkers: 1},
		Open: func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
			src, err := OpenSource(ctx, c, onForeign, lim, log)
			if err != nil {
				return nil, err
			}
			h.tap = &tap{Source: src}
			return stampedTap{h.tap, src.(stamped)}, nil
		}}
	for _, f := range opts {
		f(&o)
	}
	cfg, mistakes := parseConfig(t, h.dir, o.schema, o.yaml)
	if len(mistakes) > 0 {
		t.Fatalf("the test's own configuration: %v", mistakes)
	}
	o.Config = cfg
	s, err := New(t.Context(), o.Options)
	if err != nil {
		return h, err
	}
	h.s = s
	s.accepting.Store(true)
	h.data, h.control = httptest.NewServer(s.Data()), httptest.NewServer(s.Control())
	t.Cleanup(h.stop)
	return h, nil
}

// stop closes the server as a signal would.
func (h *harness) stop() {
	if h.s == nil {
		return // already
	}
	defer func() { h.s = nil }()
	h.data.Close()
	h.control.Close()
	if err := h.s.graph.Audit(); err != nil {
		h.t.Errorf("audit: %v", err)
	}
	if err := h.s.Close(context.Background()); err != nil {
		h.t.Errorf("close: %v", err)
	}
}

// restored waits until everything that was kept has been looked at.
func (h *harness) restored() *harness {
	h.t.Helper()
	eventually(h.t, "the store is restored", func() bool {
		return strings.Contains(h.log.String(), "store restored")
	})
	return h
}

// ask is one of the GETs that the tests below keep.
type askFor struct {
	url     string
	headers []string
}

var keptURLs = []askFor{
	{"/v1/users", nil}, {"/v1/users?city=Bern&limit=2", nil}, {"/v1/users/1", nil}, {"/v1/users/none", nil},
	{"/v1/usersByIds?ids=1,2", nil}, {"/v1/sorted?sort=-name", nil}, {"/v1/orders?userId=1", nil}, {"/v1/things", nil},
	{"/v1/greeting", []string{"Accept-Language", "de"}}, {"/v1/greeting", []string{"Accept-Language", "fr"}},
}

// asked fills the cache and asks again, so that all are hits.
func (h *harness) warm() map[string]*answer {
	h.t.Helper()
	out := map[string]*answer{}
	for _, a := range keptURLs {
		h.miss(a.url, a.headers...)
		out[a.url+fmt.Sprint(a.headers)] = h.hit(a.url, a.headers...)
	}
	return out
}

// current demands the answer of the database.
func (h *harness) current(a askFor) {
	h.t.Helper()
	got := h.get(a.url, a.headers...)
	want := h.get(a.url, append([]string{"Cache-Control", "no-cache"}, a.headers...)...)
	if got.body != want.body || got.StatusCode != want.StatusCode {
		h.t.Errorf("%s %s: %s, the database says %s", a.url, got.cache(), got.body, want.body)
	}
}

func stranger(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// foreign runs statements as another program, and leaves.
func foreign(t *testing.T, file, statements string) {
	t.Helper()
	db := stranger(t, file)
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// crash copies the files as a process that is killed leaves them.
func (h *harness) crash(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, d.Name()), data, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// queryLog shows every query before it runs.
type queryLog struct {
	source.Source
	see func(sql string)
}

func (q queryLog) Query(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	q.see(st.SQL)
	return q.Source.Query(ctx, st, lim)
}

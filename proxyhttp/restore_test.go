package proxyhttp

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgecache/depgraph"
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

// TestRestartServesWhatIsKnown: after a restart in which nothing was written
// every answer is a hit, byte for byte, without asking the source, and older by
// the time that passed. Then it is an entry like any other.
func TestRestartServesWhatIsKnown(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	h := again(t, dir, c)
	h.write("PUT", "/v1/users/2", `{"firstName":"Bo"}`) // so that there is a log to be checkpointed
	before := h.warm()
	var graph, graphThen graphView
	h.admin("GET", "/debug/graph", "").json(t, &graph)
	h.stop()
	c.advance(90 * time.Second)

	h = again(t, dir, c).restored()
	for _, a := range keptURLs {
		was, now := before[a.url+fmt.Sprint(a.headers)], h.hit(a.url, a.headers...)
		if now.body != was.body || now.StatusCode != was.StatusCode || now.Header.Get("ETag") != was.Header.Get("ETag") ||
			now.Header.Get("Content-Type") != was.Header.Get("Content-Type") || now.Header.Get("Age") != "90" {
			t.Errorf("%s %s: %v %s; was %v %s", a.url, a.headers, now.Header, now.body, was.Header, was.body)
		}
	}
	if n := h.tap.queries.Load(); n != 0 {
		t.Errorf("%d queries", n)
	}
	if a := h.get("/v1/users/1", "If-None-Match", before["/v1/users/1[]"].Header.Get("ETag")); a.StatusCode != 304 {
		t.Errorf("revalidating by ETag: %d", a.StatusCode)
	}
	h.admin("GET", "/debug/graph", "").json(t, &graphThen)
	for i, e := range graphThen.Entries {
		was := graph.Entries[i]
		if e.URL != was.URL || fmt.Sprint(e.Depends) != fmt.Sprint(was.Depends) || string(e.Params) != string(was.Params) ||
			!e.Expires.Equal(*was.Expires) || e.Hits <= was.Hits {
			t.Errorf("%+v\nwas %+v", e, was)
		}
	}

	// The first write affects what it affects, and nothing else.
	if n := h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`); n == "0" {
		t.Errorf("invalidated %s", n)
	}
	if a := h.get("/v1/users/1"); !strings.Contains(a.body, "Eve") || strings.Contains(a.cache(), "hit") {
		t.Errorf("%s: %s", a.cache(), a.body)
	}
	h.hit("/v1/orders?userId=1")
	if a := h.get("/v1/users"); !strings.Contains(a.body, "Eve") {
		t.Errorf("%s", a.body)
	}
	h.admin("GET", "/debug/graph?url=/v1/users/1", "").json(t, &graph)
	if g := graph.Entries[0].Cause; g == nil || g.By != "users.update" || g.Rule != "row" || g.Table != "users" || !strings.Contains(g.Detail, "Ada") {
		t.Errorf("%+v", g)
	}

	// And once more: hits and the cause have been kept.
	h.stop()
	h = again(t, dir, c).restored()
	h.hit("/v1/users/1")
	h.admin("GET", "/debug/graph?url=/v1/users/1", "").json(t, &graphThen)
	if e := graphThen.Entries[0]; e.Hits != graph.Entries[0].Hits+1 || e.Cause == nil || *e.Cause != *graph.Entries[0].Cause {
		t.Errorf("%+v, was %+v", e, graph.Entries[0])
	}
}

// TestRestartAfterWritesOfOthers: whatever happens to the database between two
// runs, no answer from before it is served; and where nothing happened to its
// data, none is read again.
func TestRestartAfterWritesOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		act   func(t *testing.T, db string)
		known bool
	}{
		"nothing":             {func(*testing.T, string) {}, true},
		"a read":              {func(t *testing.T, db string) { foreign(t, db, "SELECT * FROM users") }, true},
		"a write rolled back": {func(t *testing.T, db string) { foreign(t, db, "BEGIN; UPDATE users SET name = 'X'; ROLLBACK") }, true},
		"a write":             {func(t *testing.T, db string) { foreign(t, db, "UPDATE users SET name = 'X' WHERE id = '1'") }, false},
		"a write, the time put back": {func(t *testing.T, db string) {
			info, err := os.Stat(db)
			if err != nil {
				t.Fatal(err)
			}
			foreign(t, db, "UPDATE users SET name = 'X' WHERE id = '1'")
			if err := os.Chtimes(db, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, false},
		"a write that is still in the log": {func(t *testing.T, db string) {
			other := stranger(t, db)
			if _, err := other.Exec("UPDATE users SET name = 'X' WHERE id = '1'"); err != nil {
				t.Fatal(err)
			}
		}, false},
		"another file": {func(t *testing.T, db string) {
			data, err := os.ReadFile(db)
			if err != nil {
				t.Fatal(err)
			}
			next := db + ".next"
			if err := os.WriteFile(next, data, 0o600); err != nil {
				t.Fatal(err)
			}
			foreign(t, next, "UPDATE users SET name = 'X' WHERE id = '1'")
			if err := os.Rename(next, db); err != nil {
				t.Fatal(err)
			}
		}, false},
		"no file": {func(t *testing.T, db string) { _ = os.Remove(db) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir, clk := t.TempDir(), newClock()
			h := again(t, dir, clk)
			h.write("PUT", "/v1/users/2", `{"firstName":"Bo"}`)
			h.warm()
			h.stop()
			c.act(t, filepath.Join(dir, "test.db"))
			h = again(t, dir, clk)
			want := fmt.Sprintf("fresh=%d ", len(keptURLs))
			if c.known {
				h.restored()
			} else {
				want = "fresh=0 "
			}
			for _, a := range keptURLs { // while it restores, too
				h.current(a)
			}
			h.restored()
			for _, a := range keptURLs {
				h.current(a)
			}
			if !strings.Contains(h.log.String(), want) {
				t.Errorf("not %s: %s", want, h.log)
			}
		})
	}
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

// TestCrashReadsAgainHottestFirst: what a process that was killed left is never
// served as it is. What was eager is read again, by its heat; the rest when it
// is asked for.
func TestCrashReadsAgainHottestFirst(t *testing.T) {
	c := newClock()
	h := again(t, t.TempDir(), c)
	h.warm()
	for range 5 {
		h.hit("/v1/things")
	}
	for range 40 {
		h.hit("/v1/users?city=Bern&limit=2")
	}
	eventually(t, "all is written", func() bool { return h.s.vault.Stats().Waiting == 0 })
	h.s.vault.FlushHeat()
	dir := h.crash(t)

	var asked []string
	seen := make(chan string, 100)
	begin := make(chan struct{})
	h2 := again(t, dir, c, func(o *setup) {
		open := o.Open
		o.Open = func(ctx context.Context, c *config.Source, f func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
			src, err := open(ctx, c, f, lim, log)
			return queryLog{src, func(sql string) {
				<-begin
				seen <- sql
			}}, err
		}
	})
	h2.restored()
	if st := h2.s.graph.Stats(); st.Entries != 0 || st.Stale == 0 {
		t.Errorf("%d entries, %d remembered", st.Entries, st.Stale)
	}
	close(begin)
	eventually(t, "the eager ones are back", func() bool {
		for len(seen) > 0 {
			asked = append(asked, <-seen)
		}
		q := h2.s.queue.Stats()
		return q.Length == 0 && q.Running == 0 && q.Done > 0
	})
	if len(asked) == 0 || !strings.Contains(asked[0], "city = ") {
		t.Errorf("read first: %q", asked)
	}
	h2.hit("/v1/things")
	if a := h2.get("/v1/users/1"); a.cache() != "edgecache; fwd=stale; stored" { // lazy
		t.Errorf("%s", a.cache())
	}
	if a := h2.get("/v1/orders?userId=1"); a.cache() != "edgecache; fwd=uri-miss; stored" { // off
		t.Errorf("%s", a.cache())
	}
	hits := map[string]int64{}
	for _, v := range h2.s.graph.Entries(depgraph.Filter{All: true}) {
		hits[v.URL] += v.Hits
	}
	if hits["/v1/users?city=Bern&limit=2"] != 41 {
		t.Errorf("hits: %v", hits)
	}
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

// TestRestartWithAnotherConfiguration: an answer comes back only under the very
// endpoint that made it, and lives as long as is configured now.
func TestRestartWithAnotherConfiguration(t *testing.T) {
	const get = "  - {name: one, route: GET /one, sql: SELECT id FROM users WHERE id = '1'}\n"
	const base = "store: {path: kept.db}\nendpoints:\n"
	for name, c := range map[string]struct {
		was, is, url string
		hit          bool
		later        time.Duration
	}{
		"the same":           {get, get, "/one", true, time.Hour},
		"another line":       {get, "\n\n" + get, "/one", true, 0},
		"another SQL":        {get, strings.ReplaceAll(get, "SELECT id ", "SELECT name "), "/one", false, 0},
		"another result":     {get, strings.ReplaceAll(get, "'1'}", "'1', result: one}"), "/one", false, 0},
		"another parameter":  {get, strings.ReplaceAll(get, "= '1'}", "= :id, params: {id: {default: '2'}}}"), "/one", false, 0},
		"another lifetime":   {get, strings.ReplaceAll(get, "'1'}", "'1', ttl: 1m}"), "/one", false, 0},
		"another name":       {get, strings.ReplaceAll(get, "name: one", "name: two"), "/one", false, 0},
		"uncached":           {get, strings.ReplaceAll(get, "'1'}", "'1', cache: false}"), "/one", false, 0},
		"its time is up":     {get, get, "/one", false, 24 * time.Hour},
		"the clock set back": {get, get, "/one", false, -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			dir, clk := t.TempDir(), newClock()
			h := again(t, dir, clk, func(s *setup) { s.yaml = base + c.was })
			h.miss("/one")
			h.stop()
			clk.advance(c.later)
			h = again(t, dir, clk, func(s *setup) { s.yaml = base + c.is })
			h.restored()
			if want := fmt.Sprintf("fresh=%d", map[bool]int{true: 1}[c.hit]); !strings.Contains(h.log.String(), want) {
				t.Errorf("not %s: %s", want, h.log)
			}
			h.current(askFor{url: c.url})
		})
	}
}

// TestWriteUnderWayAtTheEnd: with a write that has not settled nobody knows
// what was written, so everything is read again.
func TestWriteUnderWayAtTheEnd(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	h := again(t, dir, c)
	h.warm()
	h.s.graph.Publish(&source.WriteSet{Source: "main", Whole: map[string]string{"things": "under way"}})
	h.stop()
	h = again(t, dir, c).restored()
	if !strings.Contains(h.log.String(), "fresh=0") {
		t.Error(h.log.String())
	}
}

// TestStartThatFailsKeepsTheStore: a mistake in the file costs nothing.
func TestStartThatFailsKeepsTheStore(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	h := again(t, dir, c)
	h.warm()
	h.stop()
	if _, err := tryAgain(t, dir, c, withYAML("  - {route: GET /wrong, sql: SELECT nope FROM users}\n")); err == nil {
		t.Fatal("started")
	}
	h = again(t, dir, c).restored()
	h.hit("/v1/things")
	if n := h.tap.queries.Load(); n != 0 {
		t.Errorf("%d queries", n)
	}
}

// TestDamagedStores: each kind of damage is one line in the log, a file that
// was set aside, and a server that serves.
func TestDamagedStores(t *testing.T) {
	sound := func(t *testing.T) (dir string, data []byte) {
		dir = t.TempDir()
		h := again(t, dir, newClock())
		h.warm()
		h.stop()
		data, err := os.ReadFile(filepath.Join(dir, "kept.db"))
		if err != nil {
			t.Fatal(err)
		}
		return dir, data
	}
	for name, damage := range map[string]func(data []byte) []byte{
		"truncated":       func(d []byte) []byte { return d[:len(d)-3] },
		"a flipped bit":   func(d []byte) []byte { d[len(d)/2] ^= 4; return d },
		"zeros":           func(d []byte) []byte { clear(d); return d },
		"foreign":         func([]byte) []byte { return []byte("name: a letter\n") },
		"another version": func(d []byte) []byte { return []byte("*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, data := sound(t)
			path := filepath.Join(dir, "kept.db")
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			h := again(t, dir, newClock())
			if n := strings.Count(h.log.String(), "level=WARN"); n != 1 || strings.Count(h.log.String(), "was set aside") != 1 {
				t.Errorf("%d warnings: %s", n, h.log)
			}
			if _, err := os.Stat(path + ".damaged-1"); err != nil {
				t.Error(err)
			}
			for _, a := range keptURLs {
				if got := h.get(a.url, a.headers...); strings.Contains(got.cache(), "hit") {
					t.Errorf("%s: %s", a.url, got.cache())
				}
				h.current(a)
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "kept.db"), 0o700); err != nil {
			t.Fatal(err)
		}
		h := again(t, dir, newClock())
		h.warm()
		if n := strings.Count(h.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings: %s", n, h.log)
		}
		if info, err := os.Stat(filepath.Join(dir, "kept.db")); err != nil || !info.IsDir() {
			t.Errorf("somebody's directory is gone: %v", err)
		}
	})
	t.Run("a database", func(t *testing.T) {
		dir := t.TempDir()
		again(t, dir, newClock()).stop()
		_, err := tryAgain(t, dir, newClock(), func(s *setup) { s.yaml = strings.Replace(s.yaml, "kept.db", "test.db", 1) })
		if err == nil || !strings.Contains(err.Error(), "one file") {
			t.Errorf("%v", err)
		}
		foreign(t, filepath.Join(dir, "other.db"), "CREATE TABLE t (x)")
		_, err = tryAgain(t, dir, newClock(), func(s *setup) { s.yaml = strings.Replace(s.yaml, "kept.db", "other.db", 1) })
		if err == nil || !strings.Contains(err.Error(), "is an SQLite database") {
			t.Errorf("%v", err)
		}
	})
	t.Run("used by another", func(t *testing.T) {
		dir := t.TempDir()
		again(t, dir, newClock())
		if _, err := tryAgain(t, dir, newClock()); !errors.Is(err, depgraph.ErrStoreInUse) {
			t.Errorf("%v", err)
		}
	})
}

// TestFullDisk: while the disk refuses, serving goes on from memory, with one
// line; when it takes the store again, with another, everything is written.
func TestFullDisk(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	full := make(chan bool, 1)
	full <- false
	set := func(v bool) { <-full; full <- v }
	h := again(t, dir, c, func(o *setup) {
		o.storeFault = func(op string) error {
			v := <-full
			full <- v
			if v && op != "open" {
				return errors.New("no space left on device")
			}
			return nil
		}
	})
	set(true)
	h.warm()
	eventually(t, "the disk was tried", func() bool { return h.s.vault.Stats().Failing })
	for range 3 {
		h.warm2()
	}
	if n := strings.Count(h.log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, h.log)
	}
	if a := h.admin("GET", "/metrics", ""); !strings.Contains(a.body, "edgecache_store_failing 1\n") {
		t.Error("the metrics do not show it")
	}
	set(false)
	h.stop()
	if !strings.Contains(h.log.String(), "the store is written again") {
		t.Error(h.log.String())
	}
	h = again(t, dir, c).restored()
	h.hit("/v1/things")
	if n := h.tap.queries.Load(); n != 0 {
		t.Errorf("%d queries", n)
	}
}

func (h *harness) warm2() {
	for _, a := range keptURLs {
		h.hit(a.url, a.headers...)
	}
	h.write("PUT", "/v1/users/1", `{"firstName":"Ada"}`)
	for _, a := range keptURLs {
		h.get(a.url, a.headers...)
		h.current(a)
		h.get(a.url, a.headers...)
	}
}

// TestRegisteredMappingsAreKept, with the answers made under them.
func TestRegisteredMappingsAreKept(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	h := again(t, dir, c)
	a := h.admin("POST", "/v1/endpoints", `{"name":"cities","route":"GET /v1/cities","sql":"SELECT DISTINCT city FROM users WHERE city IS NOT NULL ORDER BY city"}`, "Content-Type", "application/json")
	if a.StatusCode != 201 || !strings.Contains(a.body, `"persisted":true`) {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	h.miss("/v1/cities")
	h.stop()
	h = again(t, dir, c).restored()
	h.hit("/v1/cities")
	if a := h.admin("DELETE", "/v1/endpoints/cities", ""); a.StatusCode >= 300 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	h.stop()
	h = again(t, dir, c)
	eventually(t, "it is restored", func() bool { return h.s.vault.Stats().Restored })
	if a := h.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("%d", a.StatusCode)
	}
	h.stop()
	if strings.Contains(h.log.String(), "store restored") {
		t.Errorf("its answers were still there: %s", h.log)
	}
}

// TestWritesWhileItRestores: from the first moment writes and reads go through,
// and what comes back later undoes none of them. Half of the writes come before
// anything is restored, the others in between.
func TestWritesWhileItRestores(t *testing.T) {
	const n = 300
	dir, c := t.TempDir(), newClock()
	more := withYAML(`  - {name: rows.get, route: "GET /v1/rows/{id}", sql: "SELECT id, i FROM things WHERE id = :id", result: one}
  - {name: rows.set, route: "PUT /v1/rows/{id}", sql: "INSERT INTO things (id, i) VALUES (:id, :i) ON CONFLICT (id) DO UPDATE SET i = excluded.i"}
`)
	h := again(t, dir, c, more)
	for id := range n {
		h.miss(fmt.Sprintf("/v1/rows/%d", id+10)) // a 404, which is kept too
	}
	h.stop()
	begin, looked := make(chan bool), 0
	h = again(t, dir, c, more, func(o *setup) {
		o.storeFault = func(op string) error {
			if op == "read" {
				if looked++; looked == 1 || looked == n/2 {
					<-begin
				}
			}
			return nil
		}
	})
	url := func(k int) string { return fmt.Sprintf("/v1/rows/%d", 10+(k*89)%n) }
	body := func(k int) string { return fmt.Sprintf("{\"id\":%d,\"i\":%d}\n", 10+(k*89)%n, k) }
	for k := range 60 {
		if k == 30 {
			begin <- true
		}
		h.write("PUT", url(k), fmt.Sprintf(`{"i":%d}`, k))
		if k%2 == 0 {
			if a := h.get(url(k)); a.body != body(k) {
				t.Fatalf("%s %s", a.cache(), a.body)
			}
		}
	}
	begin <- true
	h.restored()
	for k := range 60 {
		if a := h.get(url(k)); a.body != body(k) {
			t.Errorf("at the end: %s %s, want %s", a.cache(), a.body, body(k))
		}
	}
	if st := h.s.graph.Stats(); st.Entries != n || st.Overtaken == 0 {
		t.Errorf("%d entries, %d overtaken", st.Entries, st.Overtaken)
	}
}

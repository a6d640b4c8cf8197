package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
	"edgecache/source"
)

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

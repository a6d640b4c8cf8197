package proxyhttp

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// still are the metrics that no session moves, with the reason. What they tell
// is held by TestEveryCounterIsTold.
var still = map[string]string{
	"edgecache_build_info":                              "it is always 1",
	"edgecache_memory_max_bytes":                        "it is the configuration's",
	"edgecache_alarms_total":                            "only a bug moves it",
	"edgecache_index_errors_total":                      "only a bug moves it",
	"edgecache_match_widened_total":                     "only a bug moves it",
	"edgecache_bounds_met_total":                        "the bounds are large",
	"edgecache_source_lost_sessions":                    "mysql only",
	"edgecache_source_lost_sessions_oldest_age_seconds": "mysql only",
	"edgecache_store_failing":                           "TestFullDisk",
	"edgecache_store_errors_total":                      "TestFullDisk",
	"edgecache_store_rewrites_total":                    "a store of many minutes",
	"edgecache_store_damaged_total":                     "TestDamagedStores",
	"edgecache_store_unreadable_total":                  "TestDamagedStores",
	"edgecache_store_restored":                          "an empty store is restored at once",
	"edgecache_auth_forgotten_total":                    "proxyhttp/auth",
	"edgecache_auth_key_fetches_total":                  "proxyhttp/auth",
	"edgecache_auth_keys":                               "proxyhttp/auth",
	"edgecache_certificate_reloads_total":               "TestTLS",
	"edgecache_endpoints_shelved":                       "TestRegisteredMappingsAreKept",
}

// looks gathers several times, and tells which metrics moved.
type looks struct {
	t     *testing.T
	moved map[string]bool
}

// of begins to look at one server.
func (l *looks) of(s *Server) (look func()) {
	read := func() map[string]float64 {
		got, err := s.metrics.registry.Gather()
		if err != nil {
			l.t.Fatal(err)
		}
		out := map[string]float64{}
		for _, f := range got {
			for _, m := range f.GetMetric() {
				v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
				out[f.GetName()+" "+fmt.Sprint(m.GetLabel())] = v
			}
		}
		return out
	}
	first := read()
	return func() {
		for series, v := range read() {
			if v != first[series] {
				name, _, _ := strings.Cut(series, " ")
				l.moved[name] = true
			}
		}
	}
}

// TestEveryMetricMoves runs a scripted session and looks at each metric.
func TestEveryMetricMoves(t *testing.T) {
	l := &looks{t: t, moved: map[string]bool{}}
	t.Run("reads and writes", l.readsAndWrites)
	t.Run("suspension", l.suspension)
	t.Run("refills", l.refills)
	t.Run("flights", l.flights)
	t.Run("bugs and bounds", l.bugsAndBounds)
	t.Run("mappings", l.mappings)
	t.Run("lost writes", l.lost)
	t.Run("parts", l.parts)
	t.Run("self-check", l.selfCheck)
	t.Run("eventual", l.eventual)
	t.Run("a slow source, then a dead one", l.trouble)
	for _, f := range families {
		if why := still[f.name]; l.moved[f.name] == (why != "") {
			t.Errorf("%s: moved %v; %s", f.name, l.moved[f.name], why)
		}
	}
}

func (l *looks) readsAndWrites(t *testing.T) {
	h := start(t, func(s *setup) { s.Open = OpenSource }, withYAML(`
  - {name: joined, route: GET /v1/joined, sql: "SELECT o.id, o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE u.city = :city ORDER BY o.id"}
  - {name: owed, route: POST /v1/owed, sql: "INSERT INTO owed (id, user_id) VALUES (:id, :userId)"}
`), withSchema("CREATE TABLE owed (id INTEGER PRIMARY KEY, user_id TEXT REFERENCES users(id) DEFERRABLE INITIALLY DEFERRED);"))
	look := l.of(h.s)
	h.miss("/v1/users/1")
	h.hit("/v1/users/1")
	h.miss("/v1/joined?city=Rome")
	h.get("/v1/users/1", "Cache-Control", "no-cache")
	h.get("/v1/uncached")
	h.get("/nowhere")
	h.write("POST", "/v1/orders", `{"userId":"1","total":5}`)
	h.miss("/v1/users/1")
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	h.do("POST", "/v1/owed", `{"id":1,"userId":"nobody"}`) // refused at its commit
	h.miss("/v1/things")
	look()
	h.admin("POST", "/v1/writes", `{"statements":[{"sql":"DELETE FROM things"}]}`)
	h.admin("POST", "/v1/purge", `{"all":true}`)
	look()
}

func (l *looks) suspension(t *testing.T) {
	h := start(t)
	look := l.of(h.s)
	h.miss("/v1/users/1")
	h.tap.setWrite(func(stage string) error {
		if stage == "published" {
			look() // entries suspended, a write open
			h.get("/v1/users/1")
		}
		return nil
	})
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	look()
}

func (l *looks) refills(t *testing.T) {
	h := start(t)
	look := l.of(h.s)
	paths := []string{"/v1/users?limit=1", "/v1/users?limit=2", "/v1/users?limit=3", "/v1/users?limit=4"}
	for _, p := range paths {
		h.miss(p)
	}
	gate, entered := make(chan struct{}), make(chan struct{}, len(paths))
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-gate; return nil })
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	<-entered
	eventually(t, "an age of what waits", func() bool { look(); return l.moved["edgecache_refill_queue_oldest_age_seconds"] })
	h.tap.set(nil)
	close(gate)
	eventually(t, "idle", func() bool { q := h.s.queue.Stats(); return q.Length+q.Running == 0 })
	look()
}

func (l *looks) flights(t *testing.T) {
	h := start(t)
	look := l.of(h.s)
	gate, entered := make(chan struct{}), make(chan struct{}, 4)
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-gate; return nil })
	var clients sync.WaitGroup
	get := func(ctx context.Context) {
		clients.Add(1)
		go func() {
			defer clients.Done()
			r := httptest.NewRequestWithContext(ctx, "GET", "/v1/users/1", nil)
			h.s.Data().ServeHTTP(httptest.NewRecorder(), r)
		}()
	}
	ctx, leave := context.WithCancel(t.Context())
	get(ctx)
	<-entered
	look()
	joined := h.s.filler.Stats().Joined
	get(t.Context())
	eventually(t, "a second client", func() bool { return h.s.filler.Stats().Joined > joined })
	leave()
	eventually(t, "the first left", func() bool { return h.s.filler.Stats().Left == 1 })
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	get(t.Context())
	eventually(t, "a third client", func() bool { return h.s.filler.Stats().Waited == 1 })
	close(gate)
	clients.Wait()
	look()
}

func (l *looks) bugsAndBounds(t *testing.T) {
	h := start(t, withLimits(Limits{SourceRequests: 1}))
	look := l.of(h.s)
	h.tap.set(func(context.Context) error { panic("a bug") })
	h.get("/v1/users/1")
	h.tap.set(func(context.Context) error {
		h.tap.set(nil)
		if a := h.get("/v1/users/2"); a.StatusCode != 503 {
			t.Errorf("%d", a.StatusCode)
		}
		return nil
	})
	h.get("/v1/users/1")
	look()
}

func (l *looks) mappings(t *testing.T) {
	h := start(t, withSchema("CREATE VIEW v AS SELECT name AS n FROM users;"), withYAML("\n  - {name: viewed, route: GET /v1/viewed, sql: SELECT n FROM v}\n"))
	h.s.metrics.labels.most = len(h.s.current().endpoints)
	look := l.of(h.s)
	if a := h.admin("POST", "/v1/endpoints", `{"name":"more","route":"GET /v1/more","sql":"SELECT name FROM users WHERE age > 3"}`); a.StatusCode >= 300 {
		t.Fatal(a.body)
	}
	h.exec(h.other(), "DROP VIEW v")
	eventually(t, "the view is missed", func() bool { look(); return l.moved["edgecache_endpoints_broken"] })
}

func (l *looks) lost(t *testing.T) {
	h, p := startLossy(t)
	look := l.of(h.s)
	p.lose = true
	h.do("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	look()
	p.end(0)
}

func (l *looks) trouble(t *testing.T) {
	h := start(t, withLimits(Limits{Flights: 1, CircuitFailures: 1, CircuitPause: time.Millisecond}))
	look := l.of(h.s)
	gate, entered := make(chan struct{}), make(chan struct{}, 2)
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-gate; return nil })
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() { h.get("/v1/uncached") })
	}
	<-entered
	eventually(t, "one waits", func() bool { return h.s.databases["main"].reads.reading().Waiting == 1 })
	look()
	close(gate)
	clients.Wait()
	h.tap.set(func(context.Context) error { return dead() })
	h.get("/v1/uncached")
	eventually(t, "it is dead", func() bool { return h.s.databases["main"].circuit.reading().Open })
	h.get("/v1/uncached")
	look()
	h.tap.set(nil)
}

func (l *looks) eventual(t *testing.T) {
	h := start(t, withYAML(`
  - {name: soon, route: GET /v1/soon, sql: "SELECT name FROM users WHERE id = '1'", consistency: eventual, stale_while_revalidate: 1m, rehydrate: lazy}
`))
	look := l.of(h.s)
	h.miss("/v1/soon")
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	look() // an outdated body is kept
	gate := make(chan struct{})
	h.tap.set(func(context.Context) error { <-gate; return nil })
	h.get("/v1/soon")
	look()
	close(gate)
	eventually(t, "it is read again", func() bool { return h.s.behind.stats() == RevalidationStats{Begun: 1} })
	look()
}

func (l *looks) selfCheck(t *testing.T) {
	h := start(t, everyHit)
	look := l.of(h.s)
	h.miss("/v1/users/1")
	gate := make(chan struct{})
	h.tap.set(func(context.Context) error { <-gate; return nil })
	for range 3 {
		h.hit("/v1/users/1")
	}
	look() // one is looked at, others wait
	close(gate)
	eventually(t, "a check", func() bool { return h.checks(checkRight) == 3 })
	look()
}

func (l *looks) parts(t *testing.T) {
	h := start(t, withTenants, withYAML("store: {path: cache.db}\n"))
	look := l.of(h.s)
	h.get("/v1/notes", bearer("token-a")...)
	h.get("/v1/notes", bearer("nobody's")...)
	eventually(t, "it is written", func() bool { look(); return l.moved["edgecache_store_changes_total"] })
}

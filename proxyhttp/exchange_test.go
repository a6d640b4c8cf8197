package proxyhttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"edgecache/depgraph"
	"edgecache/source"
)

// changing is a server that has the mapping cities, and a way to change it.
type changing struct{ *harness }

const citiesURL = "/v1/cities"

func startChanging(t *testing.T, opts ...option) *changing {
	t.Helper()
	c := &changing{start(t, opts...)}
	c.demand(201, "POST", "/v1/endpoints", cities)
	return c
}

// change gives cities another SQL: that of the ids of those who live in Bern.
func (c *changing) change() { c.t.Helper(); c.demand(200, "PUT", "/v1/endpoints/cities", cityOnly) }

const (
	oldAnswer = `[{"city":"Bern"},{"city":"Rome"}]` + "\n"
	newAnswer = `[{"id":"1"},{"id":"123-abc"}]` + "\n"
)

// settledNew demands that the new SQL is served and kept.
func (c *changing) settledNew() {
	c.t.Helper()
	if a := c.get(citiesURL); a.body != newAnswer {
		c.t.Errorf("after the change: %s %s", a.cache(), a.body)
	}
	if a := c.hit(citiesURL); a.body != newAnswer {
		c.t.Errorf("kept: %s", a.body)
	}
}

// askWith asks as a request does that found its endpoint before a change.
func (c *changing) askWith(e *endpoint) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.s.read(w, httptest.NewRequest(http.MethodGet, citiesURL, nil), e, nil)
	return w
}

// asked only binds such a request.
func (c *changing) asked(e *endpoint) *asked {
	c.t.Helper()
	r := httptest.NewRequest(http.MethodGet, citiesURL, nil)
	a, p := c.s.ask(e, nil, r.URL, r.Header)
	if p != nil {
		c.t.Fatal(p)
	}
	return a
}

func (c *changing) publish(ws *source.WriteSet) *depgraph.Intent { return c.s.graph.Publish(ws) }

func (c *changing) idle() {
	c.t.Helper()
	eventually(c.t, "idle", func() bool { q := c.s.queue.Stats(); return q.Length+q.Running == 0 })
}

// stop makes the source's next reads wait.
func (c *changing) stop() (entered chan struct{}, release func()) {
	entered = make(chan struct{}, 100)
	gate := make(chan struct{})
	c.tap.set(func(context.Context) error { entered <- struct{}{}; <-gate; return nil })
	return entered, func() { c.tap.set(nil); close(gate) }
}

func everything() *source.WriteSet { return &source.WriteSet{Source: "main", Everything: "test"} }

func TestChange1FillInFlight(t *testing.T) {
	c := startChanging(t)
	entered, release := c.stop()
	got := make(chan *answer, 1)
	go func() { got <- c.get(citiesURL) }()
	<-entered
	c.change()
	release()
	if a := <-got; a.body != oldAnswer || !strings.Contains(a.cache(), "detail=UNREGISTERED") {
		t.Errorf("who asked before: %s %s", a.cache(), a.body)
	}
	if a := c.miss(citiesURL); a.body != newAnswer {
		t.Errorf("who asked after: %s", a.body)
	}
	c.settledNew()
}

func TestChange2ReaderBetweenRouteAndEntry(t *testing.T) {
	c := startChanging(t)
	e := c.s.endpoint("cities")
	c.miss(citiesURL)
	c.change()
	c.settledNew()
	w := c.askWith(e)
	if w.Body.String() != oldAnswer || !strings.Contains(w.Header().Get("Cache-Status"), "detail=UNREGISTERED") {
		t.Errorf("who asked before: %s %s", w.Header().Get("Cache-Status"), w.Body)
	}
	c.settledNew()
}

func TestChange3FillThatBeginsUnderTheOldPlan(t *testing.T) {
	c := startChanging(t)
	a := c.asked(c.s.endpoint("cities"))
	c.change()
	c.settledNew()
	filled, err := c.s.filler.Fill(t.Context(), c.s.job(a))
	if err != nil || filled.Install != depgraph.Unregistered || filled.Entry.Template != a.variant.template || string(filled.Entry.Payload.(*response).body) != oldAnswer {
		t.Errorf("%v, %+v", err, filled)
	}
	c.settledNew()
}

func TestChange4RefillThatWaits(t *testing.T) {
	c := startChanging(t, withLimits(Limits{QueueWorkers: 1}))
	c.miss(citiesURL)
	c.miss("/v1/things")
	entered, release := c.stop()
	c.settle(&source.WriteSet{Source: "main", Whole: map[string]string{"things": "test"}}) // things are read again
	<-entered
	c.write("DELETE", "/v1/users/2", "") // and cities wait behind it
	if q := c.s.queue.Stats(); q.Length != 1 {
		t.Fatalf("%d wait", q.Length)
	}
	c.change()
	before := c.tap.queries.Load()
	release()
	c.idle()
	if n := c.tap.queries.Load() - before; n != 0 {
		t.Errorf("%d reads of the source for a mapping that is gone", n)
	}
	c.settledNew()
}

func TestChange5RefillThatRuns(t *testing.T) {
	c := startChanging(t)
	c.miss(citiesURL)
	entered, release := c.stop()
	c.settle(everything())
	<-entered
	c.change()
	release()
	c.idle()
	if _, state := c.s.graph.Get(c.asked(c.s.endpoint("cities")).key); state != depgraph.StateAbsent {
		t.Errorf("the refill of the old SQL is %s", state)
	}
	c.settledNew()
}

// settle makes a write of which nothing is known.
func (c *changing) settle(ws *source.WriteSet) {
	c.s.settle(c.publish(ws), source.OutcomeCommitted)
}

func TestChange6RefillHandedOverLate(t *testing.T) {
	c := startChanging(t)
	c.miss(citiesURL)
	dropped := c.publish(everything()).Settle(source.OutcomeCommitted)
	c.change()
	c.settledNew()
	before := c.s.queue.Stats().Added
	c.s.refill(dropped)
	if len(dropped) != 1 || c.s.queue.Stats().Added != before {
		t.Errorf("%d were dropped, %d were added", len(dropped), c.s.queue.Stats().Added-before)
	}
	c.settledNew()
}

func TestChange7EntrySuspendedByAnOpenWrite(t *testing.T) {
	c := startChanging(t)
	c.miss(citiesURL)
	w := c.publish(everything())
	if a := c.get(citiesURL); !strings.Contains(a.cache(), "SUSPENDED") {
		t.Fatalf("got %s", a.cache())
	}
	c.change()
	if a := c.get(citiesURL); a.body != newAnswer || !strings.Contains(a.cache(), "detail=OVERTAKEN") {
		t.Errorf("while the write is open: %s %s", a.cache(), a.body)
	}
	w.Settle(source.OutcomeRolledBack)
	if a := c.miss(citiesURL); a.body != newAnswer {
		t.Errorf("after the rollback: %s", a.body)
	}
	c.settledNew()
}

func TestChange8WriteThatTouchesOnlyTheNewOne(t *testing.T) {
	c := startChanging(t)
	w := c.publish(&source.WriteSet{Source: "main", Whole: map[string]string{"orders": "test"}})
	if w.Affected() != 0 {
		t.Fatalf("%d are affected", w.Affected())
	}
	c.demand(200, "PUT", "/v1/endpoints/cities", `{"route":"GET /v1/cities","sql":"SELECT id FROM orders ORDER BY id"}`)
	entered, release := c.stop()
	got := make(chan *answer, 1)
	go func() { got <- c.get(citiesURL) }()
	<-entered
	w.Settle(source.OutcomeCommitted)
	release()
	if a := <-got; !strings.Contains(a.cache(), "detail=OVERTAKEN") {
		t.Errorf("got %s", a.cache())
	}
	c.miss(citiesURL)
}

func TestChange9Ghost(t *testing.T) {
	c := startChanging(t)
	for range 5 {
		c.get(citiesURL)
	}
	key := c.asked(c.s.endpoint("cities")).key
	c.publish(everything()).Settle(source.OutcomeCommitted)
	if _, state := c.s.graph.Get(key); state != depgraph.StateStale {
		t.Fatalf("the dropped entry is %s", state)
	}
	c.change()
	if a := c.get(citiesURL); a.cache() != "edgecache; fwd=uri-miss; stored" {
		t.Errorf("got %s", a.cache())
	}
	if e, _ := c.s.graph.Get(key); e == nil || e.Hits() != 1 {
		t.Errorf("it has the heat of another: %+v", e)
	}
}

// seam calls f at each step of a change, until the test ends.
func (c *changing) seam(f func(step, endpoint string)) {
	c.s.mapper.seam.Store(&f)
	c.t.Cleanup(func() { c.s.mapper.seam.Store(nil) })
}

func TestChange10NewSchema(t *testing.T) {
	c := startChanging(t)
	c.miss(citiesURL)
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.seam(func(step, endpoint string) {
		if step == "recompiled" && endpoint == "cities" {
			once.Do(func() { close(entered); <-release })
		}
	})
	c.s.foreign(c.s.databases["main"], &source.WriteSet{Source: "main", SchemaChanged: true})
	<-entered
	c.change()
	compiled := c.s.endpoint("cities").plan.Load()
	close(release)
	eventually(t, "refreshed", func() bool { return strings.Contains(c.log.String(), "compiled for a new schema") })
	if c.s.endpoint("cities").plan.Load() != compiled {
		t.Error("the plan was replaced")
	}
	c.miss(citiesURL)
	c.settledNew()
}

func TestChange11NewSchemaWhilePreparing(t *testing.T) {
	c := startChanging(t)
	refreshed := func() int { return strings.Count(c.log.String(), "compiled for a new schema") }
	c.seam(func(step, endpoint string) {
		if step == "prepared" {
			c.s.foreign(c.s.databases["main"], &source.WriteSet{Source: "main", SchemaChanged: true})
			eventually(t, "refreshed", func() bool { return refreshed() == 1 })
		}
	})
	c.change()
	eventually(t, "the new plan is that of the new schema", func() bool {
		a := c.get(citiesURL)
		if a.body != newAnswer {
			t.Fatalf("got %s", a.body)
		}
		return strings.Contains(a.cache(), "hit")
	})
}

func TestChange12WriteUnderTheOldMapping(t *testing.T) {
	c := startChanging(t)
	const rename = `{"name":"rename","route":"PATCH /v1/names/{id}","sql":"UPDATE users SET name = :name WHERE id = :id"}`
	c.demand(201, "POST", "/v1/endpoints", rename)
	c.miss("/v1/users/1")
	entered, release := make(chan struct{}), make(chan struct{})
	c.tap.setWrite(func(stage string) error {
		if stage == "published" {
			close(entered)
			<-release
		}
		return nil
	})
	got := make(chan *answer, 1)
	go func() { got <- c.do("PATCH", "/v1/names/1", `{"name":"Eve"}`) }()
	<-entered
	c.demand(200, "PUT", "/v1/endpoints/rename", strings.Replace(rename, "= :name", "= upper(:name)", 1))
	c.tap.setWrite(nil)
	close(release)
	if a := <-got; a.StatusCode != 200 || a.Header.Get("EdgeCache-Invalidated") != "1" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := c.get("/v1/users/1"); !strings.Contains(a.body, "Eve") {
		t.Errorf("got %s", a.body)
	}
	c.write("PATCH", "/v1/names/1", `{"name":"Fay"}`)
	if a := c.get("/v1/users/1"); !strings.Contains(a.body, "FAY") {
		t.Errorf("under the new one: %s", a.body)
	}
}

func TestChange13TwoChanges(t *testing.T) {
	c := startChanging(t)
	var mu sync.Mutex
	var steps []string
	entered, waits, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	c.seam(func(step, endpoint string) {
		if step == "waits" {
			close(waits)
			return
		}
		mu.Lock()
		steps = append(steps, step+" "+endpoint)
		mu.Unlock()
		if step == "prepared" && endpoint == "first" {
			close(entered)
			<-release
		}
	})
	done := make(chan *answer, 2)
	go func() {
		done <- c.admin("PUT", "/v1/endpoints/first", `{"route":"GET /v1/first","sql":"SELECT 1 AS x"}`)
	}()
	<-entered
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, p := c.s.removeMapping(ctx, "cities"); p == nil || p.Status != 503 {
		t.Errorf("who does not wait for the turn gets %v", p)
	}
	go func() {
		done <- c.admin("PUT", "/v1/endpoints/second", `{"route":"GET /v1/second","sql":"SELECT 2 AS x"}`)
	}()
	select {
	case <-waits:
	case a := <-done:
		t.Errorf("the second did not wait: %s", a.body)
		done <- a
	}
	close(release)
	for range 2 {
		if a := <-done; a.StatusCode != 201 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	if want := []string{"prepared first", "kept first", "prepared second", "kept second"}; !slices.Equal(steps, want) {
		t.Errorf("the steps were %q", steps)
	}
	c.miss("/v1/first")
	c.miss("/v1/second")
	c.miss(citiesURL)
}

// An exchange that fails half way leaves everything as it was.
func TestExchangeThatFails(t *testing.T) {
	c := startChanging(t)
	c.miss(citiesURL)
	reg := c.s.current()
	old := reg.byName["cities"]
	bad := newEndpoint(old.cfg, old.db, &plan{order: []string{""}, variants: map[string]*variant{"": {template: &depgraph.Template{}}}}, registered, nil)
	if err := c.s.exchange(reg.with(replaced(reg.endpoints, old, bad), nil)); err == nil {
		t.Fatal("a template without a name was registered")
	}
	if c.s.current() != reg {
		t.Error("the registry was replaced")
	}
	if a := c.miss(citiesURL); a.body != oldAnswer {
		t.Errorf("got %s", a.body)
	}
	c.hit(citiesURL)
}

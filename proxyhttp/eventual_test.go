package proxyhttp

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"edgecache/source"
)

// One row, read under every kind of consistency by routes of one graph.
const eventualEndpoints = `
  - {name: strict, route: "GET /strict/{id}", sql: SELECT name FROM users WHERE id = :id, rehydrate: "off"}
  - {name: plain, route: "GET /plain/{id}", sql: SELECT name FROM users WHERE id = :id, rehydrate: "off", consistency: eventual}
  - {name: swr, route: "GET /swr/{id}", sql: SELECT name FROM users WHERE id = :id, rehydrate: "off", consistency: eventual, stale_while_revalidate: 30s, client_ttl: 5s, ttl: 1m}
  - {name: sie, route: "GET /sie/{id}", sql: SELECT name FROM users WHERE id = :id, rehydrate: "off", consistency: eventual, stale_if_error: 1h, ttl: 1m}
`

// gateOn lets a test hold source calls: each tells that it came and waits.
type gateOn struct{ came, pass chan struct{} }

func newGateOn() gateOn { return gateOn{make(chan struct{}), make(chan struct{})} }

func (g gateOn) wait(ctx context.Context) error {
	g.came <- struct{}{}
	select {
	case <-g.pass:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// While a write is open strict reads through and eventual is served; both are
// new once the write was answered.
func TestEventualIsServedWhileAWriteIsOpen(t *testing.T) {
	h := start(t, withYAML(eventualEndpoints))
	h.miss("/strict/1")
	was := h.miss("/plain/1").body
	stages := make(chan string)
	h.tap.setWrite(func(stage string) error {
		stages <- stage
		<-stages
		return nil
	})
	done := make(chan string)
	go func() { done <- h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`) }()
	for _, want := range []string{"begin", "published", "committed"} {
		if stage := <-stages; stage != want {
			t.Fatalf("%s, want %s", stage, want)
		}
		if a := h.hit("/plain/1"); a.body != was {
			t.Errorf("%s: eventual gives %s", want, a.body)
		}
		a := h.get("/strict/1")
		if hit := strings.Contains(a.cache(), "; hit"); hit != (want == "begin") || strings.Contains(a.body, "Eve") != (want == "committed") {
			t.Errorf("%s: strict gives %s %s", want, a.cache(), a.body)
		}
		stages <- ""
	}
	if n := <-done; n != "2" {
		t.Errorf("%s invalidated", n)
	}
	h.tap.setWrite(nil)
	for _, path := range []string{"/plain/1", "/strict/1"} {
		if a := h.miss(path); !strings.Contains(a.body, "Eve") {
			t.Errorf("%s after the write's answer: %s", path, a.body)
		}
	}
}

// Outdated for less than the window: given at once while one flight reads.
func TestStaleWhileRevalidate(t *testing.T) {
	h := start(t, withYAML(eventualEndpoints))
	first := h.miss("/swr/1")
	h.clock.advance(2 * time.Second)
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	h.clock.advance(1500 * time.Millisecond)
	g := newGateOn()
	h.tap.set(g.wait)
	before := h.tap.queries.Load()
	for range 3 {
		a := h.get("/swr/1")
		if a.cache() != "edgecache; hit; ttl=-2; detail=STALE-WHILE-REVALIDATE" || a.body != first.body ||
			a.Header.Get("Age") != "3" || a.Header.Get("Cache-Control") != "no-cache" || a.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("%s %v %s", a.cache(), a.Header, a.body)
		}
	}
	if a := h.get("/swr/1", "If-None-Match", first.Header.Get("ETag")); a.StatusCode != http.StatusNotModified {
		t.Errorf("%d", a.StatusCode)
	}
	<-g.came
	if n := h.tap.queries.Load() - before; n != 1 {
		t.Errorf("%d reads of the source", n)
	}
	close(g.pass)
	h.tap.set(nil)
	eventually(t, "the new answer", func() bool { return strings.Contains(h.get("/swr/1").body, "Eve") })
	h.hit("/swr/1")

	// Past the window nothing outdated is given, and neither is it to who asks anew.
	h.write("PUT", "/v1/users/1", `{"firstName":"Zoe"}`)
	if a := h.get("/swr/1", "Cache-Control", "no-cache"); !strings.Contains(a.body, "Zoe") || a.cache() != "edgecache; fwd=request; stored" {
		t.Errorf("%s %s", a.cache(), a.body)
	}
	h.write("PUT", "/v1/users/1", `{"firstName":"Ida"}`)
	h.clock.advance(30 * time.Second)
	if a := h.miss("/swr/1"); !strings.Contains(a.body, "Ida") {
		t.Error(a.body)
	}

	// The end of a lifetime counts as a write does.
	h.clock.advance(time.Minute)
	if a := h.get("/swr/1"); a.cache() != "edgecache; hit; ttl=-1; detail=STALE-WHILE-REVALIDATE" || a.Header.Get("Age") != "60" {
		t.Errorf("%s, Age %s", a.cache(), a.Header.Get("Age"))
	}
	eventually(t, "a fresh answer", func() bool { return strings.Contains(h.get("/swr/1").cache(), "; hit; ttl=60") })
	if r := h.s.behind.stats(); r.Begun != 2 || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
}

// Trouble with the source is answered with the last known body, mistakes and
// demands for a new read are not.
func TestStaleIfError(t *testing.T) {
	h := start(t, withYAML(eventualEndpoints))
	first := h.miss("/sie/1")
	h.miss("/plain/1")
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	for kind, shown := range map[source.ErrorKind]bool{
		source.ErrBusy: true, source.ErrUnavailable: true, source.ErrTimeout: true, source.ErrInternal: true,
		source.ErrInvalid: false, source.ErrTooLarge: false,
	} {
		h.tap.set(func(context.Context) error { return &source.Error{Kind: kind, Message: "by a test"} })
		a := h.get("/sie/1")
		switch {
		case shown && (a.cache() != "edgecache; fwd=stale; ttl=-1; detail=STALE-IF-ERROR" || a.body != first.body || a.StatusCode != 200):
			t.Errorf("%s: %d %s %s", kind, a.StatusCode, a.cache(), a.body)
		case !shown && a.StatusCode < 400:
			t.Errorf("%s: %d %s", kind, a.StatusCode, a.body)
		}
		if a := h.get("/plain/1"); a.StatusCode < 400 {
			t.Errorf("%s, without stale_if_error: %d %s", kind, a.StatusCode, a.body)
		}
		if a := h.get("/sie/1", "Cache-Control", "no-cache"); a.StatusCode < 400 {
			t.Errorf("%s, asked anew: %d %s", kind, a.StatusCode, a.body)
		}
	}
	h.tap.set(func(ctx context.Context) error { return context.DeadlineExceeded })
	h.clock.advance(time.Hour - time.Second)
	if a := h.get("/sie/1"); a.StatusCode != 200 || a.Header.Get("Age") != "3599" || !strings.Contains(a.cache(), "ttl=-3599;") {
		t.Errorf("%d %s", a.StatusCode, a.cache())
	}
	h.clock.advance(time.Second)
	if a := h.get("/sie/1"); a.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("past the window: %d %s", a.StatusCode, a.cache())
	}
	h.tap.set(nil)
	if a := h.miss("/sie/1"); !strings.Contains(a.body, "Eve") {
		t.Error(a.body)
	}
	results := map[string]int64{}
	for _, r := range h.s.endpoint("sie").count.results() {
		results[r.name] = r.n
	}
	if results["stale-if-error"] != 5 || results["hit"] != 0 || results["stale"] != 1 {
		t.Errorf("%v", results)
	}
}

// A purge, a replaced mapping and a moving schema leave nothing to be shown.
func TestNothingOutdatedIsShown(t *testing.T) {
	h := start(t, withYAML(eventualEndpoints))
	outdated := func() {
		h.get("/swr/1", "Cache-Control", "no-cache")
		h.write("PUT", "/v1/users/1", `{"firstName":"`+h.clock.now().String()+`"}`)
		h.clock.advance(time.Second)
	}
	outdated()
	h.admin("POST", "/v1/purge", `{"url":"/swr/1"}`)
	h.miss("/swr/1")

	outdated()
	e := h.s.endpoint("swr")
	e.db.epoch.Add(1) // and nobody has compiled anew yet
	if a := h.get("/swr/1"); a.cache() != "edgecache; fwd=bypass; detail=SCHEMA" {
		t.Error(a.cache())
	}
	h.s.wakeRefresher(e.db)
	eventually(t, "a new plan", func() bool { return e.plan.Load().epoch == e.db.epoch.Load() })
	h.miss("/swr/1")
}

// Reads behind outdated answers have a bound of their own, and end with the
// server.
func TestRevalidationsAreBounded(t *testing.T) {
	h := start(t, withYAML(eventualEndpoints), withLimits(Limits{Revalidations: 2}))
	for _, path := range []string{"/swr/1", "/swr/2", "/swr/3"} {
		h.miss(path)
	}
	h.clock.advance(time.Minute)
	g := newGateOn()
	h.tap.set(g.wait)
	for _, path := range []string{"/swr/1", "/swr/2"} {
		h.get(path)
		<-g.came
	}
	if a := h.get("/swr/3"); !strings.Contains(a.cache(), "STALE-WHILE-REVALIDATE") {
		t.Error(a.cache())
	}
	if r := h.s.behind.stats(); r.Running != 2 || r.Full != 1 || r.Begun != 2 {
		t.Errorf("%+v", r)
	}
	// Closing does not wait for the source: the flights do.
	h.s.cancelBackground()
	h.s.behind.close()
	if r := h.s.behind.stats(); r.Running != 0 {
		t.Errorf("%+v", r)
	}
	h.tap.set(nil)
	close(g.pass)
}

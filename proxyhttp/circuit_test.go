package proxyhttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"edgecache/source"
)

func dead() error {
	return &source.Error{Kind: source.ErrUnavailable, Message: "the connection was refused by a test"}
}

// The states of a circuit in steps.
func TestCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, end := context.WithCancel(t.Context())
		var answer atomic.Pointer[error]
		say := func(err error) { answer.Store(&err) }
		say(nil)
		c := newCircuit(base, "main", func(context.Context) error { return *answer.Load() }, Limits{CircuitFailures: 3, CircuitPause: time.Second}, discard)
		see := func(errs ...error) {
			for _, err := range errs {
				c.saw(err)
			}
			synctest.Wait()
		}
		expect := func(what string, open bool, probes int64) {
			t.Helper()
			if r := c.reading(); r.Open != open || r.Probes != probes || (c.refuses() != nil) != open {
				t.Errorf("%s: %+v, want open %t after %d probes", what, r, open, probes)
			}
		}
		see(dead(), dead())
		see(&source.Error{Kind: source.ErrConstraint})
		see(dead(), dead())
		expect("an answer begins the count anew", false, 0)
		see(&source.Error{Kind: source.ErrBusy}, &source.Error{Kind: source.ErrTimeout}, context.Canceled)
		expect("what tells nothing counts nothing", false, 0)
		see(dead())
		expect("a probe that is answered", false, 1)
		if n := c.reading().Failures; n != 0 {
			t.Errorf("%d failures", n)
		}

		say(&source.Error{Kind: source.ErrBusy, Message: "no free connection"})
		see(dead(), dead(), &source.Error{Kind: source.ErrTimeout, Err: &net.OpError{Op: "dial", Err: errors.New("timeout")}})
		expect("a probe that tells nothing shuts nobody out", false, 2)

		say(dead())
		see(dead(), dead(), dead())
		expect("opened", true, 3)
		see(nil) // a call that began before
		p := c.refuses()
		if p.Status != 503 || p.retryAfter != time.Second || !strings.Contains(p.Detail, "the connection was refused by a test") {
			t.Errorf("%+v", p)
		}
		time.Sleep(2500 * time.Millisecond)
		expect("probed once a second", true, 5)
		see(dead(), dead(), dead(), dead())
		expect("by one goroutine", true, 5)
		say(&source.Error{Kind: source.ErrBusy})
		time.Sleep(time.Second)
		expect("open until it answers", true, 6)
		say(nil)
		time.Sleep(time.Second)
		expect("closed", false, 7)
		time.Sleep(time.Minute)
		expect("no further probe", false, 7)

		say(dead())
		see(dead(), dead(), dead())
		expect("again", true, 8)
		end()
		c.close()
		see(dead(), dead(), dead())
		if r := c.reading(); r.Probes != 8 || r.Opened != 2 {
			t.Errorf("after the end: %+v", r)
		}
	})
}

// A dead source is not hammered: requests that need it are answered at once,
// those that do not are served, and it is asked again once it answers.
func TestDeadSourceIsLeftAlone(t *testing.T) {
	h := start(t, withLimits(Limits{CircuitFailures: 3, CircuitPause: time.Millisecond}), withYAML(eventualEndpoints))
	h.miss("/v1/users/1")
	h.miss("/sie/1")
	h.write("PUT", "/v1/users/2", `{"firstName":"Eve"}`)
	h.clock.advance(2 * time.Minute) // the lifetime of /sie/1
	var calls, writes atomic.Int64
	h.tap.set(func(context.Context) error { calls.Add(1); return dead() })
	h.tap.setWrite(func(string) error { writes.Add(1); return dead() })
	for i := range 3 {
		if a := h.get(fmt.Sprintf("/v1/users/9%d", i)); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	c := h.s.databases["main"].circuit
	eventually(t, "the circuit opens", func() bool { return c.reading().Open })
	queries := h.tap.queries.Load()
	for i := range 20 {
		a := h.get(fmt.Sprintf("/v1/users/8%d", i))
		if a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.body, "source-unavailable") || !strings.Contains(a.body, "refused by a test") {
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
		a = h.do("PUT", "/v1/users/1", `{"firstName":"Zoe"}`)
		if a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" || a.Header.Get("EdgeCache-Invalidated") != "" {
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
	}
	h.hit("/v1/users/1")
	if a := h.get("/sie/1"); a.StatusCode != 200 || !strings.HasPrefix(a.cache(), "edgecache; hit; ttl=-") || !strings.Contains(a.cache(), "STALE-IF-ERROR") {
		t.Errorf("%d %s", a.StatusCode, a.cache())
	}
	if n := h.tap.queries.Load() - queries; n != 0 || writes.Load() != 0 {
		t.Errorf("the dead source was asked for %d reads and %d writes", n, writes.Load())
	}
	a := h.admin("GET", "/readyz", "")
	if a.StatusCode != 503 || !strings.Contains(a.body, "source main: the source does not answer: the connection was refused by a test") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	var stats Stats
	h.admin("GET", "/v1/stats", "").json(t, &stats)
	if s := stats.Sources; len(s) != 1 || !s[0].Circuit.Open || s[0].Circuit.Refused < 40 || s[0].Circuit.Opened != 1 {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(h.log.String(), "request failed"); n > 5 {
		t.Errorf("%d lines of the log for requests that were turned away", n)
	}

	h.tap.set(nil)
	h.tap.setWrite(nil)
	eventually(t, "the circuit closes", func() bool { return !c.reading().Open })
	h.miss("/v1/users/2")
	h.write("PUT", "/v1/users/1", `{"firstName":"Zoe"}`)
	if a := h.admin("GET", "/readyz", ""); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// What was sent before the circuit opened keeps its outcome.
func TestOpenCircuitLeavesOutcomesAlone(t *testing.T) {
	h := start(t, withLimits(Limits{CircuitFailures: 1, CircuitPause: time.Millisecond}))
	h.miss("/v1/users/1")
	stages := make(chan string)
	h.tap.setWrite(func(stage string) error {
		stages <- stage
		<-stages
		return nil
	})
	done := make(chan *answer)
	go func() { done <- h.do("PUT", "/v1/users/1", `{"firstName":"Eve"}`) }()
	<-stages
	stages <- ""
	if stage := <-stages; stage != "published" {
		t.Fatal(stage)
	}
	h.tap.set(func(context.Context) error { return dead() })
	h.get("/v1/users/3")
	c := h.s.databases["main"].circuit
	eventually(t, "the circuit opens", func() bool { return c.reading().Open })
	h.tap.setWrite(nil)
	stages <- ""
	<-stages
	stages <- ""
	if a := <-done; a.StatusCode != 200 || a.Header.Get("EdgeCache-Invalidated") != "1" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	h.tap.set(nil)
	eventually(t, "the circuit closes", func() bool { return !c.reading().Open })
	if a := h.get("/v1/users/1"); !strings.Contains(a.body, "Eve") {
		t.Error(a.body)
	}
}

package proxyhttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/source"
)

// circuit stops requests from hammering a source that is dead:
//
//	closed    calls go through. Failures in a row to reach the source are
//	          counted; those that the source answered itself begin the count anew
//	suspect   after so many a probe is sent, while calls go on. Only when it
//	          fails too the circuit opens: an error that looks like a lost
//	          connection and is not shuts nobody out for longer than one probe
//	open      what needs the source is answered 503 at once, writes before
//	          anything of them was sent. Hits are served. One goroutine probes,
//	          one probe at a time and a pause between them; the first that is
//	          answered closes the circuit
//
// A write that was sent keeps whatever outcome it has, open or not.
//
// The usual breakers (sony/gobreaker and those like it) send a client's request
// as their probe. Here a probe must not be a write, whose outcome may stay
// unknown, and must not be any request at all that could be answered in another
// way; and suspicion is to be confirmed before anybody is shut out. What is left
// of a library then is a counter.
type circuit struct {
	name  string
	ping  func(context.Context) error
	base  context.Context // ends with the server
	after int64           // failures in a row
	pause time.Duration
	log   *slog.Logger

	outage   atomic.Pointer[outage] // nil: closed, or suspect
	failures atomic.Int64

	mu      sync.Mutex
	probing bool
	done    sync.WaitGroup

	opened, refused, probes atomic.Int64
}

// outage is why a circuit is open.
type outage struct {
	since  time.Time
	reason string // fit for a client
}

// probeTimeout bounds one probe.
const probeTimeout = 2 * time.Second

func newCircuit(base context.Context, name string, ping func(context.Context) error, lim Limits, log *slog.Logger) *circuit {
	return &circuit{name: name, ping: ping, base: base, after: int64(lim.CircuitFailures), pause: lim.CircuitPause, log: log}
}

// refuses is the answer to what needs the source while the circuit is open.
func (c *circuit) refuses() *problem {
	o := c.outage.Load()
	if o == nil {
		return nil
	}
	c.refused.Add(1)
	p := newProblem(http.StatusServiceUnavailable, problemUnavailable, o.reason+"; it is asked again once it answers")
	p.retryAfter = max(c.pause, time.Second)
	p.unsent = true
	return p
}

// saw takes notice of how a call ended.
func (c *circuit) saw(err error) {
	switch reachOf(err) {
	case reached:
		if c.failures.Load() != 0 {
			c.failures.Store(0)
		}
	case unreached:
		if c.failures.Add(1) >= c.after {
			c.suspect()
		}
	}
}

// suspect begins to probe, unless somebody does.
func (c *circuit) suspect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.probing || c.base.Err() != nil {
		return
	}
	c.probing = true
	c.done.Add(1)
	go c.probe()
}

// probe pings until the source answers or the server closes.
func (c *circuit) probe() {
	defer c.done.Done()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-c.base.Done():
			return
		case <-pause.C:
		}
		if c.once() {
			return
		}
		pause.Reset(c.pause)
	}
}

// once sends one probe and tells that no further is needed.
func (c *circuit) once() (over bool) {
	ctx, cancel := context.WithTimeout(c.base, probeTimeout)
	defer cancel()
	c.probes.Add(1)
	err := c.ping(ctx)
	r := reachOf(err)
	if r == unknownReach && source.KindOf(err) != source.ErrBusy && ctx.Err() != nil {
		r = unreached // a probe asks for next to nothing
	}
	was := c.outage.Load()
	switch {
	case c.base.Err() != nil:
		return true
	case r == unreached && was == nil:
		o := &outage{time.Now(), "the source does not answer"}
		var why *source.Error
		if errors.As(err, &why) {
			o.reason += ": " + why.Message
		}
		c.outage.Store(o)
		c.opened.Add(1)
		c.log.Error("circuit opened: the source is not asked until it answers a probe", "source", c.name, "failures", c.failures.Load(), "error", err)
		return false
	case r == unreached || r == unknownReach && was != nil:
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures.Store(0)
	c.outage.Store(nil)
	c.probing = false
	if was != nil {
		c.log.Info("circuit closed: the source answers", "source", c.name, "after", time.Since(was.since))
	}
	return true
}

// close waits for the probing goroutine; base has ended.
func (c *circuit) close() {
	c.mu.Lock()
	c.probing = true // none begins any more
	c.mu.Unlock()
	c.done.Wait()
}

// reach is what a call's end says about the source.
type reach uint8

const (
	unknownReach reach = iota // it may have been the call's own fault, or the source's
	reached                   // it answered
	unreached                 // it could not be reached
)

func reachOf(err error) reach {
	if err == nil {
		return reached
	}
	var dial *net.OpError
	switch source.KindOf(err) {
	case source.ErrInvalid, source.ErrConstraint, source.ErrTooLarge, source.ErrOversize:
		return reached
	case source.ErrUnavailable:
		return unreached
	case source.ErrTimeout:
		if errors.As(err, &dial) && dial.Op == "dial" {
			return unreached
		}
	}
	return unknownReach // busy, slow, cancelled, or an error of ours
}

// CircuitStats tell how a source's circuit stands.
type CircuitStats struct {
	Open        bool    `json:"open"`
	OpenSeconds float64 `json:"openSeconds,omitempty"`
	Failures    int64   `json:"failures"` // in a row, now
	Opened      int64   `json:"opened"`
	Refused     int64   `json:"refused"` // calls that were not made
	Probes      int64   `json:"probes"`
}

func (c *circuit) reading() CircuitStats {
	s := CircuitStats{Failures: c.failures.Load(), Opened: c.opened.Load(), Refused: c.refused.Load(), Probes: c.probes.Load()}
	if o := c.outage.Load(); o != nil {
		s.Open, s.OpenSeconds = true, time.Since(o.since).Seconds()
	}
	return s
}

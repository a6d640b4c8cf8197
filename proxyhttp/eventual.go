package proxyhttp

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/depgraph"
	"edgecache/rehydrate"
	"edgecache/source"
)

// What `consistency: eventual` gives up, and what it keeps. While a write is
// under way strict suspends what it may change; eventual serves that until the
// write settles. So a reader may see a write's rows through one response and
// then not yet through another, or through the same one of another key.
//
// Kept are, for each URL and whoever asks for it (one key):
//
//	after a write was answered, no GET that starts later gets a response from
//	before it, unless stale_while_revalidate or stale_if_error is set, which
//	then bound by how much, or another write is not answered yet that already
//	took away what ties the response to this one
//	answers never go back in time, whether they came from an entry, the source,
//	or what is outdated (depgraph/stale.go)
//	an answer from before a write never becomes an entry after it
//
// How long something was outdated counts from when it was last known to be
// right: from the publishing of the write that may have changed it, from the
// end of its ttl, or from the moment at which the source was asked for it.
// What a purge names is not shown at all, and neither is anything while the
// schema of the source moves. Whoever demands a new read with Cache-Control:
// no-cache gets one, or the error.

// serveOutdated answers from what may be shown while a flight behind the
// scenes brings a new answer. It tells whether it did.
func (s *Server) serveOutdated(w http.ResponseWriter, r *http.Request, a *asked) bool {
	if !s.showOutdated(w, r, a, a.ep.cfg.StaleWhileRevalidate, "hit", "STALE-WHILE-REVALIDATE", staleRevalidating) {
		return false
	}
	s.revalidate(a)
	return true
}

// serveInstead answers from what may be shown instead of trouble with the
// source. It tells whether it did.
func (s *Server) serveInstead(w http.ResponseWriter, r *http.Request, a *asked, why string, err error) bool {
	if why == "request" || a.ep.cfg.StaleIfError <= 0 || !isSourceTrouble(err) {
		return false
	}
	how := "fwd=stale"
	if p := (*problem)(nil); errors.As(err, &p) || errors.Is(err, rehydrate.ErrBusy) {
		how = "hit" // nothing was forwarded
	}
	return s.showOutdated(w, r, a, a.ep.cfg.StaleIfError, how, "STALE-IF-ERROR", staleError)
}

// showOutdated writes what is kept of the key, if it was right less than window
// ago. Its ttl is negative, as RFC 9211 has it for what is stale, and clients
// are told to ask again.
func (s *Server) showOutdated(w http.ResponseWriter, r *http.Request, a *asked, window time.Duration, how, detail string, count int) bool {
	if window <= 0 || a.plan.epoch != a.ep.db.epoch.Load() {
		return false
	}
	old, ok := s.graph.Stale(a.variant.template, a.key)
	now := s.now()
	if !ok || now.Sub(old.Since) >= window {
		return false
	}
	resp, ok := old.Payload.(*response)
	if !ok {
		return false
	}
	a.ep.count.outdated[count].Add(1)
	delivery{response: resp, cacheStatus: statusOutdated(how, now.Sub(old.Since), detail), age: now.Sub(old.Stored),
		vary: a.ep.vary, personal: a.ep.personal}.write(w, r)
	return true
}

// statusOutdated prints a ttl of whole seconds that never claims too much.
func statusOutdated(how string, outdated time.Duration, detail string) string {
	ttl := -max(int64((outdated+time.Second-1)/time.Second), 1)
	return cacheName + "; " + how + "; ttl=" + strconv.FormatInt(ttl, 10) + "; detail=" + detail
}

// Positions in endpointCounters.outdated.
const staleRevalidating, staleError = 0, 1

// isSourceTrouble tells what stale_if_error is for: not a mistake of the
// client, of the endpoint, or of ours.
func isSourceTrouble(err error) bool {
	var p *problem
	if errors.As(err, &p) {
		return p.Status == http.StatusServiceUnavailable
	}
	var se *source.Error
	if errors.As(err, &se) {
		switch se.Kind {
		case source.ErrBusy, source.ErrUnavailable, source.ErrTimeout, source.ErrInternal:
			return true
		}
		return false
	}
	return errors.Is(err, rehydrate.ErrBusy) || errors.Is(err, context.DeadlineExceeded)
}

// revalidations are the reads behind outdated answers: one for each key at a
// time, and a bounded number of keys. Past the bound the outdated answer is
// given all the same, and a later GET of it begins the read (I8).
type revalidations struct {
	base context.Context
	most int

	mu      sync.Mutex
	running map[string]bool
	closed  bool
	done    sync.WaitGroup

	begun, failed, full atomic.Int64
}

func newRevalidations(base context.Context, most int) *revalidations {
	return &revalidations{base: base, most: most, running: map[string]bool{}}
}

// begin tells whether the caller is the one to read key; then it must end it.
func (v *revalidations) begin(key string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed || v.running[key]:
		return false
	case len(v.running) >= v.most:
		v.full.Add(1)
		return false
	}
	v.running[key] = true
	v.begun.Add(1)
	v.done.Add(1)
	return true
}

func (v *revalidations) end(key string, err error) {
	if err != nil {
		v.failed.Add(1)
	}
	v.mu.Lock()
	delete(v.running, key)
	v.mu.Unlock()
	v.done.Done()
}

// close waits for those that run; their context has ended.
func (v *revalidations) close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.done.Wait()
}

// revalidate reads a key behind the scenes, through the flights that clients
// share.
func (s *Server) revalidate(a *asked) {
	if !s.behind.begin(a.key) {
		return
	}
	go func() {
		err := s.refillOne(s.behind.base, a.ep, depgraph.Dropped{Key: a.key, URL: a.url, Template: a.variant.template, Args: a.args}, "")
		if err != nil {
			s.log.Debug("revalidation failed", "endpoint", a.ep.cfg.Name, "error", err)
		}
		s.behind.end(a.key, err)
	}()
}

// RevalidationStats count the reads behind outdated answers.
type RevalidationStats struct {
	Running int   `json:"running"`
	Begun   int64 `json:"begun"`
	Failed  int64 `json:"failed"` // of those begun
	Full    int64 `json:"full"`   // not begun: too many ran
}

func (v *revalidations) stats() RevalidationStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return RevalidationStats{len(v.running), v.begun.Load(), v.failed.Load(), v.full.Load()}
}

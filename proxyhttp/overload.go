package proxyhttp

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"

	"edgecache/rehydrate"
	"edgecache/source"
)

// Who may ask a source, and who is turned away while there is still time to say
// so. Each source has its own bounds, so that one in trouble takes nothing from
// the others:
//
//	requestGate  requests under way in all; past it 503 at once
//	database.gate  those of them that need this source; past it 503 at once
//	admission    source calls at once, as many as the driver has connections for,
//	             reads and writes apart. Who comes later waits in line, for at
//	             most Limits.SourceWait and never longer than its own statement
//	             may take; who would wait longer than that is turned away before
//	             it waits
//
// A hit passes none but the first. No gate is held while an answer is written:
// a client that reads slowly holds a connection, until Limits.Write, and nothing
// of the source.

// admission lets a bounded number in at once, the others in order of arrival.
type admission struct {
	most     int // in at once
	mostWait int // in line

	mu       sync.Mutex
	in       int
	line     *list.List // of *place
	typical  time.Duration
	lastLeft time.Time // when somebody last left, or the last free place was taken

	stats AdmissionStats
}

// place is one in line.
type place struct {
	turn chan struct{} // closed when it is let in
}

// AdmissionStats count one kind of calls of one source. Asked == Admitted +
// Full + Hopeless + Late + Left + Waiting.
type AdmissionStats struct {
	Active   int   `json:"active"`  // now: calls under way
	Waiting  int   `json:"waiting"` // now: in line
	Asked    int64 `json:"asked"`
	Admitted int64 `json:"admitted"`
	Full     int64 `json:"full"`     // turned away: too many in line
	Hopeless int64 `json:"hopeless"` // turned away: their turn would come too late
	Late     int64 `json:"late"`     // turned away in line: their turn did not come
	Left     int64 `json:"left"`     // gone of themselves
}

func newAdmission(most, mostWait int) *admission {
	return &admission{most: most, mostWait: mostWait, line: list.New()}
}

// enter waits for leave to make one call, which the returned function gives
// back; calling it again does nothing. The error is a problem, or says that ctx
// has ended.
func (a *admission) enter(ctx context.Context, patience time.Duration) (leave func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p, err := a.queue(patience)
	if err != nil {
		return nil, err
	}
	if p != nil {
		if err := a.await(ctx, p, patience); err != nil {
			return nil, err
		}
	}
	began, once := time.Now(), sync.Once{}
	return func() { once.Do(func() { a.leave(time.Since(began)) }) }, nil
}

// queue lets the caller in, when p is nil, or gives it a place in line.
func (a *admission) queue(patience time.Duration) (p *list.Element, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.stats.Asked++
	if a.in < a.most {
		a.in++
		if a.in == a.most {
			a.lastLeft = now
		}
		a.stats.Admitted++
		return nil, nil
	}
	wait := a.expected(now)
	switch {
	case a.line.Len() >= a.mostWait:
		a.stats.Full++
		return nil, turnedAway("too many requests wait for the source", wait)
	case wait > patience:
		a.stats.Hopeless++
		return nil, turnedAway("the source is slow, and too many requests wait for it", wait)
	}
	return a.line.PushBack(&place{make(chan struct{})}), nil
}

// expected is how long one more would wait in line: calls take as long as they
// lately did, or, where that is longer, as it is since anybody left.
func (a *admission) expected(now time.Time) time.Duration {
	each := max(a.typical, now.Sub(a.lastLeft))
	turns := (a.line.Len() + a.most) / a.most
	return each * time.Duration(turns)
}

// await waits for the turn.
func (a *admission) await(ctx context.Context, el *list.Element, patience time.Duration) error {
	p := el.Value.(*place)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.turn:
		return nil
	case <-timer.C:
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-p.turn: // it came just now
		return nil
	default:
	}
	a.line.Remove(el)
	if ctx.Err() != nil {
		a.stats.Left++
		return context.Cause(ctx)
	}
	a.stats.Late++
	return turnedAway("the source did not become free in time", a.expected(time.Now()))
}

// leave lets the first in line in.
func (a *admission) leave(took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lastLeft = time.Now()
	if a.typical += (took - a.typical) / 8; a.typical == 0 {
		a.typical = took
	}
	first := a.line.Front()
	if first == nil {
		a.in--
		return
	}
	a.stats.Admitted++
	close(a.line.Remove(first).(*place).turn)
}

func (a *admission) reading() AdmissionStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.stats
	s.Active, s.Waiting = a.in, a.line.Len()
	return s
}

// turnedAway is a problem of a request that never came to the source. It says
// when trying again may be of use.
func turnedAway(why string, wait time.Duration) *problem {
	p := newProblem(http.StatusServiceUnavailable, problemOverloaded, why)
	p.retryAfter = min(max(wait, time.Second), time.Minute)
	p.unsent = true
	return p
}

// limit sets the bounds of a source that has been opened.
func (db *database) limit(lim Limits) {
	reads, writes := lim.Flights, lim.Flights
	if c, ok := db.src.(interface{ Capacity() (reads, writes int) }); ok {
		reads, writes = c.Capacity()
	}
	db.gate = newGate(lim.SourceRequests)
	db.reads, db.writes = newAdmission(reads, lim.SourceRequests), newAdmission(writes, lim.SourceRequests)
}

// enter waits at an admission of the endpoint's source, unless that is known to
// be dead before or after (rehydrate.Job.Enter).
func (s *Server) enter(ctx context.Context, e *endpoint, a *admission) (leave func(), err error) {
	if p := e.db.circuit.refuses(); p != nil {
		return nil, p
	}
	leave, err = a.enter(ctx, min(s.limits.SourceWait, s.limitsOf(e).Statement))
	if err != nil {
		return nil, err
	}
	if p := e.db.circuit.refuses(); p != nil {
		leave()
		return nil, p
	}
	return leave, nil
}

// throughGate runs f inside the gate of the source, and outside of it answers.
func (s *Server) throughGate(db *database, f func() error) error {
	if !db.gate.enter() {
		return s.overloaded(busySources)
	}
	defer db.gate.leave()
	return f()
}

// fetch answers a from a flight.
func (s *Server) fetch(ctx context.Context, a *asked, anew bool) (out rehydrate.Filled, err error) {
	job := s.job(a)
	job.Anew = anew
	err = s.throughGate(a.ep.db, func() error {
		out, err = s.filler.Fill(ctx, job)
		return err
	})
	return out, err
}

// ask asks the source and tells the circuit what came of it.
func (db *database) ask(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	res, err := db.src.Query(ctx, st, lim)
	db.circuit.saw(err)
	return res, err
}

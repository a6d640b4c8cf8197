package proxyhttp

import (
	"context"
	"sync"
	"time"

	"edgecache/depgraph"
	"edgecache/source"
)

// maxLostAlone bounds the lost writes of one source that are held open with
// just what they may change. Past it one intent over everything stands for all
// further ones: the whole source is read through. The source bounds how many
// there can be in all.
const maxLostAlone = 16

// lostWrites are the writes of one source that were answered with an unknown
// outcome and may still commit. Their intents stay open:
//
//	1 COMMIT is sent, and its reply does not come
//	2 the client is told that the outcome is unknown
//	3 the intent stays: what it may change is read through and not stored
//	4 the server commits, at any time, or never does
//	5 the source proves that nothing can come any more, and only now is it settled
//
// Settled at 2, a fill between 2 and 4 would be kept and be stale after 4.
type lostWrites struct {
	mu     sync.Mutex
	stop   chan struct{} // closed when the server closes
	closed bool
	alone  int
	under  int              // those that wide stands for
	wide   *depgraph.Intent // over everything, while under > 0
	since  map[<-chan struct{}]time.Time
}

func newLostWrites() *lostWrites {
	return &lostWrites{stop: make(chan struct{}), since: map[<-chan struct{}]time.Time{}}
}

// reading counts the open ones and tells the age of the oldest.
func (l *lostWrites) reading() (open int, oldest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.since {
		oldest = max(oldest, time.Since(at))
	}
	return len(l.since), oldest
}

// close lets go of all: the cache that they protect is closed too.
func (l *lostWrites) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.stop)
	}
}

// hold keeps the intent of a lost write open until ended is closed. It returns
// how many entries the write may change.
func (s *Server) hold(ctx context.Context, db *database, intent *depgraph.Intent, ended <-chan struct{}) int {
	l, affected := db.lost, intent.Affected()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		intent.Settle(source.OutcomeUnknown)
		return affected
	}
	l.since[ended] = time.Now()
	wide := l.alone >= maxLostAlone
	if !wide {
		l.alone++
	} else {
		if l.under++; l.wide == nil {
			l.wide = s.publish(db, &source.WriteSet{Source: db.name, Everything: "many writes have an unknown outcome"})
		}
	}
	if !wide {
		intent.Lose() // this write's client is answered while the intent is open
	}
	s.background.Add(1) // closed is not set, so nobody waits yet
	l.mu.Unlock()
	s.log.WarnContext(ctx, "a write may still take effect; what it may change is read through until that is ruled out", "source", db.name, "affected", affected)
	if wide {
		s.settle(intent, source.OutcomeUnknown) // its entries go; wide holds off the fills
		intent = nil
	}
	go func() {
		defer s.background.Done()
		select {
		case <-ended:
		case <-l.stop:
		}
		s.release(db, intent, ended)
	}()
	return affected
}

// release settles a lost write that is over. A nil intent is one that wide
// stood for.
func (s *Server) release(db *database, intent *depgraph.Intent, ended <-chan struct{}) {
	l := db.lost
	l.mu.Lock()
	delete(l.since, ended)
	if intent != nil {
		l.alone--
	} else if l.under--; l.under == 0 {
		intent, l.wide = l.wide, nil
	}
	closed := l.closed
	l.mu.Unlock()
	switch {
	case intent == nil:
	case closed:
		intent.Settle(source.OutcomeUnknown) // nothing is refilled any more
	default:
		s.settle(intent, source.OutcomeUnknown)
	}
}

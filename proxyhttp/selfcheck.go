package proxyhttp

import (
	"context"
	"sync/atomic"
	"time"

	"edgecache/depgraph"
)

// The self-check compares a sampled share of hits with the source, behind the
// scenes. It is the last line of defence: what it is there to find is an answer
// that some room took for right against the rules of all of them.
//
//	hit     now and then the entry that was served goes on a short queue
//	worker  token, entry fresh?, ask the source in a new snapshot, compare
//	        the same                        right
//	        else: quiet since the token and still fresh?   no: nobody can tell
//	        a pause, for feeds to bring what was written elsewhere
//	        the same again, and quiet since the first token   wrong
//
// A mismatch counts only when no write explains it. That the writes which could
// touch the entry neither were open at the first token nor came since is what
// Quiet says; so the state that the source showed is the one that the entry was
// served for. The pause is for writes that others made just before: they are
// promised to be known within 500 ms, and one that is not known by then is a
// finding too. In doubt there is no alarm: a false one would teach people to
// look away. The interleavings with a write are all tried in
// TestSelfCheckIsNeverWrong.

// Bounds of the self-check.
const (
	maxChecks = 64          // hits that wait to be looked at; past it they are not
	checkWait = time.Second // the pause before the second look
)

// checkResult is what became of one sampled hit.
type checkResult uint8

const (
	checkRight        checkResult = iota // the source says the same
	checkWrong                           // it does not, and no write explains it
	checkUndecided                       // it does not, or could not tell: a write came between, or the entry went
	checkUndetermined                    // data do not determine the answer: any that SQL allows is right
	checkYielded                         // refills needed the source's time
	checkOverflowed                      // too many waited
	checkFailed                          // the source did not answer
	checkResults
)

func (r checkResult) String() string {
	return [...]string{"right", "wrong", "undecided", "undetermined", "yielded", "overflowed", "failed"}[r]
}

// checker samples hits and counts what became of them.
type checker struct {
	oneIn uint64 // 0: off
	wait  time.Duration
	hits  atomic.Uint64
	queue chan served
	count [checkResults]atomic.Int64
	found findings

	// Tests look on, or break it to see that they would notice.
	seam  func(step string)
	blind bool
}

// served is an entry that was served just now.
type served struct {
	ep    *endpoint
	entry *depgraph.Entry
}

func newChecker(oneIn int) *checker {
	return &checker{oneIn: uint64(max(oneIn, 0)), wait: checkWait, queue: make(chan served, maxChecks)}
}

// sample is called for every hit: one atomic add, no lock, no memory. Of each
// oneIn hits in a row it takes one, at a place that differs from row to row:
// taking every last would always meet the same URL of a client that asks for a
// few in turn.
func (c *checker) sample(e *endpoint, entry *depgraph.Entry) {
	if c.oneIn == 0 {
		return
	}
	n := c.hits.Add(1) - 1
	row := n / c.oneIn
	if n%c.oneIn != scatter(row)%c.oneIn {
		return
	}
	select {
	case c.queue <- served{e, entry}:
	default:
		c.count[checkOverflowed].Add(1)
	}
}

// scatter spreads numbers over all of uint64, as splitmix64 does.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// step tells a test how far a check has come.
func (c *checker) step(name string) {
	if c.seam != nil {
		c.seam(name)
	}
}

// pause waits; false: the server closes.
func (c *checker) pause(ctx context.Context) bool {
	t := time.NewTimer(c.wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// startChecking looks at what was sampled, one after the other, until the
// server closes.
func (s *Server) startChecking(ctx context.Context) {
	if s.checker.oneIn == 0 {
		return
	}
	s.background.Add(1)
	go func() {
		defer s.background.Done()
		for {
			select {
			case <-ctx.Done():
				return
			case c := <-s.checker.queue:
				if r := s.check(ctx, c); ctx.Err() == nil {
					s.checker.count[r].Add(1)
				}
			}
		}
	}()
}

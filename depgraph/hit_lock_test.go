package depgraph

import (
	"testing"
	"time"

	"edgecache/source"
)

// TestHitsTakeNoLock: a hit, and a look at what is suspended or absent, come
// back while the mutex of everything else is held.
func TestHitsTakeNoLock(t *testing.T) {
	tm := tmpl("a", "users where id = 0")
	g := newGraph(t, Options{}, tm)
	mustInstall(t, g, entry(tm, "1"))
	mustInstall(t, g, entry(tm, "2"))
	w := g.Publish(write(lane))
	defer w.Settle(source.OutcomeRolledBack)
	states := make(chan State)
	g.mu.Lock()
	defer g.mu.Unlock() // before the intent settles
	go func() {
		for _, key := range []string{"/a?2", "/a?1", "/a?3"} {
			_, s := g.Get(key)
			states <- s
		}
	}()
	for _, want := range []State{StateFresh, StateSuspended, StateAbsent} {
		select {
		case s := <-states:
			if s != want {
				t.Errorf("%s, want %s", s, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a look waits for the lock")
		}
	}
}

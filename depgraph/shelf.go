package depgraph

import (
	"sync"

	"github.com/maypok86/otter/v2"
)

// shelf is the map that hits are served from, and the policy that decides who
// goes when it is full: otter's W-TinyLFU, by weight. A get takes no lock that
// a writer waits behind: otter notes the read in a lossy buffer, and whoever
// finds that full hands the work to another goroutine.
//
// otter evicts on its own goroutines and when it likes. The graph does not:
// all changes are made under Graph.mu, the total is only ever above the maximum
// between put and settle, and settle runs otter's pending work to its end. So
// an evicted entry's edges are gone before the operation that evicted it
// returns.
type shelf struct {
	cache *otter.Cache[string, *Entry]

	mu      sync.Mutex
	evicted []*Entry // not yet collected by settle
}

func newShelf(maxBytes int64) (*shelf, error) {
	s := &shelf{}
	cache, err := otter.New(&otter.Options[string, *Entry]{
		MaximumWeight:    uint64(maxBytes),
		Weigher:          func(_ string, e *Entry) uint32 { return uint32(e.weight) },
		OnAtomicDeletion: s.deleted,
	})
	s.cache = cache
	return s, err
}

func (s *shelf) deleted(ev otter.DeletionEvent[string, *Entry]) {
	if !ev.WasEvicted() {
		return // the graph's own doing
	}
	s.mu.Lock()
	s.evicted = append(s.evicted, ev.Value)
	s.mu.Unlock()
}

// get finds an entry and tells the policy.
func (s *shelf) get(key string) *Entry {
	e, _ := s.cache.GetIfPresent(key)
	return e
}

// peek finds an entry without the policy's knowing.
func (s *shelf) peek(key string) *Entry {
	e, ok := s.cache.GetEntryQuietly(key)
	if !ok {
		return nil
	}
	return e.Value
}

// put makes e the entry of its key; the one before it is forgotten here.
func (s *shelf) put(e *Entry) { s.cache.Set(e.Key, e) }

// drop forgets e, unless its key has another entry by now.
func (s *shelf) drop(e *Entry) {
	if s.peek(e.Key) == e {
		s.cache.Invalidate(e.Key)
	}
}

// settle brings the total below the maximum and returns what was evicted since
// it was last called.
func (s *shelf) settle() []*Entry {
	s.cache.CleanUp()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.evicted
	s.evicted = nil
	return out
}

func (s *shelf) weight() int64 { return int64(s.cache.WeightedSize()) }
func (s *shelf) len() int      { return s.cache.EstimatedSize() }

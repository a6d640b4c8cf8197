package depgraph

import (
	"slices"
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
//
// W-TinyLFU admits a newcomer only when it was asked for more often than the
// one it would push out, so a full map would throw most new entries out at
// once, and the GET after a miss would be a miss again. Hence guests: the
// latest entries weigh nothing, so that the policy leaves them alone, until
// others have come after them. Then they are weighed and must stand on their
// own. Guests have an allowance of the bytes, which the policy does not get.
type shelf struct {
	cache     *otter.Cache[string, *Entry]
	guests    []*Entry // oldest first
	guestSize int64
	allowance int64
	maxBytes  int64

	mu      sync.Mutex
	evicted []*Entry // not yet collected by settle
}

func newShelf(maxBytes int64) (*shelf, error) {
	s := &shelf{allowance: maxBytes / entryFraction, maxBytes: maxBytes}
	cache, err := otter.New(&otter.Options[string, *Entry]{
		MaximumWeight:    uint64(maxBytes - s.allowance),
		Weigher:          weighed,
		OnAtomicDeletion: s.deleted,
	})
	s.cache = cache
	return s, err
}

// reserve takes bytes from the entries, for good.
func (s *shelf) reserve(bytes int64) {
	s.cache.SetMaximum(uint64(max(s.maxBytes-s.allowance-bytes, 0)))
}

// weighed is what the policy is told that an entry weighs. It runs inside put,
// hence under Graph.mu.
func weighed(_ string, e *Entry) uint32 {
	if e.guest {
		return 0
	}
	return uint32(e.weight)
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

// put makes e the entry of its key, and a guest; the one before it is forgotten
// here.
func (s *shelf) put(e *Entry) {
	if old := s.peek(e.Key); old != nil {
		s.leave(old)
	}
	e.guest = true
	s.guests = append(s.guests, e)
	s.guestSize += e.weight
	s.cache.Set(e.Key, e)
	for len(s.guests) > maxGuests || s.guestSize > s.allowance {
		oldest := s.guests[0]
		s.leave(oldest)
		s.cache.Set(oldest.Key, oldest) // weighed again
	}
}

// leave ends e's being a guest.
func (s *shelf) leave(e *Entry) {
	if !e.guest {
		return
	}
	e.guest = false
	s.guests = slices.DeleteFunc(s.guests, func(x *Entry) bool { return x == e })
	s.guestSize -= e.weight
}

// drop forgets e, unless its key has another entry by now.
func (s *shelf) drop(e *Entry) {
	s.leave(e)
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

func (s *shelf) weight() int64 { return int64(s.cache.WeightedSize()) + s.guestSize }
func (s *shelf) len() int      { return s.cache.EstimatedSize() }

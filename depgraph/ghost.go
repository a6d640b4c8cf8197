package depgraph

import (
	"container/list"
	"sync"
	"time"

	"edgecache/sqlparse"
)

// ghost is what is remembered of a dropped entry: enough to say that its key
// is stale rather than unheard of, and to give its heat to the next fill.
type ghost struct {
	key, url, cause string
	t               *Template
	args            sqlparse.Args
	hits, weight    int64
	cost            time.Duration
	stored, expires time.Time
	last            *happening
	bytes           int64 // of the ghost itself, without last and body
	body            *body // nil: only the memory of an entry
}

// ghostOverhead is a ghost without what its strings and arguments hold: the
// struct, its place in the list and in the map.
const ghostOverhead = 400

// ghosts is a bounded list of them, the least recently dropped first to go.
// It has a lock of its own, held for moments, because Get asks it; a hit never
// does. Forgetting a ghost loses heat, never soundness (I8).
type ghosts struct {
	mu        sync.Mutex
	byKey     map[string]*list.Element
	order     *list.List // of *ghost, newest at the back
	maxCount  int
	maxBytes  int64
	bytes     int64
	forgotten int64 // overflow
	vault     *Vault

	bodies               *list.List // of *ghost with a body, oldest first
	bodyBytes, maxBodies int64
	buried               int64 // overflow
}

func newGhosts(maxCount int, maxBytes int64) *ghosts {
	return &ghosts{byKey: map[string]*list.Element{}, order: list.New(), maxCount: maxCount, maxBytes: maxBytes,
		bodies: list.New()}
}

// add remembers e.
func (h *ghosts) add(e *Entry, cause string) *ghost { return h.addWith(e, cause, nil) }

// addWith remembers e with the body that may still be shown; nil: none.
func (h *ghosts) addWith(e *Entry, cause string, b *body) *ghost {
	gh := &ghost{
		key: e.Key, url: e.URL, cause: cause, t: e.Template, args: e.Args, hits: e.Hits(), cost: e.Cost,
		weight: e.weight, stored: e.Stored, expires: e.Expires, last: e.last.Load(), body: b,
	}
	h.put(gh)
	return gh
}

// put takes a ghost in; an older one of its key is replaced.
func (h *ghosts) put(gh *ghost) {
	gh.bytes = ghostOverhead + int64(len(gh.key)+len(gh.url)) + argsBytes(gh.args)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remove(gh.key)
	h.byKey[gh.key] = h.order.PushBack(gh)
	h.bytes += gh.bytes
	if gh.last != nil {
		if gh.last.refs == 0 {
			h.bytes += gh.last.size()
		}
		gh.last.refs++
	}
	h.shelve(gh)
	for h.order.Len() > h.maxCount || h.bytes > h.maxBytes {
		key := h.order.Front().Value.(*ghost).key
		h.remove(key)
		h.vault.forget(key)
		h.forgotten++
	}
}

func (h *ghosts) remove(key string) *ghost {
	el := h.byKey[key]
	if el == nil {
		return nil
	}
	gh := h.order.Remove(el).(*ghost)
	delete(h.byKey, key)
	h.bury(gh)
	h.bytes -= gh.bytes
	if gh.last != nil {
		if gh.last.refs--; gh.last.refs == 0 {
			h.bytes -= gh.last.size()
		}
	}
	return gh
}

// take forgets the ghost of key and returns it, or nil.
func (h *ghosts) take(key string) *ghost {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.remove(key)
}

// lastOf is what ended the entry that the ghost of key is of; nil: no ghost.
func (h *ghosts) lastOf(key string) *happening {
	h.mu.Lock()
	defer h.mu.Unlock()
	if el := h.byKey[key]; el != nil {
		return el.Value.(*ghost).last
	}
	return nil
}

func (h *ghosts) has(key string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byKey[key] != nil
}

// forget drops the ghosts of one endpoint.
func (h *ghosts) forget(endpoint string) {
	for _, gh := range h.list() {
		if gh.t.Endpoint == endpoint {
			h.take(gh.key)
			h.vault.forget(gh.key)
		}
	}
}

// list returns all ghosts, oldest first.
func (h *ghosts) list() []*ghost {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*ghost, 0, h.order.Len())
	for el := h.order.Front(); el != nil; el = el.Next() {
		out = append(out, el.Value.(*ghost))
	}
	return out
}

func (h *ghosts) stats() (count int, bytes, forgotten int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.order.Len(), h.bytes, h.forgotten
}

package depgraph

import (
	"container/heap"
	"sort"
	"strings"
)

// Count is how many entries, or ghosts, of one template are in one state.
type Count struct {
	Endpoint, Variant string
	State             State
	Entries           int
}

// Page is a cut of what a filter names, in the order of URL, then key.
type Page struct {
	// Contains is a text that the URL must have, in any case of its ASCII
	// letters; "" is none.
	Contains      string
	Offset, Limit int
}

// Survey is what a filter names: counted whole, printed in part.
type Survey struct {
	Counts  []Count // sorted by endpoint, variant and state
	Total   int
	Entries []View // the page
}

// Survey counts what f names, ghosts included, and prints one page of it. It
// costs a look at every entry named, and the printing of conditions only for
// the page. f.Limit is not used.
func (g *Graph) Survey(f Filter, p Page) Survey {
	f.Limit = 0
	var out Survey
	now, contains := g.now(), strings.ToLower(p.Contains)
	counts := map[Count]int{}
	page := pageHeap{}
	see := func(r surveyed, endpoint, variant string) {
		if contains != "" && !strings.Contains(strings.ToLower(r.url), contains) {
			return
		}
		out.Total++
		counts[Count{Endpoint: endpoint, Variant: variant, State: r.state}]++
		if p.Limit > 0 {
			page.offer(r, p.Offset+p.Limit)
		}
	}
	for _, e := range g.viewed(f) {
		see(surveyed{url: e.URL, key: e.Key, state: g.stateOf(e, now), entry: e}, e.Template.Endpoint, e.Template.Variant)
	}
	for _, gh := range g.ghosts.list() {
		if f.ofGhost(gh) {
			see(surveyed{url: gh.url, key: gh.key, state: StateStale, ghost: gh}, gh.t.Endpoint, gh.t.Variant)
		}
	}
	for c, n := range counts {
		c.Entries = n
		out.Counts = append(out.Counts, c)
	}
	sort.Slice(out.Counts, func(i, j int) bool { return out.Counts[i].before(out.Counts[j]) })
	sort.Slice(page, func(i, j int) bool { return page[i].before(page[j]) })
	for _, r := range page[min(max(p.Offset, 0), len(page)):] {
		out.Entries = append(out.Entries, g.viewSurveyed(r))
	}
	return out
}

func (c Count) before(o Count) bool {
	if c.Endpoint != o.Endpoint {
		return c.Endpoint < o.Endpoint
	}
	if c.Variant != o.Variant {
		return c.Variant < o.Variant
	}
	return c.State < o.State
}

// surveyed is an entry or a ghost, with the state that it was counted in.
type surveyed struct {
	url, key string
	state    State
	entry    *Entry
	ghost    *ghost
}

func (r surveyed) before(o surveyed) bool {
	return r.url < o.url || r.url == o.url && r.key < o.key
}

func (g *Graph) viewSurveyed(r surveyed) View {
	if r.ghost != nil {
		return r.ghost.view()
	}
	v := g.view(r.entry)
	v.State = r.state // the clock and writes go on
	return v
}

// pageHeap keeps the first of what it is offered, the last of them on top, so
// that a page of a million entries does not sort a million.
type pageHeap []surveyed

func (h pageHeap) Len() int           { return len(h) }
func (h pageHeap) Less(i, j int) bool { return h[j].before(h[i]) }
func (h pageHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *pageHeap) Push(x any)        { *h = append(*h, x.(surveyed)) }
func (h *pageHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (h *pageHeap) offer(r surveyed, keep int) {
	switch {
	case h.Len() < keep:
		heap.Push(h, r)
	case r.before((*h)[0]):
		(*h)[0] = r
		heap.Fix(h, 0)
	}
}

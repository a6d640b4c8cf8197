package rehydrate

import (
	"cmp"
	"container/heap"
	"time"
)

// queued is one refill that waits.
type queued struct {
	Item
	heat  float64
	seq   int64 // order of arrival
	since time.Time
	place [2]int // its index in each heap of its byHeat
}

// heatOf is what a refill is worth: the source time that clients will spend
// if the entry stays absent and is asked for as often as before. As a float it
// cannot overflow; rounding only reorders near-equals.
func heatOf(it Item) float64 {
	return float64(max(it.Hits, 0)) * float64(max(it.Cost, 1))
}

// compare orders the hottest first; of equals, the one that waits longest.
func (a *queued) compare(b *queued) int {
	if c := cmp.Compare(b.heat, a.heat); c != 0 {
		return c
	}
	return cmp.Compare(a.seq, b.seq)
}

const (
	hottest = iota
	coldest
)

// byHeat is a queue with two ends: the hottest to run, the coldest to drop.
// Two heaps hold the same items, and each item knows its place in both, so
// that every operation costs O(log n).
type byHeat struct{ ends [2]end }

// end is a heap of one byHeat.
type end struct {
	items []*queued
	which int
}

func (e *end) Len() int { return len(e.items) }
func (e *end) Less(i, j int) bool {
	c := e.items[i].compare(e.items[j])
	if e.which == coldest {
		return c > 0
	}
	return c < 0
}
func (e *end) Swap(i, j int) {
	e.items[i], e.items[j] = e.items[j], e.items[i]
	e.items[i].place[e.which], e.items[j].place[e.which] = i, j
}
func (e *end) Push(x any) {
	it := x.(*queued)
	it.place[e.which] = len(e.items)
	e.items = append(e.items, it)
}
func (e *end) Pop() any {
	last := len(e.items) - 1
	it := e.items[last]
	e.items[last] = nil
	e.items = e.items[:last]
	return it
}

func newByHeat() *byHeat {
	return &byHeat{[2]end{{which: hottest}, {which: coldest}}}
}

func (b *byHeat) len() int { return len(b.ends[hottest].items) }

// first returns the item at one end, or nil.
func (b *byHeat) first(which int) *queued {
	if b.len() == 0 {
		return nil
	}
	return b.ends[which].items[0]
}

func (b *byHeat) push(it *queued) {
	heap.Push(&b.ends[hottest], it)
	heap.Push(&b.ends[coldest], it)
}

func (b *byHeat) remove(it *queued) {
	heap.Remove(&b.ends[hottest], it.place[hottest])
	heap.Remove(&b.ends[coldest], it.place[coldest])
}

// fix restores the order after it.heat changed.
func (b *byHeat) fix(it *queued) {
	heap.Fix(&b.ends[hottest], it.place[hottest])
	heap.Fix(&b.ends[coldest], it.place[coldest])
}

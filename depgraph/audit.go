package depgraph

import (
	"errors"
	"fmt"
	"strings"
)

// maxFindings bounds what one Audit reports.
const maxFindings = 20

// audit collects findings.
type audit struct {
	g        *Graph
	findings []error
	more     int
}

func (a *audit) find(format string, args ...any) {
	if len(a.findings) >= maxFindings {
		a.more++
		return
	}
	a.findings = append(a.findings, fmt.Errorf("depgraph audit: "+format, args...))
}

// Audit recounts everything that the graph keeps twice, and returns what does
// not agree: every entry in every index it should be in, or on the coarse list
// (I4); no item without its entry; the map, the bytes, the counts and the
// suspensions as recounted. It takes the lock for as long as it needs, so it
// is for tests and for an operator in doubt.
func (g *Graph) Audit() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	a := &audit{g: g}
	items := a.items()
	a.entries(items)
	a.spatial(items)
	a.counts()
	a.suspensions()
	if a.more > 0 {
		a.findings = append(a.findings, fmt.Errorf("depgraph audit: and %d more", a.more))
	}
	return errors.Join(a.findings...)
}

// items reads the whole store and reports the orphans.
func (a *audit) items() map[string]string {
	out := map[string]string{}
	err := a.g.store.view(func(r reader) error {
		return r.all(func(key, value string) { out[key] = value })
	})
	if err != nil {
		a.find("the store cannot be read: %v", err)
	}
	for key := range out {
		id, ok := idOf(key)
		switch {
		case !ok:
			a.find("item %q names no entry", key)
		case a.g.byID[id] == nil:
			a.find("item %q outlives its entry", key)
		}
	}
	return out
}

// entries checks each entry against its items, its plan and the map.
func (a *audit) entries(items map[string]string) {
	total := 0
	for id, e := range a.g.byID {
		total += len(e.items)
		own := map[string]bool{}
		for _, key := range e.items {
			own[key] = true
			if _, ok := items[key]; !ok {
				a.find("entry %s lacks its item %q", e.Key, key)
			}
		}
		switch {
		case e.id != id || e.isGone():
			a.find("entry %s is gone but still listed", e.Key)
		case a.g.shelf.peek(e.Key) != e:
			a.find("entry %s is not the one that hits are served from", e.Key)
		case a.g.regs[e.Template] != e.reg:
			a.find("entry %s belongs to an unregistered template", e.Key)
		case e.slot >= len(a.g.all) || a.g.all[e.slot] != e:
			a.find("entry %s is not at its place in the list", e.Key)
		default:
			a.placed(e, own)
		}
	}
	if total != len(items) {
		a.find("the entries have %d items, the store %d", total, len(items))
	}
}

// placed checks that whatever row is in an entry's region, its lookup finds
// the entry.
func (a *audit) placed(e *Entry, own map[string]bool) {
	id := idText(e.id)
	for i, p := range a.g.planFor(e.Template, e.Args, e.Held) {
		o := e.reg.occs[i]
		if !own[tablePrefix(o.table)+id] {
			a.find("entry %s has no edge from table %s", e.Key, o.table)
		}
		if own[coarsePrefix(o.number)+id] {
			continue
		}
		if p.coarse {
			a.find("entry %s is not on the coarse list of %s", e.Key, o.table)
		}
		for _, b := range p.boxes {
			s := o.shapes[b.shapeKey()]
			if s == nil {
				a.find("entry %s: %s has no shape %s", e.Key, o.table, b.shapeKey())
				continue
			}
			for _, w := range b.words {
				if !own[s.prefix()+w+":"+id] {
					a.find("entry %s is not under its key in shape %s of %s", e.Key, s.key, o.table)
				}
			}
			if n := countPrefix(e.items, s.prefix()); len(b.rects) > n {
				a.find("entry %s has %d of %d rectangles in shape %s of %s", e.Key, n, len(b.rects), s.key, o.table)
			}
		}
	}
	for _, r := range e.Records[:min(len(e.Records), maxRecords)] {
		if !own[recordPrefix(r)+id] {
			a.find("entry %s has no edge from record %s of %s", e.Key, r.Key, r.Table)
		}
	}
}

func countPrefix(keys []string, prefix string) int {
	n := 0
	for _, k := range keys {
		if strings.HasPrefix(k, prefix) {
			n++
		}
	}
	return n
}

// spatial checks that a search over the whole plane finds every rectangle:
// what buntdb stores without indexing would be missing.
func (a *audit) spatial(items map[string]string) {
	stored := map[int]int{}
	dims := map[int]int{}
	for key, value := range items {
		if key[0] != 's' {
			continue
		}
		slot := int(key[1]-'0')*10 + int(key[2]-'0')
		lo, _ := decodeRect(value)
		stored[slot]++
		if d, ok := dims[slot]; ok && d != len(lo) {
			a.find("spatial index %d holds rectangles of %d and %d dimensions", slot, d, len(lo))
		}
		dims[slot] = len(lo)
	}
	for slot, n := range stored {
		lo, hi := make([]float64, dims[slot]), make([]float64, dims[slot])
		for i := range lo {
			lo[i], hi[i] = minCoordinate, maxCoordinate
		}
		bounds, err := encodeRect(lo, hi)
		if err != nil {
			a.find("spatial index %d: %v", slot, err)
			continue
		}
		var ids []uint64
		err = a.g.store.view(func(r reader) (err error) {
			ids, err = r.intersect(slot, bounds, nil)
			return err
		})
		if err != nil || len(ids) != n {
			a.find("spatial index %d finds %d of %d rectangles (%v)", slot, len(ids), n, err)
		}
	}
}

// counts recounts bytes, rings, shapes and slots.
func (a *audit) counts() {
	g := a.g
	var bytes int64
	perShape, perOcc, perReg := map[*shape]int{}, map[*occurrence]int{}, map[*registration]int{}
	for _, e := range g.all {
		bytes += e.weight
		perReg[e.reg]++
		for _, s := range e.shapes {
			perShape[s]++
		}
		for _, o := range e.coarse {
			perOcc[o]++
		}
	}
	if w := g.shelf.weight(); bytes != g.bytes || bytes != w {
		a.find("bytes: %d recounted, %d kept, %d in the policy", bytes, g.bytes, w)
	}
	if g.bytes > g.maxBytes {
		a.find("bytes: %d of at most %d", g.bytes, g.maxBytes)
	}
	if len(g.all) != len(g.byID) || g.shelf.len() != len(g.byID) {
		a.find("entries: %d listed, %d by number, %d in the map", len(g.all), len(g.byID), g.shelf.len())
	}
	slots := len(g.freeSlots)
	for _, r := range g.regs {
		if n := len(r.entries()); n != r.count || n != perReg[r] {
			a.find("template %s: %d in the ring, %d counted, %d found", r.t.Endpoint, n, r.count, perReg[r])
		}
		for _, o := range r.occs {
			if o.coarse != perOcc[o] {
				a.find("coarse list of %s: %d counted, %d found", o.table, o.coarse, perOcc[o])
			}
			for _, s := range o.shapes {
				if s.entries != perShape[s] || s.entries == 0 {
					a.find("shape %s of %s: %d counted, %d found", s.key, o.table, s.entries, perShape[s])
				}
				if s.spatial {
					slots++
				}
			}
		}
	}
	if slots != maxSpatial {
		a.find("%d of %d spatial indexes are accounted for", slots, maxSpatial)
	}
}

// suspensions recounts who is held by an open write.
func (a *audit) suspensions() {
	if a.g.sabotage.NoSuspension {
		return
	}
	held, wide := map[*Entry]int64{}, map[*registration]int64{}
	for i := range a.g.open {
		for _, e := range i.affected {
			if a.g.suspends(e.Template) {
				held[e]++
			}
		}
		for _, r := range i.wide {
			if a.g.suspends(r.t) {
				wide[r]++
			}
		}
	}
	for _, e := range a.g.all {
		if n := e.state.Load(); n != held[e] {
			a.find("entry %s is suspended %d times, by %d writes", e.Key, n, held[e])
		}
	}
	for _, r := range a.g.regs {
		if n := r.wide.Load(); n != wide[r] {
			a.find("template %s is suspended %d times, by %d writes", r.t.Endpoint, n, wide[r])
		}
	}
}

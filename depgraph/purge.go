package depgraph

import (
	"strings"

	"edgecache/sqlparse"
)

// Filter names entries: those for which everything holds that is set. A filter
// with nothing set names no entry to Purge, and every entry to Entries.
type Filter struct {
	All                               bool
	Key, URL, Endpoint, Source, Table string
	// Record names entries that hold the row, or may.
	Record *Record
	State  *State
	// Limit bounds how many; 0 is all.
	Limit int
}

// empty tells that nothing selects.
func (f Filter) empty() bool {
	return !f.All && f.Key == "" && f.URL == "" && f.Endpoint == "" && f.Source == "" && f.Table == "" &&
		f.Record == nil && f.State == nil
}

// ofTemplate tells whether instances of t may be named.
func (f Filter) ofTemplate(t *Template) bool {
	return (f.Endpoint == "" || f.Endpoint == t.Endpoint) &&
		(f.Source == "" || f.Source == t.Source) &&
		(f.Table == "" || t.reads(lower(f.Table)))
}

// ofEntry tells whether e is named, but for its state.
func (f Filter) ofEntry(e *Entry) bool {
	return f.ofTemplate(e.Template) && (f.Key == "" || f.Key == e.Key) && (f.URL == "" || f.URL == e.URL) &&
		(f.Record == nil || e.mayHold(*f.Record))
}

// mayHold tells whether the row is, or may be, in the answer.
func (e *Entry) mayHold(want Record) bool {
	if e.RecordsUnknown[lower(want.Table)] {
		return true
	}
	for i, r := range e.Records {
		if strings.EqualFold(r.Table, want.Table) && (r.Key == want.Key || i >= maxRecords) {
			return true
		}
	}
	return false
}

// named lists the entries that f names, through the edges where it can.
// REQUIRES: g.mu.
func (g *Graph) named(f Filter) []*Entry {
	var out []*Entry
	now := g.now()
	for _, e := range g.nominees(f) {
		if f.Limit > 0 && len(out) >= f.Limit {
			break
		}
		if f.ofEntry(e) && (f.State == nil || g.stateOf(e, now) == *f.State) {
			out = append(out, e)
		}
	}
	return out
}

// nominees lists a superset of what f names, each entry once.
func (g *Graph) nominees(f Filter) []*Entry {
	var prefixes []string
	switch {
	case f.Key != "":
		if e := g.shelf.peek(f.Key); e != nil && !e.isGone() {
			return []*Entry{e}
		}
		return nil
	case f.Record != nil:
		prefixes = []string{recordPrefix(*f.Record), unknownPrefix(f.Record.Table)}
	case f.Table != "":
		prefixes = []string{tablePrefix(f.Table)}
	default:
		return g.all[:len(g.all):len(g.all)]
	}
	var ids []uint64
	err := g.store.view(func(r reader) (err error) {
		for _, p := range prefixes {
			if ids, err = r.scan(p, ids); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		g.stats.StoreErrors++
		return g.all[:len(g.all):len(g.all)]
	}
	seen := map[uint64]bool{}
	out := make([]*Entry, 0, len(ids))
	for _, id := range ids {
		if e := g.byID[id]; e != nil && !seen[id] {
			seen[id] = true
			out = append(out, e)
		}
	}
	return out
}

// purged is a purge as fills see it: a write that settled when it was
// published. What is known of a fill decides; its state does not.
type purged struct{ f Filter }

func (p purged) mayTouch(_ *Graph, t *Template, _ sqlparse.Args, e *Entry) bool {
	if e == nil {
		return p.f.ofTemplate(t)
	}
	return p.f.ofEntry(e)
}

// Purge removes what f names, and holds off the fills of it that are under
// way: whoever purges knows of a change that those may not have seen.
func (g *Graph) Purge(f Filter) []Dropped {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	if f.empty() {
		return nil
	}
	g.clock++
	g.log.add(settled{at: g.clock, what: purged{f}, bytes: intentBytes})
	g.ghosts.purge(f)
	named, end := g.named(f), purgeEnd(f, g.now())
	for _, e := range named {
		e.last.Store(end)
	}
	return g.remove(named, "purged", causePurged)
}

package depgraph

import (
	"errors"
	"sort"

	"edgecache/sqlparse"
)

// find names what a write may change, in the intent.
// REQUIRES: g.mu.
//
//	for each template that mentions a touched table
//	  table, column, image     decide for all its entries at once
//	  else for each image      look it up in each shape, and the coarse list
//	       for each candidate  recheck exactly
//
// So its cost follows the number of templates on the table and of affected
// entries, not of entries. Where it cannot be bounded, or anything goes wrong,
// the template's entries are affected as a whole.
func (g *Graph) find(i *Intent) {
	w := &search{g: g, i: i}
	untouched := len(g.byID)
	for _, r := range g.concerned(i.d) {
		untouched -= r.count
		read := g.read(r.t, i.d)
		if read.whole != "" {
			w.widen(r, read.wholeOf, read.whole)
			continue
		}
		if len(read.pairs) == 0 {
			w.spare(read.rule, r.count)
			continue
		}
		w.rows(r, read)
	}
	w.spare(RuleTable, untouched)
}

// concerned lists the registrations that the write touches.
func (g *Graph) concerned(d *digest) []*registration {
	var out []*registration
	defer func() {
		sort.Slice(out, func(i, j int) bool { return out[i].number < out[j].number })
	}()
	if d.everything != "" {
		for _, r := range g.regs {
			if d.touches(r.t) {
				out = append(out, r)
			}
		}
		return out
	}
	seen := map[*registration]bool{}
	for _, t := range d.tables() {
		for r := range g.byTable[t] {
			if !seen[r] && d.touches(r.t) {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}

// search is the state of one find.
type search struct {
	g                 *Graph
	i                 *Intent
	lookups, rechecks int
	ids               []uint64
	// by names, for candidates that a rule beyond the condition spared from a
	// row change, that rule. Whom the index passes over counts by the reading.
	by map[uint64]Rule
}

func (w *search) note(id uint64, rule Rule) {
	if rule == RulePredicate || w.by[id].rank() >= rule.rank() {
		return
	}
	if w.by == nil {
		w.by = map[uint64]Rule{}
	}
	w.by[id] = rule
}

func (w *search) spare(rule Rule, n int) {
	if n > 0 {
		w.i.spared[rule] += n
	}
}

// widen affects every entry of a template.
func (w *search) widen(r *registration, table, why string) {
	w.i.wide = append(w.i.wide, r)
	w.i.wideEnded = append(w.i.wideEnded, w.i.wideEnd(table, why))
	w.i.isWide[r.t] = true
	w.i.count += r.count
	w.g.stats.Wide++
}

// errWork says that a bound on the work of one write was met.
var errWork = errors.New("depgraph: more work than one write may make")

// rows looks the images up and rechecks. On any error it widens.
func (w *search) rows(r *registration, read reading) {
	before := len(w.i.affected)
	err := w.g.store.view(func(rd reader) error {
		for _, p := range read.pairs {
			if err := w.lookup(rd, r, p); err != nil {
				return err
			}
		}
		return nil
	})
	defer clear(w.by)
	if err == nil {
		n := len(w.i.affected) - before
		w.i.count += n
		for id, rule := range w.by {
			if w.g.byID[id].found != w.g.clock {
				w.spare(rule, 1)
				n++
			}
		}
		w.spare(read.rule, r.count-n)
		return
	}
	w.i.affected, w.i.ended = w.i.affected[:before], w.i.ended[:before]
	why := err.Error()
	switch {
	case errors.Is(err, errWork):
		why = "more row changes than are looked up one by one"
	case errors.Is(err, errShort):
		w.g.n.widened.Add(1)
	default:
		w.g.stats.Alarms++
		w.g.stats.StoreErrors++
		why = "the index could not be asked"
	}
	w.widen(r, "", why)
}

// lookup asks the index for one row change, and each candidate for its images.
func (w *search) lookup(rd reader, r *registration, p pair) (err error) {
	occ := r.occs[p.occ]
	images := w.i.d.images(p.change)
	if w.lookups += len(images) * (len(occ.shapes) + 1); w.lookups > w.g.bounds.lookups {
		return errWork
	}
	if w.ids, err = occ.candidates(rd, images, w.ids[:0]); err != nil {
		return err
	}
	w.g.stats.Candidates += int64(len(w.ids))
	for _, id := range w.ids {
		e := w.g.byID[id]
		if e == nil || e.reg != r || e.found == w.g.clock {
			continue
		}
		if w.rechecks += len(images); w.rechecks > w.g.bounds.rechecks {
			return errWork
		}
		v := w.g.ask(occ.Occurrence, e.Args, e.Held, nil, w.i.d, p.change)
		if !v.affected {
			w.note(id, v.rule)
			continue
		}
		e.found = w.g.clock
		w.i.affected = append(w.i.affected, e)
		w.i.ended = append(w.i.ended, w.i.ends(deed{r.t, p, v.image, v.truth == sqlparse.True}))
	}
	return nil
}

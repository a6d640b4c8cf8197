package depgraph

import (
	"edgecache/source"
	"edgecache/sqlparse"
)

// Lookup reads inside the transaction of a write, after its last statement: the
// state right after this write and right before every later one.
type Lookup func(source.Statement) ([]source.Row, error)

// Completer is what an Occurrence may implement besides: the question which
// rows of its query's FROM hold a row as it is after the change, the same for
// every instance.
type Completer interface {
	Completion(c *source.Change) (st source.Statement, ok bool)
	// Complete makes partners of the answer; nil widens.
	Complete(rows []source.Row) *sqlparse.Partners
}

// Bounds of Refine. Past them entries stay affected.
const (
	maxLookups = 32    // questions of one write
	maxRefined = 10000 // pairs of affected entry and row change that are judged again
)

// asking is one row change as one occurrence of a template sees it.
type asking struct {
	t      *Template
	occ    int
	change *source.Change
}

// Refine looks for the partners of the changed rows for whose sake entries are
// affected, and resumes those that the rule join then spares. It must be called
// between Publish and COMMIT, and look must see the state that Lookup promises:
// then nothing lies between the answer before the write, the write and what was
// looked up, and the proof composes. Fills that end later are held against the
// same partners. No lock is held while the source is asked.
func (i *Intent) Refine(look Lookup) {
	questions := i.questions()
	if len(questions) == 0 {
		return
	}
	i.apply(partnersOf(questions, look))
}

// partnersOf asks the questions, equal ones once, and returns how many.
func partnersOf(questions []asking, look Lookup) (partners map[asking]*sqlparse.Partners, asked int) {
	partners = make(map[asking]*sqlparse.Partners, len(questions))
	memo := map[string][]source.Row{}
	for _, q := range questions {
		c := q.t.Occurrences[q.occ].(Completer)
		st, ok := c.Completion(q.change)
		if !ok {
			continue
		}
		key := st.SQL + "\x00" + source.Row(st.Args).String()
		rows, known := memo[key]
		if !known {
			if asked == maxLookups {
				break
			}
			asked++
			var err error
			if rows, err = look(st); err != nil {
				continue // affected it stays
			}
			memo[key] = rows
		}
		if p := c.Complete(rows); p != nil {
			partners[q] = p
		}
	}
	return partners, asked
}

// questions lists the row changes that make an entry affected and that a lookup
// could decide otherwise.
func (i *Intent) questions() []asking {
	g := i.g
	g.mu.Lock()
	defer g.mu.Unlock()
	q := inquiry{done: map[asking]bool{}}
	for _, e := range i.affected[:i.refined()] {
		q.about(g, e, i.d)
	}
	return q.list
}

// refined is how many of the affected entries are judged again: g.mu is held
// meanwhile, and each is asked for every row change.
func (i *Intent) refined() int { return min(len(i.affected), maxRefined/max(i.d.rows, 1)) }

// inquiry collects questions, each once, up to their bound.
type inquiry struct {
	done map[asking]bool // asked for, or with no question to ask
	list []asking
}

func (q *inquiry) about(g *Graph, e *Entry, d *digest) {
	t := e.Template
	for occ, o := range t.Occurrences {
		c, ok := o.(Completer)
		if !ok {
			continue
		}
		for _, change := range d.changes[lower(o.TableName())] {
			a := asking{t, occ, change}
			if len(q.list) >= maxLookups || q.done[a] {
				continue
			}
			if _, ok := c.Completion(change); !ok || o.Unchanged(change) {
				q.done[a] = true
				continue
			}
			if g.ask(o, e.Args, e.Held, nil, d, change).affected {
				q.done[a] = true
				q.list = append(q.list, a)
			}
		}
	}
}

// apply judges the affected entries again.
func (i *Intent) apply(partners map[asking]*sqlparse.Partners, asked int) {
	g := i.g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stats.Lookups += int64(asked)
	if i.settled || len(partners) == 0 {
		return
	}
	i.d.partners = partners
	for _, p := range partners {
		i.d.bytes += p.Size() // counts against the log's bound
	}
	kept, refined := 0, i.refined()
	for n, e := range i.affected {
		if n < refined {
			if v := g.judge(e.Template, e.Args, e.Held, i.d); !v.affected {
				if g.suspends(e.Template) {
					e.state.Add(-1)
				}
				i.spared[v.rule]++
				g.sparedBy[v.rule]++
				continue
			}
		}
		i.affected[kept], i.ended[kept] = e, i.ended[n]
		kept++
	}
	gone := len(i.affected) - kept
	clear(i.affected[kept:])
	i.affected, i.ended = i.affected[:kept], i.ended[:kept]
	i.count -= gone
	g.stats.Affected -= int64(gone)
}

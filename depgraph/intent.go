package depgraph

import (
	"time"

	"edgecache/source"
	"edgecache/sqlparse"
)

// intentBytes is what a settled intent takes in the log besides its images.
const intentBytes = 512

// Intent is a write under way, from before its COMMIT to when its outcome is
// known.
type Intent struct {
	g *Graph
	d *digest
	// affected are suspended one by one, wide template by template; ended and
	// wideEnded hold, in the same order, what is remembered of what it did.
	affected  []*Entry
	ended     []*happening
	wide      []*registration
	wideEnded []*happening
	isWide    map[*Template]bool
	by        string
	at        time.Time
	// While it is published: the sentences that are still to be printed.
	deeds  map[deedKey]*happening
	told   []toldDeed
	many   *happening
	count  int
	spared map[Rule]int
	// newest is the last entry that was there to be suspended.
	newest  uint64
	settled bool
}

// Dropped is an entry that left the graph, with what a refill wants to know.
type Dropped struct {
	Key, URL string
	Template *Template
	Args     sqlparse.Args
	Hits     int64
	Cost     time.Duration
	Cause    string
	// Payload is the entry's. Whoever keeps it keeps the answer in memory.
	Payload any
}

// Affected is how many entries the write may change.
func (i *Intent) Affected() int { return i.count }

// Spared is how many entries it cannot change, by the rule that proves it.
func (i *Intent) Spared() map[Rule]int { return i.spared }

// mayTouch holds a fill against the write; the cheap cases come first.
func (i *Intent) mayTouch(g *Graph, t *Template, args sqlparse.Args, e *Entry) bool {
	var held *sqlparse.Held
	if e != nil {
		held = e.Held
	}
	return i.isWide[t] || (i.d.touches(t) && g.judge(t, args, held, i.d).affected)
}

// Publish announces that ws is about to be committed: it suspends every entry
// that ws may change, and holds off fills until Settle. ws must not change
// afterwards. A nil ws is a write of which nothing is known.
func (g *Graph) Publish(ws *source.WriteSet) *Intent {
	return g.PublishBy(ByElsewhere, ws)
}

// PublishBy is Publish with the name of who writes, which is remembered of what
// the write ends.
func (g *Graph) PublishBy(by string, ws *source.WriteSet) *Intent {
	d := digestOf(ws)
	d.onlyBefore = g.sabotage.NoAfterImage
	if ws != nil && ws.SchemaChanged {
		by = BySchema
	}
	i := &Intent{g: g, d: d, spared: map[Rule]int{}, isWide: map[*Template]bool{}, by: by, at: g.now()}
	g.publish(i)
	i.tell()
	return i
}

func (g *Graph) publish(i *Intent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	g.clock++
	i.newest = g.lastID
	if len(g.open) >= g.bounds.open {
		i.d = i.d.byTable("too many writes are open")
		g.stats.OpenOverflow++
	}
	g.find(i)
	g.open[i] = struct{}{}
	i.suspend()
	if i.d.heavy(&g.bounds) {
		i.d = i.d.byTable("more rows than fills are held against")
	}

	g.stats.Writes++
	g.stats.Affected += int64(i.count)
	for rule, n := range i.spared {
		g.sparedBy[rule] += int64(n)
	}
}

func (i *Intent) suspend() {
	for _, e := range i.affected {
		if i.g.suspends(e.Template) {
			e.state.Add(1)
		}
	}
	for _, r := range i.wide {
		if i.g.suspends(r.t) {
			r.wide.Add(1)
		}
	}
}

func (i *Intent) resume() {
	for _, e := range i.affected {
		if i.g.suspends(e.Template) {
			e.state.Add(-1) // also of one that is gone: it stays gone
		}
	}
	for _, r := range i.wide {
		if i.g.suspends(r.t) {
			r.wide.Add(-1)
		}
	}
}

// Settle ends the write. After RolledBack what it suspended may be served
// again, unless another write holds it. After Committed and Unknown everything
// it affected goes, and is returned. Only the first call counts.
func (i *Intent) Settle(o source.Outcome) []Dropped {
	if later := i.g.sabotage.SettleLater; later != nil {
		later(func() { i.settle(o) })
		return nil
	}
	return i.settle(o)
}

func (i *Intent) settle(o source.Outcome) []Dropped {
	g := i.g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	if i.settled {
		g.stats.SettledAgain++
		return nil
	}
	i.settled = true
	delete(g.open, i)
	g.clock++
	g.stats.AffectedRow += int64(len(i.affected))
	g.stats.AffectedWhole += int64(i.count - len(i.affected))
	if o == source.OutcomeRolledBack {
		g.stats.RolledBack++
		i.resume()
		i.release()
		return nil
	}
	g.log.add(settled{at: g.clock, what: i, bytes: i.d.bytes + intentBytes})
	dropped := g.remove(i.victims(), i.d.cause, causeWrite)
	// NB: gone before resumed (Entry.State).
	i.resume()
	i.release()
	return dropped
}

// victims are the entries that go when the write takes effect: those that it
// suspended, as far as they are still here, and any that became affected since.
// Install admits none of the latter while the write is open; should one be
// here, it goes too, and somebody is told.
func (i *Intent) victims() []*Entry {
	g := i.g
	out := make([]*Entry, 0, i.count)
	for n, e := range i.affected {
		if !e.isGone() {
			e.last.Store(i.ended[n])
			out = append(out, e)
		}
	}
	wide := map[*registration]bool{}
	for n, r := range i.wide {
		wide[r] = true
		es := r.entries()
		for _, e := range es {
			e.last.Store(i.wideEnded[n])
		}
		out = append(out, es...)
	}
	if g.lastID == i.newest {
		return out
	}
	for _, r := range g.regs {
		if wide[r] {
			continue
		}
		for e := r.head.prev; e != &r.head && e.id > i.newest; e = e.prev {
			if i.mayTouch(g, r.t, e.Args, e) {
				g.stats.Alarms++
				e.last.Store(i.wideEnd("", "it may have changed"))
				out = append(out, e)
			}
		}
	}
	return out
}

// release lets go of what a settled intent no longer needs; the log keeps it.
func (i *Intent) release() { i.affected, i.ended, i.wide, i.wideEnded = nil, nil, nil, nil }

package depgraph

// InstallOutcome says what became of an entry that was offered.
type InstallOutcome uint8

const (
	// Failed: the store refused, or the entry was installed before and is gone.
	// It is the zero value, so that a forgotten outcome claims nothing.
	Failed InstallOutcome = iota
	// Installed: it is served from now on.
	Installed
	// Overtaken: a write that touches it, or a purge, came between.
	Overtaken
	// Outdated: the token is older than the log, so nobody can tell.
	Outdated
	// TooLarge: it is larger than the fraction of MaxBytes that one entry may
	// take.
	TooLarge
	// Unregistered: its template is not, or no longer, in the graph.
	Unregistered
)

func (o InstallOutcome) String() string {
	return [...]string{"failed", "installed", "overtaken", "outdated", "too large", "unregistered"}[o]
}

// Install stores e, filled from a read that began after tok was taken, with
// all its edges in one step. An entry of the same key, and its edges, go in
// that step. Unless the outcome is Installed, nothing of e can be a hit; the
// entry before it is left as it was, or, of an Eventual template, goes. The latest entries are safe from eviction, so
// what is Installed is there when it is next asked for.
func (g *Graph) Install(tok Token, e *Entry) InstallOutcome {
	if e == nil || e.Template == nil {
		return Unregistered
	}
	p := g.planFor(e.Template, e.Args, e.Held)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	if pause := g.sabotage.CheckedApart; pause != nil && !g.overtaken(tok, e.Template, e.Args, e) {
		g.mu.Unlock()
		pause()
		g.mu.Lock()
		tok = Token{g.clock}
	}
	o := g.install(tok, e, p)
	g.stats.Installs[o]++
	if o != Installed {
		g.supersede(tok, e, o)
	}
	return o
}

func (g *Graph) install(tok Token, e *Entry, p plan) InstallOutcome {
	r := g.regs[e.Template]
	switch {
	case r == nil:
		return Unregistered
	case e.id != 0 && e.isGone():
		return Failed
	case e.id != 0:
		return Installed // this very entry is here already
	case len(p) != len(r.occs):
		return Failed // somebody changed the template since
	case tok.at < g.log.floor && !g.sabotage.NoTokens:
		return Outdated
	case g.overtaken(tok, e.Template, e.Args, e):
		return Overtaken
	}
	e.id, e.began = g.lastID+1, tok.at
	old := g.shelf.peek(e.Key)
	if end := g.endOf(e.Key, old); end != nil {
		e.last.Store(end)
	}
	pl := g.place(e, r, p)
	e.weight = weigh(e, pl.items)
	if !fits(e.weight, g.maxBytes) {
		g.giveUp(e, pl)
		return TooLarge
	}
	var remove []string
	if old != nil {
		remove = old.items
	}
	if err := g.store.apply(remove, pl.items); err != nil {
		g.stats.StoreErrors++
		g.giveUp(e, pl)
		return Failed
	}
	g.lastID++
	g.inherit(e, old)
	g.attach(e, r, pl)
	if !e.kept {
		g.vault.keep(e)
	}
	g.shelf.put(e) // before the old one is gone: a Get in between hits either
	if old != nil {
		g.detach(old)
		g.stats.Removed[causeReplaced]++
	}
	g.sweep()
	g.tidy()
	return Installed
}

// giveUp takes back what place did for an entry that is not installed.
func (g *Graph) giveUp(e *Entry, pl *places) {
	for s := range pl.shapes {
		g.releaseShape(s)
	}
	e.id, e.weight = 0, 0
}

// endOf is what last ended the entry of a key that is filled again.
func (g *Graph) endOf(key string, old *Entry) *happening {
	if old != nil {
		return old.last.Load()
	}
	return g.ghosts.lastOf(key)
}

// inherit gives e the heat of the entry before it, or of its ghost.
func (g *Graph) inherit(e, old *Entry) {
	gh := g.ghosts.take(e.Key)
	switch {
	case old != nil:
		e.hits.Store(old.Hits())
	case gh != nil:
		e.hits.Store(gh.hits)
	}
}

// attach makes e findable: everything but the store, which has its items.
func (g *Graph) attach(e *Entry, r *registration, pl *places) {
	e.reg = r
	e.items = make([]string, len(pl.items))
	for i, it := range pl.items {
		e.items[i] = it.key
	}
	for s := range pl.shapes {
		s.entries++
		e.shapes = append(e.shapes, s)
	}
	e.coarse = pl.coarse
	for _, o := range pl.coarse {
		o.coarse++
	}
	g.stats.CoarseOverflow += pl.overflow
	r.link(e)
	g.byID[e.id] = e
	e.slot = len(g.all)
	g.all = append(g.all, e)
	g.bytes += e.weight
}

// detach is the reverse. The store's items are removed by the caller.
func (g *Graph) detach(e *Entry) {
	for {
		s := e.state.Load()
		if e.state.CompareAndSwap(s, s|gone) {
			break
		}
	}
	for _, s := range e.shapes {
		s.entries--
		g.releaseShape(s)
	}
	for _, o := range e.coarse {
		o.coarse--
	}
	e.reg.unlink(e)
	delete(g.byID, e.id)
	last := len(g.all) - 1
	moved := g.all[last]
	g.all[e.slot], moved.slot = moved, e.slot
	g.all[last] = nil
	g.all = g.all[:last]
	g.bytes -= e.weight
}

// sweep looks at a few entries and removes those that have expired. Get never
// serves them; this is so that they do not stay.
func (g *Graph) sweep() {
	now := g.now()
	var old []*Entry
	for n := 0; n < min(sweepStep, len(g.all)); n++ {
		g.hand = (g.hand + 1) % len(g.all)
		if e := g.all[g.hand]; e.over(now) {
			e.last.Store(expiryEnd(e))
			old = append(old, e)
		}
	}
	g.remove(old, "expired", causeExpired)
}

package depgraph

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"sync"
	"time"
)

// Options configure a Graph.
type Options struct {
	// MaxBytes bounds the entries: their Size, and an estimate of what the
	// graph keeps for each. 0 is 128 MiB.
	MaxBytes int64
	// LogLength is how many settled writes a fill's token may be behind;
	// 0 is 4096. A fill that is further behind is Outdated.
	LogLength int
	// Now is the clock for Entry.Expires; nil is time.Now. The order of writes
	// and fills never depends on it.
	Now func() time.Time
	// Vault keeps the entries over a restart; nil: nothing does. A Vault serves
	// one graph, and is closed by whoever opened it, before the graph.
	Vault *Vault
	// Sabotage is for negative controls only.
	Sabotage Sabotage
}

// Sabotage breaks the protocol on purpose, so that a test can show that the
// anomaly which a mitigation prevents does appear without it. It is for
// negative controls only; the zero value sabotages nothing.
type Sabotage struct {
	NoTokens     bool // Install and Quiet ignore what was written since the token
	NoSuspension bool // Publish finds what is affected but does not suspend it
	NoAfterImage bool // only before images count
	JoinAny      bool // Quiet holds for every flight
	// CheckedApart makes Install hold the token against the writes in a step
	// before its own, and is called in between.
	CheckedApart func()
	// SettleLater is given each settling instead of its being done; what would
	// have been dropped is never told.
	SettleLater func(settle func())
}

// Graph is a set of entries with everything that a write needs to find those
// it may change. All methods may be called from many goroutines.
//
// One mutex guards everything but hits: Publish, Settle, Install and Purge are
// each one step to each other. Get takes no lock on a hit; what it needs of an
// entry is atomic.
type Graph struct {
	now      func() time.Time
	maxBytes int64
	sabotage Sabotage
	bounds   bounds // changed by tests only, before first use
	shelf    *shelf
	ghosts   *ghosts
	vault    *Vault // may be nil
	n        counters

	mu         sync.Mutex
	store      *store
	regs       map[*Template]*registration
	byName     map[templateName]*registration
	byTable    map[string]map[*registration]bool // lower case
	byID       map[uint64]*Entry
	all        []*Entry // in no order; Entry.slot is the position
	hand       int      // of sweep, in all
	lastID     uint64
	lastNumber int
	freeSlots  []int
	bytes      int64
	debris     []string // items that the store failed to remove

	clock    uint64
	open     map[*Intent]struct{}
	log      *log
	stats    tally
	sparedBy map[Rule]int64
}

type templateName struct{ endpoint, variant string }

// New makes an empty graph.
func New(o Options) (*Graph, error) {
	if o.MaxBytes < 0 || o.LogLength < 0 {
		return nil, errors.New("depgraph: MaxBytes and LogLength must not be negative")
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.LogLength == 0 {
		o.LogLength = defaultLogLength
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	st, err := openStore()
	if err != nil {
		return nil, err
	}
	sh, err := newShelf(o.MaxBytes)
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	g := &Graph{
		now: o.Now, maxBytes: o.MaxBytes, sabotage: o.Sabotage, bounds: defaultBounds, store: st, shelf: sh,
		ghosts: newGhosts(maxGhosts, max(o.MaxBytes/ghostFraction, minGhostBytes)),
		regs:   map[*Template]*registration{}, byName: map[templateName]*registration{},
		byTable: map[string]map[*registration]bool{}, byID: map[uint64]*Entry{},
		vault: o.Vault, clock: 1, open: map[*Intent]struct{}{}, log: newLog(o.LogLength), sparedBy: map[Rule]int64{},
	}
	for slot := maxSpatial - 1; slot >= 0; slot-- {
		g.freeSlots = append(g.freeSlots, slot)
	}
	g.ghosts.vault, g.ghosts.maxBodies = o.Vault, o.MaxBytes/staleFraction
	if o.Vault != nil {
		o.Vault.start(g)
	}
	return g, nil
}

// Close gives the store up. What is called afterwards still errs on the safe
// side: nothing installs, and a write affects all it could touch.
func (g *Graph) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.store.close()
}

// Register adds a template. Registering it again is harmless; another of the
// same endpoint and variant must be unregistered first.
func (g *Graph) Register(t *Template) error {
	if t == nil || t.Endpoint == "" {
		return errors.New("depgraph: a template needs an endpoint")
	}
	for i, o := range t.Occurrences {
		if o == nil || o.TableName() == "" {
			return fmt.Errorf("depgraph: %s: occurrence %d names no table", t.Endpoint, i)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.regs[t] != nil {
		return nil
	}
	name := templateName{t.Endpoint, t.Variant}
	if g.byName[name] != nil {
		return fmt.Errorf("depgraph: %s %s is registered already", t.Endpoint, t.Variant)
	}
	if t.KeepStale > 0 {
		g.shelf.reserve(g.maxBytes / staleFraction)
	}
	r := newRegistration(t, func() int { g.lastNumber++; return g.lastNumber })
	g.regs[t], g.byName[name] = r, r
	for _, o := range r.occs {
		if g.byTable[o.table] == nil {
			g.byTable[o.table] = map[*registration]bool{}
		}
		g.byTable[o.table][r] = true
	}
	return nil
}

// Unregister removes all variants of an endpoint with their entries. A fill
// that is under way for one of them will not install.
func (g *Graph) Unregister(endpoint string) []Dropped {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	var out []Dropped
	for _, r := range g.registrations() {
		if r.t.Endpoint != endpoint {
			continue
		}
		out = append(out, g.remove(r.entries(), "unregistered", causeUnregistered)...)
		delete(g.regs, r.t)
		delete(g.byName, templateName{r.t.Endpoint, r.t.Variant})
		for _, o := range r.occs {
			delete(g.byTable[o.table], r)
			if len(g.byTable[o.table]) == 0 {
				delete(g.byTable, o.table)
			}
		}
	}
	g.ghosts.forget(endpoint)
	return out
}

// registrations lists them in order of registration.
func (g *Graph) registrations() []*registration {
	out := make([]*registration, 0, len(g.regs))
	for _, r := range g.regs {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].number < out[j].number })
	return out
}

// Get finds the entry of a key. Only with StateFresh may it be served. With
// StateSuspended, and with StateStale when it is only too old, the entry is
// returned too, for those who are allowed to show an old answer and say so.
func (g *Graph) Get(key string) (*Entry, State) {
	e := g.shelf.get(key)
	state := StateAbsent
	if e != nil {
		state = e.State()
	}
	switch {
	case state == StateAbsent:
		e = nil
		if g.ghosts.has(key) {
			state = StateStale
		}
	case state == StateFresh && e.expired(g.now()):
		state = StateStale
	case state == StateFresh:
		e.hits.Add(1)
	}
	g.n.gets[state].Add(1)
	return e, state
}

// tidy finishes what the eviction policy began and what the store failed to
// do. Every operation starts, and Install ends, with it. REQUIRES: g.mu.
func (g *Graph) tidy() {
	g.remove(g.shelf.settle(), "evicted", causeEvicted)
	if len(g.debris) == 0 {
		return
	}
	if err := g.store.apply(g.debris, nil); err != nil {
		g.stats.StoreErrors++
		return
	}
	g.debris = nil
}

// remove takes entries out of the graph with all their edges, in one step, and
// says what went. REQUIRES: g.mu.
func (g *Graph) remove(es []*Entry, why string, cause removal) []Dropped {
	live := make([]*Entry, 0, len(es))
	for _, e := range es {
		if !e.isGone() {
			live = append(live, e)
		}
	}
	if len(live) == 0 {
		return nil
	}
	sort.Slice(live, func(i, j int) bool { return live[i].id < live[j].id })
	var keys []string
	out := make([]Dropped, 0, len(live))
	for _, e := range live {
		keys = append(keys, e.items...)
		g.detach(e)
		g.shelf.drop(e)
		out = append(out, Dropped{
			Key: e.Key, URL: e.URL, Template: e.Template, Args: e.Args, Hits: e.Hits(), Cost: e.Cost, Cause: why,
			Payload: e.Payload,
		})
		switch b := g.bodyOf(e, e.began, lastRight(e, cause)); {
		case e.Template.Remember && cause.remembered():
			g.vault.keepGhost(g.ghosts.addWith(e, why, b))
		case b != nil:
			g.ghosts.addWith(e, why, b)
			g.vault.forget(e.Key)
		default:
			g.vault.forget(e.Key)
		}
	}
	g.stats.Removed[cause] += int64(len(live))
	if err := g.store.apply(keys, nil); err != nil {
		// The entries are gone all the same. What is left in the index names
		// nobody: lookups pass over it, and tidy tries again.
		g.stats.StoreErrors++
		g.stats.Alarms++
		if len(g.debris)+len(keys) <= maxDebris {
			g.debris = append(g.debris, keys...)
		} else {
			g.stats.DebrisForgotten += int64(len(keys))
		}
	}
	return out
}

// fits tells whether a weight can be told to the policy.
func fits(weight, maxBytes int64) bool {
	return weight <= maxBytes/entryFraction && weight <= math.MaxUint32
}

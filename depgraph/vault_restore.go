package depgraph

import (
	"context"
	"sort"
	"strings"
	"time"

	"edgecache/depgraph/journal"
	"edgecache/sqlparse"
)

// Kept is what the file says of one key.
type Kept struct {
	// Endpoint, Variant and Fingerprint are those of the template that it was
	// made under.
	Endpoint, Variant, Fingerprint string
	Key, URL                       string
	Args                           sqlparse.Args
	Records                        []Record
	RecordsUnknown                 map[string]bool
	Stored, Expires                time.Time
	Cost                           time.Duration
	Hits                           int64
	Cause                          *Cause
	// Payload is what VaultOptions.Append made of the response; nil when only
	// the memory of one was kept.
	Payload []byte

	entry  bool // not only the memory of one
	weight int64
}

// Shed lets go of the payload, where only the memory is wanted.
func (k *Kept) Shed() { k.Payload = nil }

// EachKept calls fn for every key in the file, in the order in which they were
// written. It may be called once, while the graph is in use already: who asks
// for a key that has not come yet gets a miss. Once it has returned nil,
// everything in the file has been looked at, and what fn neither restored nor
// remembered must have been discarded.
func (v *Vault) EachKept(ctx context.Context, fn func(*Kept)) error {
	if v.restored.Load() {
		return nil
	}
	v.used.Store(true)
	type place struct {
		key  string
		span journal.Span
	}
	var places []place
	for key, span := range v.found.Index {
		if strings.HasPrefix(key, prefixEntry) {
			places = append(places, place{key, span})
		}
	}
	sort.Slice(places, func(i, j int) bool { return places[i].span.Offset < places[j].span.Offset })
	for _, p := range places {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k, ok := v.kept(p.key, p.span)
		if !ok {
			// Whose it is cannot be told, so it cannot be deleted by itself.
			v.n.unreadable.Add(1)
			v.notes.lose()
			continue
		}
		fn(k)
	}
	v.found, v.heat = nil, nil
	v.restored.Store(true)
	return nil
}

func (v *Vault) kept(key string, span journal.Span) (*Kept, bool) {
	if v.o.Fault != nil && v.o.Fault("read") != nil {
		return nil, false
	}
	payload, ok := v.found.Read(v.file, key, span)
	if !ok {
		return nil, false
	}
	k, err := decodeRecord(payload)
	if err != nil || idOfKey(k.Key).key() != key {
		return nil, false
	}
	k.Hits = max(k.Hits, v.heat[recordID([]byte(key[len(prefixEntry):]))])
	return k, true
}

// Restore installs e, made of k, whose response is known to be current: no
// write came between its fill and the moment tok was taken. From here on it is
// an entry like any other: what was published since tok overtakes it. newer
// tells that the graph knows the key already, and nothing was done.
func (g *Graph) Restore(tok Token, e *Entry, k *Kept) (o InstallOutcome, newer bool) {
	if e == nil || e.Template == nil {
		return Unregistered, false
	}
	p := g.planFor(e.Template, e.Args, e.Held)
	e.hits.Store(k.Hits)
	e.last.Store(k.happening())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	if g.shelf.peek(e.Key) != nil || g.ghosts.has(e.Key) {
		return Failed, true
	}
	e.kept = true
	o = g.install(tok, e, p)
	g.stats.Installs[o]++
	return o, false
}

// Remember keeps the heat of k as that of an entry that was dropped, for t. It
// returns what a refill wants to know; false: the graph knows the key already,
// or t wants no memory.
func (g *Graph) Remember(k *Kept, t *Template) (Dropped, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.regs[t] == nil || g.shelf.peek(k.Key) != nil || g.ghosts.has(k.Key) {
		return Dropped{}, false
	}
	if !t.Remember {
		g.vault.forget(k.Key)
		return Dropped{}, false
	}
	const why = "restart"
	gh := &ghost{key: k.Key, url: k.URL, cause: why, t: t, args: k.Args, hits: k.Hits, weight: k.weight, cost: k.Cost,
		stored: k.Stored, expires: k.Expires, last: k.happening()}
	g.ghosts.put(gh)
	if k.entry {
		g.vault.keepGhost(gh)
	}
	return Dropped{Key: k.Key, URL: k.URL, Template: t, Args: k.Args, Hits: k.Hits, Cost: k.Cost, Cause: why}, true
}

// Discard forgets what the file says of a key, unless the graph knows better.
func (g *Graph) Discard(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shelf.peek(key) == nil && !g.ghosts.has(key) {
		g.vault.forget(key)
	}
}

// OpenWrites is how many writes that may touch the source have not settled.
func (g *Graph) OpenWrites(source string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for i := range g.open {
		if i.d.source == "" || i.d.source == source {
			n++
		}
	}
	return n
}

// happening is the cause as it was printed then.
func (k *Kept) happening() *happening {
	if k.Cause == nil {
		return nil
	}
	return &happening{rule: k.Cause.Rule, by: k.Cause.By, table: k.Cause.Table, text: k.Cause.Detail, at: k.Cause.At, occ: -1}
}

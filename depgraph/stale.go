package depgraph

import (
	"container/list"
	"time"
)

// What may be shown of an answer that is known to be outdated, by those who say
// so (Template.KeepStale). An entry whose lifetime ended stays in the graph for
// that long, like any other; the payload of one that a write ended stays with
// its ghost. All bodies of ghosts together take at most staleFraction of
// MaxBytes, which the entries then do not get, and the oldest go first.
//
// For an Eventual template the graph promises, one key at a time:
//
//	E1  Get and Stale, taken together, never go back: what they give was read
//	    no earlier than anything that was offered to Install before
//	E2  the answer that Stale gives was right at Since, or at a later moment
//	E3  Settle and Lose end what a write may have changed, as for every entry:
//	    Get gives none of it afterwards
//	E4  what a purge names is not given by Stale either
//
// E1 is why a refused fill ends the entry of its key. Nothing suspends that
// entry, so it would be a hit again after somebody was answered from a later
// state:
//
//	1 e is fresh, W publishes, W commits
//	2 R demands a new read, reads W's rows, offers them: Overtaken, W is open
//	3 R is answered with W's rows
//	4 another GET would hit e, from before W

// Stale is the last answer of a key that has no fresh one.
type Stale struct {
	Payload any
	Stored  time.Time
	Since   time.Time // from when on it may have been wrong
}

// Stale finds what may be shown of a key instead of a fresh answer, for as long
// as the template keeps it.
func (g *Graph) Stale(t *Template, key string) (Stale, bool) {
	if t == nil || t.KeepStale <= 0 {
		return Stale{}, false
	}
	now := g.now()
	if s, ok := g.ghosts.stale(t, key, now); ok {
		return s, true
	}
	e := g.shelf.peek(key)
	if e == nil || e.Template != t || e.isGone() || !e.expired(now) || e.over(now) {
		return Stale{}, false
	}
	return Stale{e.Payload, e.Stored, e.Expires}, true
}

// over tells that nobody may be shown the entry any more.
func (e *Entry) over(now time.Time) bool {
	return e.expired(now) && !now.Before(e.Expires.Add(e.Template.KeepStale))
}

// suspends tells whether entries of t are held while a write is open.
func (g *Graph) suspends(t *Template) bool { return !g.sabotage.NoSuspension && !t.Eventual }

// Lose ends the entries that Publish left in service (Template.Eventual). It is
// for a write whose client is answered while it stays open, because nobody
// knows whether it will take effect.
func (i *Intent) Lose() []Dropped {
	g := i.g
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	if i.settled {
		return nil
	}
	var lost []*Entry
	for n, e := range i.affected {
		if e.Template.Eventual && !e.isGone() {
			e.last.Store(i.ended[n])
			lost = append(lost, e)
		}
	}
	for n, r := range i.wide {
		if !r.t.Eventual {
			continue
		}
		for _, e := range r.entries() {
			e.last.Store(i.wideEnded[n])
			lost = append(lost, e)
		}
	}
	return g.remove(lost, i.d.cause, causeWrite)
}

// supersede keeps E1 when e was refused: what was kept of its key goes, and e
// takes its place among what may be shown, unless a purge named it. Fills of
// one key follow one another (rehydrate); one that began earlier than what is
// kept changes nothing.
func (g *Graph) supersede(tok Token, e *Entry, o InstallOutcome) {
	t := e.Template
	if g.regs[t] == nil || !t.Eventual {
		return
	}
	if old := g.shelf.peek(e.Key); old != nil && old != e && old.Template == t {
		if old.began > tok.at {
			return
		}
		g.remove([]*Entry{old}, "replaced", causeReplaced)
	}
	if !g.ghosts.strip(e.Key, tok.at) || o != Overtaken || e.Asked.IsZero() || g.purgedSince(tok, e) {
		return
	}
	gh := g.ghosts.take(e.Key)
	if gh == nil {
		gh = &ghost{key: e.Key, url: e.URL, cause: "overtaken", t: t, args: e.Args, hits: e.Hits(), cost: e.Cost, expires: e.Expires}
	}
	gh.stored = e.Stored
	gh.body = g.bodyOf(e, tok.at, e.Asked)
	g.ghosts.put(gh)
}

// purgedSince tells whether a purge named e since the token.
func (g *Graph) purgedSince(tok Token, e *Entry) bool {
	return g.log.since(tok, func(ev event) bool {
		p, ok := ev.(purged)
		return ok && p.mayTouch(g, e.Template, e.Args, e)
	})
}

// lastRight is the latest moment at which an entry that goes is known to have
// been right; zero when nobody may be shown it.
func lastRight(e *Entry, cause removal) time.Time {
	switch end := e.last.Load(); {
	case cause == causeExpired:
		return e.Expires
	case cause != causeWrite || end == nil:
		return time.Time{}
	case !e.Expires.IsZero() && e.Expires.Before(end.at):
		return e.Expires
	default:
		return end.at
	}
}

// body is the answer that a ghost keeps.
type body struct {
	payload any
	size    int64
	began   uint64 // the token of its fill
	since   time.Time
	place   *list.Element // in ghosts.bodies
}

// bodyOf is what is kept of e; nil when it would be shown to nobody.
func (g *Graph) bodyOf(e *Entry, began uint64, since time.Time) *body {
	if since.IsZero() || e.Payload == nil || e.Template.KeepStale <= 0 || g.now().Sub(since) >= e.Template.KeepStale {
		return nil
	}
	return &body{payload: e.Payload, size: max(e.Size, 0), began: began, since: since}
}

// stale finds the body of a ghost. One that is too old is forgotten.
func (h *ghosts) stale(t *Template, key string, now time.Time) (Stale, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	el := h.byKey[key]
	if el == nil {
		return Stale{}, false
	}
	gh := el.Value.(*ghost)
	switch {
	case gh.t != t || gh.body == nil:
		return Stale{}, false
	case now.Sub(gh.body.since) >= t.KeepStale:
		h.bury(gh)
		return Stale{}, false
	}
	return Stale{gh.body.payload, gh.stored, gh.body.since}, true
}

// bodyStats counts the bodies.
func (h *ghosts) bodyStats() (count int, bytes, buried int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bodies.Len(), h.bodyBytes, h.buried
}

// strip takes the body from the ghost of key, unless its fill began later.
func (h *ghosts) strip(key string, began uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	el := h.byKey[key]
	if el == nil {
		return true
	}
	gh := el.Value.(*ghost)
	if gh.body != nil && gh.body.began > began {
		return false
	}
	h.bury(gh)
	return true
}

// purge takes the bodies of the ghosts that f names. Which rows were in them is
// forgotten, so a record names all that read its table (I7).
func (h *ghosts) purge(f Filter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for el := h.bodies.Front(); el != nil; {
		gh := el.Value.(*ghost)
		el = el.Next()
		if f.ofTemplate(gh.t) && (f.Key == "" || f.Key == gh.key) && (f.URL == "" || f.URL == gh.url) &&
			(f.Record == nil || gh.t.reads(lower(f.Record.Table))) {
			h.bury(gh)
		}
	}
}

// shelve counts the body of a ghost that was put. Past the bound the oldest go.
func (h *ghosts) shelve(gh *ghost) {
	if gh.body == nil {
		return
	}
	gh.body.place = h.bodies.PushBack(gh)
	h.bodyBytes += gh.body.size
	for h.bodyBytes > h.maxBodies {
		h.bury(h.bodies.Front().Value.(*ghost))
		h.buried++
	}
}

// bury forgets the body of a ghost.
func (h *ghosts) bury(gh *ghost) {
	if gh.body == nil {
		return
	}
	if gh.body.place != nil {
		h.bodies.Remove(gh.body.place)
		h.bodyBytes -= gh.body.size
	}
	gh.body = nil
}

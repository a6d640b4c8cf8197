package depgraph

import "sync/atomic"

// removal is why an entry left, for the counters.
type removal uint8

const (
	causeWrite removal = iota
	causeReplaced
	causeEvicted
	causeExpired
	causePurged
	causeUnregistered
	removals
)

// remembered tells whether such an entry leaves a ghost. An evicted one is
// absent, not stale: bringing it back would fight the policy.
func (r removal) remembered() bool {
	return r == causeWrite || r == causeExpired || r == causePurged
}

const outcomes = Unregistered + 1

// tally is guarded by Graph.mu.
type tally struct {
	Installs                           [outcomes]int64
	Removed                            [removals]int64
	Writes, RolledBack, Affected, Wide int64
	SettledAgain, OpenOverflow         int64
	Candidates, CoarseOverflow, Alarms int64
	StoreErrors, DebrisForgotten       int64
	Lookups                            int64
	AffectedRow, AffectedWhole         int64
}

// counters are atomic, for those who do not hold the lock.
type counters struct {
	gets    [4]atomic.Int64 // by State
	widened atomic.Int64
}

// Stats counts what the graph holds and did. All but the first group only grow.
type Stats struct {
	Entries int   // == Installs - Replaced - Dropped - Evictions - Expired - Purged - Unregistered
	Bytes   int64 // estimate for Entries, at most MaxBytes
	Stale   int   // ghosts: dropped entries whose heat is remembered
	// StaleBodies of them, of StaleBytes, may still be shown.
	StaleBodies int
	StaleBytes  int64
	Suspended   int // entries held by an open write, a part of Entries
	Open        int // writes that are published and not settled
	Templates   int
	Shapes      int // kinds of condition that an image is looked up in
	Coarse      int // pairs of entry and occurrence that every image is held against

	// Gets == Hits + MissesAbsent + MissesSuspended + MissesStale.
	Gets, Hits, MissesAbsent, MissesSuspended, MissesStale int64

	// Offered == Installs + Overtaken + Outdated + TooLarge + NoTemplate +
	// Failed: what became of the entries given to Install.
	Offered, Installs, Overtaken, Outdated, TooLarge, NoTemplate, Failed int64

	// How entries left.
	Replaced, Dropped, Evictions, Expired, Purged, Unregistered int64

	Writes     int64 // == Open + settled ones
	RolledBack int64 // settled as rolled back
	// Affected and SparedBy count pairs of write and entry; for each write they
	// add up to the Entries there were.
	Affected int64
	SparedBy map[Rule]int64
	// AffectedBy counts the same pairs by rule, once the write has settled: what
	// a lookup spares in between leaves Affected, but never was in here.
	AffectedBy map[Rule]int64
	// Candidates are what the index named. Affected - those of wide writes <=
	// Candidates; the closer, the better the index.
	Candidates int64

	Lookups         int64 // questions for the partners of changed rows
	Wide            int64 // templates suspended as a whole by a write
	Widened         int64 // rows, conditions and templates that could not be evaluated
	CoarseOverflow  int64 // occurrences on the coarse list because a bound was met
	OpenOverflow    int64 // writes published by table since too many were open
	LogTrimmed      int64 // settled writes that left the log
	GhostsForgotten int64 // ghosts that made room
	StaleBuried     int64 // outdated answers that made room
	SettledAgain    int64 // calls of Settle after the first; harmless
	StoreErrors     int64 // operations that the store failed
	DebrisForgotten int64 // items left behind after such failures
	// Alarms counts what should never happen and was repaired: an entry that a
	// write affects outside what it suspended, a lookup or a removal that the
	// store failed. Anything but 0 is a bug.
	Alarms int64
}

// Stats returns the counters of one moment.
func (g *Graph) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	t, in, out := &g.stats, &g.stats.Installs, &g.stats.Removed
	s := Stats{
		Entries: len(g.byID), Bytes: g.bytes, Suspended: g.suspended(), Open: len(g.open), Templates: len(g.regs),
		Hits:            g.n.gets[StateFresh].Load(),
		MissesAbsent:    g.n.gets[StateAbsent].Load(),
		MissesSuspended: g.n.gets[StateSuspended].Load(),
		MissesStale:     g.n.gets[StateStale].Load(),
		Installs:        in[Installed], Overtaken: in[Overtaken], Outdated: in[Outdated], TooLarge: in[TooLarge],
		NoTemplate: in[Unregistered], Failed: in[Failed],
		Replaced: out[causeReplaced], Dropped: out[causeWrite], Evictions: out[causeEvicted],
		Expired: out[causeExpired], Purged: out[causePurged], Unregistered: out[causeUnregistered],
		Writes: t.Writes, RolledBack: t.RolledBack, Affected: t.Affected, SparedBy: map[Rule]int64{},
		AffectedBy: map[Rule]int64{RuleRow: t.AffectedRow, RuleWhole: t.AffectedWhole},
		Candidates: t.Candidates, Lookups: t.Lookups, Wide: t.Wide, Widened: g.n.widened.Load(), CoarseOverflow: t.CoarseOverflow,
		OpenOverflow: t.OpenOverflow, LogTrimmed: g.log.trimmed, SettledAgain: t.SettledAgain,
		StoreErrors: t.StoreErrors, DebrisForgotten: t.DebrisForgotten, Alarms: t.Alarms,
	}
	s.Stale, _, s.GhostsForgotten = g.ghosts.stats()
	s.StaleBodies, s.StaleBytes, s.StaleBuried = g.ghosts.bodyStats()
	s.Gets = s.Hits + s.MissesAbsent + s.MissesSuspended + s.MissesStale
	for _, n := range in {
		s.Offered += n
	}
	for rule, n := range g.sparedBy {
		s.SparedBy[rule] = n
	}
	for _, r := range g.regs {
		for _, o := range r.occs {
			s.Shapes += len(o.shapes)
			s.Coarse += o.coarse
		}
	}
	return s
}

// suspended counts the entries that open writes hold.
func (g *Graph) suspended() int {
	held := map[*Entry]bool{}
	for i := range g.open {
		for _, e := range i.affected {
			if e.State() == StateSuspended {
				held[e] = true
			}
		}
	}
	n := len(held)
	for _, r := range g.regs {
		if r.wide.Load() == 0 {
			continue
		}
		for e := r.head.next; e != &r.head; e = e.next {
			if !held[e] {
				n++
			}
		}
	}
	return n
}

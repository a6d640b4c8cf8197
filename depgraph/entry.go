package depgraph

import (
	"sync/atomic"
	"time"
	"unsafe"

	"edgecache/source"
	"edgecache/sqlparse"
)

// State says what may be done with the response of a key.
type State uint8

const (
	// StateAbsent: nothing is known of it.
	StateAbsent State = iota
	// StateFresh: it may be served now.
	StateFresh
	// StateSuspended: a write that may change it is under way. It reads
	// through to the source, and what is read is not stored.
	StateSuspended
	// StateStale: a write, its age or a purge ended it; how hot it was is
	// remembered.
	StateStale
)

func (s State) String() string {
	return [...]string{"absent", "fresh", "suspended", "stale"}[s]
}

// Record names one row: its table and its key, the key column values printed
// plainly and joined with "," when composite.
type Record struct{ Table, Key string }

// Entry is a stored response with its read set. The exported fields are set by
// whoever fills it and must not change once it was given to Install. An Entry
// is installed at most once.
type Entry struct {
	// Key covers everything that the response depends on, identity included.
	Key, URL string
	Template *Template
	Args     sqlparse.Args
	// Records are rows known to be in the answer.
	Records []Record
	// RecordsUnknown holds, in lower case, the tables whose rows in the answer
	// are not known.
	RecordsUnknown map[string]bool
	// Held is what the answer itself tells about writes; nil tells nothing.
	Held *sqlparse.Held
	// Payload is the response, ready to write; the graph never looks into it.
	Payload any
	// Size is the bytes of payload and key.
	Size int64
	// Stored is when it was filled, Expires when it is no longer served; a
	// zero Expires is never. Asked is a moment between the fill's token and its
	// snapshot; it may be zero where nobody is shown what is outdated.
	Stored, Expires, Asked time.Time
	// Cost is the source's time for the fill.
	Cost time.Duration

	hits atomic.Int64
	// state counts the open writes that suspend this entry; the bit gone is
	// set, for good, when it has left the graph.
	state atomic.Int64
	reg   *registration // set before the entry can be found
	// last is what ended the entry of this key the last time, and, once this
	// one has gone, what ended it.
	last atomic.Pointer[happening]

	// The rest is guarded by Graph.mu.
	id         uint64 // 0: never installed; later ones are larger
	weight     int64
	began      uint64   // the token of its fill
	found      uint64   // the time of the last write that affects it
	kept       bool     // its record is in the vault already
	guest      bool     // the eviction policy does not know its weight yet
	items      []string // keys of its items in the store
	shapes     []*shape // each shape that it counts in, once
	coarse     []*occurrence
	prev, next *Entry
	slot       int // in Graph.all
}

const gone = int64(1) << 62

// Hits is how often it was served, its predecessors' share included.
func (e *Entry) Hits() int64 { return e.hits.Load() }

// State tells what may be done with the entry; StateAbsent when it is not, or
// no longer, in a graph. It knows no clock: whether the entry has expired is
// for Graph.Get to say.
//
// NB: the template's count is read before the entry's own. Settle sets gone
// before it takes the template's count down, so whoever sees that count at zero
// after the write sees gone too. Read the other way round, a reader could take
// the entry's state from before the write and the template's from after it,
// and serve what another reader already saw replaced.
func (e *Entry) State() State {
	if e.reg == nil {
		return StateAbsent
	}
	wide := e.reg.wide.Load()
	switch s := e.state.Load(); {
	case s&gone != 0:
		return StateAbsent
	case s != 0 || wide != 0:
		return StateSuspended
	}
	return StateFresh
}

func (e *Entry) isGone() bool { return e.state.Load()&gone != 0 }

func (e *Entry) expired(now time.Time) bool {
	return !e.Expires.IsZero() && !now.Before(e.Expires)
}

// Estimated bytes that are not in the fields themselves. TestWeight holds the
// sum against the heap.
const (
	itemOverhead  = 96  // a buntdb item, its place in the tree, our own reference
	rectOverhead  = 176 // a leaf of the spatial tree with its decoded sides
	entryOverhead = 192 // the map's node, the number's place, allocation slack
	argOverhead   = int64(unsafe.Sizeof(sqlparse.Arg{}))
	valueOverhead = int64(unsafe.Sizeof(source.Value{}))
	recordBytes   = int64(unsafe.Sizeof(Record{}))
)

// weigh estimates the memory that e takes with everything that goes when it
// goes: payload, metadata, and its items in the store.
func weigh(e *Entry, items []item) int64 {
	w := max(e.Size, 0) + int64(unsafe.Sizeof(Entry{})) + entryOverhead + int64(len(e.URL))
	w += argsBytes(e.Args) + e.last.Load().size()
	for _, r := range e.Records {
		w += recordBytes + int64(len(r.Table)+len(r.Key))
	}
	for t := range e.RecordsUnknown {
		w += int64(len(t)) + 48
	}
	for _, it := range items {
		w += itemOverhead + int64(len(it.key)+len(it.value))
		if it.key[0] == 's' {
			w += rectOverhead
		}
	}
	return w
}

func argsBytes(args sqlparse.Args) int64 {
	var w int64
	for _, a := range args {
		w += argOverhead + int64(a.Value.Len())
		for _, v := range a.List {
			w += valueOverhead + int64(v.Len())
		}
	}
	return w
}

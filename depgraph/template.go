package depgraph

import (
	"sync/atomic"
	"time"

	"edgecache/source"
	"edgecache/sqlparse"
)

// Occurrence is one mention of a table in a query. Its methods are pure: they
// depend on their arguments only, and may be called at any time, from many
// goroutines, also while the graph is locked.
type Occurrence interface {
	// TableName is the table as declared.
	TableName() string
	// AliasName is the name that the query gives it, or TableName.
	AliasName() string
	// Reads tells whether the query reads the column at that position.
	Reads(col int) bool
	// Unchanged tells that an UPDATE provably changes nothing that is read.
	Unchanged(c *source.Change) bool
	// Region over-approximates the rows that the local condition can select.
	Region(args sqlparse.Args) (r sqlparse.Region, tight bool)
	// Match evaluates the local condition on a row image.
	Match(args sqlparse.Args, row source.Row) sqlparse.Truth
	// Describe prints the local condition with its arguments, "" for none.
	Describe(args sqlparse.Args) string
}

// Columned is what an Occurrence may implement besides: the names of its
// table's columns in order. With it a row image of another length is known to
// be none of this table as the template understands it, and widens; and
// reasons name columns.
type Columned interface {
	ColumnNames() []string
}

// Holder is what an Occurrence may implement besides: proofs that go beyond its
// condition, and rest on what a stored answer itself tells. They must follow on
// one another: from "the answer is right before the write" to "it is right after
// it", in any state of the database.
type Holder interface {
	// Confined is Region, less what the held answer excludes.
	Confined(args sqlparse.Args, held *sqlparse.Held) sqlparse.Region
	// Spared names the rule that proves that a row change leaves the answer as
	// it is, "" for none; before and after tell which images may be used.
	Spared(args sqlparse.Args, held *sqlparse.Held, partners *sqlparse.Partners, c *source.Change, before, after bool) string
}

// Template is what all responses of one endpoint have in common. It must not
// change once it is registered.
type Template struct {
	Endpoint string // its name
	Variant  string // canonical choice values, "" when it has none
	Source   string // the configured source; "" may be any
	// Occurrences lists every mention of a table.
	Occurrences []Occurrence
	// Fingerprint stands for all that a response depends on besides data and
	// arguments: the statement's text, how it is rendered. What was kept under
	// another one is not restored.
	Fingerprint string
	// Eventual leaves entries in service while a write that may change them is
	// open; they go when it settles.
	Eventual bool
	// KeepStale is how long the answer of an entry that a write or its age ended
	// may still be shown by those who say that it is outdated (Graph.Stale).
	KeepStale time.Duration
	// Remember keeps a ghost of dropped entries, whose heat the next fill
	// inherits.
	Remember bool
}

// reads tells whether the template mentions the table, given in lower case.
func (t *Template) reads(table string) bool {
	for _, o := range t.Occurrences {
		if lower(o.TableName()) == table {
			return true
		}
	}
	return false
}

// registration is a Template in the graph, with its entries. All but wide is
// guarded by Graph.mu.
type registration struct {
	t      *Template
	number int // in order of registration
	// wide counts the open writes that suspend every entry at once.
	wide atomic.Int64
	occs []*occurrence
	// head is the ring of entries in order of installation; its own fields
	// but prev and next are unused.
	head  Entry
	count int
}

// occurrence is what the graph keeps per mention of a table.
type occurrence struct {
	Occurrence
	table  string // lower case
	number int    // unique in the graph
	shapes map[string]*shape
	coarse int // entries on the coarse list
}

func newRegistration(t *Template, number func() int) *registration {
	r := &registration{t: t, number: number()}
	r.head.prev, r.head.next = &r.head, &r.head
	for _, o := range t.Occurrences {
		r.occs = append(r.occs, &occurrence{
			Occurrence: o, table: lower(o.TableName()), number: number(), shapes: map[string]*shape{},
		})
	}
	return r
}

// link appends e to the ring.
func (r *registration) link(e *Entry) {
	e.prev, e.next = r.head.prev, &r.head
	e.prev.next, e.next.prev = e, e
	r.count++
}

func (r *registration) unlink(e *Entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	r.count--
}

// entries lists the ring, oldest first.
func (r *registration) entries() []*Entry {
	out := make([]*Entry, 0, r.count)
	for e := r.head.next; e != &r.head; e = e.next {
		out = append(out, e)
	}
	return out
}

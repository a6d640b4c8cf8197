package sqlparse

import (
	"edgecache/source"
)

// ColumnSet is a set of column positions of one table.
type ColumnSet []uint64

// Has tells whether column i is in the set.
func (s ColumnSet) Has(i int) bool { return i >= 0 && i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

// With returns the set with i added; the receiver may be reused.
func (s ColumnSet) With(i int) ColumnSet {
	for len(s) <= i/64 {
		s = append(s, 0)
	}
	s[i/64] |= 1 << (i % 64)
	return s
}

// Occurrence is one mention of a table in a query: what the query reads of it,
// and which of its rows can influence the answer.
type Occurrence struct {
	Table   *source.Table
	Alias   string
	Columns ColumnSet // read anywhere in the query
	// Rowid tells that a rowid that is no column is read.
	Rowid bool
	// Filter prints the local condition, "" when there is none.
	Filter string
	// RecordColumns are the positions in the result of the columns that make
	// up the table's key in each result row; nil when rows do not carry it.
	RecordColumns []int

	dialect Dialect
	marked  ColumnSet // mentioned, as far as our own reading saw
	conds   []condition
	uses    uses
	asked   ColumnSet // read by what is executed, for the sake of proofs alone
	hold    *holding  // what a stored answer tells about its rows, nil for nothing
	names   []string  // of the template's parameters
}

// mark notes a mention of column i; o may be nil and i no column.
func (o *Occurrence) mark(i int) {
	if o != nil && i >= 0 {
		o.marked = o.marked.With(i)
	}
}

func (o *Occurrence) markAll() {
	for i := range o.Table.Columns {
		o.mark(i)
	}
}

// TableName is the occurrence's table as declared.
func (o *Occurrence) TableName() string { return o.Table.Name }

// AliasName is what the query calls the occurrence.
func (o *Occurrence) AliasName() string { return o.Alias }

// ColumnNames are the names of the table's columns, in the order of its images.
func (o *Occurrence) ColumnNames() []string {
	names := make([]string, len(o.Table.Columns))
	for i := range o.Table.Columns {
		names[i] = o.Table.Columns[i].Name
	}
	return names
}

// Reads tells whether the query, or what is asked for besides, reads the column
// at position i.
func (o *Occurrence) Reads(i int) bool { return o.Columns.Has(i) || o.asked.Has(i) }

// Unchanged tells that an UPDATE with these images provably changes nothing
// that the occurrence reads: every column it reads is known in both images
// and identical in type and bytes. A collation does not count: 'a' and 'A'
// differ in an answer.
func (o *Occurrence) Unchanged(c *source.Change) bool {
	n := len(o.Table.Columns)
	if c.Op != source.OpUpdate || len(c.Before) != n || len(c.After) != n || o.Rowid && c.RowidChanged {
		return false
	}
	for i := range n {
		if o.dialect == SQLite && o.Table.Columns[i].Generated == source.GeneratedVirtual {
			continue // reads as all the columns that it may be computed from
		}
		if o.Reads(i) && (c.Before[i].IsUnknown() || c.Before[i] != c.After[i]) {
			return false
		}
	}
	return true
}

// Region over-approximates the rows that the occurrence's condition can
// select with these arguments. tight tells that it holds exactly those rows
// for which Match is True.
func (o *Occurrence) Region(args Args) (r Region, tight bool) {
	n := narrower{o, args}
	r, tight = Everything(), true
	for _, c := range o.conds {
		if !o.counts(c, args) {
			continue
		}
		s, t := n.region(c.e, false)
		next, ok := intersectRegions(r, s)
		if !ok {
			tight = false
			continue
		}
		r, tight = next, tight && t
	}
	return r, tight
}

// Match evaluates the local condition on a row image. A row that does not
// MayMatch contributes nothing to the answer in any state of the database.
func (o *Occurrence) Match(args Args, row source.Row) Truth {
	if len(row) != len(o.Table.Columns) {
		return Undecided // the table has changed under us
	}
	v := env{dialect: o.dialect, args: args, occ: o, row: row}
	t := tTrue
	for _, c := range o.conds {
		if o.counts(c, args) {
			t = t.and(v.truth(c.e))
		}
	}
	return t.public()
}

// counts tells whether a condition confines the occurrence with these
// arguments: one that must reject NULLs is tried on a row of NULLs.
func (o *Occurrence) counts(c condition, args Args) bool {
	if !c.rejects {
		return true
	}
	nulls := make(source.Row, len(o.Table.Columns))
	for i := range nulls {
		nulls[i] = source.Null()
	}
	v := env{dialect: o.dialect, args: args, occ: o, row: nulls, nullRow: true}
	return v.truth(c.e)&tTrue == 0
}

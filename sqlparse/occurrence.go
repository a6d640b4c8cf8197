package sqlparse

import "edgecache/source"

// ColumnSet is a set of column positions of one table.
type ColumnSet []uint64

// Has tells whether column i is in the set.
func (s ColumnSet) Has(i int) bool { return i/64 < len(s) && s[i/64]&(1<<(i%64)) != 0 }

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
	// Rowid tells that the rowid itself is read.
	Rowid bool
	// Filter prints the local condition, "" when there is none.
	Filter string
	// RecordColumns are the positions in the result of the columns that make
	// up the table's key in each result row; nil when rows do not carry it.
	RecordColumns []int
}

// TableName is the occurrence's table as declared.
func (o *Occurrence) TableName() string { return o.Table.Name }

// Reads tells whether the query reads the column at position i.
func (o *Occurrence) Reads(i int) bool { return o.Columns.Has(i) }

// Unchanged tells that an UPDATE with these images provably changes nothing
// that the occurrence reads: every column it reads is known in both images
// and identical in type and bytes.
func (o *Occurrence) Unchanged(c *source.Change) bool { return false }

// Region over-approximates the rows that the occurrence's condition can
// select with these arguments. tight tells that it holds exactly those rows
// for which Match is True.
func (o *Occurrence) Region(args Args) (r Region, tight bool) { return Everything(), false }

// Match evaluates the local condition on a row image. A row that does not
// MayMatch contributes nothing to the answer in any state of the database.
func (o *Occurrence) Match(args Args, row source.Row) Truth { return Undecided }

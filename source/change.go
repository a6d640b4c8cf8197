package source

import (
	"fmt"
	"sort"
	"strings"
)

// Op is what happened to a row.
type Op uint8

const (
	OpInsert Op = iota + 1
	OpUpdate
	OpDelete
)

func (o Op) String() string { return [...]string{"?", "INSERT", "UPDATE", "DELETE"}[o] }

// Change is one row change with its images. Before is nil on INSERT, After is
// nil on DELETE. Values that could not be read exactly are Unknown.
type Change struct {
	Table  string // as declared
	Op     Op
	Before Row
	After  Row
	// RowidChanged tells that an UPDATE moved the row to another rowid, which
	// no column of the images need show.
	RowidChanged bool
}

// String prints the change in one line: UPDATE users (1, 'a') -> (1, 'b').
func (c Change) String() string {
	switch c.Op {
	case OpInsert:
		return fmt.Sprintf("INSERT %s %s", c.Table, c.After)
	case OpDelete:
		return fmt.Sprintf("DELETE %s %s", c.Table, c.Before)
	}
	return fmt.Sprintf("UPDATE %s %s -> %s", c.Table, c.Before, c.After)
}

// WriteSet is everything that one transaction changes, or may change. An
// absent table is provably untouched; nothing else is a proof.
type WriteSet struct {
	// Source is the configured name of the source that is written.
	Source string
	// Changes are row images in the order in which they happened. Images of
	// statements that were undone may be among them: they only widen.
	Changes []Change
	// Assigned holds, for tables that the statements only UPDATE, the columns
	// that they may set, by lower-cased table name. It names the rule of a
	// verdict; it never is the proof.
	Assigned map[string][]int
	// Whole names tables whose changes are not known by row, and why: every
	// row of them may have changed in every column.
	Whole map[string]string
	// WholeColumns holds, for those tables in Whole that the write only
	// UPDATEs, every column, by position, in which a row may differ afterwards,
	// by lower-cased table name. It is a proof: no row came or went, and no other
	// column changed. A table in Whole that is absent here is not confined.
	WholeColumns map[string][]int
	// Everything, when not empty, says why any table may have changed.
	Everything string
	// SchemaChanged tells that tables, views or triggers may have changed too.
	SchemaChanged bool
	// Look, where the source has it, reads inside the transaction, after its
	// last statement: the state right after this write and right before every
	// later one, since nobody else can write in between. It is there only while
	// beforeCommit runs, and is nil where that cannot be promised.
	Look func(st Statement, lim Limits) (*Result, error)
}

// Empty tells that nothing at all changed.
func (w *WriteSet) Empty() bool {
	return len(w.Changes) == 0 && len(w.Whole) == 0 && w.Everything == ""
}

// Tables lists the touched tables, lower-cased and sorted.
func (w *WriteSet) Tables() []string {
	seen := map[string]bool{}
	for i := range w.Changes {
		seen[strings.ToLower(w.Changes[i].Table)] = true
	}
	for t := range w.Whole {
		seen[strings.ToLower(t)] = true
	}
	out := make([]string, 0, len(seen))
	for t := range seen {
		out = append(out, t)
	}
	sort.Strings(out)
	return out
}

// String prints one line a change, then one a whole table.
func (w *WriteSet) String() string {
	var b strings.Builder
	for _, c := range w.Changes {
		b.WriteString(c.String() + "\n")
	}
	whole := make([]string, 0, len(w.Whole))
	for t, why := range w.Whole {
		whole = append(whole, fmt.Sprintf("WHOLE %s: %s\n", t, why))
	}
	sort.Strings(whole)
	b.WriteString(strings.Join(whole, ""))
	if w.Everything != "" {
		b.WriteString("EVERYTHING: " + w.Everything + "\n")
	}
	return b.String()
}

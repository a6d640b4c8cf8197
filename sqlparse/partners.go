package sqlparse

import (
	"slices"
	"strconv"
	"strings"

	"edgecache/source"
)

// A row that satisfies its own condition may still be in no row of an answer,
// because no partner completes it. Which rows of the query's FROM hold a
// changed row is asked of the database inside the write's transaction, once for
// all instances of a template: the conditions without parameters go into the
// question, those with parameters are evaluated on what comes back.
//
// What comes back is the state right after the write and right before every
// later one, provided that nobody else can write in between; whoever asks must
// see to that. Then it proves, as the rules of held.go do, the step from the
// right answer before the write to the right answer after it: a row that was in
// no row of the answer and that is afterwards in no row of the result, or only
// in rows beyond the held ones, changes nothing.

// completion is how the rows of one occurrence are completed.
type completion struct {
	sql   string
	key   []int     // of the occurrence's table, in the order of the placeholders
	cols  []*column // what each row of the answer gives
	tests []*expr   // lowered; what the question left open
}

// Partners are the rows of a query's FROM that hold one changed row.
type Partners struct{ rows []source.Row }

// Bounds of a completion.
const (
	// maxPartners is how many rows a changed row may be completed to.
	maxPartners = 64
	// maxPartnerColumns is how many columns each of them carries.
	maxPartnerColumns = 32
)

// complete prepares the completion of each occurrence of a join, where indexes
// lead from its key to the partners. Without a LIMIT or another table there is
// nothing that its own condition does not say.
func (f *frame) complete(a *analysis, q *query, b *block) {
	if f.dialect != SQLite || len(f.occs) < 2 {
		return
	}
	tree, tests, ok := b.openTree()
	if !ok {
		return
	}
	c := completion{tests: tests}
	var asked []string
	for _, e := range conjuncts(b.where) {
		if s := renderExpr(e); !strings.Contains(s, "?") {
			asked = append(asked, s)
			continue
		}
		c.tests = append(c.tests, lowerRows(e))
	}
	if !c.carry(f) {
		return
	}
	for _, o := range f.occs {
		if o.hold.supplied {
			continue // a row of NULLs comes in its place
		}
		own := c
		where := slices.Clone(asked)
		for _, k := range keyOf(o.Table) {
			name := b.nameOf(&column{occ: o, idx: k})
			if name == nil {
				where = nil
				break
			}
			where = append(where, quoteName(name[0])+"."+quoteName(name[1])+" = ?")
			own.key = append(own.key, k)
		}
		list := b.namesOf(own.cols)
		if len(own.key) == 0 || where == nil || list == "" {
			continue
		}
		own.sql = "SELECT " + list + " FROM " + tree + " WHERE " + strings.Join(where, " AND ") + " LIMIT " + strconv.Itoa(maxPartners+1)
		if d, err := a.in.Describe(own.sql); err == nil && searches(d.Program) {
			o.hold.completion = &own
		}
	}
}

// searches tells that SQLite's program looks every row up and reads no table or
// index from its beginning: the write lock is held while it runs.
func searches(program string) bool {
	return program != "" && !strings.Contains("\n"+program, "\nRewind ")
}

// carry lists the columns that the tests and the window need.
func (c *completion) carry(f *frame) bool {
	want := func(col *column) {
		if col.occ != nil && col.occ.hold != nil && col.idx >= 0 && place(c.cols, col) < 0 {
			c.cols = append(c.cols, col)
		}
	}
	for _, e := range c.tests {
		e.walk(func(x *expr) bool {
			if x.op == opColumn {
				want(x.col)
			}
			return true
		})
	}
	for _, t := range f.order {
		want(t.col)
	}
	return len(c.cols) <= maxPartnerColumns
}

func (b *block) namesOf(cols []*column) string {
	names := []string{"1"}
	for _, c := range cols {
		n := b.nameOf(c)
		if n == nil {
			return ""
		}
		names = append(names, quoteName(n[0])+"."+quoteName(n[1]))
	}
	return strings.Join(names, ", ")
}

func renderExpr(e *expr) string {
	var r renderer
	r.expr(e)
	return r.String()
}

// openTree renders the block's FROM without parameters. Where all joins are
// inner, their conditions are as good in WHERE, and those with parameters are
// left to the tests; an outer join must do without.
func (b *block) openTree() (tree string, tests []*expr, ok bool) {
	inner := true
	var look func(f *from)
	look = func(f *from) {
		if f != nil && f.kind != joinNone {
			inner = inner && f.kind == joinInner
			look(f.left)
			look(f.right)
		}
	}
	look(b.from)
	var open func(f *from) *from
	open = func(f *from) *from {
		if f == nil || f.kind == joinNone {
			return f
		}
		out := *f
		out.left, out.right = open(f.left), open(f.right)
		if !inner {
			return &out
		}
		var kept []*expr
		for _, e := range conjuncts(f.on) {
			if strings.Contains(renderExpr(e), "?") {
				tests = append(tests, lowerRows(e))
				continue
			}
			kept = append(kept, e)
		}
		out.on = nil
		switch len(kept) {
		case 0:
		case 1:
			out.on = kept[0]
		default:
			out.on = &expr{op: opAnd, args: kept}
		}
		return &out
	}
	var r renderer
	r.from(open(b.from))
	return r.String(), tests, !strings.Contains(r.String(), "?")
}

// Completion is the question for the rows that hold the row after the change;
// ok is false where there is none. Its answer goes to Complete.
func (o *Occurrence) Completion(c *source.Change) (st source.Statement, ok bool) {
	if o.hold == nil || o.hold.completion == nil || len(c.After) != len(o.Table.Columns) {
		return st, false
	}
	st.SQL = o.hold.completion.sql
	for _, k := range o.hold.completion.key {
		v := c.After[k]
		if v.IsNull() || v.IsUnknown() {
			return source.Statement{}, false
		}
		st.Args = append(st.Args, v)
	}
	return st, true
}

// Complete makes partners of the answer to Completion; nil when there are too
// many.
func (o *Occurrence) Complete(rows []source.Row) *Partners {
	if len(rows) > maxPartners {
		return nil
	}
	return &Partners{rows}
}

// Size is the memory that p takes, in bytes.
func (p *Partners) Size() int64 {
	n := int64(32)
	for _, r := range p.rows {
		n += 24 + int64(len(r))*16
		for _, v := range r {
			n += int64(v.Len())
		}
	}
	return n
}

// unreached tells that no completed row can be among the held rows, or before
// them.
func (h *holding) unreached(args Args, held *Held, p *Partners) bool {
	c := h.completion
	if p == nil || c == nil {
		return false
	}
	for _, r := range p.rows {
		if len(r) != len(c.cols)+1 {
			return false
		}
		v := env{dialect: h.frame.dialect, args: args, joined: c.cols, row: r[1:]}
		if v.passes(c.tests) && !v.beyond(h.frame.order, held) {
			return false
		}
	}
	return true
}

func (v *env) passes(tests []*expr) bool {
	for _, e := range tests {
		if v.truth(e)&tTrue == 0 {
			return false
		}
	}
	return true
}

// beyond tells that a whole row of the query's FROM sorts strictly after the
// last row that is held.
func (v *env) beyond(order []orderTerm, held *Held) bool {
	for i, k := range held.last {
		r, ok := v.dialect.sortKey(order[i], v.column(order[i].col))
		if !ok {
			return false
		}
		n := strings.Compare(string(r), string(k))
		if order[i].desc {
			n = -n
		}
		if n != 0 {
			return n > 0
		}
	}
	return false
}

package sqlparse

import (
	"slices"

	"edgecache/source"
)

// frame is a query of which a stored answer tells which rows are in it, and
// where it ended (held.go): where its answer carries keys and sort keys.
type frame struct {
	limit, offset *expr
	order         []orderTerm
	occs          []*Occurrence
	dialect       Dialect
	// hidden are columns that are asked for besides, for these proofs alone.
	hidden []*column
}

// orderTerm is a leading term of ORDER BY: a plain column. The first term that
// is none ends the list.
type orderTerm struct {
	col  *column
	coll source.Collation // of a COLLATE, "" for the column's own
	desc bool
	at   int // where the answer carries it
}

// holding is an occurrence directly in the frame.
type holding struct {
	index int
	frame *frame
	// supplied: an outer join may put NULLs in place of its rows.
	supplied bool
	// key are the positions of its key in the answer, keyColumns in its table;
	// both nil where the answer does not carry it.
	key, keyColumns []int
	completion      *completion // nil: none
}

// newFrame recognises the form; nil when the query is not of it.
func (a *analysis) newFrame(q *query) *frame {
	if len(q.blocks) != 1 || len(q.with) > 0 || !q.ordersRows() {
		return nil
	}
	b := q.blocks[0]
	outputs := b.plainOutputs()
	if outputs == nil || len(outputs) != len(a.desc.Columns) {
		return nil
	}
	f := &frame{limit: q.limit, offset: q.offset, dialect: a.in.Dialect}
	b.eachDirect(false, func(o *Occurrence, supplied bool) {
		// A declared dependency may be seen in ways that nobody knows: as of an
		// outer join's rows, nothing is concluded from where its rows are not.
		o.hold = &holding{index: len(f.occs), frame: f, supplied: supplied || a.declared(o.Table)}
		f.occs = append(f.occs, o)
	})
	wanted := f.wanted(q, b, outputs)
	f.hide(a, b, outputs, wanted)
	f.locate(append(slices.Clone(outputs), f.hidden...))
	f.complete(a, q, b)
	f.seeKeys()
	return f
}

// wanted lists the columns that the proofs would use and the answer does not
// carry: those of ORDER BY, and the keys. Without LIMIT and a second table the
// occurrence's own condition says as much as its keys.
func (f *frame) wanted(q *query, b *block, outputs []*column) []*column {
	var out []*column
	want := func(c *column) {
		if place(outputs, c) < 0 && place(out, c) < 0 {
			out = append(out, c)
		}
	}
	for _, it := range q.order {
		e := uncollated(it.e)
		if f.dialect == MySQL && e.op == opLiteral {
			break // TRUE is 1 to the parser, and a position to MariaDB alone
		}
		c := b.ordering(e, outputs)
		if c == nil || c.occ == nil || c.idx < 0 || c.occ.hold == nil {
			break
		}
		t := orderTerm{col: c, desc: it.desc}
		if it.e.op == opCollate {
			t.coll = source.Collation(it.e.name)
		}
		f.order = append(f.order, t)
		if q.limit != nil {
			want(c)
		}
	}
	if q.limit == nil && len(f.occs) == 1 {
		return out
	}
	for _, o := range f.occs {
		for _, k := range keyOf(o.Table) {
			want(&column{occ: o, idx: k})
		}
	}
	return out
}

// locate finds where the answer carries keys and sort keys.
func (f *frame) locate(carried []*column) {
	for i := range f.order {
		t := &f.order[i]
		if t.at = place(carried, t.col); t.at < 0 {
			f.order = f.order[:i]
			break
		}
	}
	for _, o := range f.occs {
		h := o.hold
		for _, k := range keyOf(o.Table) {
			at := place(carried, &column{occ: o, idx: k})
			if at < 0 {
				h.key, h.keyColumns = nil, nil
				break
			}
			h.key, h.keyColumns = append(h.key, at), append(h.keyColumns, k)
		}
	}
}

// seeKeys makes a change of a key count as one that the query sees, wherever a
// proof goes by the key: a row that went on under another key would be taken for
// absent by the next change, in this write or a later one, although the stored
// answer holds it, and would not be found when its partners are looked up.
func (f *frame) seeKeys() {
	for _, o := range f.occs {
		keys := o.hold.keyColumns
		if c := o.hold.completion; c != nil {
			keys = c.key
		}
		for _, k := range keys {
			o.asked = o.asked.With(k)
			o.loosen(k)
		}
	}
}

// place is where a column is among others, or -1.
func place(among []*column, c *column) int {
	for i, x := range among {
		if x != nil && x.occ == c.occ && x.idx == c.idx {
			return i
		}
	}
	return -1
}

// eachDirect visits the occurrences whose rows the block's rows are combined
// of, those of plain subqueries included.
func (b *block) eachDirect(supplied bool, visit func(o *Occurrence, supplied bool)) {
	var walk func(f *from, supplied bool)
	walk = func(f *from, supplied bool) {
		switch {
		case f == nil:
		case f.kind != joinNone:
			walk(f.left, supplied || f.kind == joinRight)
			walk(f.right, supplied || f.kind == joinLeft)
		case f.occ != nil:
			visit(f.occ, supplied)
		case f.outputs != nil:
			f.sub.blocks[0].eachDirect(supplied, visit)
		}
	}
	walk(b.from, supplied)
}

// ordering is the column that an ORDER BY term sorts by, nil if none.
func (b *block) ordering(e *expr, outputs []*column) *column {
	if n, ok := e.position(); ok {
		if n < 1 || n > len(outputs) {
			return nil
		}
		return outputs[n-1]
	}
	return b.aliased(e)
}

package sqlparse

import (
	"hash/fnv"
	"slices"
	"strings"

	"edgecache/source"
)

// A stored answer tells more about a write than its query: which rows are in
// it, and, when LIMIT cut it off, where it ended. For that the query must be
// one block whose rows are combinations of rows of its tables: no grouping,
// aggregate, DISTINCT, window function or set operator (plain.go).
//
// The proofs below start from "the stored answer is right in the state before
// the write" and end with "it is right after the write", so they follow on
// one another in the order of commits, and need neither the database nor a
// lock. A write that they do not cover drops the answer, and with it whatever
// was proved from it.

// frame is such a query: where its answer carries keys and sort keys.
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

// Held is what one stored answer tells. Its zero value and nil tell nothing.
type Held struct {
	offset bool       // rows before it were left out, or may have been
	last   []Key      // sort key of the last row, when LIMIT cut the answer off
	rows   [][]uint32 // by holding: hashes of the keys in it, sorted; nil: not known
}

// maxHeldRows bounds the rows whose keys are remembered; of a longer answer it
// is not known which rows are in it.
const maxHeldRows = 1000

// Size is the memory that h takes, in bytes.
func (h *Held) Size() int64 {
	if h == nil {
		return 0
	}
	n := int64(64)
	for _, k := range h.last {
		n += 16 + int64(len(k))
	}
	for _, r := range h.rows {
		n += 24 + 4*int64(cap(r))
	}
	return n
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

// Hold notes what an answer to the query with these arguments tells: all its
// rows, as the source returned them.
func (q *Query) Hold(args Args, rows []source.Row) *Held {
	f := q.frame
	if f == nil || len(f.occs) == 0 {
		return nil
	}
	h := &Held{rows: make([][]uint32, len(f.occs))}
	if f.offset != nil {
		n, ok := f.count(f.offset, args)
		h.offset = !ok || n > 0
	}
	if f.limit != nil && len(rows) > 0 {
		if n, ok := f.count(f.limit, args); ok && n == int64(len(rows)) {
			h.last = f.sortKey(rows[len(rows)-1])
		}
	}
	for i, o := range f.occs {
		h.rows[i] = o.hold.keys(rows)
	}
	return h
}

// count is the value of LIMIT or OFFSET.
func (f *frame) count(e *expr, args Args) (int64, bool) {
	if n, ok := e.position(); ok {
		return int64(n), true // a literal, which the parser makes unsigned here
	}
	v := env{dialect: f.dialect, args: args}
	switch n := v.value(e); {
	case n.Kind() == source.KindInt:
		return n.AsInt(), true
	case n.Kind() == source.KindUint && n.AsUint() < 1<<62:
		return int64(n.AsUint()), true
	}
	return 0, false
}

// sortKey is the sort key of a row of the answer, as far as it is known.
func (f *frame) sortKey(row source.Row) []Key {
	var out []Key
	for _, t := range f.order {
		if t.at >= len(row) {
			break
		}
		k, ok := f.dialect.sortKey(t, row[t.at])
		if !ok {
			break
		}
		out = append(out, k)
	}
	return out
}

// maxSortKey bounds the keys of texts whose order is trusted: MySQL sorts by the
// first max_sort_length bytes, 1024 in our sessions, of the text or of its
// weights, and no weight takes more than three bytes for one of the key.
const maxSortKey = 300

// sortKey is the place of a value in ORDER BY, NULL first.
func (d Dialect) sortKey(t orderTerm, v source.Value) (Key, bool) {
	on, ok := d.sortLine(t)
	if !ok {
		return "", false
	}
	k, ok := keyOn(v, on)
	return k, ok && (d != MySQL || len(k)+v.Len() <= 2*maxSortKey && len(k) <= maxSortKey)
}

// sortLine is the line on which ORDER BY sorts a column. MySQL sorts an ENUM,
// say, by another than it compares it on: only these are known to agree.
func (d Dialect) sortLine(t orderTerm) (line, bool) {
	c := &t.col.occ.Table.Columns[t.col.idx]
	if t.coll != "" {
		return line{name: t.coll}, true
	}
	switch c.Family {
	case source.FamilyEnum, source.FamilySet, source.FamilyTime, source.FamilyYear, source.FamilyBit, source.FamilyJSON, source.FamilyOther:
		if d == MySQL {
			return line{}, false
		}
	}
	on, ok := d.columnLine(c)
	return on, ok && (d != MySQL || sorts(opLt, c, on))
}

// keys are the hashes of the occurrence's keys in the answer, sorted; nil when
// they are not known. A NULL is an outer join's, or of a key that does not
// tell rows apart; the latter is asked for when a row is looked up.
func (h *holding) keys(rows []source.Row) []uint32 {
	if h.key == nil || len(rows) > maxHeldRows {
		return nil
	}
	out := make([]uint32, 0, len(rows))
	for _, r := range rows {
		k, null, ok := keyHash(r, h.key)
		if !ok {
			return nil
		}
		if !null {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// keyHash hashes a key; two keys that hash alike are taken for one row, which
// errs to affected. ok is false where a value may be written in two ways.
func keyHash(r source.Row, at []int) (h uint32, null, ok bool) {
	f := fnv.New32a()
	for _, i := range at {
		if i >= len(r) {
			return 0, false, false
		}
		v := r[i]
		switch v.Kind() {
		case source.KindNull:
			null = true
		case source.KindInt, source.KindUint, source.KindText, source.KindBlob:
			_, _ = f.Write([]byte(v.String())) // a hash takes everything
			_, _ = f.Write([]byte{0})
		default:
			return 0, false, false
		}
	}
	return f.Sum32(), null, true
}

// absent tells that a row is in none of the rows of the stored answer. The key
// tells: it is unique, and each row of the answer that the row takes part in
// carries it.
func (h *holding) absent(held *Held, row source.Row) bool {
	if h.keyColumns == nil || h.index >= len(held.rows) || held.rows[h.index] == nil {
		return false
	}
	k, null, ok := keyHash(row, h.keyColumns)
	if !ok || null {
		return false
	}
	_, found := slices.BinarySearch(held.rows[h.index], k)
	return !found
}

// beyond tells that every row of the answer that the table's row may take part
// in comes, by ORDER BY, strictly after the last row that is held. Ties are not
// beyond: they may be decided either way.
func (h *holding) beyond(held *Held, row source.Row) bool {
	for i, k := range held.last {
		t := h.frame.order[i]
		if t.col.occ.hold != h || t.col.idx >= len(row) {
			return false
		}
		r, ok := h.frame.dialect.sortKey(t, row[t.col.idx])
		if !ok {
			return false
		}
		n := strings.Compare(string(r), string(k))
		if t.desc {
			n = -n
		}
		if n != 0 {
			return n > 0
		}
	}
	return false
}

// Spared names the rule that proves that a row change leaves a stored answer
// as it is, "" for none. before and after tell which images may satisfy the
// occurrence's condition; held and partners may be nil.
//
//   - output: the query sees nothing of the change (uses.go).
//   - record: no row of the stored answer has the row in it, and the columns
//     that decide where it is used stay; so it is used where it was, and what
//     it puts out there is not in the answer. With OFFSET too, since no row
//     moves.
//   - window, record, side by side: taking the row away, then bringing it back
//     as it is afterwards. An image that its condition excludes is in no row.
//     One that sorts beyond the held rows is in none of them, and in none
//     before them. One that is absent is in none of them, and without OFFSET
//     there are none before them.
//   - join: as before, where the row is afterwards in no row of the query's FROM
//     that passes its conditions, or only in such that sort beyond (partners.go).
//
// The last two hold only for an occurrence that no outer join null-supplies:
// there, a row that goes brings a row of NULLs, which sorts elsewhere.
//
// Several changes of one write may be spared by different rules: what output and
// record map to itself keeps its place among the query's rows, and of what is
// taken away or brought, nothing is among the held rows, before or after.
func (o *Occurrence) Spared(args Args, held *Held, partners *Partners, c *source.Change, before, after bool) string {
	if o.same(args, c, true) {
		return "output"
	}
	h := o.hold
	if h == nil || held == nil {
		return ""
	}
	if c.Op == source.OpUpdate && len(c.Before) == len(o.Table.Columns) && h.absent(held, c.Before) && o.same(args, c, false) {
		return "record"
	}
	if h.supplied {
		return ""
	}
	rule := "record"
	switch {
	case !before:
	case h.beyond(held, c.Before):
		rule = "window"
	case !held.offset && h.absent(held, c.Before):
	default:
		return ""
	}
	switch {
	case !after:
	case h.beyond(held, c.After):
		rule = "window"
	case h.unreached(args, held, partners):
		rule = "join"
	default:
		return ""
	}
	return rule
}

// Confined is the occurrence's Region, less the rows that sort beyond a stored
// answer.
func (o *Occurrence) Confined(args Args, held *Held) Region {
	r, _ := o.Region(args)
	if w, ok := intersectRegions(r, o.window(held)); ok {
		return w
	}
	return r
}

// window is the region that the held rows confine the occurrence's rows to:
// outside it a row sorts beyond them. It is everything where nothing is held.
func (o *Occurrence) window(held *Held) Region {
	h := o.hold
	if h == nil || held == nil || h.supplied || len(held.last) == 0 {
		return Everything()
	}
	t := h.frame.order[0]
	if t.col.occ != o {
		return Everything()
	}
	on, ok := o.dialect.sortLine(t)
	if !ok {
		return Everything()
	}
	d := on.dim(t.col.idx)
	s := Span{BelowNull, Above(held.last[0])}
	if t.desc {
		s = Span{Below(held.last[0]), AboveAll}
	}
	return Region{Box{{d, Spans{s}}}}
}

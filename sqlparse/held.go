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

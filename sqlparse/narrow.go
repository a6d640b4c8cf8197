package sqlparse

import "edgecache/source"

// Caps of a region. Past them the builder widens, which costs candidates and
// never an answer.
const (
	maxBoxes = 32  // boxes of one region
	maxSpans = 512 // spans on one dimension
)

// narrower builds the region of a condition for one occurrence with the
// parameters bound. Every method returns a region that holds each row for
// which the condition can be True; tight says that it holds no other row.
//
// Negation is pushed to the leaves (negation normal form), so that no region
// is ever complemented: the complement of an over-approximation would be
// unsound.
type narrower struct {
	occ  *Occurrence
	args Args
}

func (n *narrower) region(e *expr, not bool) (Region, bool) {
	if constant(e) {
		return n.constant(e, not)
	}
	switch e.op {
	case opNot:
		return n.region(e.args[0], !not)
	case opAnd, opOr:
		// De Morgan: NOT (a AND b) is NOT a OR NOT b.
		if (e.op == opAnd) != not {
			return n.all(e.args, not)
		}
		return n.any(e.args, not)
	}
	if r, tight, ok := n.leaf(e, not); ok {
		return r, tight
	}
	return Everything(), false
}

// constant folds a condition that reads no column: (:p IS NULL OR c = :p)
// becomes everything, or leaves c = 'x' behind.
func (n *narrower) constant(e *expr, not bool) (Region, bool) {
	v := env{dialect: n.occ.dialect, args: n.args}
	t := negated(v.truth(e), not)
	switch {
	case t == tTrue:
		return Everything(), true
	case t&tTrue == 0:
		return Nothing(), true
	}
	return Everything(), false
}

// all intersects. A conjunct that would take too many boxes is left out: AND
// may keep one side and widen the other.
func (n *narrower) all(es []*expr, not bool) (Region, bool) {
	r, tight := Everything(), true
	for _, e := range es {
		s, t := n.region(e, not)
		next, ok := intersectRegions(r, s)
		if !ok {
			tight = false
			continue
		}
		r, tight = next, tight && t
	}
	return r, tight
}

// any unites. One disjunct without a region makes the whole everything.
func (n *narrower) any(es []*expr, not bool) (Region, bool) {
	r, tight := Nothing(), true
	for _, e := range es {
		s, t := n.region(e, not)
		r = uniteRegions(r, s)
		tight = tight && t
	}
	if len(r) > maxBoxes {
		return Everything(), false
	}
	return r, tight
}

func (n *narrower) leaf(e *expr, not bool) (r Region, tight, ok bool) {
	switch {
	case e.op.isComparison():
		o, col, other := e.op, e.args[0], e.args[1]
		if uncollated(col).op != opColumn || !constant(other) {
			col, other, o = other, col, mirrored[o]
		}
		if not {
			o = negatedOp[o]
		}
		coll, ok := compareCollation(e.args[0], e.args[1])
		if !ok && n.occ.dialect == SQLite {
			return nil, false, false
		}
		return n.comparison(o, uncollated(col), uncollated(other), coll)
	case e.op == opIs:
		return n.is(e, not)
	case e.op == opIsNull:
		return n.isNull(e.args[0], e.not != not)
	case e.op == opBetween && n.occ.dialect == MySQL && !(&env{dialect: MySQL, args: n.args}).boundsAlike(e):
		return nil, false, false
	case e.op == opBetween:
		lo, hi := pair(opGe, e.args[0], e.args[1]), pair(opLe, e.args[0], e.args[2])
		r, tight = n.region(&expr{op: opAnd, args: []*expr{lo, hi}}, e.not != not)
		return r, tight, true
	case e.op == opIn:
		return n.in(e, e.not != not)
	case e.op == opLike:
		return n.like(e, e.not != not)
	}
	return nil, false, false
}

var mirrored = map[op]op{opEq: opEq, opNe: opNe, opLt: opGt, opLe: opGe, opGt: opLt, opGe: opLe}
var negatedOp = map[op]op{opEq: opNe, opNe: opEq, opLt: opGe, opLe: opGt, opGt: opLe, opGe: opLt}

// constant tells that e reads no column and nothing that we cannot see into.
func constant(e *expr) bool {
	ok := true
	e.walk(func(x *expr) bool {
		switch x.op {
		case opColumn, opOpaque, opExists, opScalar, opInQuery:
			ok = false
		}
		return ok
	})
	return ok
}

// own returns the column that e is, if it is a stored column of our occurrence
// with an order that we know.
func (n *narrower) own(e *expr) (*source.Column, int, bool) {
	if e.op != opColumn || e.col.occ != n.occ || e.col.idx < 0 {
		return nil, 0, false
	}
	return &n.occ.Table.Columns[e.col.idx], e.col.idx, true
}

// uncollated is the operand of COLLATE, or e itself.
func uncollated(e *expr) *expr {
	for e.op == opCollate {
		e = e.args[0]
	}
	return e
}

// is becomes IS NULL or an equality, by the value of the constant side.
func (n *narrower) is(e *expr, not bool) (Region, bool, bool) {
	col, other := e.args[0], e.args[1]
	if !constant(other) {
		col, other = other, col
	}
	if not || !constant(other) {
		return nil, false, false
	}
	v := env{dialect: n.occ.dialect, args: n.args}
	switch x := v.value(other); {
	case x.IsUnknown():
		return nil, false, false
	case x.IsNull():
		return n.isNull(uncollated(col), false)
	}
	return n.leaf(pair(opEq, e.args[0], e.args[1]), false)
}

// comparison is the region of col o other, where other is constant, under a
// collation.
func (n *narrower) comparison(o op, col, other *expr, coll source.Collation) (Region, bool, bool) {
	c, i, ok := n.own(col)
	if !ok || !constant(other) || other.op == opRow {
		return nil, false, false
	}
	if n.occ.dialect == MySQL {
		v := env{dialect: MySQL, args: n.args}
		return n.againstMySQL(o, i, col, other, v.value(other))
	}
	if a, ok := affinity(other); !ok || a != source.AffinityNone {
		return nil, false, false
	}
	v := env{dialect: n.occ.dialect, args: n.args}
	return n.against(o, c, i, coll, v.value(other))
}

// against is the region of a column compared with a value. The value is
// converted as the comparison would; what is stored in the column already has
// its affinity applied, so its own conversion changes nothing.
func (n *narrower) against(o op, c *source.Column, i int, coll source.Collation, x source.Value) (Region, bool, bool) {
	switch {
	case x.IsNull():
		return Nothing(), true, true
	case x.IsUnknown():
		return nil, false, false
	case c.Affinity.IsNumeric():
		if x, ok := numberOf(x); ok {
			return n.spans(i, coll, o, x)
		}
		return nil, false, false
	case c.Affinity == source.AffinityText && (x.Kind() == source.KindInt || x.Kind() == source.KindFloat):
		s, ok := asText(x)
		if !ok {
			return nil, false, false
		}
		// The column may hold a blob, which is compared with the number
		// itself; blobs stand above numbers and texts alike.
		x = source.Text(s)
	}
	return n.spans(i, coll, o, x)
}

func (n *narrower) spans(i int, coll source.Collation, o op, x source.Value) (Region, bool, bool) {
	k, ok := KeyOf(x, coll)
	if !ok || coll == source.CollationUnknown {
		return nil, false, false
	}
	return oneDim(Dim{Column: i, Collation: coll}, spansOf(o, k)), true, true
}

// spansOf are the keys that stand in relation o to k.
func spansOf(o op, k Key) Spans {
	var s Spans
	switch o {
	case opEq:
		s = Spans{{Below(k), Above(k)}}
	case opNe:
		s = normalize([]Span{{AboveNull, Below(k)}, {Above(k), AboveAll}})
	case opLt:
		s = normalize([]Span{{AboveNull, Below(k)}})
	case opLe:
		s = normalize([]Span{{AboveNull, Above(k)}})
	case opGt:
		s = normalize([]Span{{Above(k), AboveAll}})
	case opGe:
		s = normalize([]Span{{Below(k), AboveAll}})
	}
	return s
}

// oneDim is the region that confines a single dimension.
func oneDim(d Dim, s Spans) Region {
	if len(s) == 0 {
		return Nothing()
	}
	if len(s) > maxSpans {
		return Everything()
	}
	return Region{Box{{d, s}}}
}

func (n *narrower) isNull(e *expr, not bool) (Region, bool, bool) {
	c, i, ok := n.own(e)
	if !ok {
		return nil, false, false
	}
	l, ok := n.occ.dialect.columnLine(c)
	if !ok {
		return nil, false, false
	}
	s := Spans{{BelowNull, AboveNull}}
	if not {
		s = Spans{{AboveNull, AboveAll}}
	}
	return oneDim(l.dim(i), s), n.occ.dialect == SQLite, true
}

// in unites the equalities, or intersects the inequalities of NOT IN.
func (n *narrower) in(e *expr, not bool) (Region, bool, bool) {
	c, i, ok := n.own(e.args[0])
	if !ok {
		return nil, false, false
	}
	var values []source.Value
	v := env{dialect: n.occ.dialect, args: n.args}
	for _, a := range e.args[1:] {
		switch {
		case a.op == opParam && a.list:
			values = append(values, v.items(a)...)
		case constant(a) && a.op != opRow && !hidesCollation(a): // of one item SQLite makes x = y
			values = append(values, v.value(a))
		default:
			return nil, false, false
		}
	}
	if not {
		return n.notIn(c, i, e.args[0], values)
	}
	l, ok := n.occ.dialect.columnLine(c)
	if !ok {
		return nil, false, false
	}
	var spans []Span
	for _, x := range values {
		r, _, ok := n.item(opEq, c, i, e.args[0], x)
		if !ok {
			return nil, false, false
		}
		for _, b := range r {
			if b[0].Dim != l.dim(i) {
				return nil, false, false
			}
			spans = append(spans, b[0].Spans...)
		}
	}
	s := normalize(spans)
	return oneDim(l.dim(i), s), n.occ.dialect == SQLite && len(s) <= maxSpans, true
}

// item compares the column with one value of a list.
func (n *narrower) item(o op, c *source.Column, i int, col *expr, x source.Value) (Region, bool, bool) {
	if n.occ.dialect == MySQL {
		return n.againstMySQL(o, i, col, &expr{op: opLiteral, val: x}, x)
	}
	return n.against(o, c, i, c.Collation, x)
}

// notIn of an empty list holds NULL too; with a NULL in the list it holds
// nothing.
func (n *narrower) notIn(c *source.Column, i int, col *expr, values []source.Value) (Region, bool, bool) {
	r := Everything()
	for _, x := range values {
		s, _, ok := n.item(opNe, c, i, col, x)
		if !ok {
			return nil, false, false
		}
		if r, ok = intersectRegions(r, s); !ok {
			return nil, false, false
		}
	}
	return r, n.occ.dialect == SQLite, true
}

// like confines a text column to what starts as the pattern does. Other
// columns may hold numbers, which LIKE reads as text.
func (n *narrower) like(e *expr, not bool) (Region, bool, bool) {
	c, i, ok := n.own(e.args[0])
	if n.occ.dialect == MySQL {
		return n.likeMySQL(e, i, not || !ok)
	}
	if !ok || not || c.Affinity != source.AffinityText || !constant(e.args[1]) || !plainEscape(e.escape) {
		return nil, false, false
	}
	v := env{dialect: n.occ.dialect, args: n.args}
	p := v.value(e.args[1])
	if p.IsNull() {
		return Nothing(), true, true
	}
	if p.Kind() != source.KindText {
		return nil, false, false
	}
	prefix := asciiLower(likePrefix(p.AsText(), e.escape))
	if prefix == "" {
		return nil, false, false
	}
	return oneDim(Dim{Column: i, Collation: source.CollationNoCase}, likeSpans(prefix)), false, true
}

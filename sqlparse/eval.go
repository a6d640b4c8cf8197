package sqlparse

import (
	"math"

	"edgecache/source"
)

// truths is the set of truth values that a condition may have. Undecided is
// the full set; a set without True cannot select the row.
type truths uint8

const (
	tFalse truths = 1 << iota
	tNull
	tTrue
	tAny = tFalse | tNull | tTrue
)

func (t truths) public() Truth {
	switch t {
	case tTrue:
		return True
	case tNull:
		return NullTruth
	}
	if t&tTrue == 0 {
		return False
	}
	return Undecided
}

func (t truths) not() truths {
	out := t & tNull
	if t&tFalse != 0 {
		out |= tTrue
	}
	if t&tTrue != 0 {
		out |= tFalse
	}
	return out
}

func (t truths) and(u truths) truths {
	var out truths
	if (t|u)&tFalse != 0 {
		out |= tFalse
	}
	if t&tTrue != 0 && u&tTrue != 0 {
		out |= tTrue
	}
	if t&tNull != 0 && u&(tNull|tTrue) != 0 || u&tNull != 0 && t&(tNull|tTrue) != 0 {
		out |= tNull
	}
	return out
}

func (t truths) or(u truths) truths { return t.not().and(u.not()).not() }

func truthOf(b bool) truths {
	if b {
		return tTrue
	}
	return tFalse
}

// env is what an expression is evaluated on: one row of one occurrence.
// Columns of other occurrences are not known.
type env struct {
	dialect Dialect
	args    Args
	occ     *Occurrence
	row     source.Row
	// joined, instead of occ, are the columns of a row of several occurrences.
	joined []*column
	// nullRow: the row stands for an outer join's NULLs, rowid included.
	nullRow bool
}

// column returns Unknown where the image does not tell.
func (v *env) column(c *column) source.Value {
	if v.joined != nil {
		if i := place(v.joined, c); i >= 0 {
			return v.row[i]
		}
		return source.Unknown()
	}
	if v.occ == nil || c.occ != v.occ || c.idx < 0 || c.idx >= len(v.row) {
		if v.nullRow && c.occ == v.occ {
			return source.Null()
		}
		return source.Unknown()
	}
	return v.row[c.idx]
}

// truth evaluates a condition as SQLite does, three-valued; what it cannot
// evaluate may be anything.
func (v *env) truth(e *expr) truths {
	switch e.op {
	case opAnd:
		t := tTrue
		for _, a := range e.args {
			t = t.and(v.truth(a))
		}
		return t
	case opOr:
		t := tFalse
		for _, a := range e.args {
			t = t.or(v.truth(a))
		}
		return t
	case opNot:
		return v.truth(e.args[0]).not()
	case opIsNull:
		x := v.value(e.args[0])
		if x.IsUnknown() {
			return tFalse | tTrue
		}
		return truthOf(x.IsNull() != e.not)
	case opIs:
		return v.is(e.args[0], e.args[1])
	case opBetween:
		if v.dialect == MySQL && !v.boundsAlike(e) {
			return tAny
		}
		t := v.compare(opGe, e.args[0], e.args[1]).and(v.compare(opLe, e.args[0], e.args[2]))
		return negated(t, e.not)
	case opIn:
		return negated(v.in(e), e.not)
	case opLike:
		return negated(v.like(e), e.not)
	case opExists:
		return tFalse | tTrue
	case opCase:
		return v.caseTruth(e)
	}
	if e.op.isComparison() {
		return v.compare(e.op, e.args[0], e.args[1])
	}
	if v.dialect == MySQL && e.op == opColumn {
		return v.columnTruth(e)
	}
	return truthOfValue(v.value(e))
}

// columnTruth is the truth of a column standing alone as a condition; other
// types than numbers convert in ways of their own.
func (v *env) columnTruth(e *expr) truths {
	l, _, ok := operandLine(e, source.Null())
	if !ok {
		return tAny
	}
	x := v.value(e)
	if k, ok := bitsKey(x); ok && l == lineBits {
		return truthOf(k != zeroKey)
	}
	return truthOfValue(x)
}

// is never has the truth NULL.
func (v *env) is(l, r *expr) truths {
	x, y := v.value(l), v.value(r)
	switch {
	case x.IsUnknown() || y.IsUnknown():
		return tFalse | tTrue
	case x.IsNull() || y.IsNull():
		return truthOf(x.IsNull() && y.IsNull())
	}
	return v.compare(opEq, l, r) &^ tNull
}

func negated(t truths, not bool) truths {
	if not {
		return t.not()
	}
	return t
}

// truthOfValue is the truth of a number or NULL. Text converts by its numeric
// prefix in SQLite, which is left undecided.
func truthOfValue(x source.Value) truths {
	switch x.Kind() {
	case source.KindNull:
		return tNull
	case source.KindInt:
		return truthOf(x.AsInt() != 0)
	case source.KindFloat:
		return truthOf(x.AsFloat() != 0)
	}
	return tAny
}

func (v *env) in(e *expr) truths {
	if v.dialect == MySQL && !plainItems(e.args[1:]) {
		return tAny
	}
	t := tFalse
	for _, a := range e.args[1:] {
		if a.op == opParam && a.list {
			for _, item := range v.items(a) {
				t = t.or(v.compareTo(opEq, e.args[0], item))
			}
			continue
		}
		t = t.or(v.compareIn(e.args[0], a))
	}
	return t
}

// plainItems tells that a list is of values alone. MySQL chooses one collation
// for the whole list: a column or a COLLATE in it decides about the others too.
func plainItems(es []*expr) bool {
	for _, e := range es {
		if e.op == opNeg {
			e = e.args[0]
		}
		if e.op != opLiteral && e.op != opParam {
			return false
		}
	}
	return true
}

// items are the values of a list parameter; unbound, one that is not known.
func (v *env) items(e *expr) []source.Value {
	if e.param >= len(v.args) {
		return []source.Value{source.Unknown()}
	}
	return v.args[e.param].items()
}

// compareIn is x = +y: inside IN the right side's affinity and collation do
// not count.
func (v *env) compareIn(x, y *expr) truths {
	if x.op == opRow || y.op == opRow || hidesCollation(y) {
		return tAny
	}
	return v.compareTo(opEq, x, v.value(y))
}

func (v *env) caseTruth(e *expr) truths {
	branch, ok := v.caseBranch(e)
	switch {
	case !ok:
		return tAny
	case branch == nil:
		return tNull
	}
	return v.truth(branch)
}

// caseBranch finds the branch that is taken; nil is the missing ELSE, and
// !ok says that it is not known.
func (v *env) caseBranch(e *expr) (*expr, bool) {
	args := e.args
	var operand *expr
	if e.operand {
		operand, args = args[0], args[1:]
		for i := 0; v.dialect == MySQL && i+1 < len(args); i += 2 {
			if !plainItems(args[i : i+1]) {
				return nil, false // as in a list
			}
		}
	}
	for len(args) >= 2 {
		var t truths
		if operand != nil {
			t = v.compare(opEq, operand, args[0])
		} else {
			t = v.truth(args[0])
		}
		switch {
		case t == tTrue:
			return args[1], true
		case t&tTrue != 0:
			return nil, false
		}
		args = args[2:]
	}
	if e.hasElse {
		return args[0], true
	}
	return nil, true
}

// value evaluates a scalar expression; Unknown where it cannot.
func (v *env) value(e *expr) source.Value {
	switch e.op {
	case opLiteral:
		return e.val
	case opParam:
		if e.list || e.param >= len(v.args) {
			return source.Unknown()
		}
		return v.args[e.param].single()
	case opColumn:
		return v.column(e.col)
	case opPlus, opCollate:
		return v.value(e.args[0])
	case opNeg:
		x := v.value(e.args[0])
		if x.Kind() == source.KindInt && x.AsInt() != math.MinInt64 {
			return source.Int(-x.AsInt())
		}
		if x.Kind() == source.KindFloat {
			return source.Float(-x.AsFloat())
		}
		return nullOrUnknown(x)
	case opAdd, opSub, opMul, opDiv, opMod:
		x, y := v.value(e.args[0]), v.value(e.args[1])
		if v.dialect == MySQL && (e.op == opDiv || !bothInt(x, y)) {
			return source.Unknown() // division is decimal, and types spread
		}
		return arithmetic(e.op, x, y)
	case opConcat:
		return v.concat(e)
	case opCase:
		branch, ok := v.caseBranch(e)
		switch {
		case !ok:
			return source.Unknown()
		case branch == nil:
			return source.Null()
		}
		return v.value(branch)
	case opCall:
		if v.dialect == MySQL && !passesOn(e) {
			return source.Unknown()
		}
		return v.callValue(e)
	case opAnd, opOr, opNot, opIs, opIsNull, opBetween, opIn, opLike, opEq, opNe, opLt, opLe, opGt, opGe:
		switch v.truth(e) {
		case tTrue:
			return source.Int(1)
		case tFalse:
			return source.Int(0)
		case tNull:
			return source.Null()
		}
	}
	return source.Unknown()
}

func nullOrUnknown(x source.Value) source.Value {
	if x.IsNull() {
		return x
	}
	return source.Unknown()
}

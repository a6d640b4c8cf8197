package sqlparse

import (
	"strings"

	"edgecache/source"
)

// compareMySQL evaluates l o r where a line is known on which the server
// compares the two; everything else is Undecided. What is left out on purpose:
// numbers against texts (compared as doubles, prefixes included), decimals
// against doubles, texts of two collations, results of functions, whose
// collation and type follow from their arguments by rules of their own.
func (v *env) compareMySQL(o op, l, r *expr) truths {
	x, y := v.value(l), v.value(r)
	if x.IsNull() || y.IsNull() {
		return tNull
	}
	if x.IsUnknown() || y.IsUnknown() {
		return tAny
	}
	on, ok := commonLine(l, r, x, y)
	if !ok {
		return tAny
	}
	kx, ok1 := KeyOf(x, on)
	ky, ok2 := KeyOf(y, on)
	if !ok1 || !ok2 {
		return tAny
	}
	return truthOfOrder(o, strings.Compare(string(kx), string(ky)))
}

// truthOfOrder is x o y where n compares x with y.
func truthOfOrder(o op, n int) truths {
	switch o {
	case opEq:
		return truthOf(n == 0)
	case opNe:
		return truthOf(n != 0)
	case opLt:
		return truthOf(n < 0)
	case opLe:
		return truthOf(n <= 0)
	case opGt:
		return truthOf(n > 0)
	}
	return truthOf(n >= 0)
}

// commonLine finds where l and r, whose values are x and y, are compared.
func commonLine(l, r *expr, x, y source.Value) (line, bool) {
	a, isColumnA, ok1 := operandLine(l, x)
	b, isColumnB, ok2 := operandLine(r, y)
	switch {
	case !ok1 || !ok2:
		return "", false
	case a == b:
		return a, a != ""
	case isColumnA && isColumnB:
		return "", false
	case isColumnB:
		a, b, x, y = b, a, y, x
	case !isColumnA:
		return "", false
	}
	// a is a column's line, b a constant's.
	switch {
	case a == lineDouble && b == lineDecimal:
		return a, y.Kind() == source.KindInt && small(y.AsInt())
	case b == "" && a != lineDecimal && a != lineDouble:
		return a, y.Kind() == source.KindText
	}
	return "", false
}

// operandLine is the line of an operand: a column's own; of numbers, literal or
// computed, theirs; "" for a text, which takes the line of what it meets.
func operandLine(e *expr, v source.Value) (l line, isColumn, ok bool) {
	switch e.op {
	case opColumn:
		if e.col.occ == nil || e.col.idx < 0 {
			return "", false, false
		}
		l, ok = MySQL.columnLine(&e.col.occ.Table.Columns[e.col.idx])
		return l, true, ok
	case opLiteral, opParam, opNeg, opPlus, opAdd, opSub, opMul, opMod:
		if e.op != opLiteral && e.op != opParam && v.Kind() != source.KindInt {
			return "", false, false
		}
		switch v.Kind() {
		case source.KindInt, source.KindUint:
			return lineDecimal, false, true
		case source.KindDecimal:
			_, _, ok := decimalSize(v.AsText())
			return lineDecimal, false, ok
		case source.KindFloat:
			return lineDouble, false, true
		case source.KindText:
			return "", false, true
		}
	}
	return "", false, false
}

// boundsAlike tells that both bounds of a BETWEEN are of one line: the server
// chooses the type to compare in from all three operands together.
func (v *env) boundsAlike(e *expr) bool {
	lo, hi := v.value(e.args[1]), v.value(e.args[2])
	if lo.IsNull() || hi.IsNull() {
		return lo.IsNull() && hi.IsNull()
	}
	a, columnA, ok1 := operandLine(e.args[1], lo)
	b, columnB, ok2 := operandLine(e.args[2], hi)
	return ok1 && ok2 && a == b && columnA == columnB
}

// likeMySQL matches where column and pattern are printable ASCII; LIKE compares
// character by character under the column's collation and pads nothing.
func (v *env) likeMySQL(e *expr) truths {
	x, p := v.value(e.args[0]), v.value(e.args[1])
	if x.IsNull() || p.IsNull() {
		return tNull
	}
	c, ok := likeCollation(e)
	if !ok || x.Kind() != source.KindText || p.Kind() != source.KindText || !plainEscape(e.escape) {
		return tAny
	}
	s, pat := x.AsText(), p.AsText()
	if !allPrintable(s) || !allPrintable(pat) || e.escape != 0 && strings.HasSuffix(pat, string(e.escape)) {
		return tAny // an escape that escapes nothing stands for itself, or does not
	}
	if c.folds {
		s, pat = asciiLower(s), asciiLower(pat)
	}
	return truthOf(likeMatch(s, pat, e.escape))
}

func allPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// likeCollation is the collation of a text column against a constant pattern.
func likeCollation(e *expr) (mysqlCollation, bool) {
	col := e.args[0]
	if col.op != opColumn || col.col.occ == nil || col.col.idx < 0 || !constant(e.args[1]) {
		return mysqlCollation{}, false
	}
	t := &col.col.occ.Table.Columns[col.col.idx]
	c, ok := mysqlCollations[t.Collation]
	return c, ok && t.Family == source.FamilyText
}

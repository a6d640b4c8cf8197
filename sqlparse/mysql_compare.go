package sqlparse

import (
	"strings"

	"edgecache/source"
)

// compareMySQL evaluates l o r where a line is known on which the server
// compares the two; everything else is Undecided. What is left out on purpose:
// texts under a collation against numbers (compared as doubles, prefixes
// included), ENUM and SET against numbers, texts of two collations, results of
// functions, whose collation and type follow from their arguments by rules of
// their own.
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
	kx, ok1 := keyOn(x, on)
	ky, ok2 := keyOn(y, on)
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

// commonLine finds where l and r, whose values are x and y, are compared. Two
// columns must stand on the same line; a constant takes that of the column.
func commonLine(l, r *expr, x, y source.Value) (line, bool) {
	a, columnA, ok1 := operandLine(l, x)
	b, columnB, ok2 := operandLine(r, y)
	switch {
	case !ok1 || !ok2:
		return line{}, false
	case (columnA == nil) == (columnB == nil):
		return a, a == b && a != line{}
	case columnA == nil:
		a, columnA, y = b, columnB, x
	}
	return a, meets(columnA, a, y)
}

// operandLine is the line of an operand: a column's own; of numbers, literal or
// computed, theirs; none for a text, which takes the line of what it meets.
func operandLine(e *expr, v source.Value) (l line, c *source.Column, ok bool) {
	switch e.op {
	case opColumn:
		if e.col.occ == nil || e.col.idx < 0 {
			return line{}, nil, false
		}
		c = &e.col.occ.Table.Columns[e.col.idx]
		l, ok = MySQL.columnLine(c)
		return l, c, ok
	case opLiteral, opParam, opNeg, opPlus, opAdd, opSub, opMul, opMod:
		if e.op != opLiteral && e.op != opParam && v.Kind() != source.KindInt {
			return line{}, nil, false
		}
		switch v.Kind() {
		case source.KindInt, source.KindUint:
			return lineDecimal, nil, true
		case source.KindDecimal:
			_, _, ok := decimalSize(v.AsText())
			return lineDecimal, nil, ok
		case source.KindFloat:
			return lineDouble, nil, true
		case source.KindText:
			return line{}, nil, true
		case source.KindBlob:
			return lineBytes, nil, true
		}
	}
	return line{}, nil, false
}

// meets tells whether the server compares a column with the constant y on the
// column's line. Each case that is here was held against a server with all the
// others in TestComparisonsAgreeWithMariaDB.
func meets(c *source.Column, l line, y source.Value) bool {
	text := y.Kind() == source.KindText
	switch l {
	case lineDecimal:
		return meetsExact(c, y)
	case lineDouble:
		_, ok := doubleKey(y)
		return ok
	case lineTime, lineClock:
		_, ok := keyOn(y, l)
		return text && ok // a spelling that is not ours may be no time at all
	case lineBits:
		return y.Kind() == source.KindInt || y.Kind() == source.KindUint
	case lineBytes:
		return text || y.Kind() == source.KindBlob
	}
	return text
}

// meetsExact is meets for columns of exact numbers. Texts and doubles are
// compared as doubles, which comes to the same where the digits are few on both
// sides, and for integers on one: between those of more digits than a double
// carries and a number of fewer, no rounding can put them in another order.
func meetsExact(c *source.Column, y source.Value) bool {
	_, few := numeralOf(y)
	switch {
	case c.Family == source.FamilyYear:
		// 24 and '24' are 2024 there.
		return (y.Kind() == source.KindInt || y.Kind() == source.KindText && len(y.AsText()) == 4) &&
			y.String() >= "1901" && strings.Trim(y.String(), "'") <= "2155" && few
	case y.Kind() == source.KindFloat || y.Kind() == source.KindText:
		if c.Family == source.FamilyDecimal {
			digits, ok := precision(c.DeclType)
			few = few && ok && digits <= maxDigits
		}
		return few
	}
	return y.Kind() == source.KindInt || y.Kind() == source.KindUint || y.Kind() == source.KindDecimal
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
	if !ok1 || !ok2 || a != b || (columnA == nil) != (columnB == nil) {
		return false
	}
	x := v.value(e.args[0])
	_, ok1 = commonLine(e.args[0], e.args[1], x, lo)
	_, ok2 = commonLine(e.args[0], e.args[2], x, hi)
	return ok1 == ok2
}

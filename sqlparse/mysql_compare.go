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
//
// A server may also find rows by an index, and then it stores the constant as
// the column would and looks for that: with an index on an INT, MariaDB finds 0
// for "= 0.1", which it denies without one. Whatever the two disagree on is
// Undecided: the answer would depend on the plan.
func (v *env) compareMySQL(o op, l, r *expr) truths {
	x, y := v.value(l), v.value(r)
	if x.IsNull() || y.IsNull() {
		return tNull
	}
	if x.IsUnknown() || y.IsUnknown() {
		return tAny
	}
	on, ok := commonLine(o, l, r, x, y)
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

// commonLine finds where l and r, whose values are x and y, are compared by o.
// Two columns must stand on the same line; a constant takes that of the column.
func commonLine(o op, l, r *expr, x, y source.Value) (line, bool) {
	a, columnA, ok1 := operandLine(l, x)
	b, columnB, ok2 := operandLine(r, y)
	switch {
	case !ok1 || !ok2:
		return line{}, false
	case columnA == nil && columnB == nil:
		return a, a == b && a != line{}
	case columnA != nil && columnB != nil:
		return a, a == b && meetsColumn(columnA, columnB) && sorts(o, columnA, a) && sorts(o, columnB, b)
	case columnA == nil:
		a, columnA, y = b, columnB, x
	}
	return a, meets(o, columnA, a, y) && sorts(o, columnA, a)
}

// sorts tells whether a column has one order for o to go by. CHAR without
// padding has two: its index holds blanks up to its length, which a comparison
// without the index does not see.
func sorts(o op, c *source.Column, l line) bool {
	return o == opEq || o == opNe || l.weights == nil || l.weights.Padded() || !strings.HasPrefix(c.DeclType, "char")
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
//
// For equality the constant must be one that the column can store: an index is
// looked up for what it would be rounded to. Ranges of an index mind that.
func meets(o op, c *source.Column, l line, y source.Value) bool {
	text := y.Kind() == source.KindText
	ordered := o != opEq && o != opNe
	switch l {
	case lineDecimal:
		return meetsExact(c, y, ordered)
	case lineDouble:
		_, ok := doubleKey(y)
		return ok
	case lineTime, lineClock:
		_, ok := keyOn(y, l)
		return text && ok && // a spelling that is not ours may be no time at all
			(ordered || c.Family == source.FamilyDate || len(fraction(y.AsText())) <= places(c.DeclType))
	case lineBits:
		return y.Kind() == source.KindInt && y.AsInt() >= 0 || y.Kind() == source.KindUint
	case lineBytes:
		return text || y.Kind() == source.KindBlob
	}
	return text && !blankMember(c, y.AsText())
}

// blankMember tells of a text that ENUM and SET may hold in two ways: ” as a
// member of its own, and as what is stored instead of something else.
func blankMember(c *source.Column, s string) bool {
	blank := strings.TrimRight(s, " ") == ""
	return blank && (c.Family == source.FamilyEnum || c.Family == source.FamilySet && s != "")
}

// meetsColumn tells whether two columns that stand on one line are compared on
// it, by an index of one too: the other's values must be as that one stores
// them.
func meetsColumn(c, d *source.Column) bool {
	whole := func(f source.Family) bool { return f == source.FamilyInt || f == source.FamilyUint }
	switch {
	case whole(c.Family) && whole(d.Family), c.Family == source.FamilyText && d.Family == source.FamilyText:
		return true
	case c.Family == source.FamilyEnum: // an index goes by members, and there may be two that read ''
		return false
	}
	return c.DeclType == d.DeclType
}

// meetsExact is meets for columns of exact numbers. Texts and doubles are
// compared as doubles, which comes to the same where the digits are few on both
// sides, and for integers on one: between those of more digits than a double
// carries and a number of fewer, no rounding can put them in another order.
func meetsExact(c *source.Column, y source.Value, ordered bool) bool {
	digits, few := numeralOf(y)
	exact := false
	switch y.Kind() {
	case source.KindInt, source.KindUint, source.KindDecimal:
		digits, exact = y.String(), true
	}
	switch c.Family {
	case source.FamilyYear: // 24 and '24' are 2024 there
		return few && y.Kind() != source.KindFloat && len(digits) == 4 && digits >= "1901" && digits <= "2155"
	case source.FamilyDecimal:
		n, ok := precision(c.DeclType)
		return ok && (exact || few && n <= maxDigits) && (ordered || len(fraction(digits)) <= places(c.DeclType))
	}
	return (exact || few) && (ordered || fraction(digits) == "")
}

// fraction is what stands behind the point, without zeros at the end.
func fraction(s string) string {
	_, frac, _ := strings.Cut(s, ".")
	return strings.TrimRight(frac, "0")
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
	_, ok1 = commonLine(opGe, e.args[0], e.args[1], x, lo)
	_, ok2 = commonLine(opLe, e.args[0], e.args[2], x, hi)
	return ok1 == ok2 && (lo.Kind() != source.KindText || hi.Kind() != source.KindText || apart(lo.AsText(), hi.AsText()))
}

// apart tells of two texts that they are the same, or differ under whatever
// collation. Bounds of BETWEEN that are equal under the connection's collation,
// like 'É' and 'é', are looked up in an index as one value, even if the
// column's collation tells them apart.
func apart(x, y string) bool {
	if x == y {
		return true
	}
	i := 0
	for i < len(x) && i < len(y) && x[i] == y[i] {
		i++
	}
	plain := func(s string) bool { // a digit or letter stands there, or the end
		return i == len(s) || isDigit(s[i]) || asciiLower(s)[i] >= 'a' && asciiLower(s)[i] <= 'z'
	}
	return plain(x) && plain(y) && asciiLower(x[i:min(i+1, len(x))]) != asciiLower(y[i:min(i+1, len(y))])
}

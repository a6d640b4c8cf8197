package sqlparse

import (
	"strconv"
	"strings"

	"edgecache/source"
)

// affinity is the affinity that e has in a comparison: a column's own; none
// for what is computed. ok is false where we do not know.
func affinity(e *expr) (a source.Affinity, ok bool) {
	switch e.op {
	case opColumn:
		switch {
		case e.col.occ == nil:
			return 0, false
		case e.col.idx == rowidColumn:
			return source.AffinityInteger, true
		}
		return e.col.occ.Table.Columns[e.col.idx].Affinity, true
	case opCollate:
		return affinity(e.args[0])
	case opOpaque, opScalar, opRow:
		return 0, false
	}
	return source.AffinityNone, true
}

// collation is the collation that e brings into a comparison, "" for none.
func collation(e *expr) (c source.Collation, has, ok bool) {
	switch e.op {
	case opColumn:
		if e.col.occ == nil {
			return "", false, false
		}
		if e.col.idx == rowidColumn {
			return source.CollationBinary, true, true
		}
		return e.col.occ.Table.Columns[e.col.idx].Collation, true, true
	case opPlus:
		return collation(e.args[0])
	case opOpaque, opScalar, opRow:
		return "", false, false
	}
	return "", false, !hidesCollation(e)
}

// hidesCollation tells that COLLATE may stand inside e. It counts for the whole
// comparison from however deep, and on the right even against a column on the
// left; only where it stands outermost do we know which one counts.
func hidesCollation(e *expr) bool {
	found := false
	e.walk(func(x *expr) bool {
		found = found || x.op == opOpaque || x.op == opCollate
		return !found
	})
	return found
}

// compareCollation chooses the collation of a comparison: that of COLLATE on
// the left, else on the right, else the left column's, else the right's, else
// BINARY.
func compareCollation(l, r *expr) (source.Collation, bool) {
	for _, e := range []*expr{l, r} {
		switch {
		case e.op == opCollate:
			return source.Collation(e.name), true
		case hidesCollation(e):
			return "", false
		}
	}
	c, has, ok := collation(l)
	if !ok || has {
		_, _, known := collation(r)
		return c, ok && known
	}
	c, has, ok = collation(r)
	if !ok || has {
		return c, ok
	}
	return source.CollationBinary, true
}

// compare evaluates l o r as sqlite3CompareAffinity and the comparison
// opcodes describe it.
func (v *env) compare(o op, l, r *expr) truths {
	if l.op == opRow || r.op == opRow {
		return tAny // row comparisons were lowered to plain ones, or are not read
	}
	if v.dialect == MySQL {
		return v.compareMySQL(o, l, r)
	}
	x, y := v.value(l), v.value(r)
	if x.IsNull() || y.IsNull() {
		return tNull
	}
	if x.IsUnknown() || y.IsUnknown() {
		return tAny
	}
	la, ok1 := affinity(l)
	ra, ok2 := affinity(r)
	coll, ok3 := compareCollation(l, r)
	if !ok1 || !ok2 || !ok3 {
		return tAny
	}
	return compareValues(o, x, y, commonAffinity(la, ra), coll)
}

// compareTo compares l with a bare value, which has neither affinity nor
// collation.
func (v *env) compareTo(o op, l *expr, y source.Value) truths {
	return v.compare(o, l, &expr{op: opLiteral, val: y})
}

// commonAffinity is sqlite3CompareAffinity.
func commonAffinity(l, r source.Affinity) source.Affinity {
	if l != source.AffinityNone && r != source.AffinityNone {
		if l.IsNumeric() || r.IsNumeric() {
			return source.AffinityNumeric
		}
		return source.AffinityBlob
	}
	if l == source.AffinityNone {
		return r
	}
	return l
}

func compareValues(o op, x, y source.Value, a source.Affinity, coll source.Collation) truths {
	x, y, ok := convertBoth(x, y, a)
	if !ok {
		return tAny
	}
	if coll == source.CollationUnknown && x.Kind() == source.KindText && y.Kind() == source.KindText {
		return tAny
	}
	if coll == source.CollationUnknown {
		coll = source.CollationBinary // text meets another class: no collation is asked
	}
	kx, _ := KeyOf(x, coll)
	ky, _ := KeyOf(y, coll)
	return truthOfOrder(o, strings.Compare(string(kx), string(ky)))
}

// convertBoth applies the affinity of a comparison to its operands.
func convertBoth(x, y source.Value, a source.Affinity) (cx, cy source.Value, ok bool) {
	isText := func(v source.Value) bool { return v.Kind() == source.KindText }
	isNumber := func(v source.Value) bool { return v.Kind() == source.KindInt || v.Kind() == source.KindFloat }
	switch {
	case a.IsNumeric():
		cx, ok1 := numberOf(x)
		cy, ok2 := numberOf(y)
		return cx, cy, ok1 && ok2
	case a == source.AffinityText && isText(x) && isNumber(y):
		s, ok := asText(y)
		return x, source.Text(s), ok
	case a == source.AffinityText && isNumber(x) && isText(y):
		s, ok := asText(x)
		return source.Text(s), y, ok
	}
	return x, y, true
}

// numberOf applies numeric affinity: text that is wholly a number becomes
// that number, other text stays. ok is false for text near the border, where
// the database's own parser would have to decide.
func numberOf(x source.Value) (source.Value, bool) {
	if x.Kind() != source.KindText {
		return x, true
	}
	s := x.AsText()
	if i, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) <= 18 && s[0] != '+' {
		return source.Int(i), true
	}
	if isPlainDecimal(s) {
		f, err := strconv.ParseFloat(s, 64)
		return source.Float(f), err == nil
	}
	if !strings.ContainsAny(s, "0123456789") {
		return x, true // a number needs a digit
	}
	for _, c := range []byte(s) {
		if !strings.ContainsRune("0123456789+-.eE \t\n\v\f\r", rune(c)) {
			return x, true // and is made of nothing else
		}
	}
	return x, false
}

// isPlainDecimal accepts what every correct reader converts to the same
// double: at most 15 digits around one point.
func isPlainDecimal(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, frac, found := strings.Cut(s, ".")
	if !found || len(whole) == 0 || len(frac) == 0 || len(whole)+len(frac) > 15 {
		return false
	}
	for _, c := range whole + frac {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

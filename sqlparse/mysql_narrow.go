package sqlparse

import "edgecache/source"

// againstMySQL is the region of a column compared with a constant whose value
// is x. It is never tight: a row whose value has no key is Undecided.
func (n *narrower) againstMySQL(o op, i int, col, other *expr, x source.Value) (Region, bool, bool) {
	switch {
	case x.IsNull():
		return Nothing(), true, true
	case x.IsUnknown():
		return nil, false, false
	}
	// A column's line does not depend on its value.
	l, ok := commonLine(o, col, other, source.Null(), x)
	if !ok {
		return nil, false, false
	}
	k, ok := keyOn(x, l)
	if !ok {
		return nil, false, false
	}
	return oneDim(l.dim(i), spansOf(o, k)), false, true
}

// likeMySQL confines a column to what starts as the pattern does. A prefix that
// holds a character that is not known is cut before it.
func (n *narrower) likeMySQL(e *expr, i int, not bool) (Region, bool, bool) {
	l, ok := likeLine(e)
	if !ok || not || !plainEscape(e.escape) {
		return nil, false, false
	}
	v := env{dialect: MySQL, args: n.args}
	p := v.value(e.args[1])
	if p.IsNull() {
		return Nothing(), true, true
	}
	if p.Kind() != source.KindText {
		return nil, false, false
	}
	start := literalStart(p.AsText(), e.escape)
	for at, r := range start {
		if _, ok := classOf(r, l); !ok {
			start = start[:at]
			break
		}
	}
	prefix, ok := prefixOn(start, l)
	if !ok || prefix == "" {
		return nil, false, false
	}
	lo := Key(keyText + prefix)
	return oneDim(l.dim(i), Spans{{Below(lo), Below(successor(lo))}}), false, true
}

package sqlparse

import "edgecache/source"

// lowerRows rewrites comparisons of row values into plain comparisons, which
// is what SQL defines them as:
//
//	(a, b) = (c, d)   a = c AND b = d
//	(a, b) < (c, d)   a < c OR (a = c AND b < d)
//	(a, b) IN (r, s)  (a, b) = r OR (a, b) = s
//
// The rewritten tree serves evaluation and regions; the original is rendered.
func lowerRows(e *expr) *expr {
	if e == nil {
		return nil
	}
	out := *e
	out.args = make([]*expr, len(e.args))
	for i, a := range e.args {
		out.args[i] = lowerRows(a)
	}
	switch {
	case out.op.isComparison() && sameRows(out.args):
		return rowComparison(out.op, out.args[0].args, out.args[1].args)
	case out.op == opIn && len(out.args) > 1 && sameRows(out.args) && !anyReal(out.args[0].args):
		or := &expr{op: opOr}
		for _, r := range out.args[1:] {
			or.args = append(or.args, rowComparison(opEq, out.args[0].args, r.args))
		}
		if out.not {
			return &expr{op: opNot, args: []*expr{or}}
		}
		return or
	}
	return &out
}

// anyReal tells that a REAL column, or something whose affinity is not known,
// is among es. IN over rows converts the right side to REAL there, which a
// plain comparison does not: 9007199254740993 is then in a list that holds
// 9007199254740992.0.
func anyReal(es []*expr) bool {
	for _, e := range es {
		if a, ok := affinity(e); !ok || a == source.AffinityReal {
			return true
		}
	}
	return false
}

// sameRows tells that all are rows of one length, at least one.
func sameRows(es []*expr) bool {
	for _, e := range es {
		if e.op != opRow || len(e.args) == 0 || len(e.args) != len(es[0].args) {
			return false
		}
	}
	return true
}

func rowComparison(o op, l, r []*expr) *expr {
	switch o {
	case opEq, opNe:
		and := &expr{op: opAnd}
		for i := range l {
			and.args = append(and.args, pair(opEq, l[i], r[i]))
		}
		if o == opNe {
			return &expr{op: opNot, args: []*expr{and}}
		}
		return and
	}
	if len(l) == 1 {
		return pair(o, l[0], r[0])
	}
	strict := o
	switch o {
	case opLe:
		strict = opLt
	case opGe:
		strict = opGt
	}
	rest := rowComparison(o, l[1:], r[1:])
	return &expr{op: opOr, args: []*expr{
		pair(strict, l[0], r[0]),
		{op: opAnd, args: []*expr{pair(opEq, l[0], r[0]), rest}},
	}}
}

func pair(o op, l, r *expr) *expr { return &expr{op: o, args: []*expr{l, r}} }

package sqlparse

import (
	"strings"

	"edgecache/source"
)

// HintKind says what keeps a condition from being looked up.
type HintKind string

const (
	HintExpression HintKind = "expression" // a column inside an expression
	HintWildcard   HintKind = "wildcard"   // LIKE with a leading wildcard
	HintUntyped    HintKind = "untyped"    // LIKE on a column that is not of type TEXT
)

// Hint is a change of one condition after which it would confine its
// occurrence to values that an index finds.
type Hint struct {
	Kind   HintKind
	Column string
	// Was prints the condition, Instead what would be looked up.
	Was, Instead string
}

// Hints tells what keeps the occurrence's instances from being looked up: with
// these arguments none of its conditions confines it, and each of the changes
// that are named would. That is no guess: the changed condition's region is
// built and is not everything. Conditions that other ones make up for, and
// those that no small change helps, are left out.
func (o *Occurrence) Hints(args Args) []Hint {
	if r, _ := o.Region(args); !r.IsEverything() {
		return nil
	}
	var out []Hint
	for _, c := range o.conds {
		if !o.counts(c, args) {
			continue
		}
		h := hinter{narrower{o, args}, o.names, nil}
		if e := h.replaced(c.e); e != nil && !h.everything(e) {
			out = append(out, h.found...)
		}
	}
	return out
}

// hinter builds the conditions as they could be.
type hinter struct {
	narrower
	names []string
	found []Hint
}

func (h *hinter) everything(e *expr) bool {
	r, _ := h.region(e, false)
	return r.IsEverything()
}

// replaced is e with every leaf that is not looked up replaced by one that
// would be; nil where a leaf has none, which leaves all of an OR as it is.
func (h *hinter) replaced(e *expr) *expr {
	switch {
	case constant(e):
		return e
	case e.op == opAnd:
		return h.replacedAll(e)
	case e.op == opOr:
		return h.replacedAny(e)
	case !h.everything(e):
		return e
	}
	for _, change := range []func(*expr) (*expr, HintKind, *expr){h.bare, h.anchored} {
		instead, kind, col := change(e)
		if instead == nil || h.everything(instead) {
			continue
		}
		h.found = append(h.found, Hint{kind, col.col.name, h.print(e), h.print(instead)})
		return instead
	}
	if h.asText(e) {
		h.found = append(h.found, Hint{HintUntyped, e.args[0].col.name, h.print(e), h.print(e)})
		return &expr{op: opIsNull, args: e.args[:1]} // stands for what would be looked up
	}
	return nil
}

// replacedAll keeps of an AND what can be looked up: one conjunct suffices.
func (h *hinter) replacedAll(e *expr) *expr {
	out := &expr{op: opAnd}
	for _, a := range e.args {
		before := len(h.found)
		if r := h.replaced(a); r != nil {
			out.args = append(out.args, r)
			continue
		}
		h.found = h.found[:before]
	}
	if len(out.args) == 0 {
		return nil
	}
	return out
}

func (h *hinter) replacedAny(e *expr) *expr {
	out := &expr{op: opOr}
	before := len(h.found)
	for _, a := range e.args {
		r := h.replaced(a)
		if r == nil {
			h.found = h.found[:before]
			return nil
		}
		out.args = append(out.args, r)
	}
	return out
}

// bare replaces an expression around one column by the column itself.
func (h *hinter) bare(e *expr) (*expr, HintKind, *expr) {
	if !e.op.isComparison() && e.op != opIn && e.op != opBetween && e.op != opLike {
		return nil, "", nil
	}
	out := *e
	out.args = append([]*expr(nil), e.args...)
	var col *expr
	for i, a := range out.args {
		if constant(a) {
			continue
		}
		inner := h.only(a)
		if col != nil || inner == nil || a.op == opColumn {
			return nil, "", nil
		}
		col, out.args[i] = inner, inner
	}
	if col == nil {
		return nil, "", nil
	}
	return &out, HintExpression, col
}

// only is the column of ours that e is about, when it is the only one.
func (h *hinter) only(e *expr) *expr {
	var col *expr
	ok := true
	e.walk(func(x *expr) bool {
		switch x.op {
		case opColumn:
			_, i, own := h.own(x)
			ok = ok && own && (col == nil || col.col.idx == i)
			col = x
		case opOpaque, opExists, opScalar, opInQuery, opRow, opCase:
			ok = false
		}
		return ok
	})
	if !ok {
		return nil
	}
	return col
}

// anchored leaves the wildcards at the beginning of a pattern out.
func (h *hinter) anchored(e *expr) (*expr, HintKind, *expr) {
	if e.op != opLike || e.not || !constant(e.args[1]) {
		return nil, "", nil
	}
	if _, _, ok := h.own(e.args[0]); !ok {
		return nil, "", nil
	}
	pattern := withoutWildcard(e.args[1])
	if pattern == nil {
		return nil, "", nil
	}
	out := *e
	out.args = []*expr{e.args[0], pattern}
	return &out, HintWildcard, e.args[0]
}

// withoutWildcard is a pattern, or a concatenation that begins with one,
// without its leading wildcards; nil where it has none.
func withoutWildcard(e *expr) *expr {
	switch {
	case e.op == opLiteral && e.val.Kind() == source.KindText:
		s := strings.TrimLeft(e.val.AsText(), "%_")
		if s == e.val.AsText() {
			return nil
		}
		return &expr{op: opLiteral, val: source.Text(s), raw: source.Text(s).String()}
	case e.op == opConcat && len(e.args) > 0, e.op == opCall && asciiLower(e.name) == "concat" && len(e.args) > 1:
		head := withoutWildcard(e.args[0])
		if head == nil {
			return nil
		}
		out := *e
		out.args = append([]*expr{head}, e.args[1:]...)
		if head.op == opLiteral && head.val.AsText() == "" {
			out.args = out.args[1:]
		}
		if len(out.args) == 1 {
			return out.args[0]
		}
		return &out
	}
	return nil
}

// asText tells that a LIKE on a column without a type would be looked up if
// the column were of type TEXT.
func (h *hinter) asText(e *expr) bool {
	if e.op != opLike || e.not || h.occ.dialect != SQLite {
		return false
	}
	c, i, ok := h.own(e.args[0])
	if !ok || c.DeclType != "" {
		return false
	}
	table := *h.occ.Table
	table.Columns = append([]source.Column(nil), table.Columns...)
	table.Columns[i].Affinity = source.AffinityText
	occ := *h.occ
	occ.Table = &table
	like := *e
	like.args = []*expr{{op: opColumn, col: &column{name: c.Name, occ: &occ, idx: i}}, e.args[1]}
	r, _ := (&narrower{&occ, h.args}).region(&like, false)
	return !r.IsEverything()
}

func (h *hinter) print(e *expr) string {
	p := printer{own: h.occ, names: h.names}
	p.expr(e)
	return p.String()
}

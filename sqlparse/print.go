package sqlparse

import (
	"strings"

	"edgecache/source"
)

// printer prints conditions for people: the fewest parentheses, parameters by
// name or, once bound, by value.
type printer struct {
	strings.Builder
	own   *Occurrence // its columns print without a qualifier
	names []string
	args  Args // nil: parameters print as :name
}

// precedence orders the operators that print in infix form.
func precedence(e *expr) int {
	switch e.op {
	case opOr:
		return 1
	case opAnd:
		return 2
	case opNot:
		return 3
	case opEq, opNe, opLt, opLe, opGt, opGe, opIs, opIsNull, opBetween, opIn, opInQuery, opLike:
		return 4
	case opBits:
		return 5
	case opAdd, opSub:
		return 6
	case opMul, opDiv, opMod:
		return 7
	case opConcat:
		return 8
	}
	return 9
}

// sub prints an operand, in parentheses where it binds less than its operator.
func (p *printer) sub(e *expr, than int) {
	if precedence(e) <= than {
		p.WriteString("(")
		p.expr(e)
		p.WriteString(")")
		return
	}
	p.expr(e)
}

func (p *printer) expr(e *expr) {
	not := ""
	if e.not {
		not = "NOT "
	}
	prec := precedence(e)
	switch e.op {
	case opLiteral:
		p.WriteString(literalText(e))
	case opOpaque:
		p.WriteString(e.raw)
	case opParam:
		p.param(e)
	case opColumn:
		p.column(e.col)
	case opNot:
		p.WriteString("NOT ")
		p.sub(e.args[0], prec)
	case opNeg:
		p.WriteString("-")
		p.sub(e.args[0], 8)
	case opPlus:
		p.WriteString("+")
		p.sub(e.args[0], 8)
	case opIsNull:
		p.sub(e.args[0], prec)
		p.WriteString(" IS " + not + "NULL")
	case opCollate:
		p.sub(e.args[0], 8)
		p.WriteString(" COLLATE " + e.name)
	case opBetween:
		p.sub(e.args[0], prec)
		p.WriteString(" " + not + "BETWEEN ")
		p.sub(e.args[1], prec)
		p.WriteString(" AND ")
		p.sub(e.args[2], prec)
	case opIn:
		p.sub(e.args[0], prec)
		p.WriteString(" " + not + "IN (")
		p.list(e.args[1:])
		p.WriteString(")")
	case opInQuery:
		p.sub(e.args[0], prec)
		p.WriteString(" " + not + "IN (SELECT ...)")
	case opExists:
		p.WriteString(not + "EXISTS (SELECT ...)")
	case opScalar:
		p.WriteString("(SELECT ...)")
	case opLike:
		p.sub(e.args[0], prec)
		p.WriteString(" " + not + "LIKE ")
		p.sub(e.args[1], prec)
		if e.escape != 0 {
			p.WriteString(" ESCAPE " + source.Text(string(e.escape)).String())
		}
	case opCase:
		p.WriteString("CASE ... END")
	case opCall:
		p.WriteString(e.name + "(")
		if e.star {
			p.WriteString("*")
		}
		p.list(e.args)
		p.WriteString(")")
	case opRow:
		p.WriteString("(")
		p.list(e.args)
		p.WriteString(")")
	default:
		word := infix[e.op]
		if e.op == opBits {
			word = " " + e.name + " "
		}
		for i, a := range e.args {
			if i > 0 {
				p.WriteString(word)
			}
			p.sub(a, prec)
		}
	}
}

func (p *printer) list(es []*expr) {
	for i, e := range es {
		if i > 0 {
			p.WriteString(", ")
		}
		p.expr(e)
	}
}

func (p *printer) param(e *expr) {
	switch {
	case e.param >= len(p.args):
		p.WriteString(":" + p.names[e.param])
	case e.list:
		for i, v := range p.args[e.param].items() {
			if i > 0 {
				p.WriteString(", ")
			}
			p.WriteString(v.String())
		}
	default:
		p.WriteString(p.args[e.param].single().String())
	}
}

func (p *printer) column(c *column) {
	switch {
	case p.own != nil && c.occ == p.own:
	case c.occ != nil:
		p.WriteString(c.occ.Alias + ".")
	case c.table != "":
		p.WriteString(c.table + ".")
	}
	p.WriteString(c.name)
}

// filter prints the conditions that confine the occurrence.
func (o *Occurrence) filter() string {
	var parts []*expr
	for _, c := range o.conds {
		parts = append(parts, c.e)
	}
	return o.print(parts, nil)
}

func (o *Occurrence) print(parts []*expr, args Args) string {
	if len(parts) == 0 {
		return ""
	}
	p := printer{own: o, names: o.names, args: args}
	if len(parts) == 1 {
		p.expr(parts[0])
	} else {
		p.expr(&expr{op: opAnd, args: parts})
	}
	return p.String()
}

// Describe prints the local condition with the arguments in place, without
// what they have made true or false: first_name = 'Lane'. It is "" where
// nothing confines the occurrence.
func (o *Occurrence) Describe(args Args) string {
	var parts []*expr
	for _, c := range o.conds {
		if !o.counts(c, args) {
			continue
		}
		switch e, t := simplify(c.e, args, o.dialect); {
		case e == nil && t == tTrue:
		case e == nil:
			return "FALSE"
		default:
			parts = append(parts, conjuncts(e)...)
		}
	}
	return o.print(parts, args)
}

// simplify drops what the arguments decide; a nil expression has the truth t.
func simplify(e *expr, args Args, d Dialect) (*expr, truths) {
	if constant(e) {
		v := env{dialect: d, args: args}
		switch t := v.truth(e); t {
		case tTrue, tFalse, tNull, tFalse | tNull:
			return nil, t
		}
		return e, tAny
	}
	if e.op != opAnd && e.op != opOr {
		return e, tAny
	}
	out := *e
	out.args = nil
	for _, a := range e.args {
		s, t := simplify(a, args, d)
		switch {
		case s != nil:
			out.args = append(out.args, s)
		case e.op == opAnd && t != tTrue, e.op == opOr && t == tTrue:
			return nil, t
		}
	}
	switch {
	case len(out.args) == 1:
		return out.args[0], tAny
	case len(out.args) == 0 && e.op == opAnd:
		return nil, tTrue
	case len(out.args) == 0:
		return nil, tFalse
	}
	return &out, tAny
}

package sqlparse

import (
	"strconv"
	"strings"

	"edgecache/source"
)

// renderer prints our own reading back as SQL, with parentheses around every
// operator, so that the database can tell whether it means the same. Views
// appear by name, as their bodies are verified one by one; placeholders appear
// by number.
type renderer struct{ strings.Builder }

func renderQuery(q *query) string {
	var r renderer
	r.query(q)
	return r.String()
}

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func (r *renderer) names(names []string) {
	for i, n := range names {
		if i > 0 {
			r.WriteString(", ")
		}
		r.WriteString(quoteName(n))
	}
}

func (r *renderer) list(es []*expr) {
	for i, e := range es {
		if i > 0 {
			r.WriteString(", ")
		}
		r.expr(e)
	}
}

func (r *renderer) query(q *query) {
	if len(q.with) > 0 {
		r.WriteString("WITH ")
		if q.recursive {
			r.WriteString("RECURSIVE ")
		}
		for i, t := range q.with {
			if i > 0 {
				r.WriteString(", ")
			}
			r.WriteString(quoteName(t.name))
			if t.cols != nil && t.named {
				r.WriteString("(")
				r.names(t.cols)
				r.WriteString(")")
			}
			r.WriteString(" AS (")
			r.query(t.q)
			r.WriteString(")")
		}
		r.WriteString(" ")
	}
	for i, b := range q.blocks {
		if i > 0 {
			r.WriteString(" " + q.setOps[i-1] + " ")
		}
		r.block(b)
	}
	r.window(q)
}

func (r *renderer) window(q *query) {
	for i, o := range q.order {
		if i == 0 {
			r.WriteString(" ORDER BY ")
		} else {
			r.WriteString(", ")
		}
		r.expr(o.e)
		if o.desc {
			r.WriteString(" DESC")
		}
	}
	if q.limit != nil {
		r.WriteString(" LIMIT ")
		r.expr(q.limit)
	}
	if q.offset != nil {
		r.WriteString(" OFFSET ")
		r.expr(q.offset)
	}
}

func (r *renderer) block(b *block) {
	r.WriteString("SELECT ")
	if b.distinct {
		r.WriteString("DISTINCT ")
	}
	for i, it := range b.items {
		if i > 0 {
			r.WriteString(", ")
		}
		switch {
		case it.e != nil:
			r.expr(it.e)
		case it.table != "":
			r.WriteString(quoteName(it.table) + ".*")
		default:
			r.WriteString("*")
		}
		if it.alias != "" {
			r.WriteString(" AS " + quoteName(it.alias))
		}
	}
	if b.from != nil {
		r.WriteString(" FROM ")
		r.from(b.from)
	}
	r.clause(" WHERE ", b.where)
	if len(b.group) > 0 {
		r.WriteString(" GROUP BY ")
		r.list(b.group)
	}
	r.clause(" HAVING ", b.having)
}

func (r *renderer) clause(word string, e *expr) {
	if e != nil {
		r.WriteString(word)
		r.expr(e)
	}
}

func (r *renderer) from(f *from) {
	switch {
	case f.kind != joinNone:
		r.join(f)
		return
	case f.occ != nil:
		r.WriteString(quoteName(f.occ.Table.Name))
	case f.cte != nil:
		r.WriteString(quoteName(f.cte.name))
	case f.view != "":
		r.WriteString(quoteName(f.view))
	default:
		r.WriteString("(")
		r.query(f.sub)
		r.WriteString(")")
	}
	if f.alias != "" {
		r.WriteString(" AS " + quoteName(f.alias))
	}
}

func (r *renderer) join(f *from) {
	r.from(f.left)
	if f.natural {
		r.WriteString(" NATURAL")
	}
	r.WriteString([...]string{"", " JOIN ", " LEFT JOIN ", " RIGHT JOIN "}[f.kind])
	if f.right.parens {
		r.WriteString("(")
	}
	r.from(f.right)
	if f.right.parens {
		r.WriteString(")")
	}
	r.clause(" ON ", f.on)
	if len(f.using) > 0 {
		r.WriteString(" USING (")
		r.names(f.using)
		r.WriteString(")")
	}
}

var infix = map[op]string{
	opIs: " IS ", opAnd: " AND ", opOr: " OR ", opEq: " = ", opNe: " <> ", opLt: " < ", opLe: " <= ", opGt: " > ", opGe: " >= ",
	opAdd: " + ", opSub: " - ", opMul: " * ", opDiv: " / ", opMod: " % ", opConcat: " || ",
}

// expr prints e so that it needs no parentheses around it.
func (r *renderer) expr(e *expr) {
	switch e.op {
	case opLiteral:
		r.WriteString(literalText(e))
	case opOpaque:
		r.WriteString(e.raw)
	case opParam:
		r.WriteString("?" + strconv.Itoa(e.nth))
	case opColumn:
		if e.col.table != "" {
			r.WriteString(quoteName(e.col.table) + ".")
		}
		r.WriteString(quoteName(e.col.name))
	case opCall:
		r.call(e)
	case opScalar:
		r.WriteString("(")
		r.query(e.q)
		r.WriteString(")")
	default:
		r.WriteString("(")
		r.operator(e)
		r.WriteString(")")
	}
}

func literalText(e *expr) string {
	if e.raw != "" {
		return e.raw
	}
	return e.val.String()
}

func (r *renderer) call(e *expr) {
	r.WriteString(e.name + "(")
	if e.distinct {
		r.WriteString("DISTINCT ")
	}
	if e.star {
		r.WriteString("*")
	}
	r.list(e.args)
	r.WriteString(")")
}

func (r *renderer) operator(e *expr) {
	not := ""
	if e.not {
		not = "NOT "
	}
	switch e.op {
	case opNot, opNeg, opPlus:
		r.WriteString(map[op]string{opNot: "NOT ", opNeg: "-", opPlus: "+"}[e.op])
		r.expr(e.args[0])
	case opIsNull:
		r.expr(e.args[0])
		r.WriteString(" IS " + not + "NULL")
	case opCollate:
		r.expr(e.args[0])
		r.WriteString(" COLLATE " + e.name)
	case opBetween:
		r.expr(e.args[0])
		r.WriteString(" " + not + "BETWEEN ")
		r.expr(e.args[1])
		r.WriteString(" AND ")
		r.expr(e.args[2])
	case opIn:
		r.expr(e.args[0])
		r.WriteString(" " + not + "IN (")
		r.list(e.args[1:])
		r.WriteString(")")
	case opInQuery:
		r.expr(e.args[0])
		r.WriteString(" " + not + "IN (")
		r.query(e.q)
		r.WriteString(")")
	case opExists:
		r.WriteString(not + "EXISTS (")
		r.query(e.q)
		r.WriteString(")")
	case opLike:
		r.expr(e.args[0])
		r.WriteString(" " + not + "LIKE ")
		r.expr(e.args[1])
		if e.escape != 0 {
			r.WriteString(" ESCAPE " + source.Text(string(e.escape)).String())
		}
	case opCase:
		r.caseExpr(e)
	case opRow:
		r.list(e.args)
	default:
		word := infix[e.op]
		if e.op == opBits {
			word = " " + e.name + " "
		}
		for i, a := range e.args {
			if i > 0 {
				r.WriteString(word)
			}
			r.expr(a)
		}
	}
}

func (r *renderer) caseExpr(e *expr) {
	args := e.args
	r.WriteString("CASE")
	if e.operand {
		r.WriteString(" ")
		r.expr(args[0])
		args = args[1:]
	}
	for len(args) >= 2 {
		r.WriteString(" WHEN ")
		r.expr(args[0])
		r.WriteString(" THEN ")
		r.expr(args[1])
		args = args[2:]
	}
	if e.hasElse {
		r.WriteString(" ELSE ")
		r.expr(args[0])
	}
	r.WriteString(" END")
}

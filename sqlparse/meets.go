package sqlparse

import (
	"edgecache/source"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// meetings collects, for each parameter, the columns that it is compared with
// or assigned to, and whether it bounds a window. They decide how URL text is
// read; they never decide what a write affects.
type meetings struct {
	params []Param
}

func (m *meetings) meet(e *expr, c *column) {
	if c.occ == nil || c.idx < 0 {
		return
	}
	ref := ColumnRef{c.occ.Table, c.idx}
	for _, p := range paramsOf(e) {
		if !hasRef(m.params[p].Meets, ref) {
			m.params[p].Meets = append(m.params[p].Meets, ref)
		}
	}
}

func hasRef(refs []ColumnRef, r ColumnRef) bool {
	for _, x := range refs {
		if x == r {
			return true
		}
	}
	return false
}

// paramsOf lists the parameters whose value e passes on: itself, or through
// COALESCE, CASE results, a sign or arithmetic.
func paramsOf(e *expr) []int {
	var out []int
	switch e.op {
	case opParam:
		return []int{e.param}
	case opCall:
		if !passesOn(e) {
			return nil
		}
		fallthrough
	case opAdd, opSub, opMul, opDiv, opMod, opNeg, opPlus:
		for _, a := range e.args {
			out = append(out, paramsOf(a)...)
		}
	case opCase:
		args := e.args
		if e.operand {
			args = args[1:]
		}
		for i := 1; i < len(args); i += 2 {
			out = append(out, paramsOf(args[i])...)
		}
		if e.hasElse {
			out = append(out, paramsOf(args[len(args)-1])...)
		}
	}
	return out
}

func passesOn(e *expr) bool {
	switch asciiLower(e.name) {
	case "coalesce", "ifnull", "nullif":
		return true
	}
	return false
}

// expr finds the meetings inside e, its subqueries included.
func (m *meetings) expr(e *expr) {
	e.walk(func(x *expr) bool {
		if x.q != nil {
			m.query(x.q)
		}
		switch {
		case x.op.isComparison() && x.args[0].op == opRow:
			m.rows(x.args)
		case x.op == opIn && x.args[0].op == opRow:
			for _, r := range x.args[1:] {
				m.rows([]*expr{x.args[0], r})
			}
		case x.op.isComparison(), x.op == opIs, x.op == opBetween, x.op == opIn, x.op == opCall && passesOn(x),
			x.op == opAdd, x.op == opSub:
			m.together(x.args)
		}
		return true
	})
}

// together introduces the operands of one comparison to each other.
func (m *meetings) together(es []*expr) {
	for _, a := range es {
		for c := a; c != nil; {
			if c.op == opColumn {
				for _, b := range es {
					m.meet(b, c.col)
				}
			}
			if c.op != opPlus && c.op != opNeg {
				break
			}
			c = c.args[0]
		}
	}
}

func (m *meetings) rows(rows []*expr) {
	for i := range rows[0].args {
		if rows[1].op == opRow && i < len(rows[1].args) {
			m.together([]*expr{rows[0].args[i], rows[1].args[i]})
		}
	}
}

func (m *meetings) query(q *query) {
	for _, t := range q.with {
		m.query(t.q)
	}
	for _, b := range q.blocks {
		m.block(b)
	}
	for _, o := range q.order {
		m.expr(o.e)
	}
	for _, e := range []*expr{q.limit, q.offset} {
		if e == nil {
			continue
		}
		if e.op == opParam {
			m.params[e.param].Limit = true
		}
		m.expr(e)
	}
}

func (m *meetings) block(b *block) {
	for _, it := range b.items {
		m.expr(it.e)
	}
	m.from(b.from)
	m.expr(b.where)
	for _, e := range b.group {
		m.expr(e)
	}
	m.expr(b.having)
}

func (m *meetings) from(f *from) {
	switch {
	case f == nil:
	case f.kind != joinNone:
		m.from(f.left)
		m.from(f.right)
		m.expr(f.on)
	case f.sub != nil:
		m.query(f.sub)
	}
}

// write finds the meetings of an INSERT, UPDATE or DELETE.
func (m *meetings) write(c *converter, n ast.StmtNode) error {
	s := &scope{merged: map[string]bool{}}
	switch n := n.(type) {
	case *ast.InsertStmt:
		return m.insert(c, n, s)
	case *ast.UpdateStmt:
		if n.With != nil || n.Limit != nil || n.Order != nil {
			return unreadf("this form of UPDATE is not read")
		}
		f, err := c.from(n.TableRefs.TableRefs, s)
		if err != nil {
			return err
		}
		if err := m.assign(c, n.List, s); err != nil {
			return err
		}
		return m.where(c, f, n.Where, s)
	case *ast.DeleteStmt:
		if n.With != nil || n.Limit != nil || n.Order != nil {
			return unreadf("this form of DELETE is not read")
		}
		f, err := c.from(n.TableRefs.TableRefs, s)
		if err != nil {
			return err
		}
		return m.where(c, f, n.Where, s)
	}
	return unreadf("a statement of the form %T is not read", n)
}

func (m *meetings) where(c *converter, f *from, n ast.ExprNode, s *scope) error {
	m.from(f)
	if n == nil {
		return nil
	}
	e, err := c.expr(n, s)
	if err == nil {
		m.expr(e)
	}
	return err
}

func (m *meetings) assign(c *converter, list []*ast.Assignment, s *scope) error {
	for _, a := range list {
		e, err := c.expr(a.Expr, s)
		if err != nil {
			return err
		}
		col := &column{table: a.Column.Table.O, name: a.Column.Name.O}
		s.resolve(col)
		m.meet(e, col)
		m.expr(e)
	}
	return nil
}

func (m *meetings) insert(c *converter, n *ast.InsertStmt, s *scope) error {
	f, err := c.from(n.Table.TableRefs, s)
	if err != nil || f.occ == nil {
		return err
	}
	cols := insertColumns(f.occ.Table, n.Columns)
	for _, row := range n.Lists {
		for i, v := range row {
			e, err := c.expr(v, s)
			if err != nil {
				return err
			}
			if i < len(cols) {
				m.meet(e, &column{occ: f.occ, idx: cols[i]})
			}
			m.expr(e)
		}
	}
	if n.Select == nil {
		return nil
	}
	q, err := c.query(n.Select, nil)
	if err != nil {
		return err
	}
	for _, b := range q.blocks {
		for i, it := range b.items {
			if it.e != nil && i < len(cols) {
				m.meet(it.e, &column{occ: f.occ, idx: cols[i]})
			}
		}
	}
	m.query(q)
	return nil
}

// insertColumns are the positions that VALUES fills, in order.
func insertColumns(t *source.Table, names []*ast.ColumnName) []int {
	var out []int
	for _, n := range names {
		out = append(out, t.Column(n.Name.O))
	}
	if len(names) > 0 {
		return out
	}
	for i := range t.Columns {
		if t.Columns[i].Generated == source.NotGenerated {
			out = append(out, i)
		}
	}
	return out
}

// plainInsert is an INSERT without the clauses that only SQLite has.
func (t *text) plainInsert() *text {
	out := &text{dialect: t.dialect, names: t.names}
	depth := 0
	for i := 0; i < len(t.tokens); i++ {
		tok := t.tokens[i]
		next := t.at(t.neighbour(i, +1))
		switch {
		case tok.is("("):
			depth++
		case tok.is(")"):
			depth--
		case depth == 0 && (tok.is("ON") && next.is("CONFLICT") || tok.is("RETURNING")):
			return out
		case depth == 0 && tok.is("OR") && t.at(t.neighbour(i, -1)).is("INSERT"):
			i = t.neighbour(i, +1) // OR REPLACE, OR IGNORE, ...
			continue
		}
		out.tokens = append(out.tokens, tok)
	}
	return out
}

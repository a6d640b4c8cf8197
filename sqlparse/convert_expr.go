package sqlparse

import (
	"strconv"
	"strings"

	"edgecache/source"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"
	"github.com/pingcap/tidb/pkg/parser/opcode"
	"github.com/pingcap/tidb/pkg/parser/test_driver"
)

var binaryOps = map[opcode.Op]op{
	opcode.EQ: opEq, opcode.NE: opNe, opcode.LT: opLt, opcode.LE: opLe, opcode.GT: opGt, opcode.GE: opGe,
	opcode.Plus: opAdd, opcode.Minus: opSub, opcode.Mul: opMul, opcode.Div: opDiv, opcode.Mod: opMod,
	opcode.LogicAnd: opAnd, opcode.LogicOr: opOr, opcode.NullEQ: opIs,
	opcode.And: opBits, opcode.Or: opBits, opcode.LeftShift: opBits, opcode.RightShift: opBits,
}

var bitOps = map[opcode.Op]string{opcode.And: "&", opcode.Or: "|", opcode.LeftShift: "<<", opcode.RightShift: ">>"}

var unaryOps = map[opcode.Op]op{opcode.Not: opNot, opcode.Minus: opNeg, opcode.Plus: opPlus}

// expr converts an expression. What it has no form for becomes opaque, unless
// a query or a parameter is inside: those must not be lost from sight.
func (c *converter) expr(n ast.ExprNode, s *scope) (*expr, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	switch n := n.(type) {
	case *ast.ParenthesesExpr:
		return c.expr(n.Expr, s)
	case *ast.ColumnNameExpr:
		return c.column(n, s)
	case *test_driver.ParamMarkerExpr:
		return c.marker(n)
	case *test_driver.ValueExpr:
		return c.literal(n), nil
	case *ast.BinaryOperationExpr:
		if o, ok := binaryOps[n.Op]; ok {
			e, err := c.node(o, s, n.L, n.R)
			if err == nil {
				e.name = bitOps[n.Op]
			}
			return e, err
		}
	case *ast.UnaryOperationExpr:
		if o, ok := unaryOps[n.Op]; ok {
			return c.node(o, s, n.V)
		}
	case *ast.PositionExpr:
		return &expr{op: opOpaque, raw: strconv.Itoa(n.N)}, nil
	case *ast.SetCollationExpr:
		if coll := collationsNamed[n.Collate]; coll != "" && c.dialect == SQLite {
			e, err := c.node(opCollate, s, n.Expr)
			if err == nil {
				e.name = string(coll)
			}
			return e, err
		}
	case *ast.RowExpr:
		return c.node(opRow, s, n.Values...)
	case *ast.AggregateFuncExpr:
		return c.aggregate(n, s)
	case *ast.FuncCallExpr:
		return c.call(n, s)
	case *ast.CaseExpr:
		return c.caseExpr(n, s)
	case *ast.SubqueryExpr:
		return c.subquery(opScalar, false, n, s)
	case *ast.ExistsSubqueryExpr:
		return c.subquery(opExists, n.Not, n.Sel, s)
	}
	return c.predicate(n, s)
}

// predicate converts the forms that carry a NOT of their own.
func (c *converter) predicate(n ast.ExprNode, s *scope) (*expr, error) {
	var e *expr
	var err error
	var not bool
	switch n := n.(type) {
	case *ast.IsNullExpr:
		not = n.Not
		e, err = c.node(opIsNull, s, n.Expr)
	case *ast.BetweenExpr:
		not = n.Not
		e, err = c.node(opBetween, s, n.Expr, n.Left, n.Right)
	case *ast.PatternLikeOrIlikeExpr:
		if !n.IsLike {
			return nil, unreadf("ILIKE is not read")
		}
		not = n.Not
		e, err = c.node(opLike, s, n.Expr, n.Pattern)
		if err == nil && (n.EscapeExplicit || c.dialect == MySQL) {
			e.escape = n.Escape
		}
	case *ast.PatternInExpr:
		not = n.Not
		if n.Sel != nil {
			x, err := c.expr(n.Expr, s)
			if err != nil {
				return nil, err
			}
			e, err = c.subquery(opInQuery, n.Not, n.Sel, s)
			if err == nil {
				e.args = []*expr{x}
			}
			return e, err
		}
		e, err = c.node(opIn, s, append([]ast.ExprNode{n.Expr}, n.List...)...)
	default:
		return c.opaque(n, s)
	}
	if err != nil {
		return nil, err
	}
	e.not = not
	return e, nil
}

func (c *converter) node(o op, s *scope, args ...ast.ExprNode) (*expr, error) {
	e := &expr{op: o}
	for _, a := range args {
		x, err := c.expr(a, s)
		if err != nil {
			return nil, err
		}
		if (o == opAnd || o == opOr) && x.op == o {
			e.args = append(e.args, x.args...) // flat, as both associate
			continue
		}
		e.args = append(e.args, x)
	}
	return e, nil
}

func (c *converter) column(n *ast.ColumnNameExpr, s *scope) (*expr, error) {
	if !c.ownDatabase(n.Name.Schema) {
		return nil, unreadf("columns of another database are not read")
	}
	col := &column{table: n.Name.Table.O, name: n.Name.Name.O}
	c.resolve(col, s)
	return &expr{op: opColumn, col: col}, nil
}

func (c *converter) marker(n *test_driver.ParamMarkerExpr) (*expr, error) {
	i, ok := c.at[n.Offset]
	if !ok || c.inView {
		return nil, unreadf("a parameter is not where it was written")
	}
	tok := c.text.tokens[i]
	return &expr{op: opParam, param: tok.param, nth: c.nth[n.Offset], list: tok.list}, nil
}

// literal keeps the value where Go and SQLite surely agree on it; of others
// (integers past 2^63, x'..', dates) only the text is kept.
func (c *converter) literal(n *test_driver.ValueExpr) *expr {
	e := &expr{op: opLiteral}
	switch n.Kind() {
	case test_driver.KindNull:
		e.val = source.Null()
	case test_driver.KindInt64:
		e.val = source.Int(n.GetInt64())
	case test_driver.KindFloat64:
		e.val = source.Float(n.GetFloat64())
	case test_driver.KindUint64:
		if c.dialect == SQLite {
			return &expr{op: opOpaque, raw: restored(n)}
		}
		e.val = source.Uint(n.GetUint64())
	case test_driver.KindMysqlDecimal:
		s := n.GetMysqlDecimal().String()
		if c.dialect == MySQL {
			e.val = source.Decimal(s)
			break
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !isPlainDecimal(s) {
			return &expr{op: opOpaque, raw: s}
		}
		e.val, e.raw = source.Float(f), s
	case test_driver.KindString:
		e.val = source.Text(n.GetString())
	default:
		return &expr{op: opOpaque, raw: restored(n)}
	}
	return e
}

func (c *converter) subquery(o op, not bool, n ast.ExprNode, s *scope) (*expr, error) {
	q, err := c.query(n, s)
	if err != nil {
		return nil, err
	}
	return &expr{op: o, not: not, q: q}, nil
}

func (c *converter) aggregate(n *ast.AggregateFuncExpr, s *scope) (*expr, error) {
	if n.Order != nil {
		return nil, unreadf("ORDER BY inside %s() is not read", n.F)
	}
	args := n.Args
	if strings.EqualFold(n.F, ast.AggFuncGroupConcat) && len(args) > 0 {
		args = args[:len(args)-1] // the separator that the parser adds
	}
	if len(args) == 1 {
		if v, ok := args[0].(*test_driver.ValueExpr); ok && v.Kind() == test_driver.KindString && v.GetString() == starMark {
			return &expr{op: opCall, name: n.F, star: true}, nil
		}
	}
	e, err := c.node(opCall, s, args...)
	if err == nil {
		e.name, e.distinct = n.F, n.Distinct
	}
	return e, err
}

func (c *converter) call(n *ast.FuncCallExpr, s *scope) (*expr, error) {
	if n.Schema.L != "" {
		return nil, unreadf("function %s.%s is not read", n.Schema.O, n.FnName.O)
	}
	o := opCall
	if n.FnName.L == "concat" && !c.text.hasCall("concat") {
		o = opConcat // written ||
	}
	e, err := c.node(o, s, n.Args...)
	if err == nil {
		e.name = n.FnName.O
	}
	return e, err
}

func (c *converter) caseExpr(n *ast.CaseExpr, s *scope) (*expr, error) {
	var args []ast.ExprNode
	if n.Value != nil {
		args = append(args, n.Value)
	}
	for _, w := range n.WhenClauses {
		args = append(args, w.Expr, w.Result)
	}
	if n.ElseClause != nil {
		args = append(args, n.ElseClause)
	}
	e, err := c.node(opCase, s, args...)
	if err == nil {
		e.operand, e.hasElse = n.Value != nil, n.ElseClause != nil
	}
	return e, err
}

// opaque keeps the text of what we do not understand.
func (c *converter) opaque(n ast.ExprNode, s *scope) (*expr, error) {
	if c.dialect == MySQL {
		h := &hidden{c: c, s: s}
		n.Accept(h)
		return &expr{op: opOpaque, raw: restored(n)}, h.err
	}
	v := &finder{c: c, s: s}
	n.Accept(v)
	if v.found != "" {
		return nil, unreadf("%s inside %T is not read", v.found, n)
	}
	raw := restored(n)
	if raw == "" {
		return nil, unreadf("an expression of the form %T is not read", n)
	}
	return &expr{op: opOpaque, raw: raw}, nil
}

// finder looks for what an opaque expression must not hide, and notes the
// columns in it.
type finder struct {
	c     *converter
	s     *scope
	found string
}

func (f *finder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ColumnNameExpr:
		col := &column{table: n.Name.Table.O, name: n.Name.Name.O}
		f.c.resolve(col, f.s)
		col.occ.loosen(col.idx)
	case *ast.SelectStmt, *ast.SetOprStmt:
		f.found = "a query"
	case *test_driver.ParamMarkerExpr:
		f.found = "a parameter"
	}
	return n, f.found != ""
}

func (f *finder) Leave(n ast.Node) (ast.Node, bool) { return n, f.found == "" }

func restored(n ast.Node) string {
	var b strings.Builder
	flags := format.RestoreStringSingleQuotes | format.RestoreNameDoubleQuotes | format.RestoreKeyWordUppercase |
		format.RestoreStringWithoutCharset | format.RestoreSpacesAroundBinaryOperation
	if err := n.Restore(format.NewRestoreCtx(flags, &b)); err != nil {
		return ""
	}
	return b.String()
}

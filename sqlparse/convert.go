package sqlparse

import (
	"fmt"
	"strings"

	"edgecache/source"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser panics without a literal driver
)

// unread is the error for SQL that the database accepts and we do not
// understand. It widens; it never refuses.
type unread struct{ what string }

func (u *unread) Error() string { return u.what }

func unreadf(format string, a ...any) error { return &unread{fmt.Sprintf(format, a...)} }

// parseOne parses exactly one statement in the mode of the session that will
// execute it. SQLite's quoting has a mode of its own: "x" is a name, ||
// concatenates, a backslash is a backslash. Sessions of MySQL are pinned to
// the default in these respects.
func (d Dialect) parseOne(sql string) (ast.StmtNode, error) {
	p := parser.New()
	if d == SQLite {
		p.SetSQLMode(mysql.ModeANSIQuotes | mysql.ModePipesAsConcat | mysql.ModeNoBackslashEscapes)
	}
	stmts, _, err := p.Parse(sql, "", "")
	if err != nil {
		return nil, &unread{"the analyser cannot parse it: " + firstLine(err.Error())}
	}
	if len(stmts) != 1 {
		return nil, unreadf("the analyser found %d statements", len(stmts))
	}
	return stmts[0], nil
}

func firstLine(s string) string {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i]
	}
	if len(s) > 160 {
		s = s[:160] + "..."
	}
	return strings.TrimSpace(s)
}

// converter turns the parser's tree into our own, resolving every name
// against the schema. It refuses (unread) whatever it has no exact form for.
type converter struct {
	dialect  Dialect
	database string // the name that a qualifier may have
	schema   *source.Schema
	text     *text
	at       map[int]int // byte offset of a placeholder → its token
	nth      map[int]int // byte offset of a placeholder → its number, from 1
	occs     []*Occurrence
	survey   survey // MySQL only: what stands in the way of caching
	blocks   []*block
	queries  []*query
	views    map[*source.View]*query
	strays   []stray
	depth    int
	// inView tells that a view's body is converted: it has no parameters.
	inView bool
}

// maxDepth bounds nesting of views and queries, and so the recursion here.
const maxDepth = 64

func (c *converter) enter() error {
	c.depth++
	if c.depth > maxDepth {
		return unreadf("queries are nested deeper than %d", maxDepth)
	}
	return nil
}

func (c *converter) leave() { c.depth-- }

// ownDatabase tells whether a qualifier names the database that we know.
func (c *converter) ownDatabase(name ast.CIStr) bool {
	return name.L == "" || name.L == asciiLower(c.database)
}

// query converts a SELECT or a compound of them.
func (c *converter) query(n ast.Node, parent *scope) (*query, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	// CTEs live in a scope of their own, around the blocks.
	outer := &scope{parent: parent}
	q := &query{}
	c.queries = append(c.queries, q)
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		return c.query(n.Query, parent)
	case *ast.SelectStmt:
		if err := c.with(q, n.With, outer); err != nil {
			return nil, err
		}
		b, err := c.block(n, outer)
		if err != nil {
			return nil, err
		}
		q.blocks = []*block{b}
		return q, c.window(q, n.OrderBy, n.Limit, b.scope)
	case *ast.SetOprStmt:
		if err := c.with(q, n.With, outer); err != nil {
			return nil, err
		}
		if err := c.compound(q, n.SelectList, outer); err != nil {
			return nil, err
		}
		// ORDER BY of a compound names output columns only.
		return q, c.window(q, n.OrderBy, n.Limit, outer)
	}
	return nil, unreadf("a query of the form %T is not read", n)
}

func (c *converter) compound(q *query, list *ast.SetOprSelectList, outer *scope) error {
	if list.With != nil || list.Limit != nil || list.OrderBy != nil {
		return unreadf("a nested compound query is not read")
	}
	for i, s := range list.Selects {
		sel, ok := s.(*ast.SelectStmt)
		if !ok || sel.With != nil || sel.OrderBy != nil || sel.Limit != nil {
			return unreadf("a nested compound query is not read")
		}
		if i > 0 {
			if sel.AfterSetOperator == nil {
				return unreadf("a compound query without operator")
			}
			q.setOps = append(q.setOps, strings.ToUpper(sel.AfterSetOperator.String()))
		}
		b, err := c.block(sel, outer)
		if err != nil {
			return err
		}
		q.blocks = append(q.blocks, b)
	}
	return nil
}

func (c *converter) with(q *query, w *ast.WithClause, s *scope) error {
	if w == nil {
		return nil
	}
	q.recursive = w.IsRecursive
	for _, n := range w.CTEs {
		t := &cte{name: n.Name.O, cols: cistrs(n.ColNameList), named: len(n.ColNameList) > 0}
		if w.IsRecursive {
			// A recursive body sees its own name; its columns are known only
			// when the list is given, else mentions stay unresolved.
			s.ctes = append(s.ctes, t)
		}
		body, err := c.query(n.Query, s)
		if err != nil {
			return err
		}
		t.q = body
		if t.cols == nil {
			t.cols = body.outputNames()
		}
		if !w.IsRecursive {
			s.ctes = append(s.ctes, t)
		}
		q.with = append(q.with, t)
	}
	return nil
}

func cistrs(in []ast.CIStr) []string {
	var out []string
	for _, s := range in {
		out = append(out, s.O)
	}
	return out
}

func (c *converter) window(q *query, order *ast.OrderByClause, limit *ast.Limit, s *scope) error {
	if order != nil {
		for _, it := range order.Items {
			e, err := c.expr(it.Expr, s)
			if err != nil {
				return err
			}
			q.order = append(q.order, orderItem{e, it.Desc})
		}
	}
	if limit == nil {
		return nil
	}
	var err error
	if q.limit, err = c.expr(limit.Count, s); err != nil {
		return err
	}
	if limit.Offset != nil {
		q.offset, err = c.expr(limit.Offset, s)
	}
	return err
}

// outputNames lists what a query offers to the query around it. A column
// whose name nobody can mention plainly is "".
func (q *query) outputNames() []string {
	var out []string
	b := q.blocks[0]
	for _, it := range b.items {
		switch {
		case it.e == nil:
			b.from.eachLeaf(func(f *from) {
				if it.table == "" || strings.EqualFold(it.table, f.alias) {
					out = append(out, f.columnNames()...)
				}
			})
		case it.alias != "":
			out = append(out, it.alias)
		case it.e.op == opColumn:
			out = append(out, it.e.col.name)
		default:
			out = append(out, "")
		}
	}
	return out
}

func (f *from) columnNames() []string {
	if f.occ == nil {
		return f.cols
	}
	var out []string
	for i := range f.occ.Table.Columns {
		out = append(out, f.occ.Table.Columns[i].Name)
	}
	return out
}

// block converts one SELECT.
func (c *converter) block(n *ast.SelectStmt, parent *scope) (*block, error) {
	if n.Kind != ast.SelectStmtKindSelect || c.dialect == SQLite && (n.LockInfo != nil || n.SelectIntoOpt != nil || len(n.WindowSpecs) > 0) {
		return nil, unreadf("this form of SELECT is not read")
	}
	if n.GroupBy != nil && n.GroupBy.Rollup && c.dialect == SQLite {
		return nil, unreadf("WITH ROLLUP is not read")
	}
	b := &block{distinct: n.Distinct, scope: &scope{parent: parent, merged: map[string]bool{}}}
	if n.From != nil {
		f, err := c.from(n.From.TableRefs, b.scope)
		if err != nil {
			return nil, err
		}
		b.from = f
	}
	for _, f := range n.Fields.Fields {
		if f.WildCard != nil {
			b.from.eachLeaf(func(l *from) {
				if l.occ != nil && (f.WildCard.Table.L == "" || strings.EqualFold(f.WildCard.Table.O, l.alias)) {
					l.occ.markAll()
				}
			})
			b.items = append(b.items, item{table: f.WildCard.Table.O})
			continue
		}
		e, err := c.expr(f.Expr, b.scope)
		if err != nil {
			return nil, err
		}
		b.items = append(b.items, item{e: e, alias: f.AsName.O})
	}
	return b, c.clauses(b, n)
}

func (c *converter) clauses(b *block, n *ast.SelectStmt) (err error) {
	if n.Where != nil {
		if b.where, err = c.expr(n.Where, b.scope); err != nil {
			return err
		}
	}
	if n.GroupBy != nil {
		for _, it := range n.GroupBy.Items {
			e, err := c.expr(it.Expr, b.scope)
			if err != nil {
				return err
			}
			b.group = append(b.group, e)
		}
	}
	if n.Having != nil {
		if b.having, err = c.expr(n.Having.Expr, b.scope); err != nil {
			return err
		}
	}
	for i := range n.WindowSpecs {
		h := &hidden{c: c, s: b.scope}
		n.WindowSpecs[i].Accept(h)
		if h.err != nil {
			return h.err
		}
	}
	c.blocks = append(c.blocks, b)
	return nil
}

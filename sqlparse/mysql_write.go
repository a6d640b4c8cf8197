package sqlparse

import (
	"strings"

	"edgecache/source"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/test_driver"
)

// PlanWrite reads one writing statement of MySQL's dialect, ready to be
// executed with "?" for its arguments. database is the name that may qualify
// its tables. An error says that the statement is not understood: which tables
// it writes is then not known.
func PlanWrite(sql string, schema *source.Schema, database string) (*source.WritePlan, error) {
	t, err := cut(strings.TrimRight(sql, "; \t\r\n"), MySQL)
	if err != nil {
		return nil, unreadf("%s", err)
	}
	text, _ := t.forParser()
	n, err := MySQL.parseOne(text)
	if err != nil {
		return nil, err
	}
	w := &writePlanner{text: t, schema: schema, database: database, plan: &source.WritePlan{}}
	switch n := n.(type) {
	case *ast.InsertStmt:
		err = w.insert(n)
	case *ast.UpdateStmt:
		err = w.update(n)
	case *ast.DeleteStmt:
		err = w.delete(n)
	case *ast.TruncateTableStmt:
		w.plan.Kind = source.StatementDDL
		w.unfit("TRUNCATE has no images")
		err = w.target(n.Table)
	default:
		err = unreadf("a statement of the form %T is not read", n)
	}
	if err != nil {
		return nil, err
	}
	return w.plan, nil
}

type writePlanner struct {
	text     *text
	schema   *source.Schema
	database string
	plan     *source.WritePlan
}

// unfit keeps the first reason.
func (w *writePlanner) unfit(why string) {
	if w.plan.Unfit == "" {
		w.plan.Unfit = why
	}
}

func (w *writePlanner) target(n *ast.TableName) error {
	if n.Schema.L != "" && n.Schema.L != asciiLower(w.database) {
		return unreadf("%s is a table of another database", n.Name.O)
	}
	w.plan.Tables = append(w.plan.Tables, n.Name.O)
	return nil
}

// targets names every table of a FROM tree: the statement may write any.
func (w *writePlanner) targets(n ast.ResultSetNode) error {
	switch n := n.(type) {
	case *ast.Join:
		if err := w.targets(n.Left); err != nil || n.Right == nil {
			return err
		}
		w.unfit("it joins tables")
		return w.targets(n.Right)
	case *ast.TableSource:
		if t, ok := n.Source.(*ast.TableName); ok {
			return w.target(t)
		}
		w.unfit("it has a subquery")
		return nil
	case nil:
		return nil
	}
	return unreadf("a target of the form %T is not read", n)
}

func (w *writePlanner) update(n *ast.UpdateStmt) error {
	w.plan.Kind = source.StatementUpdate
	if n.With != nil || n.Limit != nil || n.Order != nil || n.IgnoreErr {
		w.unfit("it has WITH, ORDER BY, LIMIT or IGNORE")
	}
	if err := w.targets(n.TableRefs.TableRefs); err != nil {
		return err
	}
	w.assigned(n.List)
	if n.MultipleTable {
		w.unfit("it has several targets")
	}
	w.condition(n.Where)
	if w.plan.Unfit == "" {
		w.slice("UPDATE", "SET")
	}
	return nil
}

func (w *writePlanner) delete(n *ast.DeleteStmt) error {
	w.plan.Kind = source.StatementDelete
	if n.With != nil || n.Limit != nil || n.Order != nil || n.IgnoreErr || n.Quick || n.IsMultiTable {
		w.unfit("it has WITH, ORDER BY, LIMIT, IGNORE, QUICK or several targets")
	}
	if err := w.targets(n.TableRefs.TableRefs); err != nil {
		return err
	}
	w.condition(n.Where)
	if w.plan.Unfit == "" {
		w.slice("FROM", "WHERE")
	}
	return nil
}

// condition refuses what makes the rows that a WHERE matches depend on more
// than themselves and the arguments.
func (w *writePlanner) condition(n ast.ExprNode) {
	if n == nil {
		return
	}
	var s survey
	n.Accept(&s)
	var q queries
	n.Accept(&q)
	switch {
	case s.problem != "":
		w.unfit("its condition is not known to depend on the row alone: " + s.problem)
	case q.found:
		w.unfit("its condition has a subquery")
	}
}

// queries looks for subqueries.
type queries struct{ found bool }

func (q *queries) Enter(n ast.Node) (ast.Node, bool) {
	if _, ok := n.(*ast.SubqueryExpr); ok {
		q.found = true
	}
	return n, q.found
}

func (q *queries) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func (w *writePlanner) assigned(list []*ast.Assignment) {
	for _, a := range list {
		w.plan.Assigned = append(w.plan.Assigned, a.Column.Name.O)
	}
}

// slice takes the texts of target and condition out of the statement: the
// target stands between two keywords, the condition from WHERE to the end. The
// tree has shown that nothing else follows. Keywords inside parentheses are
// none of ours.
func (w *writePlanner) slice(before, after string) {
	var target, where strings.Builder
	depth, marks, part := 0, 0, 0
	for _, tok := range w.text.tokens {
		switch {
		case tok.is("("):
			depth++
		case tok.is(")"):
			depth--
		case tok.kind == tokMark:
			marks++
			if part == 3 {
				w.plan.WhereArgs = append(w.plan.WhereArgs, marks-1)
			}
		}
		switch {
		case depth == 0 && part == 0 && tok.is(before):
			part = 1
		case depth == 0 && part < 3 && tok.is("WHERE"):
			part = 3
		case depth == 0 && part == 1 && tok.is(after):
			part = 2
		case tok.kind == tokSpace && part == 3:
			where.WriteByte(' ')
		case part == 1 && !tok.is("LOW_PRIORITY"):
			target.WriteString(spaced(tok))
		case part == 3:
			where.WriteString(tok.s)
		}
	}
	w.plan.From, w.plan.Where = strings.TrimSpace(target.String()), strings.TrimSpace(where.String())
}

// spaced is the token as written, comments reduced to a space.
func spaced(t token) string {
	if t.kind == tokSpace {
		return " "
	}
	return t.s
}

func (w *writePlanner) insert(n *ast.InsertStmt) error {
	w.plan.Kind = source.StatementInsert
	if err := w.targets(n.Table.TableRefs); err != nil {
		return err
	}
	switch {
	case n.IsReplace:
		w.plan.Insert = source.InsertReplace
	case len(n.OnDuplicate) > 0:
		w.plan.Insert = source.InsertUpdate
		w.assigned(n.OnDuplicate)
	case n.IgnoreErr:
		w.plan.Insert = source.InsertIgnore
	}
	if n.IgnoreErr && w.plan.Insert == source.InsertUpdate {
		w.unfit("it has both IGNORE and ON DUPLICATE KEY UPDATE")
	}
	if n.Select != nil {
		w.unfit("it inserts what a SELECT gives")
		return nil
	}
	for _, c := range n.Columns {
		w.plan.Columns = append(w.plan.Columns, c.Name.O)
	}
	for _, row := range n.Lists {
		items := make([]source.InsertValue, len(row))
		for i, v := range row {
			items[i] = w.item(v)
		}
		w.plan.Rows = append(w.plan.Rows, items)
	}
	return nil
}

// item reads one value. Placeholders are counted by the offsets that the
// parser saw, which are in order.
func (w *writePlanner) item(n ast.ExprNode) source.InsertValue {
	switch n := n.(type) {
	case *test_driver.ParamMarkerExpr:
		return source.InsertValue{Form: source.FormArg, Arg: w.markAt(n.Offset)}
	case *ast.DefaultExpr:
		if n.Name == nil {
			return source.InsertValue{Form: source.FormDefault}
		}
	case *test_driver.ValueExpr:
		c := converter{dialect: MySQL}
		if e := c.literal(n); e.op == opLiteral {
			return source.InsertValue{Form: source.FormLiteral, Value: e.val}
		}
	}
	return source.InsertValue{}
}

// markAt is the number of the placeholder at an offset of the parsed text.
func (w *writePlanner) markAt(offset int) int {
	text, _ := w.text.forParser()
	before, err := cut(text[:offset], MySQL)
	if err != nil {
		return -1
	}
	n := 0
	for _, tok := range before.tokens {
		if tok.kind == tokMark {
			n++
		}
	}
	return n
}

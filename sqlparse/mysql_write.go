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
	t, returning := t.cutReturning()
	text, _ := t.forParser()
	n, err := MySQL.parseOne(text)
	if err != nil {
		return nil, err
	}
	w := &writePlanner{text: t, schema: schema, database: database, plan: &source.WritePlan{}}
	if returning {
		w.unfit("RETURNING")
	}
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
		_, err = w.target(n.Table)
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
	joined   bool
}

// unfit keeps the first reason.
func (w *writePlanner) unfit(why string) {
	if w.plan.Unfit == "" {
		w.plan.Unfit = why
	}
}

// chosen keeps the first reason.
func (w *writePlanner) chosen(why string) {
	if w.plan.Chosen == "" {
		w.plan.Chosen = why
	}
}

func (w *writePlanner) target(n *ast.TableName) (string, error) {
	if n.Schema.L != "" && n.Schema.L != asciiLower(w.database) {
		return "", unreadf("%s is a table of another database", n.Name.O)
	}
	w.plan.Tables = append(w.plan.Tables, n.Name.O)
	return n.Name.O, nil
}

// mention is one table of a FROM tree.
type mention struct{ table, alias string }

// mentions names every table of a FROM tree: the statement may write any, until
// narrow tells which. Rows can be selected of inner joins only: there each
// matched row stays matched while it and its partners are locked, where the
// missing partner of an outer join cannot be locked.
func (w *writePlanner) mentions(n ast.ResultSetNode) (out []mention, err error) {
	switch n := n.(type) {
	case *ast.Join:
		if out, err = w.mentions(n.Left); err != nil || n.Right == nil {
			return out, err
		}
		w.joined = true
		if n.Tp == ast.LeftJoin || n.Tp == ast.RightJoin {
			w.unfit("it has an outer join")
		}
		if n.On != nil {
			w.condition(n.On.Expr, "ON")
		}
		right, err := w.mentions(n.Right)
		return append(out, right...), err
	case *ast.TableSource:
		t, ok := n.Source.(*ast.TableName)
		if !ok {
			w.unfit("it joins a subquery")
			return nil, nil
		}
		if len(t.IndexHints) > 0 {
			w.unfit("it has index hints") // they may hold ORDER BY
		}
		name, err := w.target(t)
		if w.schema.Table(name) == nil && err == nil {
			w.unfit("it reads or writes a view")
		}
		alias := n.AsName.O
		if alias == "" {
			alias = name
		}
		return []mention{{name, alias}}, err
	case nil:
		return nil, nil
	}
	return nil, unreadf("a target of the form %T is not read", n)
}

// narrow keeps, of the tables that are mentioned, those that are written. A
// table that is mentioned twice is left as it is: what is written through one
// name is read through the other.
func (w *writePlanner) narrow(all []mention, targets []source.WriteTarget) {
	seen := map[string]bool{}
	for _, m := range all {
		name := asciiLower(m.table)
		if seen[name] || w.schema.Table(name) == nil {
			w.unfit("it mentions a table twice, or a view")
			return
		}
		seen[name] = true
		if w.joined {
			w.plan.Joins = append(w.plan.Joins, m.table)
		}
	}
	w.plan.Targets, w.plan.Tables = targets, nil
	for _, t := range targets {
		w.plan.Tables = append(w.plan.Tables, t.Table)
	}
}

func (w *writePlanner) update(n *ast.UpdateStmt) error {
	w.plan.Kind = source.StatementUpdate
	if n.With != nil || n.IgnoreErr {
		w.unfit("it has WITH or IGNORE")
	}
	all, err := w.mentions(n.TableRefs.TableRefs)
	if err != nil {
		return err
	}
	w.rows(n.Where, n.Order, n.Limit)
	targets := w.assignments(n.List, all)
	if targets != nil {
		w.narrow(all, targets)
	} else {
		w.unfit("it is not known whose columns it sets")
	}
	if len(targets) > 1 && w.decides(n, targets) {
		w.unfit("it sets several tables and reads in a condition what it sets")
	}
	if w.plan.Unfit == "" {
		w.slice("UPDATE", "SET")
	}
	return nil
}

// assignments sorts what is set by table; nil when one cannot be told.
func (w *writePlanner) assignments(list []*ast.Assignment, all []mention) (out []source.WriteTarget) {
	at := map[string]int{}
	for _, a := range list {
		m, ok := w.owner(a.Column, all)
		if !ok {
			return nil
		}
		i, seen := at[m.alias]
		if !seen {
			i = len(out)
			at[m.alias] = i
			out = append(out, source.WriteTarget{Table: m.table, Alias: m.alias})
		}
		out[i].Assigned = append(out[i].Assigned, a.Column.Name.O)
		out[i].Set = append(out[i].Set, w.item(a.Expr))
	}
	return out
}

// owner finds the one mention that has the column.
func (w *writePlanner) owner(c *ast.ColumnName, all []mention) (found mention, ok bool) {
	for _, m := range all {
		t := w.schema.Table(m.table)
		if t == nil {
			return mention{}, false
		}
		if t.Column(c.Name.O) < 0 || c.Table.L != "" && c.Table.L != asciiLower(m.alias) {
			continue
		}
		if ok {
			return mention{}, false
		}
		found, ok = m, true
	}
	return found, ok
}

func (w *writePlanner) delete(n *ast.DeleteStmt) error {
	w.plan.Kind = source.StatementDelete
	if n.With != nil || n.IgnoreErr || n.Quick {
		w.unfit("it has WITH, IGNORE or QUICK")
	}
	all, err := w.mentions(n.TableRefs.TableRefs)
	if err != nil {
		return err
	}
	w.rows(n.Where, n.Order, n.Limit)
	w.plan.Returns = !n.IsMultiTable && n.With == nil && !n.IgnoreErr && !n.Quick
	before := "FROM"
	switch {
	case !n.IsMultiTable && len(all) == 1:
		w.narrow(all, []source.WriteTarget{{Table: all[0].table, Alias: all[0].alias}})
	case n.IsMultiTable:
		if !n.BeforeFrom {
			before = "USING"
		}
		if targets := deleted(n.Tables, all); targets != nil {
			w.narrow(all, targets)
		} else {
			w.unfit("which rows it deletes is not known")
		}
	}
	if w.plan.Unfit == "" {
		w.slice(before, "WHERE")
	}
	return nil
}

// deleted finds the targets of a DELETE among the mentions, by alias; nil when
// one is not there.
func deleted(list *ast.DeleteTableList, all []mention) (out []source.WriteTarget) {
	for _, t := range list.Tables {
		found := false
		for _, m := range all {
			if asciiLower(m.alias) == t.Name.L {
				out = append(out, source.WriteTarget{Table: m.table, Alias: m.alias})
				found = true
			}
		}
		if !found {
			return nil
		}
	}
	return out
}

func (w *writePlanner) insert(n *ast.InsertStmt) error {
	w.plan.Kind = source.StatementInsert
	if _, err := w.mentions(n.Table.TableRefs); err != nil {
		return err
	}
	switch {
	case n.IsReplace:
		w.plan.Insert = source.InsertReplace
	case len(n.OnDuplicate) > 0:
		w.plan.Insert = source.InsertUpdate
		for _, a := range n.OnDuplicate {
			w.plan.Assigned = append(w.plan.Assigned, a.Column.Name.O)
		}
	case n.IgnoreErr:
		w.plan.Insert = source.InsertIgnore
	}
	if n.IgnoreErr && w.plan.Insert == source.InsertUpdate {
		w.unfit("it has both IGNORE and ON DUPLICATE KEY UPDATE")
	}
	w.plan.Returns = w.plan.Insert == source.InsertPlain && !n.IgnoreErr
	for _, c := range n.Columns {
		w.plan.Columns = append(w.plan.Columns, c.Name.O)
	}
	if n.Select != nil {
		w.unfit("it inserts what a SELECT gives")
		return nil
	}
	for _, row := range n.Lists {
		items := make([]source.WriteValue, len(row))
		for i, v := range row {
			items[i] = w.item(v)
		}
		w.plan.Rows = append(w.plan.Rows, items)
	}
	return nil
}

// item reads one value. Placeholders are counted by the offsets that the
// parser saw, which are in order.
func (w *writePlanner) item(n ast.ExprNode) source.WriteValue {
	switch n := n.(type) {
	case *test_driver.ParamMarkerExpr:
		return source.WriteValue{Form: source.FormArg, Arg: w.markAt(n.Offset)}
	case *ast.DefaultExpr:
		if n.Name == nil {
			return source.WriteValue{Form: source.FormDefault}
		}
	case *test_driver.ValueExpr:
		c := converter{dialect: MySQL}
		if e := c.literal(n); e.op == opLiteral {
			return source.WriteValue{Form: source.FormLiteral, Value: e.val}
		}
	}
	return source.WriteValue{}
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

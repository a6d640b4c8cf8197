package sqlparse

import (
	"edgecache/source"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// rows reads what says which rows are written.
func (w *writePlanner) rows(where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) {
	w.condition(where, "WHERE")
	if order != nil {
		for _, item := range order.Items {
			w.condition(item.Expr, "ORDER BY")
		}
		if limit == nil && w.joined {
			w.unfit("it orders a join")
		}
	}
	if limit != nil {
		w.chosen("LIMIT chooses among its rows")
		if w.joined {
			w.unfit("it limits a join")
		}
	}
}

// condition sorts expressions by what makes the rows that they choose depend on
// more than themselves and the arguments: what can be evaluated once is chosen,
// what may have effects of its own or reads what we do not know is unfit.
func (w *writePlanner) condition(n ast.ExprNode, where string) {
	if n == nil {
		return
	}
	var c chooser
	n.Accept(&c)
	switch {
	case c.problem != "":
		w.unfit("its " + where + " is not known to depend on the row alone: " + c.problem)
	case c.chosen != "":
		w.chosen("its " + where + " " + c.chosen)
	}
}

// chooser is a survey that takes clocks, dice and subqueries for chosen.
type chooser struct {
	survey
	chosen string
}

// mysqlVolatile are functions that may give another value the next time and do
// nothing else.
var mysqlVolatile = words(`now current_timestamp localtime localtimestamp curdate current_date curtime
	current_time utc_timestamp utc_date utc_time sysdate unix_timestamp rand uuid`)

func (c *chooser) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SubqueryExpr:
		c.chosen = "has a subquery"
	case *ast.FuncCallExpr:
		if mysqlVolatile[n.FnName.L] {
			c.chosen = "depends on " + n.FnName.O + "()"
			return n, false
		}
	}
	return c.survey.Enter(n)
}

// decides tells whether an UPDATE of several tables may read, where it decides
// which rows match, a column that it sets. The server sets one of the tables as
// it goes, with the columns that follow, so a row of another could match by the new value only, and one that
// was read not any more: the counts would not tell.
func (w *writePlanner) decides(n *ast.UpdateStmt, targets []source.WriteTarget) bool {
	r := reader{names: map[string]bool{}}
	n.TableRefs.Accept(&r)
	if n.Where != nil {
		n.Where.Accept(&r)
	}
	for _, t := range targets {
		for _, c := range t.Assigned {
			r.reads = r.reads || r.names[asciiLower(c)]
		}
		for _, c := range w.schema.Table(t.Table).Columns {
			follows := c.OnUpdate || c.Generated != source.NotGenerated
			r.reads = r.reads || follows && r.names[asciiLower(c.Name)]
		}
	}
	return r.reads
}

// reader collects the names of columns that conditions read.
type reader struct {
	names map[string]bool
	reads bool // it reads what is set, or, by NATURAL JOIN, more than it names
}

func (r *reader) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ColumnName:
		r.names[n.Name.L] = true
	case *ast.Join:
		r.reads = r.reads || n.NaturalJoin
		for _, c := range n.Using {
			r.names[c.Name.L] = true
		}
	}
	return n, false
}

func (r *reader) Leave(n ast.Node) (ast.Node, bool) { return n, true }

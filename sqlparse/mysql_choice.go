package sqlparse

import "github.com/pingcap/tidb/pkg/parser/ast"

// rows reads what says which rows are written.
func (w *writePlanner) rows(where ast.ExprNode, order *ast.OrderByClause, limit *ast.Limit) {
	w.condition(where, "WHERE")
	if order != nil {
		for _, item := range order.Items {
			w.condition(item.Expr, "ORDER BY")
		}
		if limit == nil && w.plan.Joined {
			w.unfit("it orders a join")
		}
	}
	if limit != nil {
		w.chosen("LIMIT chooses among its rows")
		if w.plan.Joined {
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

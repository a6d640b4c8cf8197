package mysql

import (
	"testing"

	"edgecache/source"
)

func TestQueryPlan(t *testing.T) {
	d := openTest(t, `CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT, KEY by_a (a));
INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);`)
	plan := func(where string) PlanStep {
		t.Helper()
		got, err := d.QueryPlan(t.Context(), source.Statement{SQL: "SELECT b FROM t AS x WHERE " + where + " = ?", Args: []source.Value{source.Int(2)}})
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		return got[0]
	}
	if p := plan("b"); p.Table != "x" || p.Type != "ALL" || p.Key != "" || p.Rows != 3 {
		t.Errorf("%+v", p)
	}
	if p := plan("a"); p.Type != "ref" || p.Key != "by_a" {
		t.Errorf("%+v", p)
	}
	for _, sql := range []string{"DELETE FROM t", "SELECT nope FROM t"} {
		if got, err := d.QueryPlan(t.Context(), source.Statement{SQL: sql}); err == nil {
			t.Errorf("%s: %v", sql, got)
		}
	}
}

package sqlite

import (
	"strings"
	"testing"
)

func TestQueryPlan(t *testing.T) {
	d := openTest(t, "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE INDEX by_a ON t (a);")
	for sql, want := range map[string]string{
		"SELECT id FROM t WHERE b = ?":               "SCAN t",
		"-- by a\nSELECT id FROM t AS x WHERE a = ?": "SEARCH x USING COVERING INDEX by_a (a=?)",
		"SELECT id FROM t ORDER BY b":                "SCAN t; USE TEMP B-TREE FOR ORDER BY",
	} {
		got, err := d.QueryPlan(t.Context(), sql)
		if err != nil || strings.Join(got, "; ") != want {
			t.Errorf("%s: %q, %v", sql, got, err)
		}
	}
	for _, sql := range []string{"PRAGMA user_version", "SELECT nope FROM t"} {
		if got, err := d.QueryPlan(t.Context(), sql); err == nil {
			t.Errorf("%s: %q", sql, got)
		}
	}
}

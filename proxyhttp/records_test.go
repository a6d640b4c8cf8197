package proxyhttp

import (
	"fmt"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

// A row whose key is not known for sure makes its table's rows unknown, so
// that a purge by record drops too much rather than too little.
func TestRecordsErrOnTheSideOfUnknown(t *testing.T) {
	table := func(name string) *source.Table { return &source.Table{Name: name} }
	occ := func(name string, cols ...int) *sqlparse.Occurrence {
		return &sqlparse.Occurrence{Table: table(name), RecordColumns: cols}
	}
	text, null := source.Text, source.Null()
	for _, c := range []struct {
		name string
		occs []*sqlparse.Occurrence
		rows []source.Row
		want string
	}{
		{"simple", []*sqlparse.Occurrence{occ("Users", 0)}, []source.Row{{text("a")}, {source.Int(7)}, {text("a")}}, "[{Users a} {Users 7}] map[]"},
		{"composite", []*sqlparse.Occurrence{occ("t", 1, 0)}, []source.Row{{text("a"), source.Int(2)}}, "[{t 2,a}] map[]"},
		{"missing side of an outer join", []*sqlparse.Occurrence{occ("t", 0), occ("u", 1, 2)}, []source.Row{{text("a"), null, null}}, "[{t a}] map[]"},
		{"not in the answer", []*sqlparse.Occurrence{occ("T")}, []source.Row{{text("a")}}, "[] map[t:true]"},
		{"a self-join shows one side", []*sqlparse.Occurrence{occ("t", 0), occ("t")}, []source.Row{{text("a")}}, "[{t a}] map[t:true]"},
		{"empty text", []*sqlparse.Occurrence{occ("t", 0)}, []source.Row{{text("")}}, "[] map[t:true]"},
		{"unknown value", []*sqlparse.Occurrence{occ("t", 0, 1)}, []source.Row{{text("a"), source.Unknown()}}, "[] map[t:true]"},
		{"fewer columns than told", []*sqlparse.Occurrence{occ("t", 3)}, []source.Row{{text("a")}}, "[] map[t:true]"},
	} {
		recs, unknown := recordsOf(&sqlparse.Query{Occurrences: c.occs}, c.rows)
		if got := fmt.Sprint(recs, " ", unknown); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRecordsAreBounded(t *testing.T) {
	rows := make([]source.Row, maxRecords+5)
	for i := range rows {
		rows[i] = source.Row{source.Int(int64(i))}
	}
	recs, unknown := recordsOf(&sqlparse.Query{Occurrences: []*sqlparse.Occurrence{{Table: &source.Table{Name: "t"}, RecordColumns: []int{0}}}}, rows)
	if len(recs) != maxRecords || !unknown["t"] {
		t.Errorf("%d records, unknown %v", len(recs), unknown)
	}
}

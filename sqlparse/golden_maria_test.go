package sqlparse_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/source/mysql"
	"edgecache/source/mysql/mariatest"
	"edgecache/sqlparse"

	"github.com/cockroachdb/datadriven"
)

// TestGoldenMariaDB runs the files of testdata/mysql on a live server. Commands
// are those of TestGolden, and
//
//	plan   SQL with "?": what PlanWrite reads
func TestGoldenMariaDB(t *testing.T) {
	server := mariatest.Get(t)
	datadriven.Walk(t, "testdata/mysql", func(t *testing.T, path string) {
		var l *live
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "schema":
				db, err := mysql.Open(context.Background(), mysql.Options{
					Name: "main", DSN: server.Database(t, d.Input), PollInterval: -1, Plan: sqlparse.PlanWrite})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				l = &live{Source: db, t: t, dialect: sqlparse.MySQL, database: db.Database()}
				return ""
			case "plan":
				p, err := sqlparse.PlanWrite(d.Input, l.Schema(), l.database)
				if err != nil {
					return "error: " + err.Error() + "\n"
				}
				return printPlan(p)
			}
			in := l.input(d.Input)
			if a, ok := d.Arg("depends"); ok {
				in.DependsOn = a.Vals
			}
			tpl, err := sqlparse.Compile(in)
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			switch d.Cmd {
			case "read":
				return printQuery(tpl)
			case "region":
				return printRegions(tpl, l.args(tpl, d))
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func printPlan(p *source.WritePlan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", p.Kind, strings.Join(p.Tables, " "))
	if p.Unfit != "" {
		fmt.Fprintf(&b, "unfit: %s\n", p.Unfit)
	}
	if p.Chosen != "" {
		fmt.Fprintf(&b, "chosen: %s\n", p.Chosen)
	}
	if p.Returns {
		b.WriteString("may return\n")
	}
	for i, piece := range []source.Piece{p.Head, p.From, p.Where, p.Order, p.Limit} {
		if piece.SQL != "" {
			fmt.Fprintf(&b, "  %s: %s %v\n", [...]string{"head", "from", "where", "order", "limit"}[i], piece.SQL, piece.Args)
		}
	}
	for _, t := range p.Targets {
		fmt.Fprintf(&b, "  writes %s as %s:", t.Table, t.Alias)
		for i, c := range t.Assigned {
			fmt.Fprintf(&b, " %s =%s", c, printValue(t.Set[i]))
		}
		b.WriteString("\n")
	}
	if len(p.Assigned) > 0 {
		fmt.Fprintf(&b, "sets %s\n", strings.Join(p.Assigned, " "))
	}
	for _, row := range p.Rows {
		fmt.Fprintf(&b, "row %v into %s:", p.Insert, strings.Join(p.Columns, " "))
		for _, v := range row {
			b.WriteString(printValue(v))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func printValue(v source.WriteValue) string {
	switch v.Form {
	case source.FormArg:
		return fmt.Sprintf(" ?%d", v.Arg)
	case source.FormLiteral:
		return " " + v.Value.String()
	case source.FormDefault:
		return " DEFAULT"
	}
	return " expr"
}

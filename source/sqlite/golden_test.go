package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"edgecache/source"
)

// TestGolden runs the files of testdata. Commands:
//
//	open        a new database, made by the script (args: changes=N, bytes=N)
//	write       one transaction; prints the write set and the result
//	dryrun      the same, rolled back
//	query       prints the rows
//	describe    one statement (args: program)
//	schema      prints all tables and views
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var d *DB
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "open" {
				d = openTest(t, td.Input, func(o *Options) {
					td.MaybeScanArgs(t, "changes", &o.MaxChanges)
					var n int
					td.MaybeScanArgs(t, "bytes", &n)
					o.MaxChangeBytes = int64(n)
				})
				return ""
			}
			return printable(golden(t, d, td))
		})
	})
}

func golden(t *testing.T, d *DB, td *datadriven.TestData) string {
	switch td.Cmd {
	case "write":
		return goldenWrite(t, d, td)
	case "dryrun":
		ws, err := d.DryRun(context.Background(), parts(t, td.Input))
		if err != nil {
			return printError(err)
		}
		return printWriteSet(d, ws)
	case "query":
		res, err := d.Query(context.Background(), source.Statement{SQL: td.Input}, source.Limits{})
		if err != nil {
			return printError(err)
		}
		out := strings.Join(res.Columns, ", ") + "\n"
		for _, r := range res.Rows {
			out += r.String() + "\n"
		}
		return out
	case "describe":
		desc, err := d.Describe(context.Background(), td.Input)
		if err != nil {
			return printError(err)
		}
		return printDescription(desc, td.HasArg("program"))
	case "schema":
		return printSchema(d.Schema())
	}
	t.Fatalf("unknown command %s", td.Cmd)
	return ""
}

func goldenWrite(t *testing.T, d *DB, td *datadriven.TestData) string {
	var shown *source.WriteSet
	res, err := d.Write(context.Background(), parts(t, td.Input), func(ws *source.WriteSet) { shown = ws })
	out := ""
	if shown != nil {
		out = printWriteSet(d, shown)
	}
	if err != nil {
		out += printError(err)
	}
	out += fmt.Sprintf("%s, %d rows", res.Outcome, res.RowsAffected)
	if res.HasInsertID {
		out += ", id " + itoa(res.LastInsertID)
	}
	return out + "\n"
}

func printError(err error) string {
	out := fmt.Sprintf("%s error: %s\n", source.KindOf(err), err)
	var e *source.Error
	if !errors.As(err, &e) {
		out += "BARE ERROR\n"
	}
	return out
}

func printWriteSet(d *DB, ws *source.WriteSet) string {
	var b strings.Builder
	for _, c := range ws.Changes {
		b.WriteString(c.String())
		if c.RowidChanged {
			b.WriteString(" rowid moved")
		}
		b.WriteByte('\n')
	}
	rest := *ws
	rest.Changes = nil
	b.WriteString(rest.String())
	var tables []string
	for name := range ws.Assigned {
		tables = append(tables, name)
	}
	sort.Strings(tables)
	for _, name := range tables {
		var columns []string
		for _, i := range ws.Assigned[name] {
			columns = append(columns, d.Schema().Table(name).Columns[i].Name)
		}
		fmt.Fprintf(&b, "assigned %s: %s\n", name, strings.Join(columns, ", "))
	}
	if ws.SchemaChanged {
		b.WriteString("schema changed\n")
	}
	return b.String()
}

func printDescription(desc *source.Description, program bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d parameters\n", desc.Kind, desc.Params)
	for _, c := range desc.Columns {
		fmt.Fprintf(&b, "column %s", c.Name)
		if c.Table != "" {
			fmt.Fprintf(&b, " = %s.%s", c.Table, c.Column)
		}
		if c.DeclType != "" {
			fmt.Fprintf(&b, " %s", c.DeclType)
		}
		b.WriteByte('\n')
	}
	var names []string
	for name := range desc.Reads {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, "reads %s (%s)\n", name, strings.Join(desc.Reads[name], ", "))
	}
	for _, w := range desc.Writes {
		fmt.Fprintf(&b, "writes %s %s", w.Op, w.Table)
		if w.Op == source.OpUpdate {
			fmt.Fprintf(&b, " (%s)", strings.Join(w.Columns, ", "))
		}
		b.WriteByte('\n')
	}
	if len(desc.Functions) > 0 {
		fmt.Fprintf(&b, "functions %s\n", strings.Join(desc.Functions, ", "))
	}
	if program {
		b.WriteString(desc.Program)
	}
	return b.String()
}

func printSchema(s *source.Schema) string {
	tables := s.Tables()
	sort.Slice(tables, func(i, j int) bool { return tables[i].Name < tables[j].Name })
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "table %s", t.Name)
		if t.Virtual {
			b.WriteString(" virtual")
		}
		if t.WithoutRowid {
			b.WriteString(" without rowid")
		}
		if t.RowidColumn >= 0 {
			fmt.Fprintf(&b, " rowid=%d", t.RowidColumn)
		}
		fmt.Fprintf(&b, " key=%v\n", t.PrimaryKey)
		for i, c := range t.Columns {
			fmt.Fprintf(&b, "  %d %s %q %s %s", i, c.Name, c.DeclType, c.Affinity, c.Collation)
			if c.NotNull {
				b.WriteString(" not null")
			}
			b.WriteString([...]string{"", " stored", " virtual"}[c.Generated] + "\n")
		}
		for _, u := range t.Uniques {
			fmt.Fprintf(&b, "  unique %v\n", u)
		}
		for _, fk := range t.ForeignKeys {
			fmt.Fprintf(&b, "  references %s %v delete %s update %s\n", fk.Parent, fk.Columns, fk.OnDelete, fk.OnUpdate)
		}
		if len(t.Triggers) > 0 {
			fmt.Fprintf(&b, "  triggers %s\n", strings.Join(t.Triggers, ", "))
		}
	}
	for _, name := range []string{"v", "v2", "v3", "v4", "broken", "if", "odd view"} {
		if v := s.View(name); v != nil {
			fmt.Fprintf(&b, "view %s (%s) %s\n", v.Name, strings.Join(v.Cols, ", "), v.SQL)
		}
	}
	return b.String()
}

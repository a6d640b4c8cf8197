package mysql

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
)

// TestGolden runs the files of testdata. Commands:
//
//	open        a new database, made by the script (args: changes=N, bytes=N, blind)
//	write       one transaction, a statement a line; prints the write set and the result
//	dryrun      the same, rolled back
//	query       prints the rows
//	describe    one statement
//	schema      prints all tables and views
//
// Arguments of a statement follow it behind " -- ", as literals.
func TestGolden(t *testing.T) {
	mariatest.Get(t)
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var d *DB
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "open" {
				d = openTest(t, td.Input, func(o *Options) {
					td.MaybeScanArgs(t, "changes", &o.MaxChanges)
					var n int
					td.MaybeScanArgs(t, "bytes", &n)
					o.MaxChangeBytes = int64(n)
					if td.HasArg("blind") {
						o.Plan = nil
					}
				})
				return ""
			}
			return stable(d, golden(t, d, td))
		})
	})
}

// stable puts fixed words in place of what differs from run to run.
func stable(d *DB, out string) string {
	for days := -1; days <= 1; days++ {
		day := time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly)
		out = regexp.MustCompile(day+` [0-9:.]+`).ReplaceAllString(out, "NOW")
	}
	return strings.ReplaceAll(out, d.Database(), "DATABASE")
}

func golden(t *testing.T, d *DB, td *datadriven.TestData) string {
	switch td.Cmd {
	case "write":
		var shown *source.WriteSet
		res, err := d.Write(context.Background(), statements(td.Input), func(ws *source.WriteSet) { shown = ws })
		out := printWriteSet(d, shown)
		if err != nil {
			out += printError(err)
		}
		return out + printResult(res)
	case "dryrun":
		ws, err := d.DryRun(context.Background(), statements(td.Input))
		if err != nil {
			return printError(err)
		}
		return printWriteSet(d, ws)
	case "query":
		res, err := d.Query(context.Background(), statements(td.Input)[0], source.Limits{})
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
		out := fmt.Sprintf("%s, %d parameters\n", desc.Kind, desc.Params)
		for _, c := range desc.Columns {
			out += fmt.Sprintf("column %s %s\n", c.Name, c.DeclType)
		}
		return out
	case "schema":
		return printSchema(d)
	}
	t.Fatalf("unknown command %s", td.Cmd)
	return ""
}

// statements reads one a line, with its arguments behind " -- ".
func statements(text string) []source.Statement {
	var out []source.Statement
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		sql, list, found := strings.Cut(line, " -- ")
		st := source.Statement{SQL: strings.TrimSuffix(sql, ";")}
		if found {
			for _, a := range literal.FindAllString(list, -1) {
				st.Args = append(st.Args, valueOf(a))
			}
		}
		out = append(out, st)
	}
	return out
}

var literal = regexp.MustCompile(`'[^']*'|x'[0-9a-f]*'|[^ ,]+`)

// valueOf reads NULL, 'text', 12, 18446744073709551615u, 1.5d (decimal), 1.5.
func valueOf(s string) source.Value {
	var (
		i int64
		u uint64
		f float64
	)
	switch {
	case s == "NULL":
		return source.Null()
	case s[0] == '\'':
		return source.Text(strings.Trim(s, "'"))
	case strings.HasSuffix(s, "u"):
		_, _ = fmt.Sscan(strings.TrimSuffix(s, "u"), &u)
		return source.Uint(u)
	case strings.HasSuffix(s, "d"):
		return source.Decimal(strings.TrimSuffix(s, "d"))
	case strings.Contains(s, "."):
		_, _ = fmt.Sscan(s, &f)
		return source.Float(f)
	}
	_, _ = fmt.Sscan(s, &i)
	return source.Int(i)
}

func printSchema(d *DB) string {
	tables := d.Schema().Tables()
	sort.Slice(tables, func(i, j int) bool { return tables[i].Name < tables[j].Name })
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "table %s key=%v uniques=%v transactional=%v\n", t.Name, t.PrimaryKey, t.Uniques, t.Transactional)
		for i, c := range t.Columns {
			fmt.Fprintf(&b, "  %d %s %q %s", i, c.Name, c.DeclType, c.Family)
			if c.Collation != "" {
				fmt.Fprintf(&b, " %s", c.Collation)
			}
			if c.NotNull {
				b.WriteString(" not null")
			}
			if c.Generated != source.NotGenerated {
				fmt.Fprintf(&b, " generated(%d) %s", c.Generated, c.Expression)
			}
			if c.OnUpdate {
				b.WriteString(" on update")
			}
			if c.Values != nil {
				fmt.Fprintf(&b, " %q", c.Values)
			}
			b.WriteString("\n")
		}
		for _, fk := range t.ForeignKeys {
			fmt.Fprintf(&b, "  %v -> %s %v delete %s update %s\n", fk.Columns, fk.Parent, fk.ParentColumns, fk.OnDelete, fk.OnUpdate)
		}
		for _, name := range t.Triggers {
			fmt.Fprintf(&b, "  trigger %s\n", name)
		}
	}
	for _, name := range viewNames(d) {
		v := d.Schema().View(name)
		fmt.Fprintf(&b, "view %s %v: %s\n", v.Name, v.Cols, v.SQL)
	}
	return b.String()
}

func viewNames(d *DB) (out []string) {
	for name, t := range d.catalog.Load().texts {
		if strings.HasPrefix(t.name, "view ") {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

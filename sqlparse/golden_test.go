package sqlparse_test

import (
	"fmt"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"

	"github.com/cockroachdb/datadriven"
)

// TestGolden runs the files of testdata/golden. Commands:
//
//	schema          SQL: a new database
//	read            SQL: the read set, or the error
//	region p=LIT... SQL: the region of each occurrence with those parameters;
//	                plurals are lists: ids=(1,2)
//	params          SQL: what each parameter meets
//	run p=LIT...    SQL: the executed text with its arguments
//
// Run with -rewrite to accept new output.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		var l *live
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "schema" {
				l = openLive(t, d.Input)
				return ""
			}
			in := l.input(d.Input)
			in.Lists, in.Globs = map[string]bool{}, map[string]bool{}
			for _, a := range d.CmdArgs {
				switch {
				case a.Key == "glob":
					in.Globs[a.Vals[0]] = true
				case a.Key == "depends":
					in.DependsOn = a.Vals
				case a.Key == strings.TrimSuffix(a.Key, "s"):
				default: // a plural
					in.Lists[a.Key] = true
				}
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
			case "params":
				return printParams(tpl)
			case "run":
				st := tpl.Statement(l.args(tpl, d))
				return fmt.Sprintf("%s\n%s\n", st.SQL, source.Row(st.Args))
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func (l *live) args(tpl *sqlparse.Template, d *datadriven.TestData) sqlparse.Args {
	args := make(sqlparse.Args, len(tpl.Params))
	for i := range args {
		args[i] = sqlparse.One(source.Null())
	}
	for _, a := range d.CmdArgs {
		for i, p := range tpl.Params {
			switch {
			case p.Name != a.Key:
			case p.List:
				args[i] = sqlparse.List()
				for _, v := range a.Vals {
					if v != "" {
						args[i].List = append(args[i].List, l.literal(v))
					}
				}
			default:
				args[i] = sqlparse.One(l.literal(a.Vals[0]))
			}
		}
	}
	return args
}

func printQuery(tpl *sqlparse.Template) string {
	var b strings.Builder
	q := tpl.Query
	fmt.Fprintf(&b, "precision %s\n", q.Precision)
	if q.Uncacheable != "" {
		fmt.Fprintf(&b, "uncacheable: %s\n", q.Uncacheable)
	}
	for _, o := range q.Occurrences {
		fmt.Fprintf(&b, "%s as %s (%s)", o.TableName(), o.Alias, strings.Join(columnNames(o), " "))
		if o.RecordColumns != nil {
			fmt.Fprintf(&b, " key in %v", o.RecordColumns)
		}
		if o.Filter != "" {
			fmt.Fprintf(&b, " where %s", o.Filter)
		}
		b.WriteString("\n")
	}
	for _, j := range q.Joins {
		fmt.Fprintf(&b, "join %s\n", j)
	}
	if len(q.Order) > 0 || q.Limit != "" {
		fmt.Fprintf(&b, "window order %s limit %s offset %s\n", strings.Join(q.Order, ", "), q.Limit, q.Offset)
	}
	for _, n := range q.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	return b.String()
}

func columnNames(o *sqlparse.Occurrence) []string {
	var out []string
	for i := range o.Table.Columns {
		if o.Columns.Has(i) {
			out = append(out, o.Table.Columns[i].Name)
		}
	}
	if o.Rowid {
		out = append(out, "rowid")
	}
	return out
}

func printRegions(tpl *sqlparse.Template, args sqlparse.Args) string {
	var b strings.Builder
	for _, o := range tpl.Query.Occurrences {
		r, tight := o.Region(args)
		fmt.Fprintf(&b, "%s: %s", o.Alias, r.Format(o.Table))
		if tight {
			b.WriteString(" tight")
		}
		if s := o.Describe(args); s != "" {
			b.WriteString("   # " + s)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func printParams(tpl *sqlparse.Template) string {
	var b strings.Builder
	for _, p := range tpl.Params {
		b.WriteString(":" + p.Name)
		for _, m := range p.Meets {
			fmt.Fprintf(&b, " %s.%s", m.Table.Name, m.Table.Columns[m.Column].Name)
		}
		if p.Limit {
			b.WriteString(" limit")
		}
		if p.List {
			b.WriteString(" list")
		}
		b.WriteString("\n")
	}
	return b.String()
}

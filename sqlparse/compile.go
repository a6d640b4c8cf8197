package sqlparse

import (
	"fmt"
	"strings"

	"edgecache/source"
)

// Compile parses and analyses one statement. Its errors are fit for the author
// of the statement; what only the analyser cannot read is no error but makes
// the template less precise, which its notes tell.
func Compile(in Input) (*Template, error) {
	t, err := scan(strings.TrimRight(in.SQL, "; \t\r\n"), in.Dialect)
	if err != nil {
		return nil, err
	}
	if err := t.mark(in.Lists, in.Globs); err != nil {
		return nil, err
	}
	desc, err := in.Describe(t.prepared())
	if err != nil {
		return nil, err
	}
	out := &Template{SQL: in.SQL, Kind: desc.Kind, Columns: desc.Columns, Writes: desc.Writes, text: t}
	for _, n := range t.names {
		out.Params = append(out.Params, Param{Name: n, List: in.Lists[n]})
	}
	switch {
	case desc.Kind == source.StatementSelect:
		if err := distinctNames(desc.Columns); err != nil {
			return nil, err
		}
		a := &analysis{in: in, text: t, desc: desc, params: out.Params}
		if in.Dialect == MySQL {
			out.Query = a.mysql()
		} else {
			out.Query = a.query()
		}
		if a.longer != nil {
			out.text = a.longer
		}
	case desc.Kind.IsWrite():
		readWrite(in, t, out.Params)
		if in.Dialect == MySQL {
			out.Writes = plannedWrites(in, t)
		}
	default:
		return nil, fmt.Errorf("an endpoint runs SELECT, INSERT, UPDATE, DELETE or DDL, not this statement")
	}
	return out, nil
}

// Statement renders the template for execution with args, one for each of
// Params. The answer of a SELECT has Hidden columns more than its own.
func (t *Template) Statement(args Args) source.Statement { return t.text.render(args) }

func distinctNames(cols []source.OutputColumn) error {
	seen := map[string]bool{}
	for _, c := range cols {
		if seen[c.Name] {
			return fmt.Errorf("two output columns are named %q; give one of them another name with AS", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// newConverter prepares reading t.
func newConverter(in Input, t *text) (*converter, string) {
	sql, at := t.forParser()
	c := &converter{dialect: in.Dialect, database: in.database(), schema: in.Schema, text: t, at: at, nth: map[int]int{}, views: map[*source.View]*query{}}
	n := 0
	for i := range sql {
		if _, ok := at[i]; ok {
			n++
			c.nth[i] = n
		}
	}
	return c, sql
}

// readWrite finds what the parameters of a write meet, as far as the parser
// can read it. A write that it cannot read loses only the typing of its
// parameters: what it changes is seen in its row images.
func readWrite(in Input, t *text, params []Param) {
	c, sql := newConverter(in, t)
	n, err := c.dialect.parseOne(sql)
	if err != nil && in.Dialect == SQLite {
		// INSERT OR …, ON CONFLICT and RETURNING are SQLite's own; what stands
		// before them still tells what most parameters meet.
		c, sql = newConverter(in, t.plainInsert())
		n, err = c.dialect.parseOne(sql)
	}
	if err != nil {
		return
	}
	m := &meetings{params: append([]Param{}, params...)}
	if m.write(c, n) == nil {
		copy(params, m.params)
	}
}

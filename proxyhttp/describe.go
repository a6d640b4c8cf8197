package proxyhttp

import (
	"sort"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// EndpointView is what is known about one endpoint, as /debug/graph and
// `edgecache check` print it.
type EndpointView struct {
	Name    string `json:"name"`
	Route   string `json:"route"`
	Kind    string `json:"kind"` // read, write
	Entries int    `json:"entries"`
	// Uncached says why answers are never kept.
	Uncached string `json:"uncached,omitempty"`
	// Broken says why the endpoint does not fit the schema of now.
	Broken     string          `json:"broken,omitempty"`
	Statements []StatementView `json:"statements"`
	Notes      []string        `json:"notes,omitempty"`
}

// StatementView is one statement: for a read what it reads and how precisely
// writes are matched with it, for a write what it may touch.
type StatementView struct {
	Variant   string      `json:"variant,omitempty"`
	Kind      string      `json:"kind"`
	Precision string      `json:"precision,omitempty"`
	Notes     []string    `json:"notes"`
	Tables    []TableView `json:"tables"`
	Joins     []string    `json:"joins"`
	Window    *WindowView `json:"window,omitempty"`
	// Undetermined tells that data do not determine the answer: any answer that
	// SQL allows may be kept.
	Undetermined bool `json:"undetermined,omitempty"`
}

// TableView is one mention of a table.
type TableView struct {
	Table   string   `json:"table"`
	Alias   string   `json:"alias,omitempty"`
	Op      string   `json:"op,omitempty"`
	Columns []string `json:"columns"`
	Filter  string   `json:"filter,omitempty"`
}

// WindowView is the outermost ORDER BY and LIMIT.
type WindowView struct {
	Order  []string `json:"order"`
	Limit  string   `json:"limit,omitempty"`
	Offset string   `json:"offset,omitempty"`
}

// view describes an endpoint as it is compiled now.
func (e *endpoint) view() EndpointView {
	out := EndpointView{Name: e.cfg.Name, Route: e.cfg.Route, Kind: "read", Statements: []StatementView{}}
	if e.isWrite {
		out.Kind = "write"
	}
	p := e.plan.Load()
	out.Notes = append([]string(nil), p.notes...)
	out.Broken = p.broken
	for _, name := range p.order {
		v := p.variants[name]
		if v.why != "" {
			out.Uncached = v.why
		}
		for _, st := range v.statements {
			out.Statements = append(out.Statements, statementView(v.name, st.Template))
		}
	}
	return out
}

func statementView(variant string, t *sqlparse.Template) StatementView {
	out := StatementView{Variant: variant, Kind: t.Kind.String(), Notes: []string{}, Tables: []TableView{}, Joins: []string{}}
	if t.Query == nil {
		out.Tables = writeTables(t.Writes)
		return out
	}
	q := t.Query
	out.Precision = q.Precision.String()
	out.Notes = append(out.Notes, q.Notes...)
	out.Undetermined = q.Undetermined
	out.Joins = append(out.Joins, q.Joins...)
	for _, o := range q.Occurrences {
		out.Tables = append(out.Tables, TableView{Table: o.TableName(), Alias: o.AliasName(), Columns: columnsOf(o), Filter: o.Filter})
	}
	if len(q.Order) > 0 || q.Limit != "" || q.Offset != "" {
		out.Window = &WindowView{Order: append([]string{}, q.Order...), Limit: q.Limit, Offset: q.Offset}
	}
	return out
}

func columnsOf(o *sqlparse.Occurrence) []string {
	out := []string{}
	if o.Rowid {
		out = append(out, "ROWID")
	}
	if o.Table == nil {
		return out
	}
	for i := range o.Table.Columns {
		if o.Columns.Has(i) {
			out = append(out, o.Table.Columns[i].Name)
		}
	}
	return out
}

// writeTables merges what a write may touch into one line a table and kind.
func writeTables(ws []source.TableWrite) []TableView {
	type id struct {
		table string
		op    source.Op
	}
	columns := map[id]map[string]bool{}
	for _, w := range ws {
		k := id{w.Table, w.Op}
		if columns[k] == nil {
			columns[k] = map[string]bool{}
		}
		for _, c := range w.Columns {
			columns[k][c] = true
		}
	}
	out := []TableView{}
	for k, cols := range columns {
		v := TableView{Table: k.table, Op: k.op.String(), Columns: []string{}}
		for c := range cols {
			v.Columns = append(v.Columns, c)
		}
		sort.Strings(v.Columns)
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Table != out[j].Table {
			return strings.ToLower(out[i].Table) < strings.ToLower(out[j].Table)
		}
		return out[i].Op < out[j].Op
	})
	return out
}

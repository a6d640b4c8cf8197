package graphview

import (
	"slices"
	"strconv"
	"strings"
)

// MaxEntries is how many entries a picture draws one by one. A graph with more
// is drawn with Counted set: a box of counts for each endpoint.
const MaxEntries = 200

// Graph is what a picture shows. Endpoints stand in its order; Entries are
// drawn beside theirs.
type Graph struct {
	Tables    []Table
	Endpoints []Endpoint
	Entries   []Entry
	// Counted draws the states of each endpoint instead of Entries.
	Counted bool
}

// Table is a table and how many entries read it.
type Table struct {
	Name    string
	Entries int
}

// Endpoint is a mapping, the tables that it uses, and its entries by state.
type Endpoint struct {
	Name, Route, Note string
	Write             bool
	States            map[string]int
	Uses              []Use
}

// Use is one mention of a table: the label of the edge to it.
type Use struct {
	Table, Alias, Op string // Op: of a write
	Columns          []string
	Filter           string
}

// Entry is a cached response.
type Entry struct {
	URL, Endpoint, State string
	Depends              []Depend
}

// Depend is what an entry reads of one mention of a table.
type Depend struct {
	Table, Alias, Predicate string
	Records                 int
	RecordsUnknown          bool
}

// Add adds a use. Statements that differ elsewhere mention a table alike: then
// the columns come together in one line.
func (e *Endpoint) Add(u Use) {
	for i := range e.Uses {
		o := &e.Uses[i]
		if strings.EqualFold(o.Table, u.Table) && o.Alias == u.Alias && o.Op == u.Op && o.Filter == u.Filter {
			for _, c := range u.Columns {
				if !slices.Contains(o.Columns, c) {
					o.Columns = append(slices.Clip(o.Columns), c)
				}
			}
			return
		}
	}
	e.Uses = append(e.Uses, u)
}

// name is the table with its alias, where that says more.
func (u Use) name() string { return tableName(u.Table, u.Alias) }

func tableName(table, alias string) string {
	if alias == "" || strings.EqualFold(alias, table) {
		return table
	}
	return table + " " + alias
}

// what is a use in words: its columns, and for a write what is done to them.
func (u Use) what() string {
	columns := strings.Join(u.Columns, ", ")
	switch {
	case u.Op == "":
		return columns
	case columns == "" || u.Op == "DELETE" || u.Op == "delete":
		return u.Op
	}
	return u.Op + " " + columns
}

// rows is how many rows of the table are known to be in the answer.
func (d Depend) rows() string {
	switch {
	case d.RecordsUnknown:
		return "rows not known"
	case d.Records == 1:
		return "1 row"
	}
	return strconv.Itoa(d.Records) + " rows"
}

// states are those that an entry can be seen in, with the mark that tells them
// apart without colour.
var states = []struct{ name, mark string }{{"fresh", "●"}, {"suspended", "◆"}, {"stale", "○"}}

func markOf(state string) string {
	for _, s := range states {
		if s.name == state {
			return s.mark
		}
	}
	return "?"
}

// counts prints the states of an endpoint; "" without entries.
func (e *Endpoint) counts() string {
	var parts []string
	for _, s := range states {
		if n := e.States[s.name]; n > 0 {
			parts = append(parts, s.mark+" "+strconv.Itoa(n)+" "+s.name)
		}
	}
	return strings.Join(parts, "  ")
}

package sqlparse

import (
	"fmt"
	"sort"
	"strings"

	"edgecache/source"
)

// analysis makes the read set of one SELECT out of two readings: the
// database's own, which is the truth about tables, columns and functions, and
// ours, which knows conditions. Ours counts only when the database, asked to
// compile our rendering of it, arrives at the same program.
type analysis struct {
	in     Input
	text   *text
	desc   *source.Description
	params []Param
	out    *Query
	// longer is the text with hidden columns, nil without.
	longer *text
}

func (a *analysis) query() *Query {
	a.out = &Query{Precision: PrecisionColumn}
	a.out.Uncacheable = a.uncacheable()
	q, c, err := a.read()
	if err == nil {
		m := meetings{params: a.params}
		m.query(q)
		err = a.verify(q, c.views)
	}
	if err != nil {
		a.note("its conditions are not used: %s", err)
	} else {
		a.out.Precision = PrecisionRow
		a.out.Occurrences = c.occs
		a.describe(q)
	}
	a.complete()
	a.columns()
	for _, o := range a.out.Occurrences {
		o.names = a.text.names
		o.Filter = o.filter()
	}
	if err == nil {
		a.records(q)
		a.look(q, c)
	}
	return a.out
}

func (a *analysis) note(format string, args ...any) {
	a.out.Notes = append(a.out.Notes, fmt.Sprintf(format, args...))
}

// read is our own reading.
func (a *analysis) read() (*query, *converter, error) {
	if err := a.text.misread(); err != nil {
		return nil, nil, err
	}
	c, sql := newConverter(a.in, a.text)
	n, err := c.dialect.parseOne(sql)
	if err != nil {
		return nil, nil, err
	}
	if c.dialect == MySQL {
		n.Accept(&c.survey)
	}
	q, err := c.query(n, nil)
	if err != nil {
		return nil, nil, err
	}
	inlined := map[*block]bool{}
	for _, b := range c.blocks {
		b.from.eachLeaf(func(f *from) {
			if f.outputs != nil {
				inlined[f.sub.blocks[0]] = true // gets its turn from the block around
			}
		})
	}
	for _, b := range c.blocks {
		if !inlined[b] {
			b.attachConditions(nil)
		}
	}
	return q, c, nil
}

// verify asks the database whether our readings of the statement, and of the
// body of each view in it, mean the same.
func (a *analysis) verify(q *query, views map[*source.View]*query) error {
	if err := a.same(a.desc, q); err != nil {
		return err
	}
	for v, body := range views {
		d, err := a.in.Describe(v.SQL)
		if err != nil {
			return unreadf("view %s: the database does not compile its text", v.Name)
		}
		if err := a.same(d, body); err != nil {
			return unreadf("view %s: %s", v.Name, err)
		}
	}
	return nil
}

// look finds what the query sees of each occurrence, and what a stored answer
// tells of it. A declared dependency may be seen in ways that nobody knows.
func (a *analysis) look(q *query, c *converter) {
	c.collectUses(q)
	for _, o := range c.occs {
		if a.declared(o.Table) {
			o.uses.known = false
			continue
		}
		o.settleUses()
	}
	a.out.frame = a.newFrame(q)
}

func (a *analysis) same(want *source.Description, q *query) error {
	d, err := a.in.Describe(renderQuery(q))
	if err != nil {
		return unreadf("our reading of it does not compile")
	}
	if d.Program == "" || d.Program != want.Program {
		return unreadf("the database compiles it otherwise than we read it")
	}
	return nil
}

// uncacheable says why the answer depends on more than data and parameters.
func (a *analysis) uncacheable() string {
	for _, f := range a.desc.Functions {
		if !deterministic[strings.ToLower(f)] {
			return fmt.Sprintf("it calls %s(), which is not known to depend on its arguments alone", f)
		}
	}
	for _, name := range a.readNames() {
		t := a.in.Schema.Table(name)
		switch {
		case t != nil && t.Virtual:
			return fmt.Sprintf("it reads %s, a virtual table", name)
		case t == nil && a.in.Schema.View(name) == nil && !rowLocalTables[strings.ToLower(name)] && len(a.in.DependsOn) == 0:
			return fmt.Sprintf("it reads %s, which is not a table of the schema", name)
		}
	}
	return ""
}

func (a *analysis) readNames() []string {
	var out []string
	for name := range a.desc.Reads {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// complete adds an occurrence without conditions for each table that the
// database reads and we did not find, and for declared dependencies.
func (a *analysis) complete() {
	for _, name := range append(a.readNames(), a.in.DependsOn...) {
		t := a.in.Schema.Table(name)
		if t == nil {
			continue
		}
		found := false
		for _, o := range a.out.Occurrences {
			found = found || o.Table == t
		}
		if !found {
			a.out.Occurrences = append(a.out.Occurrences, &Occurrence{Table: t, Alias: t.Name})
		}
	}
	// A declared dependency may be read in ways that nobody sees.
	for _, name := range a.in.DependsOn {
		if t := a.in.Schema.Table(name); t != nil {
			for _, o := range a.out.Occurrences {
				if o.Table == t {
					o.conds = nil
				}
			}
		}
	}
}

// columns takes the columns of each occurrence from the database's reading.
// Where a table is missing from it, and for a virtual column, which may be
// computed from any other, every column counts.
func (a *analysis) columns() {
	for _, o := range a.out.Occurrences {
		names, reported := a.readsOf(o.Table)
		all := !reported || a.declared(o.Table)
		for _, n := range names {
			i := o.Table.Column(n)
			switch {
			case i < 0 && isRowidName(n) && o.Table.RowidColumn >= 0:
				i = o.Table.RowidColumn
			case i < 0 && isRowidName(n):
				o.Rowid = true
				continue
			case i < 0:
				all = true
				continue
			}
			o.Columns = o.Columns.With(i)
			all = all || o.Table.Columns[i].Generated == source.GeneratedVirtual
		}
		if all {
			o.Rowid = true
			for i := range o.Table.Columns {
				if o.Table.Columns[i].Generated != source.GeneratedVirtual {
					o.Columns = o.Columns.With(i)
				}
			}
		}
	}
}

func (a *analysis) readsOf(t *source.Table) ([]string, bool) {
	for name, cols := range a.desc.Reads {
		if strings.EqualFold(name, t.Name) {
			return cols, true
		}
	}
	return nil, false
}

func (a *analysis) declared(t *source.Table) bool {
	for _, n := range a.in.DependsOn {
		if strings.EqualFold(n, t.Name) {
			return true
		}
	}
	return false
}

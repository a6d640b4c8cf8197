package sqlparse

import (
	"fmt"
	"strings"

	"edgecache/source"
)

// mysql makes the read set of a SELECT of MySQL's dialect. The server does not
// tell what it reads, so our own reading is all there is: it is the dialect of
// the parser itself, every name is resolved against the schema, and what we
// have no form for makes the answer uncacheable, unless its author names the
// tables that it depends on.
func (a *analysis) mysql() *Query {
	a.out = &Query{Precision: PrecisionColumn}
	q, c, err := a.read()
	switch {
	case err != nil && len(a.in.DependsOn) == 0:
		a.out.Uncacheable = fmt.Sprintf("the analyser cannot read it (%s); name the tables that it reads in depends_on", err)
	case err != nil:
		a.out.Precision = PrecisionTable
		a.out.Uncacheable = a.text.doubt()
		a.note("its conditions and columns are not used: %s", err)
	default:
		m := meetings{params: a.params}
		m.query(q)
		a.out.Uncacheable = c.survey.problem
		a.out.Precision = PrecisionRow
		a.out.Occurrences = c.occs
		a.describe(q)
		for _, o := range c.occs {
			o.Columns = o.marked
			a.computedColumns(o)
		}
		a.ownRecords(q)
	}
	a.complete()
	for _, o := range a.out.Occurrences {
		if a.declared(o.Table) {
			o.markAll()
			o.Columns = o.marked
			a.computedColumns(o)
		}
		o.dialect, o.names = MySQL, a.text.names
		o.Filter = o.filter()
	}
	if err == nil {
		a.look(q, c)
	}
	return a.out
}

// computedColumns looks into the virtual columns that are read: MariaDB lets
// them depend on more than their row.
func (a *analysis) computedColumns(o *Occurrence) {
	for i := range o.Table.Columns {
		c := &o.Table.Columns[i]
		if c.Generated != source.GeneratedVirtual || !o.Reads(i) || a.out.Uncacheable != "" {
			continue
		}
		n, err := MySQL.parseOne("SELECT " + c.Expression)
		if err != nil || c.Expression == "" {
			a.out.Uncacheable = fmt.Sprintf("it reads %s.%s, whose expression is not read", o.Table.Name, c.Name)
			continue
		}
		var s survey
		n.Accept(&s)
		if s.problem != "" {
			a.out.Uncacheable = fmt.Sprintf("it reads %s.%s: %s", o.Table.Name, c.Name, s.problem)
		}
	}
}

// beforeParen are keywords that may stand before a parenthesis.
var beforeParen = words(`select from where and or not in exists any all some on using as over values join having by
	when then else case union except intersect distinct between like is limit with partition order group separator
	decimal char binary signed unsigned cast convert interval filter rows range recursive lateral`)

// doubt is what survey looks for, in a text that only its author can read:
// depends_on names tables and says nothing of clocks, dice and locks.
func (t *text) doubt() string {
	for i, tok := range t.tokens {
		name := asciiLower(tok.s)
		switch {
		case tok.kind != tokWord:
		case strings.HasPrefix(name, "current_") || strings.HasPrefix(name, "local") || strings.HasPrefix(name, "utc_"),
			name == "for", name == "lock", name == "procedure", name == "match":
			return fmt.Sprintf("it has %s, and the analyser cannot read it", tok.s)
		case t.at(t.neighbour(i, +1)).is("(") && !mysqlDeterministic[name] && !beforeParen[name]:
			return fmt.Sprintf("it calls %s(), which is not known to depend on its arguments alone", tok.s)
		}
	}
	return ""
}

// ownRecords finds the result columns that carry the key of each table that
// occurs once, in the FROM of a single plain block.
func (a *analysis) ownRecords(q *query) {
	if len(q.blocks) != 1 {
		return
	}
	outputs := q.blocks[0].plainOutputs()
	if len(outputs) == 0 || len(outputs) != len(a.desc.Columns) {
		return
	}
	mentions := map[*source.Table]int{}
	for _, o := range a.out.Occurrences {
		mentions[o.Table]++
	}
	for _, o := range a.out.Occurrences {
		if mentions[o.Table] != 1 {
			continue
		}
		var at []int
		for _, k := range keyOf(o.Table) {
			for i, c := range outputs {
				if c != nil && c.occ == o && c.idx == k {
					at = append(at, i)
					break
				}
			}
		}
		if len(at) > 0 && len(at) == len(keyOf(o.Table)) {
			o.RecordColumns = at
		}
	}
}

// plannedWrites lists the tables that a statement writes by its own text;
// what triggers and cascades add is the source's to tell.
func plannedWrites(in Input, t *text) []source.TableWrite {
	p, err := PlanWrite(t.prepared(), in.Schema, in.Database)
	if err != nil {
		return nil
	}
	op := map[source.StatementKind]source.Op{
		source.StatementInsert: source.OpInsert, source.StatementUpdate: source.OpUpdate, source.StatementDelete: source.OpDelete,
	}[p.Kind]
	var out []source.TableWrite
	for _, name := range p.Tables {
		w := source.TableWrite{Table: name, Op: op}
		for _, t := range p.Targets {
			if t.Table == name {
				w.Columns = t.Assigned
			}
		}
		out = append(out, w)
	}
	return out
}

package sqlite

import (
	"sort"
	"strings"

	"edgecache/source"
)

// readsOf lists the tables and columns read, by name as declared. A column
// that is computed when it is read stands for all columns of its table,
// because the authorizer does not tell those it is computed from.
func (k *catalog) readsOf(print *footprint) map[string][]string {
	sets := map[string]map[string]bool{}
	for name, columns := range print.reads {
		if k.schema.View(name) != nil {
			continue // the tables behind it are there themselves
		}
		t := k.table(name)
		if t != nil {
			name = t.Name
		}
		if sets[name] == nil {
			sets[name] = map[string]bool{}
		}
		for column := range columns {
			if t == nil {
				sets[name][column] = true
				continue
			}
			t.addRead(sets[name], column)
		}
	}
	out := map[string][]string{}
	for name, set := range sets {
		out[name] = sortedKeys(set)
	}
	return out
}

func (t *tableInfo) addRead(set map[string]bool, column string) {
	i := t.position(column)
	if i < 0 {
		set[column] = true // the bare rowid, or the hidden column of a virtual table
		return
	}
	set[t.Columns[i].Name] = true
	if t.Columns[i].Generated == source.GeneratedVirtual {
		for j := range t.Columns {
			set[t.Columns[j].Name] = true
		}
	}
}

// writesOf lists the writes of tables, sorted; a view is written only through
// its triggers, whose writes are there themselves.
func (k *catalog) writesOf(print *footprint) []source.TableWrite {
	var out []source.TableWrite
	for w, columns := range print.writes {
		if k.schema.View(w.table) != nil {
			continue
		}
		name := w.table
		if t := k.table(name); t != nil {
			name = t.Name
		}
		tw := source.TableWrite{Table: name, Op: w.op}
		if w.op == source.OpUpdate {
			tw.Columns = k.declaredNames(name, columns)
		}
		out = append(out, tw)
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Table != out[j].Table {
			return out[i].Table < out[j].Table
		}
		return out[i].Op < out[j].Op
	})
	return out
}

// declaredNames lists updated columns; the rowid goes by the name of the column
// that it is, if any.
func (k *catalog) declaredNames(table string, columns map[string]bool) []string {
	out := map[string]bool{}
	t := k.table(table)
	for c := range columns {
		if t != nil {
			if i := t.position(c); i >= 0 {
				c = t.Columns[i].Name
			}
		}
		out[c] = true
	}
	return sortedKeys(out)
}

// position finds a column by a name that the authorizer used; -1: none.
func (t *tableInfo) position(name string) int {
	if i := t.Column(name); i >= 0 {
		return i
	}
	if name == "ROWID" {
		return t.RowidColumn
	}
	return -1
}

// addUntold adds what the authorizer does not tell of NATURAL and USING: it is
// silent about one side of the columns compared, and about a table of which
// nothing else is read. (Tables come from the program, columns from the text.)
func (k *catalog) addUntold(sql string, p *program, print *footprint) {
	j := joins{catalog: k, named: map[string]bool{}, views: map[string]bool{}}
	j.scan(sql)
	if !j.natural && len(j.named) == 0 {
		return
	}
	for root := range p.reads {
		if name, ok := k.roots[root]; ok && print.reads[name] == nil {
			print.reads[name] = map[string]bool{}
		}
	}
	for _, t := range k.tables {
		if p.virtual && t.Virtual && print.reads[t.Name] == nil {
			print.reads[t.Name] = map[string]bool{} // which one, the program does not say
		}
	}
	j.addColumns(print)
}

// joins is what a text, and the views that it names, say of NATURAL and USING.
type joins struct {
	catalog *catalog
	natural bool
	named   map[string]bool // lower-cased columns listed by USING
	views   map[string]bool
}

// scan reads one text. Any word that is the name of a view counts as the view.
func (j *joins) scan(sql string) {
	l := lexer{sql: sql}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		switch {
		case l.is(t, "NATURAL"):
			j.natural = true
		case l.is(t, "USING"):
			for t = l.next(); t.kind != tokenEnd && !l.punct(t, ')'); t = l.next() {
				j.named[strings.ToLower(unquoteName(l.text(t)))] = true
			}
		case t.kind == tokenWord || t.kind == tokenName || t.kind == tokenString:
			name := strings.ToLower(unquoteName(l.text(t)))
			if v := j.catalog.schema.View(name); v != nil && !j.views[name] {
				j.views[name] = true
				j.scan(v.SQL)
			}
		}
	}
}

// addColumns adds, to each table read, the columns that may be compared: those
// that USING names, and with NATURAL all of them, as a table may be joined with
// itself, or with a view that gives its columns other names.
func (j *joins) addColumns(print *footprint) {
	for name := range print.reads {
		t := j.catalog.table(name)
		if t == nil {
			continue
		}
		for i := range t.Columns {
			c := strings.ToLower(t.Columns[i].Name)
			if j.named[c] || j.natural {
				print.reads[name][t.Columns[i].Name] = true
			}
		}
	}
}

// dropDefaults removes functions that the authorizer names only because they
// stand in the DEFAULT of a column that is read: reading does not call them. A
// function goes only if a default mentions it and the program calls it nowhere.
func (k *catalog) dropDefaults(p *program, print *footprint) {
	for name := range print.functions {
		if !p.calls[name] && k.inDefault(name, print) {
			delete(print.functions, name)
		}
	}
}

func (k *catalog) inDefault(function string, print *footprint) bool {
	for name := range print.reads {
		t := k.table(name)
		if t == nil {
			continue
		}
		for _, text := range t.defaults {
			if hasWord(text, function) {
				return true
			}
		}
	}
	return false
}

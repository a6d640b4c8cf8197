package sqlite

import (
	"context"
	"sort"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// Describe prepares sql and tells what SQLite understands by it. Statements
// that this source does not run (PRAGMA, BEGIN, ATTACH, ...) are described as
// StatementOther without being prepared, for some take effect already then.
func (d *DB) Describe(ctx context.Context, sql string) (*source.Description, error) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	if e := d.gone.Load(); e != nil {
		return nil, e
	}
	if verbOf(sql).isOther() {
		return &source.Description{Kind: source.StatementOther}, nil
	}
	s, err := d.describer.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.describer.put(s)
	c, err := d.describer.handle(s)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	defer c.guard(ctx)()
	catalog, err := d.currentCatalog(c)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	s.fresh(catalog.schema.Version)
	out, err := c.describe(sql, catalog)
	return out, wrap(ctx, err)
}

// currentCatalog is the schema that statements prepared on c will meet.
func (d *DB) currentCatalog(c *conn) (*catalog, error) {
	cookie, err := c.number("PRAGMA main.schema_version")
	if err != nil {
		return nil, err
	}
	if known := d.catalog.Load(); known.cookie == cookie {
		return known, nil
	}
	return d.reload(c)
}

func (c *conn) describe(sql string, catalog *catalog) (*source.Description, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return nil, err
	}
	defer s.finalize()
	print := s.print
	if err := c.addReplaced(sql, print, catalog); err != nil {
		return nil, err
	}
	out := &source.Description{
		Kind: s.verb.kind(), Params: s.params(), Columns: s.outputColumns(),
		Reads: catalog.readsOf(print), Writes: catalog.writesOf(print),
		Functions: sortedKeys(print.functions),
	}
	if out.Kind == source.StatementSelect && (!s.readonly() || len(out.Writes) > 0 || print.ddl != "") {
		out.Kind = source.StatementOther
	}
	out.Program, err = c.program(sql, catalog)
	return out, err
}

// outputColumns lists the columns of a result row with their origin.
func (s *stmt) outputColumns() []source.OutputColumn {
	tls := s.c.tls
	var out []source.OutputColumn
	for i := range int32(s.columns()) {
		out = append(out, source.OutputColumn{
			Name:     text(sqlite3.Xsqlite3_column_name(tls, s.p, i)),
			Table:    text(sqlite3.Xsqlite3_column_table_name(tls, s.p, i)),
			Column:   text(sqlite3.Xsqlite3_column_origin_name(tls, s.p, i)),
			DeclType: text(sqlite3.Xsqlite3_column_decltype(tls, s.p, i)),
		})
	}
	return out
}

// addReplaced adds what REPLACE may delete, which the authorizer does not tell:
// other rows of the written table, and what follows from their deletion. What
// follows is read off a DELETE of that table, triggers included, though they
// fire only under recursive_triggers: more, not less.
func (c *conn) addReplaced(sql string, print *footprint, catalog *catalog) error {
	all := catalog.triggersReplace || hasWord(sql, "REPLACE")
	done := map[string]bool{}
	for {
		next := ""
		for w := range print.writes {
			t := catalog.table(w.table)
			if t == nil || t.Virtual || w.op == source.OpDelete || done[t.Name] || !all && !t.replaces {
				continue
			}
			if next == "" || t.Name < next {
				next = t.Name
			}
		}
		if next == "" {
			return nil
		}
		done[next] = true
		deletion, err := c.prepare("DELETE FROM main." + quoteName(next))
		if err != nil {
			return err
		}
		deletion.finalize()
		print.merge(deletion.print)
	}
}

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
	i := t.Column(column)
	if i < 0 {
		set[column] = true // ROWID, or the hidden column of a virtual table
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
			tw.Columns = sortedKeys(columns)
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

// program is the EXPLAIN listing without comments. Where it does not show a
// constant with all its digits or bytes, as for a REAL or a blob, the constants
// of the text and the views that it names are added.
func (c *conn) program(sql string, catalog *catalog) (string, error) {
	s, err := c.prepare("EXPLAIN " + strings.TrimLeft(sql, "; \t\r\n\f"))
	if err != nil {
		return "", err
	}
	defer s.finalize()
	var b strings.Builder
	inexact := false
	for {
		more, err := s.step()
		if err != nil {
			return "", err
		}
		if !more {
			break
		}
		for i := 1; i <= 6; i++ { // opcode, p1, p2, p3, p4, p5
			v := s.column(i)
			if i > 1 {
				b.WriteByte(' ')
			}
			switch p4 := v.AsText(); {
			case i == 1 && (p4 == "Real" || p4 == "Blob"):
				inexact = true
				b.WriteString(p4)
			case i == 5 && strings.HasPrefix(p4, "vtab:"):
				b.WriteString("vtab") // an address follows
			case i == 1 || i == 5:
				b.WriteString(strings.ReplaceAll(p4, "\n", "\\n"))
			default:
				b.WriteString(v.String())
			}
		}
		b.WriteByte('\n')
	}
	if inexact {
		b.WriteString(constants(sql))
		for _, name := range sortedKeys(s.print.viewsOf(catalog)) {
			b.WriteString("view " + name + "\n")
		}
	}
	return b.String(), nil
}

// viewsOf lists the views that are read.
func (f *footprint) viewsOf(catalog *catalog) map[string]bool {
	out := map[string]bool{}
	for name := range f.reads {
		if catalog.schema.View(name) != nil {
			out[strings.ToLower(name)] = true
		}
	}
	return out
}

// constants lists the numbers and blobs of a text in order.
func constants(sql string) string {
	var b strings.Builder
	l := lexer{sql: sql}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if t.kind == tokenNumber || t.kind == tokenBlob {
			b.WriteString("constant " + l.text(t) + "\n")
		}
	}
	return b.String()
}

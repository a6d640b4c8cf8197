package sqlite

import (
	"context"

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

// currentCatalog is the schema that statements prepared on c will meet. The
// pragma alone reads the file's cookie and leaves what the handle remembers of
// the schema as it is, possibly from before a foreign DROP VIEW; a statement
// that is stepped notices, and makes it read the schema again.
func (d *DB) currentCatalog(c *conn) (*catalog, error) {
	if _, err := c.number("SELECT COUNT(*) FROM main.sqlite_schema"); err != nil {
		return nil, err
	}
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
	p, err := c.program(sql, catalog)
	if err != nil {
		return nil, err
	}
	catalog.addUntold(sql, p, print)
	if s.verb.kind() == source.StatementSelect {
		catalog.dropDefaults(p, print)
	}
	out := &source.Description{
		Kind: s.verb.kind(), Params: s.params(), Columns: s.outputColumns(),
		Reads: catalog.readsOf(print), Writes: catalog.writesOf(print),
		Functions: sortedKeys(print.functions), Program: p.text,
	}
	if out.Kind == source.StatementSelect && (!s.readonly() || len(out.Writes) > 0 || print.ddl != "") {
		out.Kind = source.StatementOther
	}
	return out, nil
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

package sqlite

import (
	"sort"
	"strings"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// catalog is one snapshot of the schema: what everybody may know of it, and
// what only this package needs.
type catalog struct {
	schema *source.Schema
	cookie int64 // PRAGMA schema_version
	tables map[string]*tableInfo
	// anyWrite lists the virtual tables whose rows may come from any table, so
	// that every write may change them.
	anyWrite []string
	// shadows lists the tables that may belong to a virtual table, by its
	// lower-cased name.
	shadows map[string][]string
	// roots tells which table a b-tree of the file holds, or indexes.
	roots map[int64]string
	// triggersReplace tells that some trigger may delete rows by REPLACE.
	triggersReplace bool
}

// tableInfo is what source.Table does not say.
type tableInfo struct {
	*source.Table
	hasDefault []bool   // columns that have a default other than NULL
	defaults   []string // their texts
	replaces   bool     // ON CONFLICT REPLACE stands in the declaration
	owners     []string // of a shadow table: the virtual tables that it may belong to
}

// table finds a table without regard to ASCII case; nil: none.
func (c *catalog) table(name string) *tableInfo { return c.tables[strings.ToLower(name)] }

// loadCatalog reads the schema in one snapshot.
func loadCatalog(c *conn, version int64) (*catalog, error) {
	if c.autocommit() {
		if err := c.exec("BEGIN"); err != nil {
			return nil, err
		}
		defer func() { _ = c.exec("COMMIT") }() // a read transaction: nothing to lose
	}
	cookie, err := c.number("PRAGMA main.schema_version")
	if err != nil {
		return nil, err
	}
	l := &catalogLoader{c: c, catalog: &catalog{
		cookie: cookie, tables: map[string]*tableInfo{},
		shadows: map[string][]string{}, roots: map[int64]string{},
	}}
	if l.encoding, err = l.textOf("PRAGMA encoding"); err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		return nil, err
	}
	tables := make([]*source.Table, 0, len(l.tables))
	for _, t := range l.tables {
		tables = append(tables, t.Table)
	}
	l.schema = source.NewSchema(version, tables, l.views)
	return l.catalog, nil
}

// catalogLoader holds what is known halfway.
type catalogLoader struct {
	*catalog
	c        *conn
	encoding string
	views    []*source.View
	modules  map[string]string // declarations of virtual tables by name
}

func (l *catalogLoader) textOf(sql string) (string, error) {
	rows, err := l.c.rows(sql)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return rows[0][0].AsText(), nil
}

func (l *catalogLoader) load() error {
	declared := map[string]string{} // SQL by name
	l.modules = map[string]string{}
	triggers := map[string][]string{}
	objects, err := l.c.rows("SELECT type, name, tbl_name, sql, rootpage FROM main.sqlite_schema ORDER BY rowid")
	if err != nil {
		return err
	}
	for _, o := range objects {
		kind, name, table, sql := o[0].AsText(), o[1].AsText(), o[2].AsText(), o[3].AsText()
		if root := o[4]; root.Kind() == source.KindInt && root.AsInt() > 0 {
			l.roots[root.AsInt()] = table
		}
		switch kind {
		case "trigger":
			key := strings.ToLower(table)
			triggers[key] = append(triggers[key], name)
			l.triggersReplace = l.triggersReplace || hasWord(sql, "REPLACE")
		case "view":
			l.views = append(l.views, l.view(name, sql))
		case "table":
			declared[name] = sql
		}
	}
	list, err := l.c.rows("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' ORDER BY name")
	if err != nil {
		return err
	}
	for _, row := range list {
		name, kind := row[0].AsText(), row[1].AsText()
		if isSystemTable(name) || kind == "view" {
			continue
		}
		t, err := l.table(name, kind, row[2].AsInt() != 0, row[3].AsInt() != 0)
		if err != nil {
			return err
		}
		t.Triggers = triggers[strings.ToLower(name)]
		t.replaces = hasWord(declared[name], "REPLACE")
		if kind == "virtual" {
			l.modules[name] = declared[name]
		}
		l.tables[strings.ToLower(name)] = t
	}
	l.connectVirtualTables(list)
	return nil
}

// view reads one view. A view that SQLite cannot resolve has no columns.
func (l *catalogLoader) view(name, sql string) *source.View {
	v := &source.View{Name: name, SQL: viewBody(sql)}
	rows, err := l.c.rows("SELECT name FROM pragma_table_xinfo(?) ORDER BY cid", source.Text(name))
	if err != nil {
		return v
	}
	for _, r := range rows {
		v.Cols = append(v.Cols, r[0].AsText())
	}
	return v
}

// table reads one table: columns, keys and references.
func (l *catalogLoader) table(name, kind string, withoutRowid, strict bool) (*tableInfo, error) {
	t := &tableInfo{Table: &source.Table{
		Name: name, RowidColumn: -1, WithoutRowid: withoutRowid,
		Virtual: kind == "virtual" || kind == "shadow",
	}}
	columns, err := l.c.rows(`SELECT name, type, "notnull", dflt_value, pk, hidden
		FROM pragma_table_xinfo(?) ORDER BY cid`, source.Text(name))
	if err != nil {
		if t.Virtual {
			return t, nil // its module is absent: nothing can be read from it either
		}
		return nil, err
	}
	keyed := map[int64]int{}
	for i, r := range columns {
		col := source.Column{
			Name: r[0].AsText(), DeclType: r[1].AsText(),
			Affinity: affinityOf(r[1].AsText(), strict), NotNull: r[2].AsInt() != 0,
			Collation: l.collation(name, r[0].AsText()),
		}
		switch r[5].AsInt() {
		case 2:
			col.Generated = source.GeneratedVirtual
		case 3:
			col.Generated = source.GeneratedStored
		}
		if pk := r[4].AsInt(); pk > 0 {
			keyed[pk] = i
		}
		t.Columns = append(t.Columns, col)
		t.defaults = append(t.defaults, r[3].AsText())
		t.hasDefault = append(t.hasDefault, !r[3].IsNull() && !strings.EqualFold(r[3].AsText(), "NULL"))
	}
	for n := int64(1); n <= int64(len(keyed)); n++ {
		t.PrimaryKey = append(t.PrimaryKey, keyed[n])
	}
	if t.Virtual {
		return t, nil
	}
	if err := l.indexes(t); err != nil {
		return nil, err
	}
	return t, l.foreignKeys(t)
}

// collation asks for a column's collating sequence. In a UTF-16 database BINARY
// compares other bytes than ours, so there all are unknown.
func (l *catalogLoader) collation(table, column string) source.Collation {
	if l.encoding != "UTF-8" {
		return source.CollationUnknown
	}
	zTable, err1 := libc.CString(table)
	zColumn, err2 := libc.CString(column)
	if err1 != nil || err2 != nil {
		return source.CollationUnknown
	}
	tls := l.c.tls
	defer libc.Xfree(tls, zTable)
	defer libc.Xfree(tls, zColumn)
	out := l.c.scratch
	rc := sqlite3.Xsqlite3_table_column_metadata(tls, l.c.db, 0, zTable, zColumn,
		out, out+unsafe.Sizeof(out), 0, 0, 0)
	if rc != sqlite3.SQLITE_OK {
		return source.CollationUnknown
	}
	return knownCollation(text(deref(out + unsafe.Sizeof(out))))
}

// knownCollation is CollationUnknown for all but SQLite's own three.
func knownCollation(name string) source.Collation {
	switch c := source.Collation(upperASCII(name)); c {
	case source.CollationBinary, source.CollationNoCase, source.CollationRTrim:
		return c
	}
	return source.CollationUnknown
}

// indexes finds the rowid column and the unique keys.
func (l *catalogLoader) indexes(t *tableInfo) error {
	list, err := l.c.rows(`SELECT name, "unique", origin, partial FROM pragma_index_list(?) ORDER BY seq`,
		source.Text(t.Name))
	if err != nil {
		return err
	}
	keyIndex := false
	for _, ix := range list {
		origin := ix[2].AsText()
		if origin == "pk" {
			keyIndex = true
			continue
		}
		if ix[1].AsInt() == 0 || ix[3].AsInt() != 0 {
			continue
		}
		columns, err := l.uniqueColumns(t, ix[0].AsText())
		if err != nil {
			return err
		}
		if columns != nil {
			t.Uniques = append(t.Uniques, columns)
		}
	}
	sort.Slice(t.Uniques, func(i, j int) bool { return lessInts(t.Uniques[i], t.Uniques[j]) })
	// A key without an index of its own is the rowid. Its column is never NULL.
	if len(t.PrimaryKey) == 1 && !keyIndex && !t.WithoutRowid {
		t.RowidColumn = t.PrimaryKey[0]
		t.Columns[t.RowidColumn].NotNull = true
	}
	return nil
}

// uniqueColumns gives the columns of a unique index, or nil when it does not
// make them unique under their own collations.
func (l *catalogLoader) uniqueColumns(t *tableInfo, index string) ([]int, error) {
	rows, err := l.c.rows(`SELECT cid, coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno`,
		source.Text(index))
	if err != nil {
		return nil, err
	}
	var out []int
	for _, r := range rows {
		cid := int(r[0].AsInt())
		if cid < 0 || cid >= len(t.Columns) {
			return nil, nil // the rowid, or an expression
		}
		if c := knownCollation(r[1].AsText()); c == source.CollationUnknown || c != t.Columns[cid].Collation {
			return nil, nil
		}
		out = append(out, cid)
	}
	return out, nil
}

func lessInts(a, b []int) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return len(a) < len(b)
}

func (l *catalogLoader) foreignKeys(t *tableInfo) error {
	rows, err := l.c.rows(`SELECT id, "table", "from", on_update, on_delete
		FROM pragma_foreign_key_list(?) ORDER BY id, seq`, source.Text(t.Name))
	if err != nil {
		return err
	}
	last := int64(-1)
	for _, r := range rows {
		if id := r[0].AsInt(); id != last {
			last = id
			t.ForeignKeys = append(t.ForeignKeys, source.ForeignKey{
				Parent: r[1].AsText(), OnUpdate: r[3].AsText(), OnDelete: r[4].AsText(),
			})
		}
		fk := &t.ForeignKeys[len(t.ForeignKeys)-1]
		fk.Columns = append(fk.Columns, t.Column(r[2].AsText()))
	}
	return nil
}

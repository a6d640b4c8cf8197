package sqlite

import (
	"fmt"
	"sort"
	"strings"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// event is one call of the pre-update hook.
type event struct {
	tls                *libc.TLS
	db, scratch        uintptr
	op                 int32
	table              string
	oldRowid, newRowid int64
}

// collector gathers the images of one transaction. Whatever it cannot follow
// it widens: a value to Unknown, a table to Whole, the rest to Everything. It
// never drops or merges an image: a statement that was undone has been heard
// too, and the order in which rows passed is lost to any shorthand.
type collector struct {
	catalog  *catalog
	maxCount int
	maxBytes int64

	ws       source.WriteSet
	bytes    int64
	capped   int // tables that passed the caps
	touched  map[string]bool
	ops      map[string]map[source.Op]bool      // by lower-cased table
	assigned map[string]map[string]bool         // columns by lower-cased table
	inserted func(table string, newRowid int64) // told of rows inserted by the statement itself
}

func newCollector(catalog *catalog, name string, maxCount int, maxBytes int64) *collector {
	return &collector{
		catalog: catalog, maxCount: maxCount, maxBytes: maxBytes,
		ws:      source.WriteSet{Source: name},
		touched: map[string]bool{}, ops: map[string]map[source.Op]bool{},
		assigned: map[string]map[string]bool{},
	}
}

// everything gives up on rows and tables.
func (k *collector) everything(why string) {
	if k.ws.Everything == "" {
		k.ws.Everything = why
	}
	k.ws.Changes, k.ws.Whole = nil, nil
}

// whole gives up on the rows of one table.
func (k *collector) whole(table, why string) {
	if k.ws.Everything != "" {
		return
	}
	if k.ws.Whole == nil {
		k.ws.Whole = map[string]string{}
	}
	if _, ok := k.ws.Whole[table]; ok {
		return
	}
	k.ws.Whole[table] = why
	kept := k.ws.Changes[:0]
	for i := range k.ws.Changes {
		if k.ws.Changes[i].Table == table {
			k.bytes -= size(&k.ws.Changes[i])
			continue
		}
		kept = append(kept, k.ws.Changes[i])
	}
	clear(k.ws.Changes[len(kept):])
	k.ws.Changes = kept
}

// wholeVirtual gives up on a virtual table and all tables that belong to it,
// starting from any of them: FTS5, for one, writes some only during COMMIT.
func (k *collector) wholeVirtual(t *tableInfo) {
	virtual := append([]string{t.Name}, t.owners...)
	for _, name := range virtual {
		k.whole(name, "virtual table")
		for _, shadow := range k.catalog.shadows[strings.ToLower(name)] {
			k.whole(shadow, "part of a virtual table")
		}
	}
}

// see records one event of the hook. A bug here must not pass for "nothing
// changed", nor unwind through SQLite.
func (k *collector) see(e event) {
	defer func() {
		if r := recover(); r != nil {
			k.everything(fmt.Sprintf("an image could not be read: %v", r))
		}
	}()
	if isSystemTable(e.table) || k.ws.Everything != "" {
		return
	}
	t := k.catalog.table(e.table)
	if t == nil {
		k.whole(e.table, "its columns are not known")
		return
	}
	if e.op == sqlite3.SQLITE_INSERT && k.inserted != nil && !t.WithoutRowid &&
		sqlite3.Xsqlite3_preupdate_depth(e.tls, e.db) == 0 {
		k.inserted(t.Name, e.newRowid)
	}
	k.touched[t.Name] = true
	if t.Virtual {
		k.wholeVirtual(t)
		return
	}
	if _, ok := k.ws.Whole[t.Name]; ok {
		return
	}
	if n := sqlite3.Xsqlite3_preupdate_count(e.tls, e.db); int(n) != len(t.Columns) {
		k.whole(t.Name, "its columns are not those of the known schema")
		return
	}
	k.add(t, e.change(t))
}

// add keeps one change, within the caps.
func (k *collector) add(t *tableInfo, c source.Change) {
	n := size(&c)
	if k.maxCount > 0 && len(k.ws.Changes) >= k.maxCount {
		k.capped++
		k.whole(t.Name, fmt.Sprintf("more than %d rows change", k.maxCount))
		return
	}
	if k.maxBytes > 0 && k.bytes+n > k.maxBytes {
		k.capped++
		k.whole(t.Name, fmt.Sprintf("the changed rows hold more than %d bytes", k.maxBytes))
		return
	}
	k.bytes += n
	k.ws.Changes = append(k.ws.Changes, c)
}

// size is what a change is charged: its values and a header for each.
func size(c *source.Change) int64 {
	n := int64(0)
	for _, row := range [...]source.Row{c.Before, c.After} {
		for i := range row {
			n += int64(row[i].Len()) + 8
		}
	}
	return n
}

// change reads both images.
func (e event) change(t *tableInfo) source.Change {
	c := source.Change{Table: t.Name}
	switch e.op {
	case sqlite3.SQLITE_INSERT:
		c.Op = source.OpInsert
		c.After = e.row(t, sqlite3.Xsqlite3_preupdate_new)
		for i := range c.After {
			// INSERT ... SELECT between tables of one form copies whole
			// records. One from before ALTER TABLE ADD COLUMN is short: the
			// hook shows NULL where a reader will see the default.
			if c.After[i].IsNull() && t.hasDefault[i] {
				c.After[i] = source.Unknown()
			}
		}
	case sqlite3.SQLITE_DELETE:
		c.Op = source.OpDelete
		c.Before = e.row(t, sqlite3.Xsqlite3_preupdate_old)
	default:
		c.Op = source.OpUpdate
		c.Before = e.row(t, sqlite3.Xsqlite3_preupdate_old)
		c.After = e.row(t, sqlite3.Xsqlite3_preupdate_new)
		c.RowidChanged = !t.WithoutRowid && e.oldRowid != e.newRowid
	}
	return c
}

// row reads one image through get, sqlite3_preupdate_old or _new.
func (e event) row(t *tableInfo, get func(*libc.TLS, uintptr, int32, uintptr) int32) source.Row {
	out := make(source.Row, len(t.Columns))
	for i := range out {
		if t.Columns[i].Generated == source.GeneratedVirtual {
			continue // not stored: the hook shows another column's value
		}
		out[i] = asStored(e.value(int32(i), get), t.Columns[i].Affinity)
	}
	return out
}

// value reads one value with all its bytes: a text is not cut at a NUL, as it
// is by the hook of the database/sql driver, and an empty blob is not NULL.
// What cannot be read stays Unknown.
func (e event) value(i int32, get func(*libc.TLS, uintptr, int32, uintptr) int32) source.Value {
	clearWord(e.scratch)
	if rc := get(e.tls, e.db, i, e.scratch); rc != sqlite3.SQLITE_OK {
		return source.Unknown()
	}
	p := deref(e.scratch)
	if p == 0 {
		return source.Unknown()
	}
	switch sqlite3.Xsqlite3_value_type(e.tls, p) {
	case sqlite3.SQLITE_INTEGER:
		return source.Int(sqlite3.Xsqlite3_value_int64(e.tls, p))
	case sqlite3.SQLITE_FLOAT:
		return source.Float(sqlite3.Xsqlite3_value_double(e.tls, p))
	case sqlite3.SQLITE_TEXT:
		z := sqlite3.Xsqlite3_value_text(e.tls, p)
		if z == 0 {
			return source.Unknown() // out of memory while converting
		}
		return source.Text(bytesAt(z, sqlite3.Xsqlite3_value_bytes(e.tls, p)))
	case sqlite3.SQLITE_BLOB:
		z := sqlite3.Xsqlite3_value_blob(e.tls, p)
		n := sqlite3.Xsqlite3_value_bytes(e.tls, p)
		if z == 0 && n > 0 {
			return source.Unknown()
		}
		return source.Blob([]byte(bytesAt(z, n)))
	case sqlite3.SQLITE_NULL:
		return source.Null()
	}
	return source.Unknown()
}

// statement takes note of what a statement may write, by the authorizer.
func (k *collector) statement(f *footprint) {
	for w, columns := range f.writes {
		t := k.catalog.table(w.table)
		if t == nil {
			continue // a view: its triggers' writes are listed themselves
		}
		if t.Virtual {
			k.wholeVirtual(t)
			k.touched[t.Name] = true
		}
		key := strings.ToLower(t.Name)
		if k.ops[key] == nil {
			k.ops[key], k.assigned[key] = map[source.Op]bool{}, map[string]bool{}
		}
		k.ops[key][w.op] = true
		for c := range columns {
			k.assigned[key][c] = true
		}
	}
}

// finish returns the complete write set.
func (k *collector) finish() *source.WriteSet {
	if k.ws.Everything == "" && len(k.touched) > 0 {
		for _, name := range k.catalog.anyWrite {
			k.whole(name, "virtual table that may show rows of other tables")
		}
	}
	k.ws.Assigned = k.assignedColumns()
	ws := k.ws
	return &ws
}

// assignedColumns lists, for the tables that were only updated, the columns
// that the statements may set, computed ones included.
func (k *collector) assignedColumns() map[string][]int {
	other := map[string]bool{}
	for i := range k.ws.Changes {
		if k.ws.Changes[i].Op != source.OpUpdate {
			other[k.ws.Changes[i].Table] = true
		}
	}
	out := map[string][]int{}
	for i := range k.ws.Changes {
		t := k.catalog.table(k.ws.Changes[i].Table)
		key := strings.ToLower(t.Name)
		ops := k.ops[key]
		if _, done := out[key]; done || other[t.Name] || len(ops) != 1 || !ops[source.OpUpdate] {
			continue
		}
		if columns, ok := positions(t, k.assigned[key]); ok {
			out[key] = columns
		}
	}
	return out
}

// positions turns names into column positions; false when one is no column.
func positions(t *tableInfo, names map[string]bool) ([]int, bool) {
	set := map[int]bool{}
	for name := range names {
		i := t.position(name)
		if i < 0 {
			return nil, false // the bare rowid
		}
		set[i] = true
	}
	for i := range t.Columns {
		if t.Columns[i].Generated != source.NotGenerated {
			set[i] = true
		}
	}
	out := make([]int, 0, len(set))
	for i := range set {
		out = append(out, i)
	}
	sort.Ints(out)
	return out, true
}

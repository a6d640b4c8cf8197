package mysql

import (
	"context"
	"regexp"
	"sort"
	"strings"

	"edgecache/source"
)

// catalog is one immutable snapshot of the schema with what writes need beyond
// source.Schema.
type catalog struct {
	schema      *source.Schema
	database    string
	fingerprint string
	infos       map[string]*info // by lower-cased table name
	texts       map[string]body  // views and routines by lower-cased name
	children    map[string][]reference
	plans       plans // of writing statements
	// blind says why triggers or what they call may be hidden from us; then
	// every write is Everything.
	blind string
}

// info is what a write must know of a table.
type info struct {
	table    *source.Table
	auto     int // the AUTO_INCREMENT column, or -1
	nullable []bool
	// nullDefault tells, by column, that an INSERT without it stores NULL.
	nullDefault []bool
	uniques     [][]int // all unique keys, the primary key first
	// oddUnique tells of a unique key that is not over whole plain columns.
	oddUnique bool
	triggers  []trigger
	lossy     []bool // text columns in a character set that utf8mb4 may not hold whole
}

type trigger struct {
	event  event
	before bool
	body   body
}

// reference is a foreign key as its parent sees it.
type reference struct {
	child              string // lower-cased
	columns            []string
	onDelete, onUpdate string
}

// body is a text with effects: of a trigger, a view or a routine.
type body struct {
	name string
	text string // "" when we may not read it
}

// reload reads the schema and makes it known. A fingerprint taken before and
// after the reading is the same, or the reading is done again.
func (d *DB) reload(ctx context.Context, s *session) (*catalog, error) {
	d.loadMu.Lock()
	defer d.loadMu.Unlock()
	for range 5 {
		before, err := fingerprint(ctx, s)
		if err != nil {
			return nil, err
		}
		next, err := d.loadCatalog(ctx, s, d.loads+1)
		if err != nil {
			return nil, err
		}
		after, err := fingerprint(ctx, s)
		if err != nil {
			return nil, err
		}
		if before != after {
			continue
		}
		d.loads++
		d.counters.reloads.Add(1)
		next.fingerprint = after
		d.catalog.Store(next)
		d.schemaDebt.Store(false)
		return next, nil
	}
	return nil, &source.Error{Kind: source.ErrBusy, Message: "the database schema keeps changing"}
}

// loader collects the parts of a catalog.
type loader struct {
	ctx    context.Context
	s      *session
	cat    *catalog
	tables map[string]*source.Table
	views  []*source.View
	err    error
}

func (d *DB) loadCatalog(ctx context.Context, s *session, version int64) (*catalog, error) {
	l := &loader{ctx: ctx, s: s, tables: map[string]*source.Table{}, cat: &catalog{
		database: d.database, infos: map[string]*info{}, texts: map[string]body{}, children: map[string][]reference{},
	}}
	l.loadTables()
	l.loadColumns()
	l.loadKeys()
	l.loadForeignKeys()
	l.loadViews()
	l.loadBodies()
	l.loadGrants()
	d.loadWeights(ctx, l)
	if l.err != nil {
		return nil, l.err
	}
	tables := make([]*source.Table, 0, len(l.tables))
	for name, t := range l.tables {
		tables = append(tables, t)
		l.cat.infos[name].uniques = t.Uniques
		if len(t.PrimaryKey) > 0 {
			l.cat.infos[name].uniques = append([][]int{t.PrimaryKey}, t.Uniques...)
		}
	}
	l.cat.schema = source.NewSchema(version, tables, l.views)
	return l.cat, nil
}

// each runs a query and hands over its rows, unless an earlier one failed.
func (l *loader) each(sql string, f func(row []string)) {
	if l.err != nil {
		return
	}
	rows, err := l.s.texts(l.ctx, sql)
	if err != nil {
		l.err = err
		return
	}
	for _, r := range rows {
		f(r)
	}
}

func (l *loader) loadTables() {
	transactional := map[string]bool{}
	l.each("SELECT ENGINE, TRANSACTIONS FROM information_schema.ENGINES", func(r []string) {
		transactional[strings.ToLower(r[0])] = r[1] == "YES"
	})
	l.each("SELECT TABLE_NAME, COALESCE(ENGINE, '') FROM information_schema.TABLES "+
		"WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME", func(r []string) {
		name := strings.ToLower(r[0])
		if other := l.tables[name]; other != nil {
			l.err = unavailable(nil, "the tables %s and %s differ only in case, which is not supported", other.Name, r[0])
			return
		}
		engine := strings.ToLower(r[1])
		l.tables[name] = &source.Table{Name: r[0], RowidColumn: -1, Transactional: transactional[engine] && engine != "sequence"}
		l.cat.infos[name] = &info{table: l.tables[name], auto: -1}
	})
}

// nullByDefault tells that a column's default is NULL: MariaDB prints it, where
// MySQL gives no text.
const nullByDefault = "COLUMN_DEFAULT IS NULL OR VERSION() LIKE '%MariaDB%' AND COLUMN_DEFAULT = 'NULL'"

func (l *loader) loadColumns() {
	l.each("SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, COALESCE(COLLATION_NAME, ''), IS_NULLABLE, "+
		""+nullByDefault+", EXTRA, COALESCE(GENERATION_EXPRESSION, ''), COALESCE(CHARACTER_SET_NAME, '') "+
		"FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION", func(r []string) {
		name := strings.ToLower(r[0])
		t := l.tables[name]
		if t == nil {
			return // of a view
		}
		extra := strings.ToLower(r[7])
		c := source.Column{
			Name: r[1], DeclType: r[2], Collation: source.Collation(r[4]), NotNull: r[5] == "NO",
			Family: familyOf(r[3], r[2]), OnUpdate: strings.Contains(extra, "on update"), Expression: r[8],
		}
		if c.Family == source.FamilyEnum || c.Family == source.FamilySet {
			c.Values = members(r[2])
		}
		switch {
		case strings.Contains(extra, "stored generated") || strings.Contains(extra, "persistent"):
			c.Generated = source.GeneratedStored
		case strings.Contains(extra, "virtual generated") || strings.Contains(extra, "virtual"):
			c.Generated = source.GeneratedVirtual
		}
		in := l.cat.infos[name]
		if strings.Contains(extra, "auto_increment") {
			in.auto = len(t.Columns)
		}
		in.nullable = append(in.nullable, !c.NotNull)
		in.nullDefault = append(in.nullDefault, !c.NotNull && r[6] == "1" && c.Generated == source.NotGenerated)
		in.lossy = append(in.lossy, r[9] != "" && !wholeCharset[r[9]])
		t.Columns = append(t.Columns, c)
	})
}

// wholeCharset lists the character sets whose every character has a code point
// of its own, so that reading through utf8mb4 tells any two values apart.
var wholeCharset = map[string]bool{
	"utf8mb4": true, "utf8mb3": true, "utf8": true, "ascii": true, "latin1": true, "latin2": true, "latin5": true,
	"latin7": true, "cp1250": true, "cp1251": true, "cp1256": true, "cp1257": true, "greek": true, "hebrew": true,
	"koi8r": true, "koi8u": true, "ucs2": true, "utf16": true, "utf16le": true, "utf32": true,
}

func (l *loader) loadKeys() {
	type part struct{ table, index string }
	keys := map[part][]int{}
	odd := map[part]bool{}
	var order []part
	// EXPRESSION exists in MySQL 8 only; a functional part has no column there.
	l.each("SELECT TABLE_NAME, INDEX_NAME, COALESCE(COLUMN_NAME, ''), COALESCE(SUB_PART, '') FROM information_schema.STATISTICS "+
		"WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX", func(r []string) {
		p := part{strings.ToLower(r[0]), r[1]}
		t := l.tables[p.table]
		if t == nil {
			return
		}
		if _, seen := keys[p]; !seen {
			order = append(order, p)
		}
		at := t.Column(r[2])
		keys[p] = append(keys[p], at)
		if at < 0 || r[3] != "" {
			odd[p] = true
		}
	})
	for _, p := range order {
		t := l.tables[p.table]
		switch {
		case odd[p]:
			l.cat.infos[p.table].oddUnique = true
		case p.index == "PRIMARY":
			t.PrimaryKey = keys[p]
		default:
			t.Uniques = append(t.Uniques, keys[p])
		}
	}
}

func (l *loader) loadForeignKeys() {
	type constraint struct{ table, name string }
	seen := map[constraint]int{}
	l.each("SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, "+
		"r.DELETE_RULE, r.UPDATE_RULE FROM information_schema.KEY_COLUMN_USAGE k "+
		"JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA "+
		"AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME "+
		"WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE() "+
		"ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION", func(r []string) {
		t := l.tables[strings.ToLower(r[0])]
		if t == nil {
			return
		}
		c := constraint{strings.ToLower(r[0]), r[1]}
		i, ok := seen[c]
		if !ok {
			i = len(t.ForeignKeys)
			seen[c] = i
			t.ForeignKeys = append(t.ForeignKeys, source.ForeignKey{Parent: r[3], OnDelete: r[5], OnUpdate: r[6]})
		}
		fk := &t.ForeignKeys[i]
		fk.Columns = append(fk.Columns, t.Column(r[2]))
		fk.ParentColumns = append(fk.ParentColumns, r[4])
	})
	for name, t := range l.tables {
		for _, fk := range t.ForeignKeys {
			parent := strings.ToLower(fk.Parent)
			l.cat.children[parent] = append(l.cat.children[parent], reference{
				child: name, columns: fk.ParentColumns, onDelete: fk.OnDelete, onUpdate: fk.OnUpdate,
			})
		}
	}
	for _, refs := range l.cat.children {
		sort.Slice(refs, func(i, j int) bool { return refs[i].child < refs[j].child })
	}
}

func (l *loader) loadViews() {
	cols := map[string][]string{}
	l.each("SELECT c.TABLE_NAME, c.COLUMN_NAME FROM information_schema.COLUMNS c JOIN information_schema.VIEWS v "+
		"ON v.TABLE_SCHEMA = c.TABLE_SCHEMA AND v.TABLE_NAME = c.TABLE_NAME "+
		"WHERE c.TABLE_SCHEMA = DATABASE() ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION", func(r []string) {
		cols[r[0]] = append(cols[r[0]], r[1])
	})
	l.each("SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME",
		func(r []string) {
			v := &source.View{Name: r[0], SQL: r[1], Cols: cols[r[0]]}
			if v.SQL == "" {
				v.Hidden = "its text is hidden from the user of the DSN: GRANT SHOW VIEW ON " +
					quoteName(l.cat.database) + "." + quoteName(r[0]) + " to it shows it"
			}
			l.views = append(l.views, v)
			l.cat.texts[strings.ToLower(r[0])] = body{name: "view " + r[0], text: r[1]}
		})
}

func (l *loader) loadBodies() {
	l.each("SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, COALESCE(ACTION_STATEMENT, '') "+
		"FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() ORDER BY TRIGGER_NAME", func(r []string) {
		name := strings.ToLower(r[1])
		if in := l.cat.infos[name]; in != nil {
			in.triggers = append(in.triggers, trigger{event: eventNamed(r[2]), before: r[3] == "BEFORE", body: body{"trigger " + r[0], r[4]}})
			in.table.Triggers = append(in.table.Triggers, r[0])
		}
	})
	l.each("SELECT ROUTINE_NAME, COALESCE(ROUTINE_DEFINITION, '') FROM information_schema.ROUTINES "+
		"WHERE ROUTINE_SCHEMA = DATABASE() ORDER BY ROUTINE_NAME", func(r []string) {
		name := strings.ToLower(r[0])
		text := r[1]
		if other, twice := l.cat.texts[name]; twice { // a function and a procedure, or a view, of one name
			if text == "" || other.text == "" {
				text = ""
			} else {
				text += "\n" + other.text
			}
		}
		l.cat.texts[name] = body{name: "routine " + r[0], text: text}
	})
}

var grantOn = regexp.MustCompile(`(?i)^GRANT (.*) ON (\S+) TO `)

// loadGrants finds out whether we are shown all triggers and the names of all
// routines: the server hides them from those without the privilege.
func (l *loader) loadGrants() {
	database := l.cat.database
	triggers, routines := false, false
	l.each("SHOW GRANTS", func(r []string) {
		m := grantOn.FindStringSubmatch(r[0])
		if m == nil || m[2] != "*.*" && !sameDatabase(m[2], database) {
			return
		}
		for _, p := range strings.Split(strings.ToUpper(m[1]), ",") {
			switch strings.TrimSpace(p) {
			case "ALL PRIVILEGES", "ALL":
				triggers, routines = true, true
			case "TRIGGER":
				triggers = true
			case "EXECUTE":
				routines = true
			}
		}
	})
	on := quoteName(database) + ".*"
	switch {
	case !triggers:
		l.cat.blind = "triggers are hidden from the user of the DSN: GRANT TRIGGER ON " + on + " to it shows them"
	case !routines && l.anyTrigger():
		l.cat.blind = "routines that triggers call are hidden from the user of the DSN: GRANT EXECUTE ON " + on + " to it shows them"
	}
}

// sameDatabase compares the ON of a grant, `shop`.* or `my\_shop`.*, without
// reading patterns: those with % are taken as another database, which errs on
// the side of blindness.
func sameDatabase(on, database string) bool {
	name, ok := strings.CutSuffix(on, ".*")
	if !ok {
		return false
	}
	name = strings.ReplaceAll(strings.Trim(name, "`"), `\_`, "_")
	return strings.EqualFold(name, database)
}

func (l *loader) anyTrigger() bool {
	for _, in := range l.cat.infos {
		if len(in.triggers) > 0 {
			return true
		}
	}
	return false
}

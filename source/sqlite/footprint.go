package sqlite

import (
	"sort"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// footprint is what one statement touches, as SQLite's authorizer tells while
// it is prepared: views, triggers and foreign key actions are resolved. Names
// are as SQLite gives them, which is not always as declared.
type footprint struct {
	reads     map[string]map[string]bool // table, columns
	writes    map[written]map[string]bool
	functions map[string]bool
	ddl       string // the first change of the schema, "" none
}

// written is one way to write one table.
type written struct {
	table string
	op    source.Op
}

func newFootprint() *footprint {
	return &footprint{
		reads: map[string]map[string]bool{}, writes: map[written]map[string]bool{},
		functions: map[string]bool{},
	}
}

// note records one question of the authorizer.
func (f *footprint) note(action int32, a1, a2, within string) {
	switch action {
	case sqlite3.SQLITE_READ:
		if f.reads[a1] == nil {
			f.reads[a1] = map[string]bool{}
		}
		if a2 != "" {
			f.reads[a1][a2] = true
		}
	case sqlite3.SQLITE_INSERT:
		f.write(a1, source.OpInsert, "")
	case sqlite3.SQLITE_UPDATE:
		f.write(a1, source.OpUpdate, a2)
	case sqlite3.SQLITE_DELETE:
		f.write(a1, source.OpDelete, "")
	case sqlite3.SQLITE_FUNCTION:
		f.functions[strings.ToLower(a2)] = true
	case sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE:
	default:
		if what := schemaChanges[action]; what != "" && f.ddl == "" {
			f.ddl = what
		}
	}
}

func (f *footprint) write(table string, op source.Op, column string) {
	if isSystemTable(table) {
		return
	}
	k := written{table, op}
	if f.writes[k] == nil {
		f.writes[k] = map[string]bool{}
	}
	if column != "" {
		f.writes[k][column] = true
	}
}

// merge adds what g touches.
func (f *footprint) merge(g *footprint) {
	for t, columns := range g.reads {
		if f.reads[t] == nil {
			f.reads[t] = map[string]bool{}
		}
		for c := range columns {
			f.reads[t][c] = true
		}
	}
	for k, columns := range g.writes {
		f.write(k.table, k.op, "")
		for c := range columns {
			f.write(k.table, k.op, c)
		}
	}
	for name := range g.functions {
		f.functions[name] = true
	}
}

// isSystemTable tells of tables that SQLite keeps for itself.
func isSystemTable(name string) bool {
	return len(name) >= 7 && strings.EqualFold(name[:7], "sqlite_")
}

// sortedKeys lists a set.
func sortedKeys(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// schemaChanges are the authorizer's actions that change the schema.
var schemaChanges = map[int32]string{
	sqlite3.SQLITE_CREATE_INDEX:   "CREATE INDEX",
	sqlite3.SQLITE_CREATE_TABLE:   "CREATE TABLE",
	sqlite3.SQLITE_CREATE_TRIGGER: "CREATE TRIGGER",
	sqlite3.SQLITE_CREATE_VIEW:    "CREATE VIEW",
	sqlite3.SQLITE_CREATE_VTABLE:  "CREATE VIRTUAL TABLE",
	sqlite3.SQLITE_DROP_INDEX:     "DROP INDEX",
	sqlite3.SQLITE_DROP_TABLE:     "DROP TABLE",
	sqlite3.SQLITE_DROP_TRIGGER:   "DROP TRIGGER",
	sqlite3.SQLITE_DROP_VIEW:      "DROP VIEW",
	sqlite3.SQLITE_DROP_VTABLE:    "DROP VIRTUAL TABLE",
	sqlite3.SQLITE_ALTER_TABLE:    "ALTER TABLE",
}

// refusalOf says why an action is not allowed, or "".
//
// Statements that this package does not take are turned away by their first
// word already; this is the second lock on the same door, and it holds where a
// statement takes effect while it is only prepared, as some PRAGMAs do.
func refusalOf(action int32, a1, a2 string) string {
	switch action {
	case sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT:
		return "transaction control is not allowed: the statements of a write run in one transaction already"
	case sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH:
		return "ATTACH and DETACH are not allowed: a source is one database file"
	case sqlite3.SQLITE_ANALYZE, sqlite3.SQLITE_REINDEX:
		return "ANALYZE and REINDEX are not allowed here"
	case sqlite3.SQLITE_PRAGMA:
		if readingPragmas[strings.ToLower(a1)] {
			return ""
		}
		return "PRAGMA " + a1 + " is not allowed here"
	case sqlite3.SQLITE_FUNCTION:
		if name := strings.ToLower(a2); neverAllowed[name] {
			return "the function " + name + " is not allowed here: SQLite refuses it whenever it is called"
		}
	case sqlite3.SQLITE_CREATE_TEMP_INDEX, sqlite3.SQLITE_CREATE_TEMP_TABLE,
		sqlite3.SQLITE_CREATE_TEMP_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_VIEW,
		sqlite3.SQLITE_DROP_TEMP_INDEX, sqlite3.SQLITE_DROP_TEMP_TABLE,
		sqlite3.SQLITE_DROP_TEMP_TRIGGER, sqlite3.SQLITE_DROP_TEMP_VIEW:
		return "temporary tables, views and triggers are not allowed: they live in one connection only"
	}
	return ""
}

// neverAllowed can be prepared, and fails at every call: the switches that
// would let it run are never set.
var neverAllowed = map[string]bool{"load_extension": true, "fts3_tokenizer": true}

// readingPragmas only read; table-valued functions and virtual tables run them
// for their own purposes.
var readingPragmas = map[string]bool{
	"table_info": true, "table_xinfo": true, "table_list": true, "index_list": true,
	"index_info": true, "index_xinfo": true, "foreign_key_list": true, "foreign_key_check": true,
	"database_list": true, "collation_list": true, "function_list": true, "module_list": true,
	"pragma_list": true, "compile_options": true, "data_version": true, "page_size": true,
	"quick_check": true, "integrity_check": true,
}

package sqlite

import (
	"strings"

	"edgecache/source"
)

// selfContained are the modules whose rows come from their own shadow tables
// alone. FTS5 and FTS4 are so only without the content option.
var selfContained = map[string]bool{
	"fts5": true, "fts4": true, "fts3": true, "rtree": true, "rtree_i32": true, "geopoly": true,
}

// connectVirtualTables finds, for each shadow table, the virtual tables that it
// may serve, and the virtual tables that may show rows of any table.
func (l *catalogLoader) connectVirtualTables(list []source.Row) {
	for _, row := range list {
		name, kind := row[0].AsText(), row[1].AsText()
		switch t := l.catalog.table(name); {
		case t == nil:
		case kind == "shadow":
			t.owners = l.ownersOf(name)
			for _, owner := range t.owners {
				key := strings.ToLower(owner)
				l.shadows[key] = append(l.shadows[key], name)
			}
		case kind == "virtual" && !isSelfContained(l.modules[name]):
			l.anyWrite = append(l.anyWrite, name)
		}
	}
}

// ownersOf lists the virtual tables whose name begins that of the shadow table;
// when there is none, all of them.
func (l *catalogLoader) ownersOf(shadow string) []string {
	var owners, all []string
	for name := range l.modules {
		all = append(all, name)
		if len(shadow) > len(name) && strings.EqualFold(shadow[:len(name)], name) && shadow[len(name)] == '_' {
			owners = append(owners, name)
		}
	}
	if owners == nil {
		return all
	}
	return owners
}

// isSelfContained reads CREATE VIRTUAL TABLE name USING module(arguments).
func isSelfContained(sql string) bool {
	l := lexer{sql: sql}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if !l.is(t, "USING") {
			continue
		}
		module := strings.ToLower(unquoteName(l.text(l.next())))
		return selfContained[module] && !mentions(l.sql[l.pos:], "content")
	}
	return false
}

// mentions tells whether a name occurs in any form, also as a part of another.
func mentions(sql, name string) bool { return strings.Contains(strings.ToLower(sql), name) }

package main

import "github.com/spf13/cobra"

const jsonText = `With --json a command prints one JSON value on standard output. Fields are only
added, never renamed; those marked ? are left out when empty.

check      {"sources": [source…], "endpoints": [endpoint…], "notes": [text…]}
           source: name, driver, server, version, characterSet?, strict
           endpoint: name, route, kind (read, write), entries (0), uncached?,
           broken?, statements, notes?, advice
           statement: variant?, kind, precision? (row, column, table), notes,
           tables ({table, alias?, op?, columns, filter?}), joins,
           window? ({order, limit?, offset?}), undetermined?
           advice: kind (expression, wildcard, untyped, order, join, index),
           table?, columns?, text
explain    statements, tables, changes (texts), rows, truncated?, whole?,
           everything?, endpoints, entries, omitted?, summary
           row: table, op (INSERT, UPDATE, DELETE), key?, indirect?,
           columns ({name, before?, after?, changed}; values as SQL literals)
           whole: table, reason
           endpoint: endpoint, variant?, entries, affected, affectedEntries,
           rule, reason
           entry: key, url, endpoint, affected, rule, reason,
           hit? ({table, alias?, image?, condition?, certain?})
           summary: entries, affected, spared, sparedBy ({rule: n})
graph      the document of GET /debug/graph
endpoints  list: the document of GET /v1/endpoints
           add: {"endpoints": [{name, status (added, replaced, refused), error?}]}
           rm: {"removed": name}
purge      {"purged": n}
stats      the document of GET /v1/stats; with --watch one a line
version    version, commit, go, os, arch`

func jsonTopic() *cobra.Command {
	return &cobra.Command{Use: "json", Short: "What --json prints", Long: jsonText}
}

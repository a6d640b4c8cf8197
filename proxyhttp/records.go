package proxyhttp

import (
	"strings"

	"edgecache/depgraph"
	"edgecache/source"
	"edgecache/sqlparse"
)

// maxRecords bounds the record edges of one entry; past it the table's rows in
// the answer count as not known, which only widens what a purge of a record
// drops.
const maxRecords = 1000

// recordsOf lists the rows of each table that are known to be in an answer,
// and the tables of which that is not known. Rows that take part without
// being seen (joined, aggregated, tested by EXISTS) are of the second kind.
func recordsOf(q *sqlparse.Query, rows []source.Row) ([]depgraph.Record, map[string]bool) {
	unknown := map[string]bool{}
	known := map[string][]*sqlparse.Occurrence{}
	for _, o := range q.Occurrences {
		t := strings.ToLower(o.TableName())
		if o.RecordColumns == nil {
			unknown[t] = true
			continue
		}
		known[t] = append(known[t], o)
	}
	var out []depgraph.Record
	seen := map[depgraph.Record]bool{}
	for t, occs := range known {
		for _, o := range occs {
			for _, row := range rows {
				key, ok := recordKey(row, o.RecordColumns)
				if !ok || len(out) >= maxRecords {
					unknown[t] = true
					break
				}
				rec := depgraph.Record{Table: o.TableName(), Key: key}
				if key != "" && !seen[rec] {
					seen[rec] = true
					out = append(out, rec)
				}
			}
		}
	}
	if len(unknown) == 0 {
		unknown = nil
	}
	return out, unknown
}

// recordKey prints the key of one row, "" when the row is not there (the
// missing side of an outer join). ok is false when a part is not known.
func recordKey(row source.Row, columns []int) (key string, ok bool) {
	if len(columns) == 1 && columns[0] < len(row) {
		return plainText(row[columns[0]])
	}
	parts := make([]string, 0, len(columns))
	for _, c := range columns {
		if c >= len(row) {
			return "", false
		}
		p, ok := plainText(row[c])
		if !ok {
			return "", false
		}
		if row[c].IsNull() {
			return "", true
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, ","), true
}

// plainText prints a key value without quotes, as a person would type it.
func plainText(v source.Value) (string, bool) {
	switch v.Kind() {
	case source.KindUnknown:
		return "", false
	case source.KindNull:
		return "", true
	case source.KindText:
		return v.AsText(), v.Len() > 0 // "" would read as no row
	}
	return v.String(), true
}

package proxyhttp

import (
	"fmt"
	"strconv"
	"strings"

	"edgecache/source"
)

// writeAnswer prints what a write did: the contract's two fields, and the rows
// of the last statement that has RETURNING.
func writeAnswer(res *source.WriteResult) []byte {
	b := strconv.AppendInt([]byte(`{"rowsAffected":`), res.RowsAffected, 10)
	b = append(b, `,"lastInsertId":`...)
	if res.HasInsertID {
		b = strconv.AppendInt(b, res.LastInsertID, 10)
	} else {
		b = append(b, "null"...)
	}
	if res.Columns != nil {
		b = append(b, `,"rows":`...)
		rows := newRenderer(res.Columns).many(res.Rows)
		b = append(b, strings.TrimSuffix(string(rows), "\n")...)
	}
	return append(b, "}\n"...)
}

// distinctReturning refuses rows that would not make objects.
func distinctReturning(columns []source.OutputColumn) error {
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return fmt.Errorf("RETURNING gives two columns the name %s; give one of them another with AS", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

package mysql

import (
	"context"
	"fmt"
	"strings"
)

// fingerprint is one row that changes with every change of the schema that we
// read: counts, and sums of hashes so that nothing but them is sent.
func fingerprint(ctx context.Context, s *session) (string, error) {
	parts := []struct{ from, columns string }{
		{"TABLES WHERE TABLE_SCHEMA = DATABASE()", "TABLE_NAME, TABLE_TYPE, ENGINE"},
		{"COLUMNS WHERE TABLE_SCHEMA = DATABASE()", "TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_TYPE, COLLATION_NAME, " +
			"IS_NULLABLE, COLUMN_DEFAULT, EXTRA, GENERATION_EXPRESSION"},
		{"STATISTICS WHERE TABLE_SCHEMA = DATABASE()", "TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, SUB_PART, NON_UNIQUE"},
		{"KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE()", "TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME"},
		{"REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()", "TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE"},
		{"VIEWS WHERE TABLE_SCHEMA = DATABASE()", "TABLE_NAME, VIEW_DEFINITION"},
		{"TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()", "TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_STATEMENT"},
		{"ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()", "ROUTINE_NAME, ROUTINE_TYPE, ROUTINE_DEFINITION"},
	}
	var selects []string
	for i, p := range parts {
		var terms []string
		for _, c := range strings.Split(p.columns, ", ") {
			terms = append(terms, "HEX(COALESCE("+c+", '~'))")
		}
		selects = append(selects, fmt.Sprintf("SELECT %d, COUNT(*), COALESCE(BIT_XOR(CONV(LEFT(MD5(CONCAT_WS('|', %s)), 15), 16, 10)), 0) "+
			"FROM information_schema.%s", i, strings.Join(terms, ", "), p.from))
	}
	// Another version may order texts otherwise.
	selects = append(selects, fmt.Sprintf("SELECT %d, 0, CONV(LEFT(MD5(VERSION()), 15), 16, 10)", len(parts)))
	rows, err := s.texts(ctx, strings.Join(selects, " UNION ALL "))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(strings.Join(r, ":") + " ")
	}
	return b.String(), nil
}

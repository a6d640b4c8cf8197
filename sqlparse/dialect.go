package sqlparse

import "edgecache/source"

// Dialect is the SQL that a source speaks: how its text is cut and parsed, and
// how its values compare.
type Dialect uint8

const (
	SQLite Dialect = iota
	MySQL          // MySQL, MariaDB, TiDB, in their default SQL mode
)

// line names a way to put the values of a comparison in order: a collation,
// or, in databases that have real types, one of the lines below. Keys of two
// lines are never compared.
type line = source.Collation

const (
	// lineDecimal orders integers and decimals exactly.
	lineDecimal line = "#decimal"
	// lineDouble orders doubles.
	lineDouble line = "#double"
	// lineTime orders dates and times of day written the long way.
	lineTime line = "#time"
)

// columnLine is the line on which the values of a column stand; ok is false
// for one that we do not know.
func (d Dialect) columnLine(c *source.Column) (l line, ok bool) {
	if d == SQLite {
		return c.Collation, c.Collation != source.CollationUnknown
	}
	switch c.Family {
	case source.FamilyInt, source.FamilyUint, source.FamilyDecimal:
		return lineDecimal, true
	case source.FamilyFloat:
		return lineDouble, asciiLower(c.DeclType) == "double"
	case source.FamilyText:
		_, known := mysqlCollations[c.Collation]
		return c.Collation, known
	case source.FamilyDate, source.FamilyDatetime, source.FamilyTimestamp:
		return lineTime, true
	}
	return "", false
}

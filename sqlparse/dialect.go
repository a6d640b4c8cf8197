package sqlparse

import "edgecache/source"

// Dialect is the SQL that a source speaks: how its text is cut and parsed, and
// how its values compare.
type Dialect uint8

const (
	SQLite Dialect = iota
	MySQL          // MySQL, MariaDB, TiDB, in their default SQL mode
)

// line is a way to put the values of a comparison in order: a collation, or, in
// databases that have real types, one of the lines below. Keys of two lines are
// never compared.
type line struct {
	name source.Collation
	// weights are the collation's, where the server told them.
	weights *source.Weights
}

var (
	lineDecimal = line{name: "#decimal"} // integers and decimals, exactly
	lineDouble  = line{name: "#double"}
	lineTime    = line{name: "#time"}  // dates, with a time of day or without
	lineClock   = line{name: "#clock"} // times of day and spans of time
	lineBits    = line{name: "#bits"}  // BIT, as the number that it is
	lineBytes   = line{name: "#bytes"} // BINARY, VARBINARY, BLOB
)

// columnLine is the line on which the values of a column stand; ok is false
// for one that we do not know.
func (d Dialect) columnLine(c *source.Column) (l line, ok bool) {
	if d == SQLite {
		return line{name: c.Collation}, c.Collation != source.CollationUnknown
	}
	switch c.Family {
	case source.FamilyInt, source.FamilyUint, source.FamilyDecimal, source.FamilyYear:
		return lineDecimal, true
	case source.FamilyFloat:
		// With (M,D) or UNSIGNED, what is looked up in an index is rounded.
		return lineDouble, asciiLower(c.DeclType) == "double" || asciiLower(c.DeclType) == "float"
	case source.FamilyText, source.FamilyEnum, source.FamilySet:
		_, known := mysqlCollations[c.Collation]
		return line{c.Collation, c.Weights}, known || c.Weights != nil
	case source.FamilyDate, source.FamilyDatetime, source.FamilyTimestamp:
		return lineTime, true
	case source.FamilyTime:
		return lineClock, true
	case source.FamilyBit:
		return lineBits, true
	case source.FamilyBinary:
		return lineBytes, true
	}
	return line{}, false
}

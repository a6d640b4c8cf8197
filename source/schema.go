package source

import "strings"

// Affinity is SQLite's column affinity, which decides how a value is converted
// before it is stored in, or compared with, the column.
type Affinity uint8

const (
	AffinityNone Affinity = iota // expressions; no conversion
	AffinityBlob                 // columns without a type
	AffinityText
	AffinityNumeric
	AffinityInteger
	AffinityReal
)

func (a Affinity) String() string {
	return [...]string{"none", "blob", "text", "numeric", "integer", "real"}[a]
}

// IsNumeric tells whether comparison with such a column converts text to numbers.
func (a Affinity) IsNumeric() bool { return a >= AffinityNumeric }

// Collation names how two texts compare. The zero value is one that we do not
// know: comparisons under it are Undecided.
type Collation string

const (
	CollationUnknown Collation = ""
	CollationBinary  Collation = "BINARY"
	CollationNoCase  Collation = "NOCASE"
	CollationRTrim   Collation = "RTRIM"
)

// Generated tells whether and how a column is computed by the database.
type Generated uint8

const (
	NotGenerated Generated = iota
	GeneratedStored
	GeneratedVirtual // in SQLite its image is always Unknown
)

// Family sorts the column types of databases that have real types. SQLite has
// affinities instead, and leaves it zero.
type Family uint8

const (
	FamilyNone    Family = iota
	FamilyInt            // with sign
	FamilyUint           // without
	FamilyDecimal        // exact
	FamilyFloat
	FamilyText
	FamilyBinary // BINARY (padded with zero bytes), VARBINARY, BLOB
	FamilyEnum
	FamilySet
	FamilyDate
	FamilyDatetime
	FamilyTimestamp
	FamilyTime
	FamilyYear
	FamilyBit
	FamilyJSON
	FamilyOther // geometry, UUID, INET6, vectors, ...
)

func (f Family) String() string {
	return [...]string{"none", "int", "uint", "decimal", "float", "text", "binary", "enum", "set", "date", "datetime",
		"timestamp", "time", "year", "bit", "json", "other"}[f]
}

// Column describes one column of a table.
type Column struct {
	Name      string // as declared
	DeclType  string // as declared, possibly empty
	Affinity  Affinity
	Collation Collation
	NotNull   bool // the database refuses NULL here
	Generated Generated

	// Of databases with real types; zero in SQLite. DeclType has the size.
	Family     Family
	Values     []string // members of an ENUM or SET, in order
	OnUpdate   bool     // an UPDATE of the row may set it to the time
	Expression string   // of a generated column
	Weights    *Weights // how texts are ordered, where the server told; else nil
}

// ForeignKey is one reference from a child table to a parent.
type ForeignKey struct {
	Columns  []int
	Parent   string
	OnDelete string // "NO ACTION", "CASCADE", "SET NULL", ...
	OnUpdate string
	// ParentColumns are the referenced columns by name; nil where the driver
	// does not tell.
	ParentColumns []string
}

// Table describes one ordinary table.
type Table struct {
	Name         string // as declared
	Columns      []Column
	PrimaryKey   []int   // column positions in key order; empty: only a rowid
	Uniques      [][]int // unique indexes over plain columns, without WHERE
	RowidColumn  int     // the INTEGER PRIMARY KEY column, or -1
	WithoutRowid bool
	Virtual      bool // a virtual table, or a shadow table of one
	ForeignKeys  []ForeignKey
	Triggers     []string
	// Transactional tells that a ROLLBACK undoes changes; only drivers that set
	// a Family say so.
	Transactional bool
}

// Column finds a column by name, in the database's own case folding; -1: none.
func (t *Table) Column(name string) int {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return i
		}
	}
	return -1
}

// HasVirtualColumns tells whether some image values of the table are Unknown
// by nature.
func (t *Table) HasVirtualColumns() bool {
	for i := range t.Columns {
		if t.Columns[i].Generated == GeneratedVirtual {
			return true
		}
	}
	return false
}

// View is a named SELECT.
type View struct {
	Name string
	SQL  string   // the text behind AS
	Cols []string // names given in CREATE VIEW v(a, b), else the output names of SQL
	// Hidden says why SQL is not known, with what mends it; "" when it is.
	Hidden string
}

// Schema is one immutable snapshot of what the database holds.
type Schema struct {
	Version int64 // grows with each reload
	tables  map[string]*Table
	views   map[string]*View
}

// NewSchema makes a snapshot. Names are looked up without regard to ASCII case.
func NewSchema(version int64, tables []*Table, views []*View) *Schema {
	s := &Schema{Version: version, tables: map[string]*Table{}, views: map[string]*View{}}
	for _, t := range tables {
		s.tables[strings.ToLower(t.Name)] = t
	}
	for _, v := range views {
		s.views[strings.ToLower(v.Name)] = v
	}
	return s
}

// Table returns the table of that name, or nil.
func (s *Schema) Table(name string) *Table { return s.tables[strings.ToLower(name)] }

// View returns the view of that name, or nil.
func (s *Schema) View(name string) *View { return s.views[strings.ToLower(name)] }

// Tables lists all tables, in no particular order.
func (s *Schema) Tables() []*Table {
	out := make([]*Table, 0, len(s.tables))
	for _, t := range s.tables {
		out = append(out, t)
	}
	return out
}

package sqlparse

import "edgecache/source"

// Input is everything that Compile needs to know. It is asked once, at
// registration.
type Input struct {
	Dialect Dialect
	// Database is the name that may qualify tables and columns; in SQLite it
	// is main.
	Database string
	// SQL is exactly one statement with :name parameters.
	SQL    string
	Schema *source.Schema
	// Describe asks the database for its own reading of a text with "?" for
	// each parameter.
	Describe func(sql string) (*source.Description, error)
	// Lists names the parameters that are expanded inside IN (...).
	Lists map[string]bool
	// Globs names the parameters whose LIKE patterns escape with a backslash.
	Globs map[string]bool
	// DependsOn names tables that the statement depends on besides what is
	// found in it.
	DependsOn []string
}

// Template is one statement, parsed and analysed once.
type Template struct {
	SQL    string
	Kind   source.StatementKind
	Params []Param // each name once, in order of first appearance
	// Columns are the output names of a SELECT.
	Columns []source.OutputColumn
	// Query is the read set of a SELECT, else nil.
	Query *Query
	// Writes is what a write may touch, as the database itself says.
	Writes []source.TableWrite

	text *text
}

// Param is one named parameter and where it is used.
type Param struct {
	Name string
	// Meets lists the columns that the parameter is compared with or assigned
	// to, each once.
	Meets []ColumnRef
	// Limit tells that it is used as LIMIT or OFFSET.
	Limit bool
	List  bool
}

// ColumnRef names a column of a table.
type ColumnRef struct {
	Table  *source.Table
	Column int
}

// Precision is how exactly writes are matched with a query.
type Precision uint8

const (
	PrecisionTable  Precision = iota // any write to its tables
	PrecisionColumn                  // writes that change a column it reads
	PrecisionRow                     // writes of rows that its conditions can select
)

func (p Precision) String() string { return [...]string{"table", "column", "row"}[p] }

// Query is what a SELECT reads.
type Query struct {
	Occurrences []*Occurrence
	// Uncacheable says why the answer depends on more than data and
	// parameters; "" when it does not.
	Uncacheable string
	Precision   Precision
	// Notes say, a sentence each, why matching is not more precise.
	Notes []string
	// Joins prints the conditions between tables.
	Joins []string
	// Order and Limit, Offset print the outermost window.
	Order         []string
	Limit, Offset string
	// Undetermined tells that data do not determine the answer: any answer
	// that SQL allows is right.
	Undetermined bool

	frame *frame
}

func (in *Input) database() string {
	if in.Dialect == SQLite {
		return "main"
	}
	return in.Database
}

package mysql

import "edgecache/source"

// WritePlan is what a parser knows about one writing statement. It is a proof
// obligation of whoever makes it: Tables names every table or view that the
// statement text itself writes (not those behind triggers and cascades), and
// when Unfit is empty, the rest describes the statement exactly.
//
// A statement is unfit for images when it has LIMIT, joins, several targets,
// subqueries, RETURNING, user variables, or any function in its WHERE that is
// not deterministic and row-local: the rows it matches must follow from the
// row itself and the arguments.
type WritePlan struct {
	Kind   source.StatementKind
	Tables []string
	Unfit  string // why no images can be had; "" when they can

	// From is the target as it stands in the statement, ready to be put behind
	// FROM: users, `users` AS u, users PARTITION (p0). UPDATE and DELETE only.
	From string
	// Where is the condition's text with its placeholders, "" for all rows.
	Where string
	// WhereArgs are the positions, in the statement's arguments, of the
	// placeholders in Where.
	WhereArgs []int
	// Assigned are the columns that an UPDATE or ON DUPLICATE KEY UPDATE sets.
	Assigned []string

	Insert InsertMode
	// Columns is the column list of an INSERT or REPLACE as written, nil when
	// there was none.
	Columns []string
	// Rows are the rows of VALUES, each as long as the column list.
	Rows [][]InsertValue
}

// InsertMode is what an INSERT does about rows that are there already.
type InsertMode uint8

const (
	InsertPlain   InsertMode = iota // fails
	InsertIgnore                    // INSERT IGNORE
	InsertReplace                   // REPLACE
	InsertUpdate                    // ON DUPLICATE KEY UPDATE
)

// InsertValue is one item of VALUES.
type InsertValue struct {
	Form  InsertForm
	Arg   int          // position in the statement's arguments, for FormArg
	Value source.Value // for FormLiteral
}

// InsertForm is how an item is written.
type InsertForm uint8

const (
	FormOther   InsertForm = iota // an expression
	FormArg                       // a bare placeholder
	FormLiteral                   // a bare number, text or NULL
	FormDefault                   // the word DEFAULT
)

package source

// WritePlan is what a parser knows about one writing statement, for a source
// that cannot see changed rows by itself. It is a proof obligation of whoever
// makes it: Tables names every table or view that the statement's text itself
// writes (not those behind triggers and cascades), and when Unfit is empty,
// the rest describes the statement exactly.
type WritePlan struct {
	Kind   StatementKind
	Tables []string
	// Unfit says why the rows of the statement cannot be selected before it
	// runs, "" when they can: then SELECT ... FROM From WHERE Where ORDER BY
	// Order LIMIT Limit selects them, and has no effects of its own.
	Unfit string
	// Chosen says why the same SELECT, or the statement, may choose other rows
	// the next time, though nobody changed the ones that were chosen: LIMIT,
	// subqueries, clocks and dice. "" when the choice follows from each row,
	// its partners in a join, and the arguments.
	Chosen string
	// Returns tells that RETURNING may be put behind the statement, on a server
	// that has it, and then gives each row that it inserts or deletes: it is an
	// INSERT or a DELETE of one table, and nothing keeps a row from being what
	// it was to be (IGNORE, REPLACE, ON DUPLICATE KEY UPDATE).
	Returns bool

	// Head is the text up to WHERE: what is done, to which table.
	Head Piece
	// From is what stands, or may be put, behind FROM: `users` AS u, or the
	// tables of a join, which are joined by inner joins only.
	From  Piece
	Where Piece // the condition, "" for all rows
	Order Piece // what stands behind ORDER BY
	Limit Piece // what stands behind LIMIT
	// Joins are the tables that From joins, targets among them; nil when From
	// is one table. Where several are set, nothing that is set decides about
	// the rows.
	Joins []string
	// Targets are the tables that an UPDATE or DELETE writes, each once. nil
	// when they are not known: then Tables may hold more than is written.
	Targets []WriteTarget

	// Assigned are the columns that ON DUPLICATE KEY UPDATE sets.
	Assigned []string
	Insert   InsertMode
	// Columns is the column list of an INSERT or REPLACE as written, nil when
	// there was none.
	Columns []string
	// Rows are the rows of VALUES, each as long as the column list.
	Rows [][]WriteValue
}

// Piece is a part of a statement's text, with the positions, in the
// statement's arguments, of its placeholders.
type Piece struct {
	SQL  string
	Args []int
}

// WriteTarget is one table that an UPDATE or DELETE writes.
type WriteTarget struct {
	Table string
	Alias string // the name by which the statement knows it
	// Assigned are the columns that an UPDATE sets and Set what it sets them
	// to, one for each.
	Assigned []string
	Set      []WriteValue
}

// InsertMode is what an INSERT does about rows that are there already.
type InsertMode uint8

const (
	InsertPlain   InsertMode = iota // fails
	InsertIgnore                    // INSERT IGNORE
	InsertReplace                   // REPLACE
	InsertUpdate                    // ON DUPLICATE KEY UPDATE
)

// WriteValue is one item of VALUES, or of SET.
type WriteValue struct {
	Form  ValueForm
	Arg   int   // position in the statement's arguments, for FormArg
	Value Value // for FormLiteral
}

// ValueForm is how an item is written.
type ValueForm uint8

const (
	FormOther   ValueForm = iota // an expression
	FormArg                      // a bare placeholder
	FormLiteral                  // a bare number, text or NULL
	FormDefault                  // the word DEFAULT
)

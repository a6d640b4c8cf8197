// Package source is the system of record behind one interface: it runs
// queries and writes, and says exactly which rows a write changed.
//
// A read runs in a snapshot of its own, taken after the call began. A write
// runs its statements in one transaction, collects the images of every row
// that they change, shows them to its caller just before COMMIT, and returns
// only when the outcome is known or known to be unknowable.
//
// Images err on the side of more: a value that cannot be read exactly is
// Unknown, a table whose rows cannot be followed is Whole, and anything else
// is Everything. A WriteSet never omits a change.
//
// The package holds the types that every driver and every consumer share; the
// drivers are its subpackages. It does no caching and decides nothing about
// responses.
package source

import (
	"context"
	"time"
)

// Source is one database. All methods may be called from many goroutines.
// All errors are *Error.
type Source interface {
	// Schema returns the latest snapshot; it never blocks on the database.
	Schema() *Schema
	// Describe prepares sql, without running it, and tells what the database
	// itself understands by it. Placeholders are "?".
	Describe(ctx context.Context, sql string) (*Description, error)
	// Query runs one reading statement in a snapshot taken after the call.
	Query(ctx context.Context, st Statement, lim Limits) (*Result, error)
	// Write runs the statements in order in one transaction. beforeCommit is
	// called once, after the last statement and before COMMIT, with the
	// complete write set, unless a statement failed; it must not call the
	// source. Outcome is meaningful also when err is not nil.
	Write(ctx context.Context, sts []Statement, beforeCommit func(*WriteSet)) (*WriteResult, error)
	// DryRun executes like Write, always rolls back, and returns what the
	// write set would have been.
	DryRun(ctx context.Context, sts []Statement) (*WriteSet, error)
	// Ping tells whether the source answers.
	Ping(ctx context.Context) error
	Close() error
}

// Statement is executable text with its arguments in placeholder order.
type Statement struct {
	SQL  string
	Args []Value
	// Guard makes a statement of a write a condition of it: the statement must
	// be a SELECT, and the statements behind it run only if Guard returns nil
	// for its answer. What it read can not be changed by others before the
	// write's end, so two writes with one condition do not both find it true.
	// An error of Guard rolls everything back, and Write returns it as it is.
	// Guard must not call the source. DryRun leaves guards out.
	Guard func(*Result) error
	// Limits bound the rows that a write's statement gives: those of a Guard,
	// and those of RETURNING.
	Limits Limits
}

// Limits bound what a query may return; zero is no limit. Passing one is an
// ErrTooLarge, never a truncated answer.
type Limits struct {
	Rows  int
	Bytes int64 // sum of the values' payloads, 8 for a number
}

// Result is a complete answer.
type Result struct {
	Columns []string
	Rows    []Row
	Elapsed time.Duration // source time, without waiting for a connection
}

// Outcome says how a transaction ended.
type Outcome uint8

const (
	// OutcomeUnknown: it may have committed. Treat as committed. It is the
	// zero value, so that a forgotten outcome widens.
	OutcomeUnknown Outcome = iota
	OutcomeCommitted
	// OutcomeRolledBack is definite: the database confirmed it and no part of
	// the transaction can survive.
	OutcomeRolledBack
)

func (o Outcome) String() string { return [...]string{"unknown", "committed", "rolled back"}[o] }

// WriteResult is what a transaction did.
type WriteResult struct {
	Outcome      Outcome
	RowsAffected int64 // sum over the statements
	LastInsertID int64
	HasInsertID  bool // some statement inserted a row into a rowid table
	// Columns and Rows are those of the last statement with RETURNING; Columns
	// is nil when there was none.
	Columns []string
	Rows    []Row
	Elapsed time.Duration
	// Ended is nil when nothing of the transaction can happen any more. Else
	// the outcome is unknown, the transaction may still commit, and Ended is
	// closed once that is over; until then what it may change must be read
	// through.
	Ended <-chan struct{}
}

// StatementKind is what a statement is for.
type StatementKind uint8

const (
	StatementOther StatementKind = iota // PRAGMA, ATTACH, BEGIN, ...: not for endpoints
	StatementSelect
	StatementInsert
	StatementUpdate
	StatementDelete
	StatementDDL
)

func (k StatementKind) String() string {
	return [...]string{"other", "select", "insert", "update", "delete", "ddl"}[k]
}

// IsWrite tells whether executing the statement can change data.
func (k StatementKind) IsWrite() bool { return k >= StatementInsert }

// Description is the database's own reading of a statement: ground truth for
// tables, columns and functions, views and triggers expanded.
type Description struct {
	Kind    StatementKind
	Params  int
	Columns []OutputColumn
	// Reads holds, by table as declared, the columns read anywhere (by name as
	// declared; "ROWID" for a bare rowid), those that NATURAL and USING compare
	// included. A table read without a column, as in COUNT(*), has an empty
	// list. Names that are no table of the schema (table-valued functions,
	// system tables) appear too.
	Reads map[string][]string
	// Writes lists what the statement may write, triggers and cascades included.
	Writes []TableWrite
	// Functions lists the functions called, lower-cased, sorted.
	Functions []string
	// Program is the compiled form, comparable between two texts on one
	// schema: equal programs do the same. Empty where there is none.
	Program string
}

// OutputColumn is one column of a result.
type OutputColumn struct {
	Name string
	// Table and Column tell the origin of a plain column, else are empty.
	Table, Column string
	DeclType      string
}

// TableWrite is one way in which a statement may write a table.
type TableWrite struct {
	Table   string
	Op      Op
	Columns []string // for OpUpdate
}

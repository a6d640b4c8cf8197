// Package mysql is the driver of source.Source for MariaDB, MySQL and TiDB: it
// runs queries and writes through go-sql-driver and says which rows a write
// changed, without any change feed.
//
// A read takes a reading session, runs as a read-only transaction of one
// statement, hence in one snapshot of its own, and gives the session back. A
// write takes a writing session (READ COMMITTED):
//
//	for each statement: before by SELECT ... FOR UPDATE with its own WHERE,
//	the statement, its count checked, after by key -> beforeCommit -> COMMIT
//	-> answer
//
// Its session is never in autocommit mode, so the first statement opens the
// transaction. FOR UPDATE, because a plain SELECT may show other rows than the
// statement touches. The rows read before stay locked and go on matching, so
// when the statement then matches as many rows as were read it matched exactly
// those; when it does not, the table is Whole. Where a statement chooses (LIMIT,
// subqueries, clocks), it is told the keys of the rows that were read
// (selected.go). MariaDB returns the rows of an INSERT or DELETE itself
// (returning.go). After images are not read where every value that is set is
// stored as given (stored.go), and what an UPDATE sets is unknown in them where
// no key leads to them (after.go). The children that a cascade changes are read
// before and after (kin.go).
//
// A statement of which nobody tells the shape (Options.Plan), or whose shape
// allows no images, makes its tables Whole, an UPDATE only in the columns that it
// sets, and one whose tables nobody knows is Everything (I7). Triggers widen to
// the tables that their text names, cascades that were not read to the child
// tables.
//
// What a ROLLBACK cannot undo (schema changes, tables of engines without
// transactions, statements of unknown tables) is shown to beforeCommit before
// it runs, as wide as it may be, and ends as committed or unknown. Elsewhere an
// outcome is RolledBack when the server confirmed a ROLLBACK, or when COMMIT
// was never sent and the session is proven gone. When a COMMIT was sent and
// not answered, the session is killed from another connection, and the write
// returns after it is gone from the process list and the engine's transactions:
// then nothing can commit later. Past Options.ProofTimeout it returns with
// WriteResult.Ended, and the search goes on without end (lost.go). It trusts
// that the DSN leads to the server that it led to: one that takes its name over
// while the old one still executes is not told apart.
//
// The schema is looked at every 250 ms, or less often where that would cost the
// server more than an eighth of a processor (poll.go), and at once when the
// server does not know a name. What others do to it between two looks:
//
//   - A view that was redefined: a query that reads through it tells before its
//     answer is returned (views.go), so that no answer is kept under the old
//     definition. One of which SHOW VIEW is not granted is hidden from that.
//   - Answers from before the change, of views or of altered tables, are kept
//     until the look, like those from before any other write of somebody else.
//   - A trigger, foreign key or routine that was added or changed: until the
//     look, a write through us is shown without what it sets off there, and the
//     answers that this changes stay as long. The look drops everything.
//   - A table or trigger that is gone and back as it was between two looks is
//     not noticed: what it did to rows is a write of somebody else.
//
// The package parses no SQL beyond words, caches no answers and decides
// nothing about them.
//
// One write, in printed form:
//
//	UPDATE users SET first_name = 'Lane' WHERE id = '123-abc'
//	----
//	UPDATE users ('123-abc', 'Jo', 3) -> ('123-abc', 'Lane', 3)
//	assigned users: first_name
package mysql

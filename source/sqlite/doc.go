// Package sqlite is the SQLite driver of source.Source: it runs queries and
// writes on one database file and says exactly which rows a write changed.
//
// A read takes one of a few reading handles, runs in a snapshot of its own and
// gives the handle back. A write takes the one writing handle:
//
//	BEGIN IMMEDIATE -> has somebody else written? tell -> statements, their
//	images heard from the pre-update hook -> beforeCommit -> COMMIT -> answer
//
// Images err on the side of more. A value that the hook does not show exactly
// is Unknown, a table that cannot be followed by row is Whole, and a change of
// the schema, or of the file by somebody else, is Everything (I7). An outcome
// is RolledBack only when SQLite says that no transaction is open any more
// because of our ROLLBACK; a COMMIT that failed on its own is Unknown.
//
// The package speaks to SQLite's C interface, as modernc.org/sqlite/lib
// transpiles it, and not through database/sql: that driver turns a stored date
// into a time.Time, cuts the texts of images at a NUL, hides empty blobs in
// images, and tells neither whether a transaction is open nor whether a
// statement only reads. It caches no answers and decides nothing about them.
//
// One write, in printed form:
//
//	UPDATE users SET first_name = 'Lane' WHERE id = '123-abc'
//	----
//	UPDATE users ('123-abc', 'Jo', 3) -> ('123-abc', 'Lane', 3)
//	assigned users: first_name
package sqlite

// Package scaffold writes a first mapping file from a live schema: for each
// table a list, single rows, and the writes that its key allows; for each view
// a list. What it cannot map it says in a comment, with the reason.
//
// It goes in three steps: the database is asked for what source.Schema does
// not hold (defaults, indexes, generated keys), each table becomes endpoints,
// and those are printed as YAML with comments. The caller then checks the
// result as it would any configuration, and takes back with Drop what the
// check refuses, so that the file is ready to serve whatever the schema.
//
// It errs on the side of leaving out: a column that cannot be written through
// JSON, or looks secret, is not mapped. It never writes a DSN that may hold a
// password.
package scaffold

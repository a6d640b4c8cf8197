// Package journal keeps keys and values in a file that buntdb can open: its
// format is buntdb's, a list of set and del commands of which the last one of
// a key counts. It gives what buntdb's own writer does not:
//
//   - values are on disk only. buntdb keeps every value in memory for as long
//     as its database is open, and responses are in memory already;
//   - a damaged file is told from a sound one before anything of it is used.
//     buntdb believes the lengths in the file, which makes it panic or ask for
//     any amount of memory, and cuts a torn file off without a word
//     (buntdb_test.go shows each);
//   - a disk that is full is an error that can be lived with. buntdb panics,
//     with its lock held, when it cannot undo half a write, and its shrinking
//     does so on a goroutine of its own.
//
// Open locks the file, reads it once from end to end, and says which values
// are alive. Append adds a batch, whole or not at all. Rewrite replaces the
// file by what is alive, in one step.
//
// Every value carries a checksum over its key and itself, so a value is what
// was set under that key, or is not found. Nothing here says that it is
// current: what the file lacks at its end, because the process or the machine
// died, is for the caller to judge.
//
// The package knows nothing about entries. It never logs.
package journal

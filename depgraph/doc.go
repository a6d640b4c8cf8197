// Package depgraph answers one question: which cached responses may a write
// have changed?
//
// A response is installed as an entry: its template, its arguments, and the
// records known to be in it. When a write is about to commit, Publish looks
// its row images up among the regions that the entries' conditions can select,
// rechecks every candidate exactly, and suspends what may change. Settle drops
// it, or, after a definite rollback, lets it be served again.
//
//	Publish(UPDATE users (1, 'Lane') -> (1, 'Ada'))
//	  rules     table, column, image: once per template
//	  lookup    index over first_name: 'Lane' and 'Ada'  -> candidates e1 e7
//	  recheck   Match(e1, before) true; Match(e7, ...) false
//	  suspend   e1                                        (spared: e7, predicate)
//	COMMIT
//	Settle(committed)  -> e1 and all its edges go in one step
//
// It errs on the side of more: it may name a response that did not change; it
// never omits one that did. A value whose place is unknown is anywhere, a row
// of an unexpected shape is every row, a condition that panics may match, and
// a lookup that fails names every entry of its template. Each is counted.
//
// It parses no SQL, asks no database and serves no request. It never calls out
// while it holds its lock, but for the pure functions of an Occurrence.
//
// A Vault keeps the entries over a restart, behind everybody's back; what it
// brings back is installed, or refused, like a fill that began at the start.
//
// The package holds the invariants I1, I4, I5, I7 and I8 of ARCHITECTURE.md:
//
//	I1  after Publish has returned, no entry that the write may change is
//	    fresh; after Settle, none is left            interleaving_test.go
//	I4  every entry is in an index or on the coarse list, for every
//	    occurrence whose region is not nothing       Audit, twin_test.go
//	I5  a fill whose token is older than a write that touches it, or was
//	    taken while that write was open, never installs
//	    (log.go has the numbered interleavings)      interleaving_test.go
//	I7  unknown widens: value, row, template, all    twin_test.go, fault_test.go
//	I8  each bound (limits.go) has a counter and an overflow that widens
//	                                                 limits_test.go
package depgraph

// Package rehydrate brings entries back: it turns many requests for one key
// into few source reads, and refills dropped entries without a client waiting.
//
// A fill goes through the Filler. The first to ask for a key starts a flight:
// take a token from the graph, read the source in a new snapshot, install the
// entry if no write has overtaken it, answer everybody aboard. Who comes later
// joins that flight as long as the graph says that it is quiet, and else waits
// for the next one. A refill goes through the Queue: hottest entries first, by
// a few workers, within the source time that clients' own misses have earned.
//
// A fill is never answered from a snapshot that misses a write which was
// answered before the fill arrived (I1), and never stores one (I5). In doubt
// the source is read once more. The Queue promises nothing about answers: what
// it drops stays absent and costs the next client a miss.
//
// The package knows neither SQL text nor HTTP; what it reads is a function.
//
// Its invariants:
//
//	I1  a flight is joined only if it takes its token after the joiner arrived,
//	    or no write that could touch it was published or open since its token
//	I5  the token is taken before the read begins, and Install gets that token
//	I8  flights, flights waiting, queue length, workers and refill time are
//	    bounded; past a bound a fill gets ErrBusy and a refill is dropped, both
//	    counted, neither answered from anything older
//
// A worked example, one key, time running down:
//
//	GET a   flight 1: token 7, reads
//	GET b   7 is quiet: joins flight 1
//	PUT     published at 8, commits, is answered
//	GET c   7 is not quiet: waits for flight 2
//	        flight 1 lands, overtaken: a and b answered, nothing stored
//	        flight 2: token 8, reads, installed: c answered
package rehydrate

// Package proxyhttp answers HTTP: mapped GETs from the cache while the cache
// is right, from the source when it is not, and mapped writes through the
// source with the cache settled before the answer.
//
// One GET goes so: the router names the endpoint, bind types the parameters
// and makes the key, the graph is asked for the entry. A fresh one is written
// as it lies. Otherwise a flight asks the source in a new snapshot, the answer
// is rendered once, offered to the graph under the flight's token, and written
// whether or not the graph took it. One write goes so: its statements run in
// one transaction, the row images are published to the graph before COMMIT,
// the intent is settled with the transaction's outcome, and only then is the
// client answered.
//
// The guarantee is I1: no GET that starts after a write was answered gets a
// response from before it. Where this package does not know, it asks the
// source and stores nothing: an endpoint whose schema moved, a state between
// publishing and settling, a read whose answer depends on more than data. An
// endpoint of eventual consistency has I1 too, up to the windows that its
// configuration names; eventual.go says what it gives up.
//
// It parses no SQL and decides nothing about which entries a write affects;
// that is sqlparse's and depgraph's. It is the only importer of the router.
package proxyhttp

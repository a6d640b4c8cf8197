package proxyhttp

import (
	"time"

	"edgecache/proxyhttp/config"
)

// Limits bound everything that a client or a source can make the server hold
// or wait for (I8). A zero field means its default.
type Limits struct {
	Body        int64 // bytes of a request body; past it 413
	HeaderBytes int   // bytes of a request's head; past it 431
	URL         int   // bytes of a request target; past it 414
	QueryParams int   // pairs in a query string; past it 400
	Rows        int   // rows of an answer; past it 500 naming the limit
	ResultBytes int64 // bytes of an answer's values; past it 500 naming the limit
	// Changes and ChangeBytes bound the row images of one write; past either
	// its tables are matched as a whole.
	Changes     int
	ChangeBytes int64
	// Requests are those under way at once, SourceRequests those of them that
	// need one source; past either 503 at once. They differ so that hits are
	// served while every request for a slow source waits.
	Requests, SourceRequests int
	Flights                  int // calls of one source at once, reads and writes apart, where it does not tell how many it can take
	Revalidations            int // reads behind outdated answers at once; past it a later GET begins one

	ReadHeader, Read, Write, Idle time.Duration
	Statement                     time.Duration // a source call; past it 504
	SourceWait                    time.Duration // in line for a source call; past it 503
	BusyWait                      time.Duration // for a lock that others hold; past it 503
	Proof                         time.Duration // for the end of a lost session; past it its write is held open (lostWrites)
	Drain                         time.Duration // what shutdown waits for requests under way

	CircuitFailures int           // in a row to reach a source, until a probe decides (circuit)
	CircuitPause    time.Duration // between two probes of a source that is not asked

	Mappings int // bytes of all registered mappings together; past it 409

	DebugEntries int // entries in one answer of the control plane
	QueueLength  int
	QueueWorkers int
}

// DefaultLimits are what `edgecache serve` runs with.
func DefaultLimits() Limits {
	return Limits{
		Body: 1 << 20, HeaderBytes: 64 << 10, URL: 16 << 10, QueryParams: 256,
		Rows: 10_000, ResultBytes: 8 << 20, Changes: 10_000, ChangeBytes: 16 << 20,
		Requests: 8192, SourceRequests: 1024, Flights: 256, Revalidations: 64,
		ReadHeader: 10 * time.Second, Read: 30 * time.Second, Write: 90 * time.Second, Idle: 2 * time.Minute,
		Statement: 30 * time.Second, SourceWait: 10 * time.Second, CircuitFailures: 5, CircuitPause: 250 * time.Millisecond, BusyWait: 5 * time.Second, Proof: 5 * time.Second, Drain: 20 * time.Second,
		Mappings: config.MaxFileBytes, DebugEntries: 1000, QueueLength: 10_000, QueueWorkers: 2,
	}
}

// withDefaults fills in the zero fields.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.Body = or(l.Body, d.Body)
	l.HeaderBytes = or(l.HeaderBytes, d.HeaderBytes)
	l.URL = or(l.URL, d.URL)
	l.QueryParams = or(l.QueryParams, d.QueryParams)
	l.Rows = or(l.Rows, d.Rows)
	l.ResultBytes = or(l.ResultBytes, d.ResultBytes)
	l.Changes = or(l.Changes, d.Changes)
	l.ChangeBytes = or(l.ChangeBytes, d.ChangeBytes)
	l.Requests = or(l.Requests, d.Requests)
	l.SourceRequests = or(l.SourceRequests, d.SourceRequests)
	l.Flights = or(l.Flights, d.Flights)
	l.Revalidations = or(l.Revalidations, d.Revalidations)
	l.ReadHeader = or(l.ReadHeader, d.ReadHeader)
	l.Read = or(l.Read, d.Read)
	l.Write = or(l.Write, d.Write)
	l.Idle = or(l.Idle, d.Idle)
	l.Statement = or(l.Statement, d.Statement)
	l.SourceWait = or(l.SourceWait, d.SourceWait)
	l.CircuitFailures = or(l.CircuitFailures, d.CircuitFailures)
	l.CircuitPause = or(l.CircuitPause, d.CircuitPause)
	l.BusyWait = or(l.BusyWait, d.BusyWait)
	l.Proof = or(l.Proof, d.Proof)
	l.Drain = or(l.Drain, d.Drain)
	l.Mappings = or(l.Mappings, d.Mappings)
	l.DebugEntries = or(l.DebugEntries, d.DebugEntries)
	l.QueueLength = or(l.QueueLength, d.QueueLength)
	l.QueueWorkers = or(l.QueueWorkers, d.QueueWorkers)
	return l
}

// limitsOf are the limits of one endpoint's statements.
func (s *Server) limitsOf(e *endpoint) Limits {
	l := s.limits
	if e != nil {
		l.Rows, l.ResultBytes, l.Statement = or(e.cfg.MaxRows, l.Rows), or(e.cfg.MaxBytes, l.ResultBytes), or(e.cfg.Timeout, l.Statement)
	}
	return l
}

// longest is how long any endpoint may make a source call last: what flights
// and sources are told, which do not know the endpoint.
func (l Limits) longest() time.Duration { return max(l.Statement, config.MaxTimeout) }

func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// gate admits a bounded number at once and turns the rest away at once: a
// queue in front of a slow source only makes every answer late.
type gate chan struct{}

func newGate(n int) gate { return make(gate, n) }

func (g gate) enter() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) leave() { <-g }

package proxyhttp

import (
	"slices"
	"sync/atomic"

	"edgecache/depgraph"
)

// endpointCounters count the requests of one endpoint. They are plain atomics,
// so that a hit looks up no label; exposition.go prints them for Prometheus.
//
//	hits + misses by reason + outdated + writes + problems = requests
type endpointCounters struct {
	hits     atomic.Int64
	saved    atomic.Int64 // nanoseconds of source time that hits did not take
	misses   [missReasons]atomic.Int64
	outdated [2]atomic.Int64 // answers known to be outdated: while one is read, instead of an error
	writes   atomic.Int64
	problems statusCounts
}

// missReason is why the source was asked.
type missReason uint8

const (
	missAbsent missReason = iota
	missStale
	missSuspended
	missRequest
	missUncacheable
	missSchema
	missReasons
)

func (r missReason) String() string {
	return [...]string{"absent", "stale", "suspended", "request", "uncacheable", "schema"}[r]
}

// forward counts an answer of a flight by why it was asked for.
func (c *endpointCounters) forward(why string, state depgraph.State) {
	r := missAbsent
	switch {
	case why == "request":
		r = missRequest
	case state == depgraph.StateSuspended:
		r = missSuspended
	case state == depgraph.StateStale:
		r = missStale
	}
	c.misses[r].Add(1)
}

// bypass counts an answer that is not kept, by the detail of its Cache-Status.
func (c *endpointCounters) bypass(detail string) {
	r := missUncacheable
	if detail == detailSchema {
		r = missSchema
	}
	c.misses[r].Add(1)
}

// detailSchema is the detail of what is read while the schema moves.
const detailSchema = "SCHEMA"

type result struct {
	name string
	n    int64
}

// results lists the counters as GET /v1/stats does, which knows the words of
// Cache-Status only.
func (c *endpointCounters) results() []result {
	miss := func(rs ...missReason) (n int64) {
		for _, r := range rs {
			n += c.misses[r].Load()
		}
		return n
	}
	return []result{{"hit", c.hits.Load()}, {"miss", miss(missAbsent)}, {"stale", miss(missStale, missSuspended)},
		{"request", miss(missRequest)}, {"bypass", miss(missUncacheable, missSchema)}, {"write", c.writes.Load()},
		{"stale-while-revalidate", c.outdated[staleRevalidating].Load()}, {"stale-if-error", c.outdated[staleError].Load()}}
}

// problemStatuses are those that requests are answered with; 499 is a client
// that left, and the last stands for any other.
var problemStatuses = [...]int{400, 401, 403, 404, 405, 409, 412, 413, 414, 415, statusClientGone, 500, 502, 503, 504, 0}

// statusCounts count problems by status.
type statusCounts [len(problemStatuses)]atomic.Int64

func (c *statusCounts) add(status int) {
	i := slices.Index(problemStatuses[:], status)
	if i < 0 {
		i = len(problemStatuses) - 1
	}
	c[i].Add(1)
}

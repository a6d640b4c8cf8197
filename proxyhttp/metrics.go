package proxyhttp

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/depgraph"
	"edgecache/source"
)

// metrics are the server's own counts. They are plain atomics, so that a hit
// looks up no label; exposition.go prints them for Prometheus.
type metrics struct {
	writes [3]*histogram // whole time of writes, by source.Outcome
	match  *histogram    // time to find and suspend what a write may affect
	panics atomic.Int64

	mu       sync.Mutex
	problems map[problemLabel]int64 // bounded by endpoints × statuses
}

type problemLabel struct {
	endpoint string
	status   int
}

func newMetrics() *metrics {
	m := &metrics{problems: map[problemLabel]int64{}, match: newHistogram(5*time.Microsecond, 2.5, 14)}
	for i := range m.writes {
		m.writes[i] = newHistogram(100*time.Microsecond, 2.5, 12)
	}
	return m
}

func (m *metrics) problem(e *endpoint, status int) {
	l := problemLabel{status: status}
	if e != nil {
		l.endpoint = e.cfg.Name
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems[l]++
}

func (m *metrics) write(l writeLog) {
	if o := int(l.outcome); o < len(m.writes) {
		m.writes[o].observe(l.total)
	}
	m.match.observe(l.match)
}

// problemCounts lists the counts in a fixed order.
func (m *metrics) problemCounts() ([]problemLabel, map[problemLabel]int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := make(map[problemLabel]int64, len(m.problems))
	labels := make([]problemLabel, 0, len(m.problems))
	for l, n := range m.problems {
		counts[l] = n
		labels = append(labels, l)
	}
	sort.Slice(labels, func(i, j int) bool {
		if labels[i].endpoint != labels[j].endpoint {
			return labels[i].endpoint < labels[j].endpoint
		}
		return labels[i].status < labels[j].status
	})
	return labels, counts
}

// endpointCounters count the answered requests of one endpoint by result:
//
//	hits + misses + stale + requested + bypasses + writes + problems = requests
type endpointCounters struct {
	hits, misses, stale, requested, bypasses, writes atomic.Int64
}

func (c *endpointCounters) forward(why string) {
	switch why {
	case "uri-miss":
		c.misses.Add(1)
	case "stale":
		c.stale.Add(1)
	default:
		c.requested.Add(1)
	}
}

// histogram counts durations in buckets that grow by a factor.
type histogram struct {
	bounds []float64 // seconds
	counts []atomic.Int64
	nanos  atomic.Int64
}

func newHistogram(first time.Duration, factor float64, n int) *histogram {
	h := &histogram{bounds: make([]float64, n), counts: make([]atomic.Int64, n+1)}
	for i := range h.bounds {
		h.bounds[i] = first.Seconds() * math.Pow(factor, float64(i))
	}
	return h
}

func (h *histogram) observe(d time.Duration) {
	h.counts[sort.SearchFloat64s(h.bounds, d.Seconds())].Add(1)
	h.nanos.Add(int64(d))
}

// outcomes lists what a write can end as, in the order of metrics.writes.
var outcomes = [...]source.Outcome{source.OutcomeUnknown, source.OutcomeCommitted, source.OutcomeRolledBack}

// rulesOf lists rules in a fixed order.
func rulesOf(m map[depgraph.Rule]int64) []string {
	out := make([]string, 0, len(m))
	for r := range m {
		out = append(out, string(r))
	}
	sort.Strings(out)
	return out
}

package proxyhttp

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"edgecache/depgraph"
)

// exposition prints the text format 0.0.4 of Prometheus.
type exposition struct{ b bytes.Buffer }

// family begins a metric. Every metric has a help text that says what to do
// with it or what it means.
func (x *exposition) family(name, kind, help string) {
	fmt.Fprintf(&x.b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample prints one value; labels come in pairs of name and value.
func (x *exposition) sample(name string, v float64, labels ...string) {
	x.b.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		if i == 0 {
			x.b.WriteByte('{')
		} else {
			x.b.WriteByte(',')
		}
		x.b.WriteString(labels[i] + `="` + labelEscapes.Replace(labels[i+1]) + `"`)
	}
	if len(labels) > 1 {
		x.b.WriteByte('}')
	}
	x.b.WriteString(" " + strconv.FormatFloat(v, 'g', -1, 64) + "\n")
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (x *exposition) counter(name, help string, v int64) {
	x.family(name, "counter", help)
	x.sample(name, float64(v))
}

func (x *exposition) gauge(name, help string, v float64) {
	x.family(name, "gauge", help)
	x.sample(name, v)
}

// histogram prints one series of a histogram family.
func (x *exposition) histogram(name string, h *histogram, labels ...string) {
	var sum int64
	for i := range h.counts {
		sum += h.counts[i].Load()
		le := "+Inf"
		if i < len(h.bounds) {
			le = strconv.FormatFloat(h.bounds[i], 'g', 4, 64)
		}
		x.sample(name+"_bucket", float64(sum), append(append([]string{}, labels...), "le", le)...)
	}
	x.sample(name+"_sum", time.Duration(h.nanos.Load()).Seconds(), labels...)
	x.sample(name+"_count", float64(sum), labels...)
}

// writeMetrics answers GET /metrics.
func (s *Server) writeMetrics(w http.ResponseWriter) {
	x := &exposition{}
	s.exposeRequests(x)
	s.exposeWrites(x)
	exposeGraph(x, s.graph.Stats())
	s.exposeRefilling(x)
	s.exposeDoors(x)
	s.exposeStore(x)
	x.counter("edgecache_panics_total", "Bugs caught; each has a stack in the log.", s.metrics.panics.Load())
	x.gauge("go_goroutines", "Goroutines that exist.", float64(runtime.NumGoroutine()))
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	x.gauge("go_memstats_heap_inuse_bytes", "Bytes of heap in use.", float64(mem.HeapInuse))
	x.gauge("go_memstats_sys_bytes", "Bytes obtained from the system.", float64(mem.Sys))
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(x.b.Bytes()) // a client that left is not an error of ours
}

func (s *Server) exposeRequests(x *exposition) {
	const name = "edgecache_requests_total"
	x.family(name, "counter", "Answered requests by endpoint and result.")
	for _, e := range s.current().endpoints {
		for _, r := range e.count.results() {
			x.sample(name, float64(r.n), "endpoint", e.cfg.Name, "result", r.name)
		}
	}
	const problems = "edgecache_problems_total"
	x.family(problems, "counter", "Requests answered with a problem by endpoint and status; 499 says that the client left.")
	labels, counts := s.metrics.problemCounts()
	for _, l := range labels {
		x.sample(problems, float64(counts[l]), "endpoint", l.endpoint, "status", strconv.Itoa(l.status))
	}
}

type result struct {
	name string
	n    int64
}

// results lists the counters under the names that the metrics give them.
func (c *endpointCounters) results() []result {
	return []result{{"hit", c.hits.Load()}, {"miss", c.misses.Load()}, {"stale", c.stale.Load()},
		{"request", c.requested.Load()}, {"bypass", c.bypasses.Load()}, {"write", c.writes.Load()}}
}

func (s *Server) exposeWrites(x *exposition) {
	x.family("edgecache_write_seconds", "histogram", "Whole time of writes by outcome.")
	for _, o := range outcomes {
		x.histogram("edgecache_write_seconds", s.metrics.writes[o], "outcome", o.String())
	}
	x.family("edgecache_match_seconds", "histogram", "Time to find and suspend what a write may affect.")
	x.histogram("edgecache_match_seconds", s.metrics.match)
}

func exposeGraph(x *exposition, g depgraph.Stats) {
	x.gauge("edgecache_entries", "Cached responses.", float64(g.Entries))
	x.gauge("edgecache_bytes", "Bytes of cached responses and their edges.", float64(g.Bytes))
	x.gauge("edgecache_stale", "Dropped responses that are remembered.", float64(g.Stale))
	x.gauge("edgecache_suspended", "Responses suspended by writes under way.", float64(g.Suspended))
	x.counter("edgecache_installs_total", "Responses taken in.", int64(g.Installs))
	x.family("edgecache_installs_refused_total", "counter", "Responses not taken in by reason.")
	x.sample("edgecache_installs_refused_total", float64(g.Overtaken), "reason", "overtaken")
	x.sample("edgecache_installs_refused_total", float64(g.Outdated), "reason", "outdated")
	x.counter("edgecache_evictions_total", "Responses that went for lack of room; raise store.max_memory when it climbs.", int64(g.Evictions))
	x.counter("edgecache_writes_total", "Write sets matched.", int64(g.Writes))
	x.counter("edgecache_affected_total", "Responses that writes affected.", int64(g.Affected))
	x.family("edgecache_spared_total", "counter", "Responses that writes spared by rule.")
	for _, r := range rulesOf(g.SparedBy) {
		x.sample("edgecache_spared_total", float64(g.SparedBy[depgraph.Rule(r)]), "rule", r)
	}
	x.counter("edgecache_alarms_total", "Broken invariants found and widened; anything but 0 is a bug to report.", int64(g.Alarms))
}

func (s *Server) exposeRefilling(x *exposition) {
	q, f := s.queue.Stats(), s.filler.Stats()
	x.gauge("edgecache_queue_length", "Responses waiting to be refilled.", float64(q.Length))
	x.gauge("edgecache_queue_oldest_seconds", "Age of the oldest waiting refill.", q.OldestAge.Seconds())
	x.family("edgecache_queue_total", "counter", "Refills by what became of them.")
	for _, e := range []result{{"done", q.Done}, {"failed", q.Failed}, {"coalesced", q.Coalesced}, {"overflowed", q.Overflowed},
		{"cancelled", q.Cancelled}, {"deferred", q.Deferred}} {
		x.sample("edgecache_queue_total", float64(e.n), "event", e.name)
	}
	x.counter("edgecache_source_reads_total", "Reads of the source for the cache.", f.Reads)
	x.counter("edgecache_flights_joined_total", "Requests that shared the read of another.", f.Joined)
	x.counter("edgecache_flights_busy_total", "Requests refused because too many reads were under way.", f.Busy)
}

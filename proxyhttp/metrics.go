package proxyhttp

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"edgecache/source"
)

// metrics are the server's own counts, besides those that the other rooms keep.
// Who counts takes no lock and looks up no label.
type metrics struct {
	registry *prometheus.Registry // of this server: two in one process do not mix

	nobody     statusCounts // problems of requests that met no endpoint
	panics     atomic.Int64
	busy       [2]atomic.Int64 // requests turned away by a gate
	refreshed  [2]atomic.Int64 // refills by whether the body changed
	writeTime  [3]prometheus.Observer
	matchTime  prometheus.Observer
	readTime   *prometheus.HistogramVec
	commitTime *prometheus.HistogramVec

	labels endpointLabels
}

// Positions in metrics.busy and metrics.refreshed.
const (
	busyRequests, busySources   = 0, 1
	bodyUnchanged, bodyModified = 0, 1
)

func newMetrics(s *Server) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), labels: newEndpointLabels()}
	writes := writeDuration.histogram(m.registry)
	for _, o := range outcomes {
		m.writeTime[o] = writes.WithLabelValues(label(o.String()))
	}
	m.matchTime = matchDuration.histogram(m.registry).WithLabelValues()
	m.readTime = sourceReadDuration.histogram(m.registry)
	m.commitTime = sourceWriteDuration.histogram(m.registry)
	m.registry.MustRegister(collector{s}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) problem(e *endpoint, status int) {
	if e == nil {
		m.nobody.add(status)
		return
	}
	e.count.problems.add(status)
}

func (m *metrics) write(l writeLog) {
	if o := int(l.outcome); o < len(m.writeTime) {
		m.writeTime[o].Observe(l.total.Seconds())
	}
	if l.match > 0 { // it was shown to the graph
		m.matchTime.Observe(l.match.Seconds())
	}
	if l.elapsed > 0 {
		m.commitTime.WithLabelValues(l.source).Observe(l.elapsed.Seconds())
	}
}

// refresh counts a dropped answer that came back, where its body is known.
func (m *metrics) refresh(was, is string) {
	switch {
	case was == "" || is == "":
	case was == is:
		m.refreshed[bodyUnchanged].Add(1)
	default:
		m.refreshed[bodyModified].Add(1)
	}
}

// outcomes lists what a write can end as, in the order of metrics.writeTime.
var outcomes = [...]source.Outcome{source.OutcomeUnknown, source.OutcomeCommitted, source.OutcomeRolledBack}

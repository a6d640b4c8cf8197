package proxyhttp

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// collector reads the counters that the rooms keep, when it is asked to. So
// nothing is counted twice, and who counts does not know that anybody asks.
type collector struct{ s *Server }

// Describe sends the families that Collect may send; histograms are collectors
// of their own.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range families {
		if f.kind != "histogram" {
			to <- f.desc
		}
	}
}

// Collect sends every sample.
func (c collector) Collect(to chan<- prometheus.Metric) {
	x := exposition{to: to, s: c.s}
	x.requests()
	x.server()
	g := c.s.graph.Stats()
	x.matching(g)
	x.entries(g)
	x.flights(c.s.filler.Stats())
	x.refills(c.s.queue.Stats())
	x.revalidations(c.s.behind.stats())
	x.sources()
	if c.s.vault != nil {
		x.store(c.s.vault.Stats())
	}
	if c.s.auth != nil {
		x.auth(c.s.auth.Stats())
	}
	x.certificates()
}

// maxScrapes bounds the scrapes that are answered at once; past it 503.
const maxScrapes = 8

// metricsHandler answers GET /metrics from the server's own registry. Scrapes
// that come at once share one collection.
func (s *Server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
		ErrorLog: scrapeLog{s.log}, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: maxScrapes, CoalesceGather: true,
	})
}

// scrapeLog takes what goes wrong in a scrape: what can be told is told.
type scrapeLog struct{ log *slog.Logger }

// Println logs one error.
func (l scrapeLog) Println(v ...any) {
	l.log.Error("a metric cannot be told", "error", fmt.Sprint(v...))
}

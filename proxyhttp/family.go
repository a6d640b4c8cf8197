package proxyhttp

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// family is one documented metric: all its series.
type family struct {
	name, help string
	kind       string // counter, gauge or histogram
	labels     []string
	buckets    []float64
	desc       *prometheus.Desc
}

// families lists every metric of ours, in the order in which they are declared.
// It is filled before main begins and does not change.
var families []*family

// declare adds a family. Every name begins with edgecache_, and every help says
// what the number means or what to do about it.
func declare(kind, name, help string, labels ...string) *family {
	f := &family{name: "edgecache_" + name, help: help, kind: kind, labels: labels}
	f.desc = prometheus.NewDesc(f.name, help, labels, nil)
	families = append(families, f)
	return f
}

func declareHistogram(buckets []float64, name, help string, labels ...string) *family {
	f := declare("histogram", name, help, labels...)
	f.buckets = buckets
	return f
}

// histogram makes the family's histograms in a registry.
func (f *family) histogram(r *prometheus.Registry) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.name, Help: f.help, Buckets: f.buckets}, f.labels)
	r.MustRegister(v) // fails only for a name that is declared twice
	return v
}

// exposition sends the samples of one scrape.
type exposition struct {
	to chan<- prometheus.Metric
	s  *Server
}

// send sends one sample; labels are values, in the order of the family's.
func (x exposition) send(f *family, v float64, labels ...string) {
	kind := prometheus.GaugeValue
	if f.kind == "counter" {
		kind = prometheus.CounterValue
	}
	m, err := prometheus.NewConstMetric(f.desc, kind, v, labels...)
	if err != nil { // a label that is no text, which names of endpoints may be
		m = prometheus.NewInvalidMetric(f.desc, err)
	}
	x.to <- m
}

// each sends a sample for each result, under its name.
func (x exposition) each(f *family, of []result, labels ...string) {
	for _, r := range of {
		x.send(f, float64(r.n), append(labels[:len(labels):len(labels)], r.name)...)
	}
}

// label spells words as the value of a label.
func label(words string) string { return strings.ReplaceAll(words, " ", "_") }

// decades are bounds of buckets: 1, 2.5 and 5 times each power of ten from
// first to last, in seconds.
func decades(first, last float64) (out []float64) {
	for at := first; at <= last*1.0001; at *= 10 {
		for _, n := range []float64{1, 2.5, 5} {
			if b := at * n; b <= last*1.0001 {
				out = append(out, b)
			}
		}
	}
	return out
}

package proxyhttp

import (
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkConsistency reads a few hot rows while a writer changes them at full
// speed, with a commit that takes a millisecond, as one over a network does:
//
//	go test -run - -bench Consistency -benchtime 20000x ./proxyhttp
//
// strict reads through from the publishing of a write to its end, eventual
// until the refill or the next miss, stale never waits.
func BenchmarkConsistency(b *testing.B) {
	const rows = 4
	for _, kind := range []string{"strict", "eventual", "stale"} {
		b.Run(kind, func(b *testing.B) {
			h := start(b, withYAML(`
  - {name: strict, route: "GET /strict/{id}", sql: SELECT name FROM users WHERE id = :id, rehydrate: "off"}
  - {name: eventual, route: "GET /eventual/{id}", sql: SELECT name FROM users WHERE id = :id, consistency: eventual, rehydrate: "off"}
  - {name: stale, route: "GET /stale/{id}", sql: SELECT name FROM users WHERE id = :id, consistency: eventual, stale_while_revalidate: 1s, rehydrate: "off"}
`))
			h.tap.setWrite(func(stage string) error {
				if stage == "published" {
					time.Sleep(time.Millisecond)
				}
				return nil
			})
			data := h.s.Data()
			var stop atomic.Bool
			writes, done := 0, make(chan struct{})
			go func() {
				defer close(done)
				for !stop.Load() {
					body := `{"firstName":"n` + strconv.Itoa(writes) + `"}`
					data.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("PUT", "/v1/users/"+strconv.Itoa(writes%rows+1), strings.NewReader(body)))
					writes++
				}
			}()
			took := make([]time.Duration, 0, b.N)
			hits, outdated := 0, 0
			read := func(path string) {
				r, w := httptest.NewRequest("GET", path, nil), httptest.NewRecorder()
				began := time.Now()
				data.ServeHTTP(w, r)
				took = append(took, time.Since(began))
				switch how := w.Header().Get("Cache-Status"); {
				case strings.Contains(how, "STALE"):
					outdated++
				case strings.Contains(how, "; hit"):
					hits++
				}
			}
			for b.Loop() {
				read("/" + kind + "/" + strconv.Itoa(len(took)%rows+1))
			}
			stop.Store(true)
			<-done
			slices.Sort(took)
			n := float64(len(took))
			b.ReportMetric(100*float64(hits)/n, "%hit")
			b.ReportMetric(100*float64(outdated)/n, "%outdated")
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
			b.ReportMetric(float64(writes)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

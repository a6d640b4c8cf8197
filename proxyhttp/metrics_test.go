package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"edgecache/depgraph"
	"edgecache/proxyhttp/auth"
	"edgecache/proxyhttp/config"
	"edgecache/rehydrate"
	"edgecache/source/mysql"
	"edgecache/source/sqlite"
)

// TestMetricNames holds what dashboards and alerts rely on: the name, type,
// labels and help of every metric.
func TestMetricNames(t *testing.T) {
	datadriven.RunTest(t, "testdata/metrics", func(t *testing.T, d *datadriven.TestData) string {
		var b strings.Builder
		sorted := append([]*family(nil), families...)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i].name < sorted[j].name })
		for _, f := range sorted {
			fmt.Fprintf(&b, "%s %s {%s}\n  %s\n", f.name, f.kind, strings.Join(f.labels, ","), f.help)
		}
		return b.String()
	})
}

// TestMetricsAreWellFormed: what is told was declared, and follows Prometheus's
// conventions.
func TestMetricsAreWellFormed(t *testing.T) {
	h := start(t, withTenants, withYAML("store: {path: cache.db}\n"))
	h.get("/v1/notes", bearer("token-a")...)
	h.get("/nowhere")
	h.do("PUT", "/v1/notes/1", "{}", bearer("token-a")...)
	got, err := h.s.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]*family{}
	for _, f := range families {
		declared[f.name] = f
	}
	ours := 0
	for _, m := range got {
		f := declared[m.GetName()]
		switch {
		case f != nil:
			ours++
			if kind := strings.ToLower(m.GetType().String()); kind != f.kind || m.GetHelp() != f.help {
				t.Errorf("%s is told as a %s: %s", f.name, kind, m.GetHelp())
			}
		case !strings.HasPrefix(m.GetName(), "go_") && !strings.HasPrefix(m.GetName(), "process_"):
			t.Errorf("%s is not declared", m.GetName())
		}
	}
	if ours < 50 {
		t.Errorf("only %d metrics of ours", ours)
	}
	problems, err := promlint.NewWithMetricFamilies(got).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	a := h.admin("GET", "/metrics", "")
	if ct := a.Header.Get("Content-Type"); a.StatusCode != 200 || !strings.HasPrefix(ct, "text/plain; version=0.0.4") {
		t.Errorf("%d %s", a.StatusCode, ct)
	}
	if log := h.log.String(); strings.Contains(log, "cannot be told") {
		t.Error(log)
	}
}

// untold are counters that follow from others, with the reason.
var untold = map[string]string{
	"Stats.Gets":           "the sum of lookups",
	"Stats.Offered":        "the sum of installs",
	"Stats.Affected":       "goes down; AffectedBy does not",
	"Stats.SettledAgain":   "harmless",
	"FillStats.Fills":      "the sum of fills",
	"AdmissionStats.Asked": "the sum of source calls",
	"QueueStats.Added":     "the sum of refills",
}

// TestEveryCounterIsTold fails when a room learns to count something that no
// metric tells: each field alone must change what is told.
func TestEveryCounterIsTold(t *testing.T) {
	s := &Server{cfg: &config.Config{}, metrics: &metrics{}}
	tell := func(f func(x exposition)) string {
		to := make(chan prometheus.Metric, 4096)
		f(exposition{to: to, s: s})
		close(to)
		var b strings.Builder
		for m := range to {
			var out dto.Metric
			if err := m.Write(&out); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, m.Desc(), &out)
		}
		return b.String()
	}
	for _, c := range []struct {
		of   any
		tell func(x exposition, v any)
	}{
		{depgraph.Stats{}, func(x exposition, v any) { x.matching(v.(depgraph.Stats)); x.entries(v.(depgraph.Stats)) }},
		{depgraph.VaultStats{}, func(x exposition, v any) { x.store(v.(depgraph.VaultStats)) }},
		{rehydrate.FillStats{}, func(x exposition, v any) { x.flights(v.(rehydrate.FillStats)) }},
		{rehydrate.QueueStats{}, func(x exposition, v any) { x.refills(v.(rehydrate.QueueStats)) }},
		{RevalidationStats{}, func(x exposition, v any) { x.revalidations(v.(RevalidationStats)) }},
		{AdmissionStats{}, func(x exposition, v any) { x.admission("main", "read", v.(AdmissionStats)) }},
		{CircuitStats{}, func(x exposition, v any) { x.circuit("main", v.(CircuitStats)) }},
		{auth.Stats{}, func(x exposition, v any) { x.auth(v.(auth.Stats)) }},
		{sqlite.Stats{}, func(x exposition, v any) { x.sqlite("main", v.(sqlite.Stats)) }},
		{mysql.Stats{}, func(x exposition, v any) { x.mysql("main", v.(mysql.Stats)) }},
	} {
		typ := reflect.TypeOf(c.of)
		none := tell(func(x exposition) { c.tell(x, c.of) })
		for i := range typ.NumField() {
			v := reflect.New(typ).Elem()
			switch f := v.Field(i); f.Kind() {
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Map:
				f.Set(reflect.MakeMap(f.Type()))
				f.SetMapIndex(reflect.ValueOf(depgraph.Rule("new")), reflect.ValueOf(int64(7)))
			case reflect.Float64:
				f.SetFloat(7)
			default:
				f.SetInt(7)
			}
			told := tell(func(x exposition) { c.tell(x, v.Interface()) }) != none
			if why := untold[typ.Name()+"."+typ.Field(i).Name]; told == (why != "") {
				t.Errorf("%s.%s: told %v; %s", typ, typ.Field(i).Name, told, why)
			}
		}
	}
}

// TestEndpointLabelsAreBounded: past the bound endpoints share one label, no
// counter goes down when one of them goes, and a place that is left goes to one
// that comes later.
func TestEndpointLabelsAreBounded(t *testing.T) {
	ep := func(name string, hits int64) *endpoint {
		e := &endpoint{cfg: &config.Endpoint{Name: name}}
		e.count.hits.Add(hits)
		return e
	}
	l := newEndpointLabels()
	l.most = 2
	a, b, c, d := ep("a", 1), ep("b", 2), ep("c", 4), ep("d", 8)
	expect := func(want string, of ...*endpoint) {
		t.Helper()
		got, _ := l.totals(of)
		var told []string
		for _, x := range got {
			told = append(told, fmt.Sprintf("%s=%d", x.label, x.hits))
		}
		if s := strings.Join(told, " "); s != want {
			t.Errorf("got %s, want %s", s, want)
		}
	}
	expect("a=1 b=2 (other)=12", a, b, c, d)
	expect("a=1 b=2 (other)=12", a, b, d)           // c went
	expect("b=2 (other)=12", b, d)                  // a went: d stays where it is
	e := ep("e", 16)                                // comes
	expect("b=2 e=16 (other)=12", b, d, e)          // and has a's place
	a2 := ep("(other)", 32)                         // a name that is the label
	expect("e=16 (other)=44", a2, d, e)             //
	expect("e=16 b=1 (other)=44", d, e, ep("b", 1)) // no second life for what was counted
}

// manyEndpoints is a server with n mapped reads, each asked once.
func manyEndpoints(b testing.TB, n int) *Server {
	var y strings.Builder
	y.WriteString("endpoints:\n")
	for i := range n {
		fmt.Fprintf(&y, "  - {name: e%d, route: GET /v1/e%d, sql: SELECT name FROM users WHERE age = %d}\n", i, i, i)
	}
	cfg, mistakes := parseConfig(b, b.TempDir(), testSchema, y.String())
	if len(mistakes) > 0 {
		b.Fatal(mistakes)
	}
	s, err := New(b.Context(), Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.Background()) })
	for i := range n {
		s.Data().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("/v1/e%d", i), nil))
	}
	return s
}

// BenchmarkScrape is one scrape of a server with 1,000 endpoints.
func BenchmarkScrape(b *testing.B) {
	s := manyEndpoints(b, 1000)
	h := s.Control()
	r := httptest.NewRequest("GET", "/metrics", nil)
	w := &sink{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

// TestFalseRefreshesAreCounted: an answer that was dropped and came back with
// the body it had was dropped for nothing.
func TestFalseRefreshesAreCounted(t *testing.T) {
	h := start(t)
	h.miss("/v1/users?limit=1")
	h.miss("/v1/users?limit=2")
	expect := func(unchanged, changed int64) {
		t.Helper()
		eventually(t, "idle", func() bool { q := h.s.queue.Stats(); return q.Length+q.Running == 0 })
		r := &h.s.metrics.refreshed
		if u, c := r[bodyUnchanged].Load(), r[bodyModified].Load(); u != unchanged || c != changed {
			t.Errorf("%d unchanged and %d changed, want %d and %d", u, c, unchanged, changed)
		}
	}
	h.admin("POST", "/v1/writes", `{"statements":[{"sql":"UPDATE users SET name = name"}]}`)
	expect(2, 0)
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	expect(2, 2)
}

package proxyhttp

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDashboardQueriesWhatExists holds the dashboard against the metrics: each
// metric that it queries is told, and has the labels that it asks for.
func TestDashboardQueriesWhatExists(t *testing.T) {
	data, err := os.ReadFile("../fixtures/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Query any } }
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	told := map[string]*family{}
	for _, f := range families {
		told[f.name] = f
	}
	h := start(t)
	got, err := h.s.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]bool{} // of the process and of Go
	for _, f := range got {
		others[f.GetName()] = true
	}
	name := regexp.MustCompile(`\b((?:edgecache|process|go)_\w+)(?:\{([^}]*)\})?`)
	asked := map[string]bool{}
	var labelled []string // the labels that the latest metric may be summed by
	check := func(where, expr string) {
		for _, m := range name.FindAllStringSubmatch(expr, -1) {
			f := told[m[1]]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base := told[strings.TrimSuffix(m[1], suffix)]; f == nil && base != nil && base.kind == "histogram" {
					f = base
				}
			}
			if f == nil {
				if !others[m[1]] {
					t.Errorf("%s: there is no %s", where, m[1])
				}
				continue
			}
			asked[f.name] = true
			labelled = append([]string{"le", "instance"}, f.labels...)
			for _, l := range regexp.MustCompile(`(\w+)[!=]`).FindAllStringSubmatch(m[2], -1) {
				if !slices.Contains(labelled, l[1]) {
					t.Errorf("%s: %s has no label %s", where, f.name, l[1])
				}
			}
		}
		for _, m := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(expr, -1) {
			for _, l := range strings.Split(m[1], ", ") {
				if !slices.Contains(labelled, l) {
					t.Errorf("%s: summed by %s, which is no label", where, l)
				}
			}
		}
		if strings.Count(expr, "(") != strings.Count(expr, ")") {
			t.Errorf("%s: the parentheses of %s", where, expr)
		}
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: two panels have the number %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}
	for _, v := range d.Templating.List {
		if q, ok := v.Query.(map[string]any); ok {
			text, _ := q["query"].(string)
			check("a variable", text)
		}
	}
	for _, must := range []string{"hits_total", "misses_total", "entries_affected_total", "entries_spared_total", "match_duration_seconds",
		"refill_queue_length", "source_time_saved_seconds_total", "memory_bytes", "alarms_total"} {
		if !asked["edgecache_"+must] {
			t.Errorf("the dashboard does not show %s", must)
		}
	}
}

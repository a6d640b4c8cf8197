package depgraph

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"edgecache/source"
)

// TestSurvey holds counts and pages against the whole list of Entries.
func TestSurvey(t *testing.T) {
	a, b := tmpl("a", "users where id = 0"), tmpl("b", "users where id = 0")
	a.Remember, b.Remember = true, true
	g := newGraph(t, Options{}, a, b)
	for i := range 30 {
		mustInstall(t, g, entry(a, fmt.Sprint(i)))
		mustInstall(t, g, entry(b, fmt.Sprint(i)))
	}
	g.Publish(write("INSERT users (1, 'a', 1)")).Settle(source.OutcomeCommitted)
	open := g.Publish(write("INSERT users (2, 'a', 1)"))
	stale, suspended := StateStale, StateSuspended
	for _, st := range []State{stale, suspended} {
		if s := g.Survey(Filter{State: &st}, Page{}); s.Total != 2 || s.Entries != nil {
			t.Fatalf("%s: %+v", st, s)
		}
	}
	for _, f := range []Filter{{All: true}, {Endpoint: "a"}, {Table: "USERS"}, {State: &stale}, {State: &suspended}, {Endpoint: "nope"}} {
		for _, contains := range []string{"", "1", strings.ToUpper(entry(a, "1").URL)} {
			var want []View
			counts := map[Count]int{}
			for _, v := range g.Entries(f) {
				if strings.Contains(strings.ToLower(v.URL), strings.ToLower(contains)) {
					want = append(want, v)
					counts[Count{Endpoint: v.Endpoint, Variant: v.Variant, State: v.State}]++
				}
			}
			for _, p := range []Page{{Limit: 7}, {Limit: 7, Offset: 3}, {Limit: 100}, {Offset: 5}, {Limit: 7, Offset: 1000}} {
				p.Contains = contains
				s := g.Survey(f, p)
				page := want[min(p.Offset, len(want)):]
				page = page[:min(p.Limit, len(page))]
				if s.Total != len(want) || fmt.Sprint(urls(s.Entries)) != fmt.Sprint(urls(page)) {
					t.Errorf("%+v %+v: %d, %v; want %d, %v", f, p, s.Total, urls(s.Entries), len(want), urls(page))
				}
				got := map[Count]int{}
				for _, c := range s.Counts {
					n := c.Entries
					c.Entries = 0
					got[c] = n
				}
				if !reflect.DeepEqual(got, counts) {
					t.Errorf("%+v %+v: counted %v, want %v", f, p, got, counts)
				}
			}
		}
	}
	open.Settle(source.OutcomeCommitted)
}

func urls(vs []View) []string {
	out := []string{}
	for _, v := range vs {
		out = append(out, v.URL+" "+v.State.String())
	}
	return out
}

// BenchmarkSurvey is one look of the debug page at 10,000 entries.
func BenchmarkSurvey(b *testing.B) {
	g, _ := benchGraph(b, "eq", 10_000)
	for b.Loop() {
		if s := g.Survey(Filter{All: true}, Page{Limit: 60}); s.Total != 10_000 || len(s.Entries) != 60 {
			b.Fatal(s.Total)
		}
	}
}

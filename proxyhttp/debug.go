package proxyhttp

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"edgecache/depgraph"
	"edgecache/source"
	"edgecache/sqlparse"
)

// graphView is the answer of GET /debug/graph.
type graphView struct {
	Endpoints []EndpointView `json:"endpoints"`
	Tables    []graphTable   `json:"tables"`
	Entries   []graphEntry   `json:"entries"`
	Omitted   int            `json:"omitted,omitempty"` // entries past the limit
}

type graphTable struct {
	Name      string   `json:"name"`
	Endpoints []string `json:"endpoints"`
	Entries   int      `json:"entries"`
}

type graphEntry struct {
	URL      string          `json:"url"`
	Endpoint string          `json:"endpoint"`
	Variant  string          `json:"variant,omitempty"`
	Params   json.RawMessage `json:"params"`
	State    string          `json:"state"`
	Cause    string          `json:"cause,omitempty"`
	Stored   *time.Time      `json:"stored,omitempty"`
	Expires  *time.Time      `json:"expires,omitempty"`
	Hits     int64           `json:"hits"`
	Bytes    int64           `json:"bytes"`
	Depends  []graphDepend   `json:"depends"`
}

type graphDepend struct {
	Table     string   `json:"table"`
	Alias     string   `json:"alias"`
	Predicate string   `json:"predicate"`
	Records   []string `json:"records"`
	// RecordsUnknown tells that rows take part that the answer does not show.
	RecordsUnknown bool `json:"recordsUnknown,omitempty"`
}

// debugGraph answers GET /debug/graph.
func (s *Server) debugGraph(r *http.Request, _ map[string]any) (any, *problem) {
	f, limit, p := s.graphFilter(r.URL)
	if p != nil {
		return nil, p
	}
	all := s.graph.Entries(f)
	perEndpoint, perTable := map[string]int{}, map[string]int{}
	for i := range all {
		if all[i].State == depgraph.StateStale {
			continue // shown, but no longer an entry
		}
		perEndpoint[all[i].Endpoint]++
		seen := map[string]bool{}
		for _, d := range all[i].Depends {
			if t := strings.ToLower(d.Table); !seen[t] {
				seen[t] = true
				perTable[t]++
			}
		}
	}
	out := &graphView{Endpoints: []EndpointView{}, Tables: []graphTable{}, Entries: []graphEntry{}}
	tables := map[string]*graphTable{}
	for _, e := range s.current().endpoints {
		v := e.view()
		v.Entries = perEndpoint[v.Name]
		if !showsEndpoint(f, v) {
			continue
		}
		out.Endpoints = append(out.Endpoints, v)
		addTables(tables, v, perTable)
	}
	for _, t := range tables {
		if wantsTable(f, t.Name) {
			out.Tables = append(out.Tables, *t)
		}
	}
	sort.Slice(out.Tables, func(i, j int) bool { return out.Tables[i].Name < out.Tables[j].Name })
	for i := range all {
		if i == limit {
			out.Omitted = len(all) - limit
			break
		}
		out.Entries = append(out.Entries, s.graphEntry(&all[i]))
	}
	return out, nil
}

// showsEndpoint tells whether an endpoint has to do with what is asked for.
func showsEndpoint(f depgraph.Filter, v EndpointView) bool {
	switch {
	case f.Endpoint != "":
		return v.Name == f.Endpoint
	case f.Table != "":
		return reads(v, f.Table)
	case f.Record != nil:
		return reads(v, f.Record.Table)
	case f.URL != "" || f.State != nil:
		return v.Entries > 0
	}
	return true
}

func wantsTable(f depgraph.Filter, name string) bool {
	switch {
	case f.Table != "":
		return strings.EqualFold(f.Table, name)
	case f.Record != nil:
		return strings.EqualFold(f.Record.Table, name)
	}
	return true
}

func reads(v EndpointView, table string) bool {
	for _, st := range v.Statements {
		for _, t := range st.Tables {
			if strings.EqualFold(t.Table, table) {
				return true
			}
		}
	}
	return false
}

// addTables notes which tables an endpoint reads or writes.
func addTables(tables map[string]*graphTable, v EndpointView, entries map[string]int) {
	for _, st := range v.Statements {
		for _, t := range st.Tables {
			key := strings.ToLower(t.Table)
			if tables[key] == nil {
				tables[key] = &graphTable{Name: t.Table, Endpoints: []string{}, Entries: entries[key]}
			}
			g := tables[key]
			if n := len(g.Endpoints); v.Kind == "read" && (n == 0 || g.Endpoints[n-1] != v.Name) {
				g.Endpoints = append(g.Endpoints, v.Name)
			}
		}
	}
}

func (s *Server) graphEntry(v *depgraph.View) graphEntry {
	out := graphEntry{URL: v.URL, Endpoint: v.Endpoint, Variant: v.Variant, State: v.State.String(), Cause: v.Cause,
		Stored: instant(v.Stored), Expires: instant(v.Expires), Hits: v.Hits, Bytes: v.Bytes, Depends: []graphDepend{}}
	out.Params = s.displayParams(v)
	for _, d := range v.Depends {
		out.Depends = append(out.Depends, graphDepend{Table: d.Table, Alias: d.Alias, Predicate: d.Predicate,
			Records: append([]string{}, d.Records...), RecordsUnknown: d.Records == nil})
	}
	return out
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}


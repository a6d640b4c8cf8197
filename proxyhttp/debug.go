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
	for _, e := range s.endpoints {
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

// graphFilter reads the filters of the query string. Counts are of all that
// pass; limit cuts only the list.
func (s *Server) graphFilter(u *url.URL) (f depgraph.Filter, limit int, p *problem) {
	q, p := parseQuery(u, s.limits)
	if p != nil {
		return f, 0, p
	}
	var bad []paramError
	complain := func(name, detail string) { bad = append(bad, paramError{name, detail}) }
	limit = s.limits.DebugEntries
	for name := range q {
		switch v := q.Get(name); name {
		case "table":
			f.Table = v
		case "record":
			table, key, ok := strings.Cut(v, ":")
			if !ok || table == "" || key == "" {
				complain(name, "must be TABLE:KEY")
			}
			f.Record = &depgraph.Record{Table: table, Key: key}
		case "endpoint":
			f.Endpoint = v
		case "url":
			f.URL = s.storedURL(v)
		case "state":
			st, ok := stateNamed(v)
			if !ok {
				complain(name, "must be fresh, suspended or stale")
			}
			f.State = &st
		case "limit":
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 || n > s.limits.DebugEntries {
				complain(name, "must be a number from 0 to "+strconv.Itoa(s.limits.DebugEntries))
			}
			limit = n
		case "format":
			switch v {
			case "json", "":
			case "dot", "svg", "html":
				return f, 0, newProblem(http.StatusNotImplemented, problemNotAvailable, "format="+v+" is not available in this version; json is")
			default:
				complain(name, "must be json, dot, svg or html")
			}
		default:
			complain(name, "is not a filter; table, record, endpoint, url, state, limit and format are")
		}
	}
	if len(bad) > 0 {
		sort.Slice(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
		p := newProblem(http.StatusBadRequest, problemBadParameter, bad[0].Name+" "+bad[0].Detail)
		p.Errors = bad
		return f, 0, p
	}
	if f.Endpoint != "" && s.endpoint(f.Endpoint) == nil {
		return f, 0, newProblem(http.StatusNotFound, problemNotFound, "there is no endpoint "+f.Endpoint)
	}
	if f.Table != "" || f.Record != nil {
		if p := s.knownTable(f); p != nil {
			return f, 0, p
		}
	}
	f.All = f.Table == "" && f.Record == nil && f.Endpoint == "" && f.URL == "" && f.State == nil
	return f, limit, nil
}

// storedURL spells a URL as entries are named.
func (s *Server) storedURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	e, _, p := s.routes.find(http.MethodGet, u)
	if p != nil {
		return raw
	}
	query, p := parseQuery(u, s.limits)
	if p != nil {
		return raw
	}
	return canonicalURL(u, query, e.knows(e.plan.Load()))
}

func stateNamed(name string) (depgraph.State, bool) {
	for _, st := range []depgraph.State{depgraph.StateFresh, depgraph.StateSuspended, depgraph.StateStale} {
		if st.String() == name {
			return st, true
		}
	}
	return depgraph.StateAbsent, false
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

// displayParams prints what an entry was asked with, NULLs left out, from its
// arguments: what it was matched by, not what was typed.
func (s *Server) displayParams(v *depgraph.View) json.RawMessage {
	e := s.endpoint(v.Endpoint)
	if e == nil {
		return json.RawMessage("{}")
	}
	p := e.plan.Load()
	vr := p.variants[v.Variant]
	if vr == nil || len(vr.statements) == 0 || len(vr.statements[0].Params) != len(v.Args) {
		return json.RawMessage("{}")
	}
	b := []byte{'{'}
	add := func(name string, value func([]byte) []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = value(b)
	}
	for i, prm := range vr.statements[0].Params {
		arg := v.Args[i]
		if !arg.IsList && arg.Value.IsNull() {
			continue
		}
		add(prm.Name, func(b []byte) []byte { return appendArg(b, arg, p.globs[prm.Name]) })
	}
	chosen, err := url.ParseQuery(v.Variant)
	if err != nil {
		chosen = nil // the debug view goes without
	}
	for _, n := range slices.Sorted(maps.Keys(chosen)) {
		add(n, func(b []byte) []byte { return appendString(b, chosen.Get(n)) })
	}
	return append(b, '}')
}

func appendArg(b []byte, a sqlparse.Arg, glob bool) []byte {
	if !a.IsList {
		if glob && a.Value.Kind() == source.KindText {
			return appendString(b, globOf(a.Value.AsText()))
		}
		return appendValue(b, a.Value)
	}
	b = append(b, '[')
	for i, v := range a.List {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, v)
	}
	return append(b, ']')
}

// globOf turns a bound LIKE pattern back into the glob that was typed.
func globOf(like string) string {
	var b strings.Builder
	for i := 0; i < len(like); i++ {
		switch c := like[i]; {
		case c == '\\' && i+1 < len(like):
			i++
			b.WriteByte(like[i])
		case c == '%':
			b.WriteByte('*')
		case c == '_':
			b.WriteByte('?')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

package proxyhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sort"
	"strings"
	"time"

	"edgecache/depgraph"
)

// graphView is the answer of GET /debug/graph. Its counts are of all that pass
// the filters; Entries is one page of it.
type graphView struct {
	// Now is the clock that ages are told by.
	Now time.Time `json:"now"`
	// Listen is where the data plane was told to listen.
	Listen    string          `json:"listen"`
	Endpoints []graphEndpoint `json:"endpoints"`
	Tables    []graphTable    `json:"tables"`
	Entries   []graphEntry    `json:"entries"`
	Omitted   int             `json:"omitted,omitempty"` // pass, but are not on the page
}

// graphEndpoint is an endpoint with its entries by state, stale ones included.
type graphEndpoint struct {
	EndpointView
	States map[string]int `json:"states,omitempty"`
}

type graphTable struct {
	Name      string   `json:"name"`
	Endpoints []string `json:"endpoints"` // that read it
	Writers   []string `json:"writers"`
	Entries   int      `json:"entries"`
}

type graphEntry struct {
	Key      string          `json:"key"`
	URL      string          `json:"url"`
	Endpoint string          `json:"endpoint"`
	Variant  string          `json:"variant,omitempty"`
	Params   json.RawMessage `json:"params"`
	State    string          `json:"state"`
	Cause    *graphCause     `json:"cause,omitempty"`
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

// debugGraph answers GET /debug/graph, but for its page (debug_format.go),
// which holds no data.
func (s *Server) debugGraph(r *http.Request, _ map[string]any) (any, *problem) {
	q, p := s.graphQuery(r.URL)
	if p != nil {
		return nil, p
	}
	survey := s.graph.Survey(q.filter, q.page)
	out := s.graphDocument(q, &survey)
	if q.format == formatJSON {
		return out, nil
	}
	return picture(q.format, out), nil
}

// tally is how many entries were counted of what.
type tally struct {
	states   map[string]map[string]int // by endpoint, then state
	variants map[string]int            // by endpoint and variant, without stale ones
	entries  map[string]int            // by endpoint, without stale ones
}

// tallied sums up counts. A stale entry is shown, but is no longer an entry.
func tallied(counts []depgraph.Count) tally {
	t := tally{map[string]map[string]int{}, map[string]int{}, map[string]int{}}
	for _, c := range counts {
		if t.states[c.Endpoint] == nil {
			t.states[c.Endpoint] = map[string]int{}
		}
		t.states[c.Endpoint][c.State.String()] += c.Entries
		if c.State != depgraph.StateStale {
			t.variants[c.Endpoint+"\x00"+c.Variant] += c.Entries
			t.entries[c.Endpoint] += c.Entries
		}
	}
	return t
}

func (s *Server) graphDocument(q graphQuery, survey *depgraph.Survey) *graphView {
	out := &graphView{Now: s.now().UTC(), Listen: s.cfg.Server.Listen, Endpoints: []graphEndpoint{}, Tables: []graphTable{}, Entries: []graphEntry{}}
	n := tallied(survey.Counts)
	tables := map[string]*graphTable{}
	for _, e := range s.current().endpoints {
		v := graphEndpoint{e.view(), n.states[e.cfg.Name]}
		v.Entries = n.entries[v.Name]
		if !q.shows(&v) {
			continue
		}
		out.Endpoints = append(out.Endpoints, v)
		addTables(tables, &v, n.variants)
	}
	for _, t := range tables {
		if wantsTable(q.filter, t.Name) {
			out.Tables = append(out.Tables, *t)
		}
	}
	sort.Slice(out.Tables, func(i, j int) bool { return out.Tables[i].Name < out.Tables[j].Name })
	for i := range survey.Entries {
		out.Entries = append(out.Entries, s.graphEntry(&survey.Entries[i]))
	}
	out.Omitted = survey.Total - len(out.Entries)
	return out
}

// shows tells whether an endpoint has to do with what is asked for.
func (q *graphQuery) shows(v *graphEndpoint) bool {
	f := q.filter
	switch {
	case f.Endpoint != "":
		return v.Name == f.Endpoint
	case q.page.Contains != "" || f.URL != "" || f.State != nil:
		return len(v.States) > 0
	case f.Table != "":
		return reads(&v.EndpointView, f.Table)
	case f.Record != nil:
		return reads(&v.EndpointView, f.Record.Table)
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

func reads(v *EndpointView, table string) bool {
	for _, st := range v.Statements {
		for _, t := range st.Tables {
			if strings.EqualFold(t.Table, table) {
				return true
			}
		}
	}
	return false
}

// addTables notes which tables an endpoint reads or writes. A table counts an
// entry once, however often its query mentions the table.
func addTables(tables map[string]*graphTable, v *graphEndpoint, variants map[string]int) {
	counted := map[string]bool{}
	for _, st := range v.Statements {
		for _, t := range st.Tables {
			key := strings.ToLower(t.Table)
			if tables[key] == nil {
				tables[key] = &graphTable{Name: t.Table, Endpoints: []string{}, Writers: []string{}}
			}
			g := tables[key]
			if v.Kind == "write" {
				g.Writers = appendOnce(g.Writers, v.Name)
				continue
			}
			g.Endpoints = appendOnce(g.Endpoints, v.Name)
			if once := key + "\x00" + st.Variant; !counted[once] {
				counted[once] = true
				g.Entries += variants[v.Name+"\x00"+st.Variant]
			}
		}
	}
}

// appendOnce adds a name that is not the last one.
func appendOnce(names []string, name string) []string {
	if n := len(names); n > 0 && names[n-1] == name {
		return names
	}
	return append(names, name)
}

func (s *Server) graphEntry(v *depgraph.View) graphEntry {
	out := graphEntry{Key: s.shownKey(v.Endpoint, v.Key), URL: v.URL, Endpoint: v.Endpoint, Variant: v.Variant, State: v.State.String(), Cause: causeView(v.LastCause),
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

// shownKey is a key as it may be shown. The headers of vary, which may be
// secrets, are replaced by a digest that still tells keys apart. A parameter's
// text may look like the beginning of a header; then more is hidden.
func (s *Server) shownKey(endpoint, key string) string {
	e := s.endpoint(endpoint)
	if e == nil || len(e.cfg.Vary) == 0 {
		return key
	}
	plain := key
	for _, name := range e.cfg.Vary {
		if i := strings.Index(plain, ";"+http.CanonicalHeaderKey(name)+"="); i >= 0 {
			plain = plain[:i]
		}
	}
	sum := sha256.Sum256([]byte(key))
	return plain + ";" + hex.EncodeToString(sum[:8])
}

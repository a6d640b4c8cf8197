package proxyhttp

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"edgecache/depgraph"
	"edgecache/proxyhttp/graphview"
)

// graphQuery is what the query string of /debug/graph asks for.
type graphQuery struct {
	filter depgraph.Filter
	page   depgraph.Page
	format string
}

// maxOffset bounds what a page may skip: entries before it are kept at hand
// while it is found.
const maxOffset = 1_000_000

// graphQuery reads the query string. A picture lists as many entries as can be
// looked at; when more pass, it counts them.
func (s *Server) graphQuery(u *url.URL) (graphQuery, *problem) {
	out := graphQuery{page: depgraph.Page{Limit: s.limits.DebugEntries}, format: formatJSON}
	q, p := parseQuery(u, s.limits)
	if p != nil {
		return out, p
	}
	var bad []paramError
	complain := func(name, detail string) { bad = append(bad, paramError{name, detail}) }
	number := func(name string, most int) (n int) {
		n, err := strconv.Atoi(q.Get(name))
		if err != nil || n < 0 || n > most {
			complain(name, "must be a number from 0 to "+strconv.Itoa(most))
		}
		return n
	}
	f := &out.filter
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
		case "search":
			out.page.Contains = v
		case "state":
			st, ok := stateNamed(v)
			if !ok {
				complain(name, "must be fresh, suspended or stale")
			}
			f.State = &st
		case "limit":
			out.page.Limit = number(name, s.limits.DebugEntries)
		case "offset":
			out.page.Offset = number(name, maxOffset)
		case "format":
			out.format = or(v, formatJSON)
			if !slices.Contains(graphFormats, out.format) {
				complain(name, "must be "+graphFormatsLine())
			}
		default:
			complain(name, "is not a filter; table, record, endpoint, url, search, state, limit, offset and format are")
		}
	}
	if len(bad) > 0 {
		sort.Slice(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
		p := newProblem(http.StatusBadRequest, problemBadParameter, bad[0].Name+" "+bad[0].Detail)
		p.Errors = bad
		return out, p
	}
	if f.Endpoint != "" && s.endpoint(f.Endpoint) == nil {
		return out, newProblem(http.StatusNotFound, problemNotFound, "there is no endpoint "+f.Endpoint)
	}
	if f.Table != "" || f.Record != nil {
		if p := s.knownTable(*f); p != nil {
			return out, p
		}
	}
	f.All = f.Table == "" && f.Record == nil && f.Endpoint == "" && f.URL == "" && f.State == nil
	if out.format != formatJSON {
		out.page.Limit = min(out.page.Limit, graphview.MaxEntries)
	}
	return out, nil
}

// storedURL spells a URL as entries are named.
func (s *Server) storedURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	e, _, p := s.current().routes.find(http.MethodGet, u)
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

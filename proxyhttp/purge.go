package proxyhttp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"edgecache/depgraph"
	"edgecache/proxyhttp/bind"
	"edgecache/proxyhttp/config"
)

// purge drops entries by hand. Nothing is refilled: who purges wants them gone.
func (s *Server) purge(r *http.Request, body map[string]any) (any, *problem) {
	filters, p := s.purgeFilters(body)
	if p != nil {
		return nil, p
	}
	n := 0
	for _, f := range filters {
		n += len(s.graph.Purge(f))
	}
	s.log.InfoContext(r.Context(), "purge", "by", purgeKind(body), "purged", n)
	return map[string]int{"purged": n}, nil
}

// purgeKind names the selector for the log.
func purgeKind(body map[string]any) string {
	for k := range body {
		return k
	}
	return ""
}

// purgeFilters reads exactly one selector.
func (s *Server) purgeFilters(body map[string]any) ([]depgraph.Filter, *problem) {
	f := newFields(body)
	if len(body) != 1 {
		return nil, newProblem(http.StatusBadRequest, problemBadBody, `give exactly one of "all", "url", "endpoint", "table", "record", "tag"`)
	}
	if v, ok := body["all"]; ok {
		if v != true {
			return nil, newProblem(http.StatusBadRequest, problemBadBody, `"all" can only be true`)
		}
		return []depgraph.Filter{{All: true}}, nil
	}
	if raw, ok := f.text("url"); ok {
		return s.purgeURL(raw)
	}
	if name, ok := f.text("endpoint"); ok {
		if s.endpoint(name) == nil {
			return nil, newProblem(http.StatusNotFound, problemNotFound, "there is no endpoint "+name)
		}
		return []depgraph.Filter{{Endpoint: name}}, nil
	}
	if table, ok := f.text("table"); ok {
		return s.purgeTable(depgraph.Filter{Table: table})
	}
	if m := f.object("record"); m != nil {
		rec, p := recordField(m)
		if p != nil {
			return nil, p
		}
		return s.purgeTable(depgraph.Filter{Record: rec})
	}
	if tag, ok := f.text("tag"); ok {
		var out []depgraph.Filter
		for _, e := range s.current().endpoints {
			if slices.Contains(e.cfg.Tags, tag) {
				out = append(out, depgraph.Filter{Endpoint: e.cfg.Name})
			}
		}
		return out, nil
	}
	if p := f.done(); p != nil {
		return nil, p
	}
	return nil, newProblem(http.StatusBadRequest, problemBadBody, "the selector is empty")
}

// purgeTable is the filter as it is, once its table is known.
func (s *Server) purgeTable(f depgraph.Filter) ([]depgraph.Filter, *problem) {
	if p := s.knownTable(f); p != nil {
		return nil, p
	}
	return []depgraph.Filter{f}, nil
}

// knownTable refuses names that no source knows: a typing mistake that purges
// or shows nothing would be taken for an answer.
func (s *Server) knownTable(f depgraph.Filter) *problem {
	name := f.Table
	if f.Record != nil {
		name = f.Record.Table
	}
	for _, db := range s.databases {
		if db.src.Schema().Table(name) != nil {
			return nil
		}
	}
	return newProblem(http.StatusNotFound, problemNotFound, "there is no table "+name)
}

// recordField reads {"table":…,"key":…}; a key may be a number, or an array
// when it is composite.
func recordField(m map[string]any) (*depgraph.Record, *problem) {
	f := newFields(m)
	table, hasTable := f.text("table")
	f.seen["key"] = true
	key, ok := keyText(m["key"])
	if list, isList := m["key"].([]any); isList {
		parts := make([]string, len(list))
		ok = len(list) > 0
		for i, v := range list {
			part, good := keyText(v)
			parts[i], ok = part, ok && good
		}
		key = strings.Join(parts, ",")
	}
	if !hasTable || !ok {
		f.complain("record", `must be {"table":"users","key":"123-abc"}`)
	}
	if p := f.done(); p != nil {
		return nil, p
	}
	return &depgraph.Record{Table: table, Key: key}, nil
}

func keyText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// purgeURL goes through the route and the binding, so that any spelling of a
// URL finds its entry, and, where headers are part of the key, all of them.
func (s *Server) purgeURL(raw string) ([]depgraph.Filter, *problem) {
	u, err := url.Parse(raw)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return nil, newProblem(http.StatusBadRequest, problemBadBody, "url: must be a path such as /v1/users?limit=10")
	}
	e, path, p := s.current().routes.find(http.MethodGet, u)
	if p != nil {
		return nil, p
	}
	if e.vary == nil {
		a, p := s.ask(e, path, u, http.Header{})
		if p != nil {
			return nil, p
		}
		return []depgraph.Filter{{Key: a.key}}, nil
	}
	return s.purgeVarying(e, path, u)
}

// purgeVarying compares what is asked without the headers, which the URL does
// not tell. Where a header is a parameter, all its values go.
func (s *Server) purgeVarying(e *endpoint, path map[string]string, u *url.URL) ([]depgraph.Filter, *problem) {
	pl := e.plan.Load()
	query, p := parseQuery(u, s.limits)
	if p != nil {
		return nil, p
	}
	var out []depgraph.Filter
	bound, bad := pl.binder.Bind(bind.Request{Path: path, Query: query, Header: http.Header{}, Anyone: true})
	if len(bad) > 0 {
		// A header that decides the statement is missing: the URL as spelled must do.
		return []depgraph.Filter{{Endpoint: e.cfg.Name, URL: canonicalURL(u, query, e.knows(pl))}}, nil
	}
	v, p := pl.choose(bound)
	if p != nil {
		return nil, p
	}
	unnamed := unnamedPositions(e, v)
	want := v.statements[0].pick.Args(bound.Args)
	for _, view := range s.graph.Entries(depgraph.Filter{Endpoint: e.cfg.Name}) {
		if view.Variant == v.name && sameArgs(view.Args, want, unnamed) {
			out = append(out, depgraph.Filter{Key: view.Key})
		}
	}
	return out, nil
}

// unnamedPositions are those of arguments that a URL does not tell: headers and
// claims. A companion is where its parameter is.
func unnamedPositions(e *endpoint, v *variant) map[int]bool {
	out := map[int]bool{}
	for i, prm := range v.statements[0].Params {
		if d := e.cfg.Params[baseName(prm.Name)]; d != nil && (d.In == config.InHeader || d.In == config.InClaim) {
			out[i] = true
		}
	}
	return out
}

func sameArgs[A ~[]E, E any](a, b A, skip map[int]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !skip[i] && !reflect.DeepEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

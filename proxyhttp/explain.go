package proxyhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"edgecache/depgraph"
	"edgecache/source"
)

// Explanation is what a write would do to the cache, as /v1/explain and the
// command print it.
type Explanation struct {
	// Tables and Changes tell what the write would change; Changes is cut
	// after some, Truncated says how many more there are.
	Tables    []string          `json:"tables"`
	Changes   []string          `json:"changes"`
	Truncated int               `json:"truncated,omitempty"`
	Endpoints []EndpointVerdict `json:"endpoints"`
	Entries   []EntryVerdict    `json:"entries"`
	// Omitted counts entries beyond the limit of one answer.
	Omitted int `json:"omitted,omitempty"`
}

// EndpointVerdict is what becomes of one endpoint's entries.
type EndpointVerdict struct {
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant,omitempty"`
	Entries  int    `json:"entries"`
	// Affected tells whether any entry is affected, or, without entries,
	// whether one could be for some parameters; Count is how many are.
	Affected bool   `json:"affected"`
	Count    int    `json:"affectedEntries"`
	Rule     string `json:"rule"`
	Reason   string `json:"reason"`
}

// EntryVerdict is what becomes of one cached response.
type EntryVerdict struct {
	URL      string `json:"url"`
	Endpoint string `json:"endpoint"`
	Affected bool   `json:"affected"`
	Rule     string `json:"rule"`
	Reason   string `json:"reason"`
}

const explainChanges = 50

// explain answers POST /v1/explain in both forms. The write runs and is rolled
// back; nothing of it is seen by anybody, and the cache is left as it is.
func (s *Server) explain(r *http.Request, body map[string]any) (any, *problem) {
	f := newFields(body)
	sql, isSQL := f.text("sql")
	name, given := f.text("source")
	args := f.object("args")
	method, isCall := f.text("method")
	target, _ := f.text("url")
	sent := f.object("body")
	if p := f.done(); p != nil {
		return nil, p
	}
	var db *database
	var sts []source.Statement
	var p *problem
	switch {
	case isSQL == isCall:
		return nil, newProblem(http.StatusBadRequest, problemBadBody, `give {"method":…,"url":…,"body":…} or {"source":…,"sql":…,"args":{…}}`)
	case isSQL:
		if db, p = s.database(name, given); p != nil {
			return nil, p
		}
		var st *adhoc
		if st, p = s.compileAdhoc(r, db, sql, args); p != nil {
			return nil, p
		}
		sts = []source.Statement{st.statement}
	default:
		if db, sts, p = s.explainCall(r, method, target, sent); p != nil {
			return nil, p
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Statement)
	defer cancel()
	ws, err := db.src.DryRun(ctx, sts)
	if err != nil {
		if p := fromError(err, s.limits); p != nil {
			return nil, p
		}
		return nil, newProblem(http.StatusServiceUnavailable, problemUnavailable, "cancelled")
	}
	return explanation(ws, s.graph.Explain(ws), s.limits.DebugEntries), nil
}

// explainCall binds the write that a call of the data plane would make.
func (s *Server) explainCall(r *http.Request, method, target string, sent map[string]any) (*database, []source.Statement, *problem) {
	u, err := url.Parse(target)
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return nil, nil, newProblem(http.StatusBadRequest, problemBadBody, "url: must be a path such as /v1/users/123-abc")
	}
	e, path, p := s.current().routes.find(strings.ToUpper(method), u)
	if p != nil {
		return nil, nil, p
	}
	if !e.isWrite {
		return nil, nil, newProblem(http.StatusBadRequest, problemBadBody, method+" "+u.Path+" is endpoint "+e.cfg.Name+", which only reads: a read invalidates nothing")
	}
	if sent == nil {
		sent = map[string]any{}
	}
	call := &http.Request{Method: method, URL: u, Header: r.Header}
	sts, p := s.bindWrite(e, path, call, sent)
	return e.db, sts, p
}

// explanation prints the graph's verdicts.
func explanation(ws *source.WriteSet, x depgraph.Explanation, limit int) *Explanation {
	out := &Explanation{Tables: ws.Tables(), Changes: []string{}, Endpoints: []EndpointVerdict{}, Entries: []EntryVerdict{}}
	for _, line := range strings.Split(strings.TrimSuffix(ws.String(), "\n"), "\n") {
		switch {
		case line == "":
		case len(out.Changes) < explainChanges:
			out.Changes = append(out.Changes, line)
		default:
			out.Truncated++
		}
	}
	for _, t := range x.Templates {
		v := EndpointVerdict{Endpoint: t.Endpoint, Variant: t.Variant, Entries: t.Entries,
			Affected: t.Affected > 0, Count: min(t.Affected, t.Entries), Rule: string(t.Rule), Reason: t.Reason}
		if t.Entries == 0 && !sparesAll(v.Rule) {
			v.Affected = true
		}
		out.Endpoints = append(out.Endpoints, v)
	}
	for _, e := range x.Entries {
		if len(out.Entries) >= limit {
			out.Omitted++
			continue
		}
		out.Entries = append(out.Entries, EntryVerdict{URL: e.URL, Endpoint: e.Endpoint, Affected: e.Affected, Rule: string(e.Rule), Reason: e.Reason})
	}
	return out
}

// sparesAll tells that a rule spares every instance of a template, whatever
// its parameters.
func sparesAll(rule string) bool { return rule == "table" || rule == "column" || rule == "image" }

// ExplainBody makes the body of POST /v1/explain for one call of the data
// plane.
func ExplainBody(method, target string, data []byte) ([]byte, error) {
	body := map[string]any{"method": method, "url": target}
	if len(bytes.TrimSpace(data)) > 0 {
		v, err := decodeJSON(data)
		if err != nil {
			return nil, err
		}
		body["body"] = v
	}
	return json.Marshal(body)
}

package proxyhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"edgecache/depgraph"
	"edgecache/source"
)

// Explanation is what a write would do to the cache, as /v1/explain and the
// command print it.
type Explanation struct {
	// Statements are what would run, its parameters spelled out.
	Statements []string `json:"statements"`
	// Tables and Changes tell what the write would change, a line a row. Rows
	// are the same changes in parts. Both are cut after some, Truncated says
	// how many more lines there are.
	Tables    []string    `json:"tables"`
	Changes   []string    `json:"changes"`
	Rows      []RowChange `json:"rows"`
	Truncated int         `json:"truncated,omitempty"`
	// Whole are tables whose changes are not known by row, Everything says why
	// any table may change.
	Whole      []WholeTable      `json:"whole,omitempty"`
	Everything string            `json:"everything,omitempty"`
	Endpoints  []EndpointVerdict `json:"endpoints"`
	Entries    []EntryVerdict    `json:"entries"`
	// Omitted counts entries beyond the limit of one answer; Summary counts all.
	Omitted int            `json:"omitted,omitempty"`
	Summary ExplainSummary `json:"summary"`
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
	Key      string `json:"key"` // as in /debug/graph
	URL      string `json:"url"`
	Endpoint string `json:"endpoint"`
	Variant  string `json:"variant,omitempty"`
	Affected bool   `json:"affected"`
	Rule     string `json:"rule"`
	Reason   string `json:"reason"`
	// Hit is the reason in parts, where the images of a row decided.
	Hit *EntryHit `json:"hit,omitempty"`
}

// EntryHit says which image of which table satisfies, or may satisfy, which
// condition; without a condition any row counts. Of a response that is spared
// no image does.
type EntryHit struct {
	Table     string `json:"table"`
	Alias     string `json:"alias,omitempty"`
	Image     string `json:"image,omitempty"` // before, after; "" of what is spared
	Condition string `json:"condition,omitempty"`
	Certain   bool   `json:"certain,omitempty"`
}

// ExplainSummary counts all cached responses. Entries == Affected + Spared, and
// SparedBy adds up to Spared.
type ExplainSummary struct {
	Entries  int            `json:"entries"`
	Affected int            `json:"affected"`
	Spared   int            `json:"spared"`
	SparedBy map[string]int `json:"sparedBy"`
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
	claims := f.object("claims")
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
		if db, sts, p = s.explainCall(r, method, target, sent, claims); p != nil {
			return nil, p
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Statement)
	defer cancel()
	ws, x, err := s.rehearse(ctx, db, sts)
	if err != nil {
		if p := fromError(err, s.limits); p != nil {
			return nil, p
		}
		return nil, newProblem(http.StatusServiceUnavailable, problemUnavailable, "cancelled")
	}
	out := db.explanation(sts, ws, x, s.limits.DebugEntries)
	for i := range out.Entries {
		out.Entries[i].Key = s.shownKey(out.Entries[i].Endpoint, out.Entries[i].Key)
	}
	return out, nil
}

// rehearser is a source that shows a write's state before it rolls it back.
type rehearser interface {
	Rehearse(ctx context.Context, sts []source.Statement, look func(*source.WriteSet)) error
}

// rehearse runs the write, rolls it back, and tells what it would have done.
func (s *Server) rehearse(ctx context.Context, db *database, sts []source.Statement) (ws *source.WriteSet, x depgraph.Explanation, err error) {
	r, ok := db.src.(rehearser)
	if !ok {
		if ws, err = db.src.DryRun(ctx, sts); err == nil {
			x = s.graph.Explain(ws, nil)
		}
		return ws, x, err
	}
	err = r.Rehearse(ctx, sts, func(seen *source.WriteSet) {
		ws, x = seen, s.graph.Explain(seen, lookup(seen))
	})
	return ws, x, err
}

// explainCall binds the write that a call of the data plane would make.
func (s *Server) explainCall(r *http.Request, method, target string, sent, claims map[string]any) (*database, []source.Statement, *problem) {
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
	sts, p := s.bindWriteAs(e, path, call, sent, claims)
	if p != nil && p.Status == http.StatusForbidden {
		p = newProblem(http.StatusBadRequest, problemBadParameter, p.Detail+`; say in whose name with "claims": {…}`)
	}
	return e.db, sts, p
}

// explanation prints the graph's verdicts.
func (db *database) explanation(sts []source.Statement, ws *source.WriteSet, x depgraph.Explanation, limit int) *Explanation {
	out := &Explanation{
		Statements: db.spelled(sts), Tables: ws.Tables(), Changes: []string{}, Rows: db.rowChanges(sts, ws),
		Whole: wholeTables(ws), Everything: ws.Everything,
		Endpoints: []EndpointVerdict{}, Entries: []EntryVerdict{}, Summary: ExplainSummary{SparedBy: map[string]int{}},
	}
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
	if len(x.Entries) > limit { // what is cut off is spared, as far as that goes
		sort.SliceStable(x.Entries, func(i, j int) bool { return x.Entries[i].Affected && !x.Entries[j].Affected })
	}
	for _, e := range x.Entries {
		out.Summary.add(e)
		if len(out.Entries) >= limit {
			out.Omitted++
			continue
		}
		out.Entries = append(out.Entries, EntryVerdict{Key: e.Key, URL: e.URL, Endpoint: e.Endpoint, Variant: e.Variant, Affected: e.Affected,
			Rule: string(e.Rule), Reason: e.Reason, Hit: hitOf(e.Hit)})
	}
	return out
}

func (s *ExplainSummary) add(e depgraph.EntryVerdict) {
	s.Entries++
	if e.Affected {
		s.Affected++
		return
	}
	s.Spared++
	s.SparedBy[string(e.Rule)]++
}

func hitOf(h *depgraph.Hit) *EntryHit {
	if h == nil {
		return nil
	}
	out := &EntryHit{Table: h.Table, Image: h.Image, Condition: h.Condition, Certain: h.Certain}
	if !strings.EqualFold(h.Alias, h.Table) {
		out.Alias = h.Alias
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

// ExplainSQL makes the body of POST /v1/explain for one statement; data holds
// its parameters, and sourceName may be empty where there is one source.
func ExplainSQL(sourceName, sql string, data []byte) ([]byte, error) {
	body := map[string]any{"sql": sql}
	if sourceName != "" {
		body["source"] = sourceName
	}
	if len(bytes.TrimSpace(data)) > 0 {
		v, err := decodeJSON(data)
		if err != nil {
			return nil, err
		}
		body["args"] = v
	}
	return json.Marshal(body)
}

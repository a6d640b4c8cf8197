package proxyhttp

import (
	"net/http"
	"strconv"
	"strings"

	"edgecache/proxyhttp/graphview"
)

// The formats of /debug/graph. Browsers get JSON too unless they ask: what a
// call answers does not depend on who makes it.
const (
	formatJSON = "json"
	formatDOT  = "dot"
	formatSVG  = "svg"
	formatHTML = "html"
)

var graphFormats = []string{formatJSON, formatDOT, formatSVG, formatHTML}

// document is an answer of the control plane that is not JSON.
type document struct {
	contentType string
	policy      string // Content-Security-Policy
	body        []byte
}

func (d *document) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", d.contentType)
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	h.Set("Content-Security-Policy", d.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.body) // a client that left is not an error of ours
	}
}

// asksForPage tells whether a request is for the page of the graph. The page
// is the same for everybody and holds no data, so it is served without a
// token: a browser sends none when a URL is opened. It asks for the token
// itself and sends it with each call for data.
func asksForPage(r *http.Request) bool {
	return r.URL.Path == "/debug/graph" && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.URL.Query().Get("format") == formatHTML
}

func graphPage() *document {
	return &document{contentType: "text/html; charset=utf-8", policy: graphview.PagePolicy, body: graphview.Page}
}

// picture draws the graph for a document.
func picture(format string, v *graphView) *document {
	g := v.drawn()
	if format == formatDOT {
		return &document{contentType: "text/vnd.graphviz; charset=utf-8", policy: "default-src 'none'", body: graphview.DOT(g)}
	}
	return &document{contentType: "image/svg+xml", policy: "default-src 'none'; style-src 'unsafe-inline'", body: graphview.SVG(g)}
}

// drawn is the document without what a picture has no room for. When entries
// are missing on the page, the picture counts them all instead.
func (v *graphView) drawn() *graphview.Graph {
	g := &graphview.Graph{Counted: v.Omitted > 0}
	for _, t := range v.Tables {
		g.Tables = append(g.Tables, graphview.Table{Name: t.Name, Entries: t.Entries})
	}
	for i := range v.Endpoints {
		e := &v.Endpoints[i]
		out := graphview.Endpoint{Name: e.Name, Route: e.Route, Write: e.Kind == "write", States: e.States}
		switch {
		case e.Broken != "":
			out.Note = "broken: " + e.Broken
		case e.Uncached != "":
			out.Note = "not cached: " + e.Uncached
		}
		for _, st := range e.Statements {
			for _, t := range st.Tables {
				out.Add(graphview.Use{Table: t.Table, Alias: t.Alias, Op: t.Op, Columns: t.Columns, Filter: t.Filter})
			}
		}
		g.Endpoints = append(g.Endpoints, out)
	}
	if g.Counted {
		return g
	}
	for i := range v.Entries {
		e := &v.Entries[i]
		out := graphview.Entry{URL: e.URL, Endpoint: e.Endpoint, State: e.State}
		for _, d := range e.Depends {
			out.Depends = append(out.Depends, graphview.Depend{Table: d.Table, Alias: d.Alias, Predicate: d.Predicate, Records: len(d.Records), RecordsUnknown: d.RecordsUnknown})
		}
		g.Entries = append(g.Entries, out)
	}
	return g
}

// graphFormatsLine names the formats for people.
func graphFormatsLine() string {
	last := len(graphFormats) - 1
	return strings.Join(graphFormats[:last], ", ") + " or " + graphFormats[last]
}

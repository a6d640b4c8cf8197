package proxyhttp

import (
	"fmt"
	"strings"
	"testing"
)

// TestGraphPageNeedsNoTokenAndHoldsNoData: everybody gets the same bytes, and
// everything else of the graph still asks for the token.
func TestGraphPageNeedsNoTokenAndHoldsNoData(t *testing.T) {
	h := start(t, withYAML("admin: {token: s3cret}\n"))
	first := h.admin("GET", "/debug/graph?format=html", "")
	h.miss("/v1/users/123-abc")
	for _, path := range []string{"/debug/graph?format=html", "/debug/graph?format=html&table=users&state=odd", "/debug/graph?endpoint=nope&format=html"} {
		a := h.admin("GET", path, "")
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.body != first.body {
			t.Errorf("%s: %d %s, the same: %t", path, a.StatusCode, a.Header.Get("Content-Type"), a.body == first.body)
		}
	}
	policy := first.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "require-trusted-types-for 'script'") || first.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", first.Header)
	}
	if a := h.admin("HEAD", "/debug/graph?format=html", ""); a.StatusCode != 200 || a.body != "" || a.ContentLength != int64(len(first.body)) {
		t.Errorf("HEAD: %d, %d bytes", a.StatusCode, a.ContentLength)
	}
	for _, path := range []string{"/debug/graph", "/debug/graph?format=json", "/debug/graph?format=svg", "/debug/graph?format=dot", "/debug/graph?format=html2",
		"/debug/graph?format=svg&format=html", "/debug/graph/?format=html", "/v1/stats?format=html"} {
		if a := h.admin("GET", path, ""); a.StatusCode != 401 {
			t.Errorf("%s without a token: %d", path, a.StatusCode)
		}
	}
	if a := h.admin("POST", "/debug/graph?format=html", "{}"); a.StatusCode != 401 {
		t.Errorf("POST: %d", a.StatusCode)
	}
}

// TestGraphFormats: JSON unless asked, whoever asks.
func TestGraphFormats(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/123-abc")
	for _, c := range []struct{ query, accept, kind, want string }{
		{"", "", "application/json", `"endpoints":[`},
		{"", "text/html,application/xhtml+xml;q=0.9", "application/json", `"endpoints":[`},
		{"?format=json", "text/html", "application/json", `"endpoints":[`},
		{"?format=dot", "", "text/vnd.graphviz; charset=utf-8", "digraph edgecache {"},
		{"?format=svg", "", "image/svg+xml", "/v1/users/123-abc</text>"},
		{"?format=svg&endpoint=orders.list", "", "image/svg+xml", "where user_id = :userId"},
		{"?format=dot&state=stale", "", "text/vnd.graphviz; charset=utf-8", "digraph edgecache {"},
		{"?format=html", "application/json", "text/html; charset=utf-8", "<!doctype html>"},
	} {
		a := h.admin("GET", "/debug/graph"+c.query, "", "Accept", c.accept)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != c.kind || !strings.Contains(a.body, c.want) {
			t.Errorf("%s for %s: %d %s %.200s", c.query, c.accept, a.StatusCode, a.Header.Get("Content-Type"), a.body)
		}
		if a.Header.Get("Content-Type") != "application/json" && a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s has no policy", c.query)
		}
	}
	if a := h.admin("HEAD", "/debug/graph?format=svg", ""); a.StatusCode != 200 || a.body != "" {
		t.Errorf("HEAD: %d %s", a.StatusCode, a.body)
	}
}

// TestGraphPages walks a long list, and sees that counts are of all.
func TestGraphPages(t *testing.T) {
	h := start(t)
	const n = 230
	for i := range n {
		h.get(fmt.Sprintf("/v1/users/p%03d", i))
	}
	h.get("/v1/orders?userId=1")
	seen := map[string]bool{}
	for offset := 0; offset < n+1; offset += 50 {
		var g graphView
		h.admin("GET", fmt.Sprintf("/debug/graph?limit=50&offset=%d", offset), "").json(t, &g)
		for _, e := range g.Entries {
			seen[e.Key] = true
		}
		if got := len(g.Entries) + g.Omitted; got != n+1 {
			t.Errorf("offset %d: %d entries", offset, got)
		}
	}
	if len(seen) != n+1 {
		t.Errorf("the pages hold %d entries", len(seen))
	}
	var g graphView
	h.admin("GET", "/debug/graph?search=USERS/P00&limit=0", "").json(t, &g)
	if g.Omitted != 10 || len(g.Endpoints) != 1 || g.Endpoints[0].Entries != 10 || g.Endpoints[0].States["fresh"] != 10 || len(g.Entries) != 0 {
		t.Errorf("search: %d, %+v", g.Omitted, g.Endpoints)
	}
	for _, format := range []string{"svg", "dot"} {
		a := h.admin("GET", "/debug/graph?format="+format, "")
		if !strings.Contains(a.body, "● 230 fresh") || strings.Contains(a.body, "/v1/users/p001") {
			t.Errorf("%s of many entries does not count them", format)
		}
		if a := h.admin("GET", "/debug/graph?format="+format+"&search=p00", ""); !strings.Contains(a.body, "/v1/users/p001") {
			t.Errorf("%s of few entries does not show them", format)
		}
	}
}

// TestStaleOnlyIsNotNothing: endpoints whose entries all went are shown when
// stale ones are asked for, and count no entry.
func TestStaleOnlyIsNotNothing(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`) // rehydrate: lazy
	var g graphView
	h.admin("GET", "/debug/graph?state=stale", "").json(t, &g)
	if len(g.Endpoints) != 1 || g.Endpoints[0].Entries != 0 || g.Endpoints[0].States["stale"] != 1 || len(g.Entries) != 1 || g.Entries[0].Cause == nil {
		t.Errorf("got %+v", g)
	}
}

// TestShownKeysHideHeaders: what vary puts into a key may be a secret.
func TestShownKeysHideHeaders(t *testing.T) {
	h := start(t)
	h.miss("/v1/greeting?lang=x", "Accept-Language", "s3cret-one")
	h.miss("/v1/greeting?lang=x", "Accept-Language", "s3cret-two")
	var g graphView
	a := h.admin("GET", "/debug/graph", "")
	a.json(t, &g)
	if strings.Contains(a.body, "s3cret") || len(g.Entries) != 2 || g.Entries[0].Key == g.Entries[1].Key || !strings.HasPrefix(g.Entries[0].Key, "greeting?") {
		t.Errorf("got %s", a.body)
	}
	x := h.admin("POST", "/v1/explain", `{"sql":"UPDATE users SET name = 'x' WHERE id = '1'"}`)
	var v Explanation
	x.json(t, &v)
	keys := map[string]bool{g.Entries[0].Key: true, g.Entries[1].Key: true}
	for _, e := range v.Entries {
		delete(keys, e.Key)
	}
	if strings.Contains(x.body, "s3cret") || len(keys) != 0 {
		t.Errorf("explain names others: %s", x.body)
	}
}

// TestExplainKeepsTheAffected: past the limit, spared entries are left out first.
func TestExplainKeepsTheAffected(t *testing.T) {
	h := start(t, withLimits(Limits{DebugEntries: 3}))
	for i := range 6 {
		h.get(fmt.Sprintf("/v1/users/%d", i))
	}
	var x Explanation
	h.admin("POST", "/v1/explain", `{"sql":"UPDATE users SET name = 'x' WHERE id = '3'"}`).json(t, &x)
	if len(x.Entries) != 3 || !x.Entries[0].Affected || x.Entries[0].URL != "/v1/users/3" || x.Omitted != 3 || x.Summary.Affected != 1 {
		t.Errorf("got %+v", x)
	}
}

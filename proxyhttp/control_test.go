package proxyhttp

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"edgecache/source"
)

func TestControlPlaneAsksForItsToken(t *testing.T) {
	h := start(t, withYAML("admin: {token: s3cret}\n"))
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := h.admin("GET", path, ""); a.StatusCode != 200 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	for _, c := range []struct {
		auth string
		want int
	}{{"", 401}, {"Bearer wrong", 401}, {"Basic s3cret", 401}, {"s3cret", 401}, {"Bearer s3cret", 200}, {"bearer s3cret", 200}} {
		for _, path := range []string{"/metrics", "/v1/endpoints", "/debug/graph", "/v1/stats"} {
			if a := h.admin("GET", path, "", "Authorization", c.auth); a.StatusCode != c.want {
				t.Errorf("%q %s: %d", c.auth, path, a.StatusCode)
			}
		}
	}
	if a := h.admin("GET", "/nope", ""); a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("got %d", a.StatusCode)
	}
}

func TestReadyzSaysWhyNot(t *testing.T) {
	h := start(t)
	if a := h.admin("GET", "/readyz", ""); a.StatusCode != 200 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	h.tap.set(func(context.Context) error {
		return &source.Error{Kind: source.ErrUnavailable, Message: "the database is gone"}
	})
	if a := h.admin("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.body, "source main does not answer: the database is gone") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	h.tap.set(nil)
	h.s.accepting.Store(false)
	if a := h.admin("GET", "/readyz", ""); a.StatusCode != 503 || !strings.Contains(a.body, "does not accept") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}

func TestControlPlaneRefusesTheRest(t *testing.T) {
	h := start(t, withLimits(Limits{Body: 300}))
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/nope", "", 404, "/nope"},
		{"GET", "/v1/purge", "", 405, "POST"},
		{"POST", "/healthz", "", 405, "GET"},
		{"POST", "/metrics", "", 405, "GET"},
		{"POST", "/v1/endpoints", "{}", 400, "route is missing"},
		{"GET", "/v1/endpoints/nope", "", 404, "nope"},
		{"POST", "/v1/purge", `{"all":true,"x":1}`, 400, "exactly one"},
		{"POST", "/v1/purge", `{}`, 400, "exactly one"},
		{"POST", "/v1/purge", `{"all":false}`, 400, "only be true"},
		{"POST", "/v1/purge", `{"nope":1}`, 400, "not a field"},
		{"POST", "/v1/purge", `{"url":5}`, 400, "must be a string"},
		{"POST", "/v1/purge", `{"url":"/nope"}`, 404, "/nope"},
		{"POST", "/v1/purge", `{"url":"v1/users"}`, 400, "must be a path"},
		{"POST", "/v1/purge", `{"endpoint":"nope"}`, 404, "nope"},
		{"POST", "/v1/purge", `{"table":"nope"}`, 404, "nope"},
		{"POST", "/v1/purge", `{"record":{"table":"users"}}`, 400, "record"},
		{"POST", "/v1/purge", `{"all":true`, 400, "line 1"},
		{"POST", "/v1/purge", `{"url":"` + strings.Repeat("x", 400) + `"}`, 413, "300 bytes"},
		{"POST", "/v1/explain", `{}`, 400, "give"},
		{"POST", "/v1/explain", `{"sql":"SELECT 1"}`, 400, "a write is wanted"},
		{"POST", "/v1/explain", `{"sql":"UPDATE nope SET x = 1"}`, 400, "nope"},
		{"POST", "/v1/explain", `{"sql":"DROP TABLE users"}`, 400, "a write is wanted"},
		{"POST", "/v1/explain", `{"sql":"DELETE FROM users","args":{"x":1}}`, 400, ":x"},
		{"POST", "/v1/explain", `{"sql":"DELETE FROM users","source":"other"}`, 400, "there is no source other"},
		{"POST", "/v1/explain", `{"method":"GET","url":"/v1/users"}`, 400, "only reads"},
		{"POST", "/v1/explain", `{"method":"POST","url":"/v1/users","body":{"id":"9"}}`, 400, "name"},
		{"POST", "/v1/explain", `{"method":"PATCH","url":"/v1/users"}`, 405, "PATCH"},
		{"POST", "/v1/writes", `{}`, 400, "statements"},
		{"POST", "/v1/writes", `{"statements":[{"sql":"SELECT 1"}]}`, 400, "a write is wanted"},
		{"POST", "/v1/writes", `{"statements":[{"args":{}}]}`, 400, "sql"},
		{"POST", "/v1/writes", `{"statements":["DELETE"]}`, 400, "must be an object"},
		{"GET", "/debug/graph?format=pdf", "", 400, "format must be json, dot, svg or html"},
		{"GET", "/debug/graph?offset=-1", "", 400, "offset must be a number"},
		{"GET", "/debug/graph?limit=x", "", 400, "limit"},
		{"GET", "/debug/graph?state=odd", "", 400, "state"},
		{"GET", "/debug/graph?record=users", "", 400, "TABLE:KEY"},
		{"GET", "/debug/graph?nope=1", "", 400, "not a filter"},
	} {
		a := h.admin(c.method, c.path, c.body)
		if a.StatusCode != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, a.StatusCode, a.body)
		}
	}
}

func TestPurge(t *testing.T) {
	h := start(t)
	fill := func() {
		for _, p := range []string{"/v1/users?city=Bern", "/v1/users/1", "/v1/users/2", "/v1/orders?userId=1", "/v1/things"} {
			h.get(p)
		}
	}
	for _, c := range []struct {
		body string
		want int
		gone []string
	}{
		{`{"url":"/v1/users?utm=1&city=Bern&limit=20"}`, 1, []string{"/v1/users?city=Bern"}},
		{`{"url":"http://example.com/v1/users/1"}`, 1, []string{"/v1/users/1"}},
		{`{"url":"/v1/users/77"}`, 0, nil},
		{`{"endpoint":"users.get"}`, 2, []string{"/v1/users/1", "/v1/users/2"}},
		{`{"table":"USERS"}`, 3, []string{"/v1/users/1"}},
		{`{"record":{"table":"users","key":"1"}}`, 2, []string{"/v1/users/1", "/v1/users?city=Bern"}},
		{`{"record":{"table":"orders","key":2}}`, 1, []string{"/v1/orders?userId=1"}},
		{`{"tag":"people"}`, 1, []string{"/v1/users?city=Bern"}},
		{`{"tag":"nobody"}`, 0, nil},
		{`{"all":true}`, 5, []string{"/v1/things"}},
	} {
		fill()
		a := h.admin("POST", "/v1/purge", c.body)
		if a.StatusCode != 200 || a.body != fmt.Sprintf("{\"purged\":%d}\n", c.want) {
			t.Errorf("%s: %d %s", c.body, a.StatusCode, a.body)
		}
		for _, p := range c.gone {
			h.miss(p)
		}
	}
}

func TestReportedWrites(t *testing.T) {
	h := start(t)
	fill := func() { h.get("/v1/users/1"); h.get("/v1/orders?userId=1"); h.get("/v1/things") }
	for _, c := range []struct{ body, want string }{
		{`{"source":"main","statements":[{"sql":"UPDATE things SET t = :t WHERE id = :id","args":{"t":"x","id":1}}]}`, "1"},
		{`{"statements":[{"sql":"DELETE FROM users WHERE id = '1'"}]}`, "2"}, // and its orders, by a cascade
		{`{"statements":[{"sql":"REPLACE INTO users (id, name) VALUES ('1', 'x')"}]}`, "2"},
		{`{"statements":[{"sql":"INSERT INTO orders (user_id, total) VALUES ('1', 2)"},{"sql":"DELETE FROM things"}]}`, "2"},
	} {
		for range 2 { // a repeated report invalidates again
			fill()
			if a := h.admin("POST", "/v1/writes", c.body); a.body != `{"invalidated":`+c.want+"}\n" {
				t.Errorf("%s: %d %s", c.body, a.StatusCode, a.body)
			}
		}
	}
	if a := h.get("/v1/things"); !strings.Contains(a.body, `a\"<b>`) {
		t.Errorf("a report changed the database: %s", a.body)
	}
}

func TestExplainChangesNothing(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.miss("/v1/users/2")
	h.miss("/v1/things")
	for _, body := range []string{
		`{"method":"PUT","url":"/v1/users/1","body":{"firstName":"Eve"}}`,
		`{"method":"put","url":"http://x/v1/users/1?utm=1","body":{"firstName":"Eve"}}`,
		`{"source":"main","sql":"UPDATE users SET name = :n WHERE id IN (:ids)","args":{"n":"Eve","ids":["1"]}}`,
	} {
		var x Explanation
		a := h.admin("POST", "/v1/explain", body)
		a.json(t, &x)
		if a.StatusCode != 200 || len(x.Changes) != 1 || !strings.HasPrefix(x.Changes[0], "UPDATE users ('1', 'Ada'") {
			t.Fatalf("%s: %d %s", body, a.StatusCode, a.body)
		}
		got := map[string]string{}
		for _, e := range x.Entries {
			got[e.URL] = fmt.Sprint(e.Affected, " ", e.Rule)
			if e.Reason == "" {
				t.Errorf("%s has no reason", e.URL)
			}
		}
		want := map[string]string{"/v1/users/1": "true row", "/v1/users/2": "false predicate", "/v1/things": "false table"}
		for url, v := range want {
			if got[url] != v {
				t.Errorf("%s: %s, want %s", url, got[url], v)
			}
		}
		for _, e := range x.Endpoints {
			if e.Endpoint == "users.list" && !e.Affected || e.Endpoint == "orders.list" && e.Affected || e.Endpoint == "users.get" && e.Count != 1 {
				t.Errorf("%+v", e)
			}
		}
	}
	h.hit("/v1/users/1")
	if a := h.hit("/v1/users/1"); !strings.Contains(a.body, "Ada") {
		t.Errorf("got %s", a.body)
	}
	if a := h.admin("POST", "/v1/explain", `{"sql":"INSERT INTO users VALUES ('1','x',NULL,1)"}`); a.StatusCode != 409 {
		t.Errorf("a write that a constraint refuses: %d %s", a.StatusCode, a.body)
	}
}

func TestMappingsAreShown(t *testing.T) {
	h := start(t)
	var list struct{ Endpoints []struct{ Name string } }
	h.admin("GET", "/v1/endpoints", "").json(t, &list)
	if len(list.Endpoints) != len(h.s.current().endpoints) || list.Endpoints[0].Name != "users.list" {
		t.Errorf("got %+v", list)
	}
	a := h.admin("GET", "/v1/endpoints/users.sorted", "")
	want := `{"name":"users.sorted","route":"GET /v1/sorted","source":"main","sql":["SELECT id, name FROM users ORDER BY :sort"],` +
		`"params":{"sort":{"type":"choice","default":"id","choices":{"id":"id","-name":"name DESC, id"}}},"result":"many","ttl":"24h","consistency":"strict","rehydrate":"eager","cache":true,"origin":"file"}`
	if a.body != want+"\n" {
		t.Errorf("got %s", a.body)
	}
}

func TestMetricsAndStats(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.hit("/v1/users/1")
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	h.get("/nope")
	a := h.admin("GET", "/metrics", "")
	for _, want := range []string{
		`edgecache_hits_total{endpoint="users.get"} 1`,
		`edgecache_misses_total{endpoint="users.get",reason="absent"} 1`,
		`edgecache_writes_total{endpoint="users.update"} 1`,
		`edgecache_problems_total{endpoint="",status="404"} 1`,
		`edgecache_write_duration_seconds_count{outcome="committed"} 1`,
		`edgecache_entries_affected_total{rule="row"} 1`,
		`edgecache_alarms_total{kind="graph"} 0`,
		"# TYPE edgecache_match_duration_seconds histogram",
	} {
		if !strings.Contains(a.body, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(a.body), "\n") {
		if f := strings.Fields(line); !strings.HasPrefix(line, "#") && len(f) < 2 {
			t.Errorf("odd line %q", line)
		}
	}
	var st Stats
	stats := h.admin("GET", "/v1/stats", "")
	stats.json(t, &st)
	if key := regexp.MustCompile(`[{,]"[A-Z]\w*":`).FindString(stats.body); key != "" {
		t.Errorf("/v1/stats has the key %s", key)
	}
	if st.Version != "test" || st.Graph.Writes != 1 || len(st.Endpoints) == 0 {
		t.Errorf("got %+v", st)
	}
}

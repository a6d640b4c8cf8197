package proxyhttp

import (
	"strings"
	"testing"
)

const app = "https://app.example.com"

func withServer(keys string) option {
	return func(s *setup) { s.yaml = "server:\n" + keys + s.yaml }
}

// One entry serves every origin: what differs is put on the answer, and Vary
// tells caches on the way.
func TestCORS(t *testing.T) {
	h := start(t, withServer("  cors: {origins: ['"+app+"'], headers: [X-Trace], expose: [Link], credentials: true, max_age: 5m}\n"))
	h.miss("/v1/greeting")
	for _, c := range []struct{ origin, allow, credentials string }{{app, app, "true"}, {"https://evil.example", "", ""}, {"null", "", ""}, {"", "", ""}} {
		a := h.hit("/v1/greeting", "Origin", c.origin)
		if c.origin == "" {
			a = h.hit("/v1/greeting")
		}
		vary := strings.Join(a.Header["Vary"], ", ")
		if a.Header.Get("Access-Control-Allow-Origin") != c.allow || a.Header.Get("Access-Control-Allow-Credentials") != c.credentials ||
			vary != "Origin, Accept-Language, Lang" {
			t.Errorf("origin %q: %v", c.origin, a.Header)
		}
	}
	if n := h.tap.queries.Load(); n != 1 {
		t.Errorf("%d queries for one response", n)
	}
	a := h.get("/v1/nothing", "Origin", app)
	if a.StatusCode != 404 || a.Header.Get("Access-Control-Allow-Origin") != app || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "EdgeCache-Invalidated") ||
		!strings.HasSuffix(a.Header.Get("Access-Control-Expose-Headers"), ", Link") {
		t.Errorf("a problem: %d %v", a.StatusCode, a.Header)
	}
}

func TestPreflight(t *testing.T) {
	h := start(t, withServer("  cors: {origins: ['"+app+"'], headers: [X-Trace]}\n  auth: {tokens: [{token: abc}]}\n"))
	a := h.do("OPTIONS", "/v1/users/1", "", "Origin", app, "Access-Control-Request-Method", "PUT")
	if a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Methods") != "DELETE, GET, HEAD, OPTIONS, PUT" || a.Header.Get("Access-Control-Max-Age") != "600" ||
		a.Header.Get("Access-Control-Allow-Headers") != "Authorization, Cache-Control, Content-Type, If-Match, If-None-Match, Traceparent, X-Request-Id, X-Trace" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	a = h.do("OPTIONS", "/v1/greeting", "", "Origin", app, "Access-Control-Request-Method", "GET")
	if got := a.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(got, "Accept-Language") || !strings.Contains(got, "Lang") {
		t.Errorf("the endpoint's own headers: %s", got)
	}
	for _, headers := range [][]string{{"Origin", "https://evil.example", "Access-Control-Request-Method", "PUT"}, {"Origin", app}, {"Access-Control-Request-Method", "PUT"}} {
		a := h.do("OPTIONS", "/v1/users/1", "", headers...)
		if a.StatusCode != 204 || a.Header["Access-Control-Allow-Methods"] != nil || a.Header.Get("Allow") == "" {
			t.Errorf("%v: %d %v", headers, a.StatusCode, a.Header)
		}
	}
}

func TestAnyOrigin(t *testing.T) {
	h := start(t, withServer("  cors: {origins: '*'}\n"))
	a := h.miss("/v1/users", "Origin", "https://whoever.example")
	if a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header["Vary"] != nil || a.Header["Access-Control-Allow-Credentials"] != nil {
		t.Errorf("%v", a.Header)
	}
	off := start(t)
	if a := off.miss("/v1/users", "Origin", app); a.Header["Access-Control-Allow-Origin"] != nil || a.Header["Vary"] != nil {
		t.Errorf("without cors: %v", a.Header)
	}
}

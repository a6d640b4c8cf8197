package proxyhttp

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

func TestRequestIDs(t *testing.T) {
	h := start(t)
	seen := map[string]bool{}
	for _, c := range []struct {
		given string
		taken bool
	}{
		{"", false}, {"abc-123_x.y:z/4+5=@host", true}, {strings.Repeat("a", 128), true}, {strings.Repeat("a", 129), false},
		{"with space", false}, {`quo"te`, false}, {"uml\u00e4ut", false}, {"a;b", false}, {"\x7f", false},
	} {
		for _, path := range []string{"/v1/users/1", "/nowhere"} {
			r, w := newRequest(path), newRecorder()
			if c.given != "" {
				r.Header.Set(requestIDHeader, c.given)
			}
			h.s.Data().ServeHTTP(w, r)
			id := w.Header().Get(requestIDHeader)
			if c.taken != (id == c.given) || !sane(id) || !c.taken && seen[id] {
				t.Errorf("%q: %q", c.given, id)
			}
			seen[id] = true
			if path == "/nowhere" && !strings.Contains(w.Body.String(), `"requestId":"`+id+`"`) {
				t.Errorf("%q: %s", c.given, w.Body)
			}
		}
	}
	two := newRequest("/v1/users/1")
	two.Header[requestIDHeader] = []string{"a", "b"}
	w := newRecorder()
	h.s.Data().ServeHTTP(w, two)
	if got := w.Header()[requestIDHeader]; len(got) != 1 || got[0] == "a" {
		t.Errorf("of two given: %v", got)
	}
	if a := h.admin("GET", "/v1/nothing", "", requestIDHeader, "mine"); a.Header.Get(requestIDHeader) != "mine" || !strings.Contains(a.body, `"requestId":"mine"`) {
		t.Errorf("the control plane: %v %s", a.Header, a.body)
	}
}

// TestEveryLineNamesItsRequest: whatever is logged for a request has its id,
// and its place in the client's trace.
func TestEveryLineNamesItsRequest(t *testing.T) {
	h := start(t, withTenants, withYAML("log: {access: all}\n"))
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, c := range []struct {
		id, line string
		do       func(headers ...string)
	}{
		{"a1", "msg=request ", func(hs ...string) { h.get("/v1/public", hs...) }},
		{"a2", "token refused", func(hs ...string) { h.get("/v1/notes", append(hs, bearer("wrong")...)...) }},
		{"a3", "msg=write ", func(hs ...string) {
			h.do("PUT", "/v1/notes/1", `{"text":"x"}`, append(hs, bearer("token-a")...)...)
		}},
		{"a4", "request failed", func(hs ...string) {
			h.tap.set(func(context.Context) error { return unavailable() })
			h.get("/v1/notes", append(hs, bearer("token-b")...)...)
			h.tap.set(nil)
		}},
		{"a5", "panic while reading", func(hs ...string) {
			h.tap.set(func(context.Context) error { panic("a bug") })
			h.get("/v1/notes", append(hs, bearer("token-b")...)...)
			h.tap.set(nil)
		}},
		{"a6", "msg=purge ", func(hs ...string) { h.admin("POST", "/v1/purge", `{"all":true}`, hs...) }},
		{"a7", "reported write", func(hs ...string) {
			h.admin("POST", "/v1/writes", `{"statements":[{"sql":"DELETE FROM notes"}]}`, hs...)
		}},
	} {
		c.do(requestIDHeader, c.id, "Traceparent", parent)
		found := false
		for l := range strings.Lines(h.log.String()) {
			if strings.Contains(l, c.line) && strings.Contains(l, "request="+c.id+" ") {
				found = true
				if !strings.Contains(l, "trace=4bf92f3577b34da6a3ce929d0e0e4736 ") || strings.Contains(l, "span=00f067aa0ba902b7") {
					t.Errorf("its trace: %s", l)
				}
			}
		}
		if !found {
			t.Errorf("no %q of %s:\n%s", c.line, c.id, h.log)
		}
	}
}

func TestTraceIsParsed(t *testing.T) {
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, c := range []struct {
		text string
		ok   bool
		want string // with the span "1111111111111111"
	}{
		{"00-" + id + "-" + span + "-01", true, "01"},
		{"00-" + id + "-" + span + "-00", true, "00"},
		{"00-" + id + "-" + span + "-0a", true, "00"},
		{"00-" + id + "-" + span + "-0b", true, "01"},
		{"cc-" + id + "-" + span + "-01-more", true, "01"},
		{"cc-" + id + "-" + span + "-01more", false, ""},
		{"00-" + id + "-" + span + "-01-more", false, ""},
		{"ff-" + id + "-" + span + "-01", false, ""},
		{"00-" + strings.ToUpper(id) + "-" + span + "-01", false, ""},
		{"00-" + strings.Repeat("0", 32) + "-" + span + "-01", false, ""},
		{"00-" + id + "-" + strings.Repeat("0", 16) + "-01", false, ""},
		{"00-" + id + "-" + span, false, ""},
		{"00_" + id + "-" + span + "-01", false, ""},
		{"", false, ""},
	} {
		got, ok := parseTrace(c.text)
		if ok != c.ok {
			t.Errorf("%s: %v", c.text, ok)
			continue
		}
		if ok && got.child("1111111111111111").String() != "00-"+id+"-1111111111111111-"+c.want {
			t.Errorf("%s: %s", c.text, got.child("1111111111111111"))
		}
	}
	h := start(t)
	a := h.get("/v1/users/1", "Traceparent", "00-"+id+"-"+span+"-01")
	got, ok := parseTrace(a.Header.Get(traceHeader))
	if !ok || got.id != id || got.span == span || got.flags != "01" {
		t.Errorf("%v", a.Header)
	}
	if a := h.get("/v1/users/1", "Traceparent", "nonsense"); a.Header.Get(traceHeader) != "" {
		t.Errorf("%v", a.Header)
	}
}

func TestIdentifiersAllocateNothing(t *testing.T) {
	g := newIdentifiers()
	h := http.Header{}
	seen := map[string]bool{}
	for range 10 * idBlock {
		id := g.next()
		if seen[id[0]] || cap(id) != 1 || len(id[0]) != 16 {
			t.Fatalf("%v", id)
		}
		seen[id[0]] = true
	}
	if n := testing.AllocsPerRun(10*idBlock, func() { h[requestIDHeader] = g.next() }); n > 0.1 {
		t.Errorf("%v allocations", n)
	}
}

package proxyhttp

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"edgecache/source"
)

func TestParseTags(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   string
	}{
		{nil, "[] false true"},
		{[]string{"*"}, "[] true true"},
		{[]string{" * "}, "[] true true"},
		{[]string{`"a"`}, `["a"] false true`},
		{[]string{`"a", W/"b"`, `,"c,d",`}, `["a" W/"b" "c,d"] false true`},
		{[]string{`"a""b"`}, "[] false false"},
		{[]string{`a`}, "[] false false"},
		{[]string{`"a`}, "[] false false"},
		{[]string{`"a", *`}, "[] false false"},
		{[]string{`w/"a"`}, "[] false false"},
		{[]string{""}, "[] false false"},
		{[]string{strings.Repeat(`"a",`, maxTags+1)}, "[] false false"},
	} {
		tags, any, ok := parseTags(c.values)
		if got := fmt.Sprint(tags, any, ok); got != c.want {
			t.Errorf("%q: %s, want %s", c.values, got, c.want)
		}
	}
}

const conditionEndpoints = `
  - name: users.upsert
    route: PUT /v1/people/{id}
    sql: INSERT INTO users (id, name) VALUES (:id, :name) ON CONFLICT (id) DO UPDATE SET name = :name
  - name: people.get
    route: GET /v1/people/{id}
    sql: SELECT id, name FROM users WHERE id = :id
    result: one
  - name: alone
    route: PUT /v1/alone/{id}
    sql: UPDATE users SET name = :name WHERE id = :id
`

// What the conditions of a write decide, for a row that is there and one that
// is not. A refused write changes nothing and invalidates nothing.
func TestConditions(t *testing.T) {
	h := start(t, withYAML(conditionEndpoints))
	tag := h.miss("/v1/people/1").Header.Get("ETag")
	h.miss("/v1/people/new")
	list := h.miss("/v1/users").Header.Get("ETag")
	for _, c := range []struct {
		method, path, name, value string
		want                      int
	}{
		{"PUT", "/v1/people/1", "If-Match", `"other"`, 412},
		{"PUT", "/v1/people/1", "If-Match", "W/" + tag, 412},
		{"PUT", "/v1/people/1", "If-Match", "nonsense", 400},
		{"PUT", "/v1/people/1", "If-None-Match", "*", 412},
		{"PUT", "/v1/people/1", "If-None-Match", tag, 412},
		{"PUT", "/v1/people/1", "If-None-Match", "W/" + tag, 412},
		{"PUT", "/v1/people/new", "If-Match", "*", 412},
		{"PUT", "/v1/people/new", "If-Match", tag, 412},
		{"PUT", "/v1/alone/1", "If-Match", tag, 412},
		{"POST", "/v1/users", "If-Match", `"other"`, 412},
	} {
		a := h.do(c.method, c.path, `{"name":"Eve","id":"1"}`, c.name, c.value)
		if c.path == "/v1/people/new" {
			a = h.do(c.method, c.path, `{"name":"Eve"}`, c.name, c.value)
		}
		if a.StatusCode != c.want || a.Header.Get("EdgeCache-Invalidated") != "" {
			t.Errorf("%s %s with %s %s: %d %s", c.method, c.path, c.name, c.value, a.StatusCode, a.body)
		}
		if c.want == 412 && !strings.Contains(a.body, "precondition-failed") {
			t.Errorf("got %s", a.body)
		}
	}
	h.hit("/v1/people/1")
	h.hit("/v1/people/new")
	for _, c := range []struct{ method, path, body, name, value string }{
		{"PUT", "/v1/people/1", `{"name":"Eve"}`, "If-Match", `"other", ` + tag},
		{"PUT", "/v1/people/1", `{"name":"Eva"}`, "If-Match", "*"},
		{"PUT", "/v1/people/1", `{"name":"Ida"}`, "If-None-Match", tag}, // it has another one now
		{"PUT", "/v1/people/new", `{"name":"New"}`, "If-None-Match", "*"},
		{"PUT", "/v1/people/newer", `{"name":"New"}`, "If-None-Match", tag},
	} {
		if a := h.do(c.method, c.path, c.body, c.name, c.value); a.StatusCode != 200 {
			t.Errorf("%s with %s %s: %d %s", c.path, c.name, c.value, a.StatusCode, a.body)
		}
	}
	if a := h.do("POST", "/v1/users", `{"name":"Z","id":"z"}`, "If-Match", list); a.StatusCode != 412 {
		t.Errorf("the list has changed since: %d %s", a.StatusCode, a.body)
	}
	list = h.get("/v1/users").Header.Get("ETag")
	if a := h.do("POST", "/v1/users", `{"name":"Z","id":"z"}`, "If-Match", list); a.StatusCode != 200 {
		t.Errorf("a list has a tag too: %d %s", a.StatusCode, a.body)
	}
}

// The tag is that of the answer that the same URL would give, its query and
// its headers included.
func TestConditionsSeeTheWholeRequest(t *testing.T) {
	h := start(t, withYAML(`
  - name: doc.get
    route: GET /v1/doc/{id}
    sql: SELECT name, :lang AS lang, :part AS part FROM users WHERE id = :id
    params: {lang: {in: header, type: string}, part: {type: string, required: true}}
    result: one
  - name: doc.put
    route: PUT /v1/doc/{id}
    sql: UPDATE users SET name = :name WHERE id = :id
`))
	tag := h.miss("/v1/doc/1?part=a", "Lang", "de").Header.Get("ETag")
	for _, c := range []struct {
		path, lang string
		want       int
	}{{"/v1/doc/1?part=a", "fr", 412}, {"/v1/doc/1?part=b", "de", 412}, {"/v1/doc/1", "de", 400}, {"/v1/doc/1?part=a", "de", 200}} {
		if a := h.do("PUT", c.path, `{"name":"Eve"}`, "Lang", c.lang, "If-Match", tag); a.StatusCode != c.want {
			t.Errorf("%+v: %d %s", c, a.StatusCode, a.body)
		}
	}
}

// Two clients that saw the same tag both write. The schedule, forced by the
// tap, is the one of condition.go: both are bound before either runs.
func TestLostUpdate(t *testing.T) {
	h := start(t, withYAML(conditionEndpoints))
	for _, guarded := range []bool{true, false} { // the second is the control
		tag := h.get("/v1/people/1").Header.Get("ETag")
		bound, run := make(chan struct{}, 2), make(chan struct{})
		h.tap.setWrite(func(stage string) error {
			if stage == "begin" {
				bound <- struct{}{}
				<-run
			}
			return nil
		})
		codes := make(chan int, 2)
		for n := range 2 {
			headers := []string{"If-Match", tag}
			if !guarded {
				headers = nil
			}
			go func() {
				codes <- h.do("PUT", "/v1/people/1", fmt.Sprintf(`{"name":"writer %d %t"}`, n, guarded), headers...).StatusCode
			}()
		}
		<-bound
		<-bound
		close(run)
		won := 0
		for range 2 {
			switch c := <-codes; c {
			case http.StatusOK:
				won++
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("status %d", c)
			}
		}
		if want := map[bool]int{true: 1, false: 2}[guarded]; won != want {
			t.Errorf("guarded %t: %d writers won, want %d", guarded, won, want)
		}
	}
}

// A second writer that comes between the first one's guard and its COMMIT
// waits, and then sees what the first one wrote.
func TestGuardHoldsUntilCommit(t *testing.T) {
	h := start(t, withYAML(conditionEndpoints))
	tag := h.miss("/v1/people/1").Header.Get("ETag")
	second, started := make(chan int, 1), false
	h.tap.setWrite(func(stage string) error {
		if stage != "published" || started {
			return nil
		}
		started = true // the guard was asked and the statement ran; COMMIT did not
		entered := make(chan struct{})
		h.tap.setWrite(func(stage string) error {
			if stage == "begin" {
				close(entered)
			}
			return nil
		})
		go func() { second <- h.do("PUT", "/v1/people/1", `{"name":"second"}`, "If-Match", tag).StatusCode }()
		<-entered
		select {
		case c := <-second:
			t.Errorf("the second writer was answered %d before the first one's COMMIT", c)
		case <-time.After(20 * time.Millisecond): // it can only wait; nothing is ordered by this
		}
		return nil
	})
	if a := h.do("PUT", "/v1/people/1", `{"name":"first"}`, "If-Match", tag); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if c := <-second; c != http.StatusPreconditionFailed {
		t.Errorf("the second writer got %d", c)
	}
	if a := h.get("/v1/people/1"); !strings.Contains(a.body, "first") {
		t.Errorf("got %s", a.body)
	}
}

// A source that cannot be asked is no reason to write.
func TestConditionWithoutSource(t *testing.T) {
	h := start(t, withYAML(conditionEndpoints))
	h.tap.setWrite(func(stage string) error {
		return &source.Error{Kind: source.ErrUnavailable, Message: "gone"}
	})
	if a := h.do("PUT", "/v1/people/1", `{"name":"x"}`, "If-Match", "*"); a.StatusCode != 503 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

package proxyhttp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"edgecache/source"
)

// leave sends a request whose client goes away when ctx ends.
func (h *harness) leave(ctx context.Context, method, path, body string) {
	req, err := http.NewRequestWithContext(ctx, method, h.data.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Error(err)
		return
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		_ = res.Body.Close()
	}
}

func TestWritesAnswer(t *testing.T) {
	h := start(t)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/v1/users", `{"id":"9","name":"Neu"}`, `{"rowsAffected":1,"lastInsertId":5}`},
		{"PUT", "/v1/users/9", `{"firstName":"Alt"}`, `{"rowsAffected":1,"lastInsertId":null}`},
		{"PUT", "/v1/users/none", `{"firstName":"Alt"}`, `{"rowsAffected":0,"lastInsertId":null}`},
		{"POST", "/v1/orders", `{"userId":"9","total":5}`, `{"rowsAffected":2,"lastInsertId":4}`},
		{"DELETE", "/v1/users/9", "", `{"rowsAffected":1,"lastInsertId":null}`},
	} {
		a := h.do(c.method, c.path, c.body)
		if a.StatusCode != 200 || a.body != c.want+"\n" || a.Header.Get("EdgeCache-Invalidated") != "0" {
			t.Errorf("%s %s: %d %s, invalidated %s", c.method, c.path, a.StatusCode, a.body, a.Header.Get("EdgeCache-Invalidated"))
		}
	}
}

// A write spares what it provably cannot have changed, by each rule, and the
// log says so.
func TestWritesInvalidateExactly(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.miss("/v1/users/2")
	h.miss("/v1/orders?userId=1")
	h.miss("/v1/things")
	if n := h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`); n != "1" {
		t.Errorf("invalidated %s, want 1", n)
	}
	h.hit("/v1/users/2")
	h.hit("/v1/orders?userId=1")
	h.hit("/v1/things")
	if a := h.miss("/v1/users/1"); !strings.Contains(a.body, "Eve") {
		t.Errorf("got %s", a.body)
	}
	if n := h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`); n != "0" {
		t.Errorf("an update that changes nothing invalidated %s", n)
	}
	if n := h.write("DELETE", "/v1/users/1", ""); n != "2" {
		t.Errorf("a cascade invalidated %s, want 2", n)
	}
	log := h.log.String()
	for _, want := range []string{"msg=write endpoint=users.update", "tables=[users]", "affected=1", "spared.predicate=1", "spared.table=2", "match=", "total=", "outcome=committed"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
}

func TestSeveralStatementsAreOneTransaction(t *testing.T) {
	h := start(t)
	before := h.miss("/v1/users/1").body
	a := h.do("POST", "/v1/orders", `{"userId":"1","total":-5}`)
	if a.StatusCode != 409 || !strings.Contains(a.body, "constraint") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if b := h.get("/v1/users/1"); b.body != before {
		t.Errorf("got %s", b.body)
	}
	h.write("POST", "/v1/orders", `{"userId":"1","total":5}`)
	if b := h.get("/v1/users/1"); !strings.Contains(b.body, `"age":37`) {
		t.Errorf("got %s", b.body)
	}
}

func TestConstraintIs409AndSparesEverything(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.miss("/v1/users")
	a := h.do("POST", "/v1/users", `{"id":"1","name":"Twice"}`)
	if a.StatusCode != 409 || a.Header.Get("EdgeCache-Invalidated") != "" {
		t.Errorf("got %d %v %s", a.StatusCode, a.Header, a.body)
	}
	h.hit("/v1/users/1")
	h.hit("/v1/users")
}

// A client that leaves after its write began changes nothing about settling.
func TestLeavingClientDoesNotUnsettle(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	ctx, cancel := context.WithCancel(t.Context())
	published, release := make(chan struct{}), make(chan struct{})
	h.tap.setWrite(func(stage string) error {
		if stage == "published" {
			close(published)
			<-release
		}
		return nil
	})
	go h.leave(ctx, "PUT", "/v1/users/1", `{"firstName":"Gone"}`)
	<-published
	cancel()
	close(release)
	eventually(t, "the write is settled", func() bool { return strings.Contains(h.log.String(), "outcome=committed") })
	if a := h.get("/v1/users/1"); !strings.Contains(a.body, "Gone") {
		t.Errorf("got %s", a.body)
	}
}

// A lost outcome drops what it may have changed (I7).
func TestUnknownOutcomeDrops(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.miss("/v1/users/2")
	h.tap.setWrite(func(stage string) error {
		if stage == "committed" {
			return &source.Error{Kind: source.ErrTimeout, Message: "took too long"}
		}
		return nil
	})
	a := h.do("PUT", "/v1/users/1", `{"firstName":"Maybe"}`)
	if a.StatusCode != 504 || a.Header.Get("EdgeCache-Invalidated") != "1" || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %v", a.StatusCode, a.Header)
	}
	h.hit("/v1/users/2")
	if b := h.miss("/v1/users/1"); !strings.Contains(b.body, "Maybe") {
		t.Errorf("got %s", b.body)
	}
}

// A bug between publishing and settling drops too.
func TestPanicInAWriteSettles(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.tap.setWrite(func(stage string) error {
		if stage == "committed" {
			panic("bug")
		}
		return nil
	})
	if a := h.do("PUT", "/v1/users/1", `{"firstName":"Maybe"}`); a.StatusCode != 500 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	h.tap.setWrite(nil)
	if b := h.miss("/v1/users/1"); !strings.Contains(b.body, "Maybe") {
		t.Errorf("got %s", b.body)
	}
}

// A write that never reached COMMIT leaves the cache as it was.
func TestFailedWriteLeavesTheCache(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.tap.setWrite(func(string) error {
		return &source.Error{Kind: source.ErrBusy, Message: "locked", Err: errors.New("x")}
	})
	if a := h.do("PUT", "/v1/users/1", `{"firstName":"No"}`); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d", a.StatusCode)
	}
	h.hit("/v1/users/1")
}

func TestBadRequestsAreToldExactly(t *testing.T) {
	h := start(t, withLimits(Limits{Body: 200, URL: 500, QueryParams: 10}))
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/nope", "", 404, "no endpoint is mapped to /nope"},
		{"DELETE", "/v1/users", "", 405, "GET, HEAD, OPTIONS, POST"},
		{"GET", "/v1/users?limit=0", "", 400, "limit"},
		{"GET", "/v1/users?limit=101", "", 400, "limit"},
		{"GET", "/v1/users?limit=x", "", 400, "limit"},
		{"GET", "/v1/sorted?sort=age", "", 400, "sort"},
		{"GET", "/v1/orders", "", 400, "userId"},
		{"GET", "/v1/usersByIds?ids=1,2,3,4", "", 400, "ids"},
		{"GET", "/v1/users?a=%zz", "", 400, "malformed"},
		{"GET", "/v1/users?" + strings.Repeat("a=1&", 10), "", 400, "10 parameters"},
		{"GET", "/v1/users?city=" + strings.Repeat("x", 500), "", 414, "500 bytes"},
		{"POST", "/v1/users", `{"id":"9"}`, 400, "name"},
		{"POST", "/v1/users", `{"id":"9","name":`, 400, "line 1, column 18"},
		{"POST", "/v1/users", `[]`, 400, "an array"},
		{"POST", "/v1/users", `{"id":"9","id":"8","name":"x"}`, 400, "appears twice"},
		{"POST", "/v1/users", `{"id":"9","name":{"x":1}}`, 400, "name"},
		{"POST", "/v1/users", `{"id":"9","name":"` + strings.Repeat("x", 200) + `"}`, 413, "200 bytes"},
		{"POST", "/v1/users", `id=9`, 400, "malformed JSON"},
	} {
		a := h.do(c.method, c.path, c.body)
		if a.StatusCode != c.status || !strings.Contains(a.body, c.want) || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.60s: %d %s", c.method, c.path, a.StatusCode, a.body)
		}
	}
	if a := h.do("POST", "/v1/users", `x`, "Content-Type", "text/plain"); a.StatusCode != 415 {
		t.Errorf("got %d", a.StatusCode)
	}
	if a := h.do("DELETE", "/v1/users", ""); a.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("Allow %q", a.Header.Get("Allow"))
	}
	if a := h.do("OPTIONS", "/v1/users/1", ""); a.StatusCode != 204 || a.Header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS, PUT" {
		t.Errorf("OPTIONS: %d %q", a.StatusCode, a.Header.Get("Allow"))
	}
	if a := h.do("OPTIONS", "/nope", ""); a.StatusCode != 404 {
		t.Errorf("got %d", a.StatusCode)
	}
	if n := h.tap.queries.Load(); n != 0 {
		t.Errorf("bad requests read the source %d times", n)
	}
}

// Eager endpoints come back without a client waiting.
func TestEagerEntriesComeBack(t *testing.T) {
	h := start(t)
	h.miss("/v1/users")
	for range 5 {
		h.hit("/v1/users")
	}
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	eventually(t, "refilled", func() bool { return h.s.queue.Stats().Done == 1 })
	if a := h.hit("/v1/users"); !strings.Contains(a.body, "Eve") {
		t.Errorf("got %s", a.body)
	}
}

func TestLazyAndOffDoNotComeBack(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.miss("/v1/orders?userId=1")
	h.write("POST", "/v1/orders", `{"userId":"1","total":7}`)
	if n := h.s.queue.Stats().Added; n != 0 {
		t.Errorf("%d refills queued", n)
	}
	if a := h.miss("/v1/users/1"); !strings.Contains(a.cache(), "fwd=stale") {
		t.Errorf("lazy: %s", a.cache())
	}
	if a := h.miss("/v1/orders?userId=1"); !strings.Contains(a.cache(), "fwd=uri-miss") {
		t.Errorf("off: %s", a.cache())
	}
}

// A refill that a further write overtakes starts over, and keeps the newest.
func TestOvertakenRefillStartsOver(t *testing.T) {
	h := start(t)
	h.miss("/v1/users")
	entered, release := make(chan struct{}, 8), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	h.write("PUT", "/v1/users/1", `{"firstName":"One"}`)
	<-entered
	h.write("PUT", "/v1/users/1", `{"firstName":"Two"}`)
	close(release)
	eventually(t, "refilled", func() bool { return h.s.queue.Stats().Done == 1 })
	if a := h.hit("/v1/users"); !strings.Contains(a.body, "Two") {
		t.Errorf("got %s", a.body)
	}
	if n := h.tap.queries.Load(); n != 3 {
		t.Errorf("%d reads, want the miss and two of the refill", n)
	}
}

func TestStatementTimeoutIs504(t *testing.T) {
	h := start(t, withLimits(Limits{Statement: 20 * time.Millisecond}))
	h.tap.set(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	for _, path := range []string{"/v1/users/1", "/v1/random"} {
		if a := h.get(path); a.StatusCode != 504 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

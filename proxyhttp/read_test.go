package proxyhttp

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"edgecache/source"
)

func TestMissThenHit(t *testing.T) {
	h := start(t)
	const path = "/v1/users?city=Bern"
	a := h.miss(path)
	if a.cache() != "edgecache; fwd=uri-miss; stored" {
		t.Errorf("got %s", a.cache())
	}
	want := `[{"id":"1","firstName":"Ada","city":"Bern"},{"id":"123-abc","firstName":"Lane","city":"Bern"}]` + "\n"
	if a.body != want || a.StatusCode != 200 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	h.clock.advance(90 * time.Second)
	b := h.hit(path)
	for name, want := range map[string]string{
		"Cache-Status": "edgecache; hit; ttl=86310", "Age": "90", "Content-Type": "application/json",
		"Cache-Control": "no-cache", "Etag": a.Header.Get("Etag"), "Content-Length": strconv.Itoa(len(a.body)),
	} {
		if got := b.Header.Get(name); got != want || got == "" {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if b.body != a.body || h.tap.queries.Load() != 1 {
		t.Errorf("%d reads, body %s", h.tap.queries.Load(), b.body)
	}
	if strings.HasPrefix(b.Header.Get("Etag"), "W/") {
		t.Error("the ETag is weak")
	}
}

func TestSpellingsShareOneEntry(t *testing.T) {
	h := start(t)
	h.miss("/v1/users?city=Bern&limit=5")
	for _, path := range []string{"/v1/users?limit=5&city=Bern", "/v1/users?limit=5&city=Bern&utm=x", "/v1/%75sers?city=%42ern&limit=5"} {
		h.hit(path)
	}
	h.miss("/v1/users?city=Bern") // the default is 20
	h.hit("/v1/users?city=Bern&limit=20")
	h.miss("/v1/users?city=bern")
}

func TestConditionalRequests(t *testing.T) {
	h := start(t)
	etag := h.miss("/v1/users").Header.Get("Etag")
	for _, v := range []string{etag, `"x", ` + etag, "W/" + etag, "*"} {
		a := h.get("/v1/users", "If-None-Match", v)
		if a.StatusCode != 304 || a.body != "" || a.Header.Get("Etag") != etag || !strings.Contains(a.cache(), "hit") {
			t.Errorf("%s: %d %q %v", v, a.StatusCode, a.body, a.Header)
		}
	}
	if a := h.get("/v1/users", "If-None-Match", `"x"`); a.StatusCode != 200 || a.body == "" {
		t.Errorf("got %d", a.StatusCode)
	}
	h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	if a := h.get("/v1/users", "If-None-Match", etag); a.StatusCode != 200 || !strings.Contains(a.body, "Eve") {
		t.Errorf("after a write: %d %s", a.StatusCode, a.body)
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	h := start(t)
	a := h.do("HEAD", "/v1/users", "")
	b := h.hit("/v1/users")
	c := h.do("HEAD", "/v1/users", "")
	if a.StatusCode != 200 || a.body != "" || a.Header.Get("Content-Length") != strconv.Itoa(len(b.body)) {
		t.Errorf("miss: %d %v", a.StatusCode, a.Header)
	}
	if c.body != "" || c.Header.Get("Etag") != b.Header.Get("Etag") || !strings.Contains(c.cache(), "hit") {
		t.Errorf("hit: %v", c.Header)
	}
	if d := h.do("HEAD", "/v1/users/nobody", ""); d.StatusCode != 404 || d.body != "" {
		t.Errorf("404: %d %q", d.StatusCode, d.body)
	}
}

func TestNotFoundIsCachedAndAnInsertBringsItDown(t *testing.T) {
	h := start(t)
	a := h.miss("/v1/users/9")
	b := h.hit("/v1/users/9")
	if a.StatusCode != 404 || b.StatusCode != 404 || a.body != b.body || b.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d, %d %s", a.StatusCode, b.StatusCode, b.body)
	}
	if n := h.write("POST", "/v1/users", `{"id":"9","name":"Neu"}`); n != "1" {
		t.Errorf("invalidated %s", n)
	}
	if c := h.miss("/v1/users/9"); c.StatusCode != 200 || c.cache() != "edgecache; fwd=stale; stored" || c.body != `{"id":"9","firstName":"Neu","city":null,"age":null}`+"\n" {
		t.Errorf("got %d %s %s", c.StatusCode, c.cache(), c.body)
	}
	h.write("DELETE", "/v1/users/9", "")
	if d := h.miss("/v1/users/9"); d.StatusCode != 404 {
		t.Errorf("got %d", d.StatusCode)
	}
}

func TestTTL(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.clock.advance(time.Hour - time.Second)
	if a := h.hit("/v1/users/1"); a.cache() != "edgecache; hit; ttl=1" {
		t.Errorf("got %s", a.cache())
	}
	h.clock.advance(time.Second + 1)
	if a := h.miss("/v1/users/1"); !strings.Contains(a.cache(), "fwd=stale") || a.Header.Get("Age") != "0" {
		t.Errorf("got %s", a.cache())
	}
}

func TestClientTTL(t *testing.T) {
	h := start(t)
	if a := h.miss("/v1/orders?userId=1"); a.Header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("got %s", a.Header.Get("Cache-Control"))
	}
}

func TestNoCacheAsksTheSourceAgainAndInstalls(t *testing.T) {
	h := start(t)
	h.miss("/v1/users")
	a := h.get("/v1/users", "Cache-Control", "no-cache")
	if a.cache() != "edgecache; fwd=request; stored" || h.tap.queries.Load() != 2 {
		t.Errorf("got %s, %d reads", a.cache(), h.tap.queries.Load())
	}
	h.hit("/v1/users")
}

func TestUncacheableReadsSayWhy(t *testing.T) {
	h := start(t)
	for path, detail := range map[string]string{"/v1/random": "NONDETERMINISTIC", "/v1/uncached": "DISABLED"} {
		for range 2 {
			if a := h.get(path); a.cache() != "edgecache; fwd=bypass; detail="+detail || a.StatusCode != 200 {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.cache())
			}
		}
	}
	if a, b := h.get("/v1/random"), h.get("/v1/random"); a.body == b.body {
		t.Error("random() gave the same twice")
	}
}

func TestValuesReachJSON(t *testing.T) {
	h := start(t)
	want := `[{"id":1,"i":9007199254740993,"r":0.1,"t":"a\"<b>","b":"AP8=","d":12.5},{"id":2,"i":null,"r":2.0,"t":"","b":"","d":null}]` + "\n"
	if a := h.miss("/v1/things"); a.body != want {
		t.Errorf("got %s", a.body)
	}
}

func TestVaryKeepsIdentitiesApart(t *testing.T) {
	h := start(t)
	a := h.miss("/v1/greeting", "Accept-Language", "de", "lang", "x")
	if a.Header.Get("Vary") != "Accept-Language, Lang" || a.body != `[{"name":"Ada","lang":"x"}]`+"\n" {
		t.Errorf("Vary %q, %s", a.Header.Get("Vary"), a.body)
	}
	h.hit("/v1/greeting", "Accept-Language", "de", "lang", "x")
	h.miss("/v1/greeting", "Accept-Language", "fr", "lang", "x")
	if b := h.miss("/v1/greeting", "Accept-Language", "fr", "lang", "y"); !strings.Contains(b.body, `"y"`) {
		t.Errorf("got %s", b.body)
	}
	// A purge by URL takes them all: a URL does not tell headers.
	if p := h.admin("POST", "/v1/purge", `{"url":"/v1/greeting"}`); p.body != `{"purged":3}`+"\n" {
		t.Errorf("got %s", p.body)
	}
}

func TestGlobListAndChoice(t *testing.T) {
	h := start(t)
	for path, want := range map[string]string{
		"/v1/users?id=123*":              `[{"id":"123-abc","firstName":"Lane","city":"Bern"}]`,
		"/v1/users?id=%3F":               `[{"id":"1","firstName":"Ada","city":"Bern"},{"id":"2","firstName":"Bob","city":"Rome"},{"id":"3","firstName":"Cyd","city":null}]`,
		"/v1/users?id=%25":               `[]`,
		"/v1/usersByIds?ids=2,1":         `[{"id":"1","name":"Ada"},{"id":"2","name":"Bob"}]`,
		"/v1/usersByIds?ids=3&ids=2":     `[{"id":"2","name":"Bob"},{"id":"3","name":"Cyd"}]`,
		"/v1/sorted?sort=-name":          `[{"id":"123-abc","name":"Lane"},{"id":"3","name":"Cyd"},{"id":"2","name":"Bob"},{"id":"1","name":"Ada"}]`,
		"/v1/sorted":                     `[{"id":"1","name":"Ada"},{"id":"123-abc","name":"Lane"},{"id":"2","name":"Bob"},{"id":"3","name":"Cyd"}]`,
		"/v1/users?city=%27%3B%20DROP--": `[]`,
	} {
		if a := h.miss(path); a.body != want+"\n" {
			t.Errorf("%s: got %s", path, a.body)
		}
		h.hit(path)
	}
	h.hit("/v1/sorted?sort=id")
}

// Requests for one key share one read of the source.
func TestConcurrentMissesShareOneFlight(t *testing.T) {
	h := start(t)
	const clients = 8
	entered, release := make(chan struct{}, clients), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	var wg sync.WaitGroup
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if a := h.get("/v1/users"); a.StatusCode != 200 || !strings.Contains(a.cache(), "stored") {
				t.Errorf("got %d %s", a.StatusCode, a.cache())
			}
		}()
	}
	<-entered
	eventually(t, "all aboard", func() bool { return h.s.filler.Stats().Joined == clients-1 })
	close(release)
	wg.Wait()
	if n := h.tap.queries.Load(); n != 1 {
		t.Errorf("%d reads for %d clients", n, clients)
	}
}

// A fill that began before a write never installs (I5); its reader, who asked
// before the write was answered, gets the old answer.
func TestLateFillIsNotKept(t *testing.T) {
	h := start(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	got := make(chan *answer, 1)
	go func() { got <- h.get("/v1/users/1") }()
	<-entered
	h.write("PUT", "/v1/users/1", `{"firstName":"New"}`)
	h.tap.set(nil)
	close(release)
	if a := <-got; a.cache() != "edgecache; fwd=uri-miss; detail=OVERTAKEN" {
		t.Errorf("got %s", a.cache())
	}
	if a := h.miss("/v1/users/1"); !strings.Contains(a.body, "New") {
		t.Errorf("got %s", a.body)
	}
}

// Between publishing and settling the entry reads through and nothing is kept.
func TestSuspendedReadsThrough(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	published, release := make(chan struct{}), make(chan struct{})
	h.tap.setWrite(func(stage string) error {
		if stage == "committed" {
			close(published)
			<-release
		}
		return nil
	})
	done := make(chan string, 1)
	go func() { done <- h.write("PUT", "/v1/users/1", `{"firstName":"New"}`) }()
	<-published
	a := h.get("/v1/users/1")
	if a.cache() != "edgecache; fwd=stale; detail=SUSPENDED" || !strings.Contains(a.body, "New") {
		t.Errorf("got %s %s", a.cache(), a.body)
	}
	close(release)
	if n := <-done; n != "1" {
		t.Errorf("invalidated %s", n)
	}
	h.miss("/v1/users/1")
}

func TestEvictionStaysWithinMemory(t *testing.T) {
	h := start(t, withYAML("store: {max_memory: 256KiB}\n"))
	for i := range 400 {
		h.get(fmt.Sprintf("/v1/users?city=c%d", i))
	}
	st := h.s.graph.Stats()
	if st.Bytes > 256<<10 || st.Evictions == 0 || st.Entries == 0 {
		t.Errorf("%d entries, %d bytes, %d evictions", st.Entries, st.Bytes, st.Evictions)
	}
}

func TestAnswersHaveLimits(t *testing.T) {
	h := start(t, withLimits(Limits{Rows: 3}))
	a := h.get("/v1/users")
	if a.StatusCode != 500 || !strings.Contains(a.body, "3 rows") || !strings.Contains(a.body, "answer-too-large") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if a := h.get("/v1/users?limit=3"); a.StatusCode != 200 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	h = start(t, withLimits(Limits{ResultBytes: 10}))
	if a := h.get("/v1/users"); a.StatusCode != 500 || !strings.Contains(a.body, "10 bytes") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}

// While the source is down, what is known to be right goes on being served.
func TestSourceTroubleSparesHits(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	for _, c := range []struct {
		kind   source.ErrorKind
		status int
		retry  bool
	}{
		{source.ErrBusy, 503, true}, {source.ErrUnavailable, 503, true}, {source.ErrTimeout, 504, true}, {source.ErrInternal, 500, false},
	} {
		h.tap.set(func(context.Context) error {
			return &source.Error{Kind: c.kind, Message: "the database said no", Err: fmt.Errorf("/secret/path.db")}
		})
		h.hit("/v1/users/1")
		a := h.get("/v1/users/2")
		if a.StatusCode != c.status || (a.Header.Get("Retry-After") != "") != c.retry || strings.Contains(a.body, "secret") {
			t.Errorf("%v: %d %v %s", c.kind, a.StatusCode, a.Header, a.body)
		}
		if a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%v: %s", c.kind, a.Header.Get("Content-Type"))
		}
	}
	h.tap.set(nil)
	h.miss("/v1/users/2")
}

// A hit needs no place among the requests that wait for the source.
func TestOverloadIsToldAtOnceAndSparesHits(t *testing.T) {
	h := start(t, withLimits(Limits{SourceRequests: 1}))
	h.miss("/v1/users/1")
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	done := make(chan *answer, 1)
	go func() { done <- h.get("/v1/users/2") }()
	<-entered
	h.hit("/v1/users/1")
	for _, a := range []*answer{h.get("/v1/users/3"), h.get("/v1/random"), h.do("DELETE", "/v1/users/3", "")} {
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("got %d %s", a.StatusCode, a.body)
		}
	}
	close(release)
	<-done
}

func TestRequestGate(t *testing.T) {
	h := start(t, withLimits(Limits{Requests: 1}))
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	done := make(chan *answer, 1)
	go func() { done <- h.get("/v1/users/2") }()
	<-entered
	if a := h.get("/nope"); a.StatusCode != 503 {
		t.Errorf("got %d", a.StatusCode)
	}
	close(release)
	<-done
}

// A client that leaves does not end the flight, whose answer is kept.
func TestLeavingClientDoesNotEndTheFlight(t *testing.T) {
	h := start(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	go h.leave(ctx, "GET", "/v1/users/1", "")
	<-entered
	cancel()
	eventually(t, "client counted as gone", func() bool { return h.s.filler.Stats().Left == 1 })
	close(release)
	eventually(t, "flight landed", func() bool { return h.s.filler.Stats().Landed == 1 })
	h.hit("/v1/users/1")
}

func TestPanicIsA500AndNothingIsKept(t *testing.T) {
	h := start(t)
	h.tap.set(func(context.Context) error { panic("bug") })
	for _, path := range []string{"/v1/users/1", "/v1/random"} {
		if a := h.get(path); a.StatusCode != 500 || strings.Contains(a.body, "bug") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	h.tap.set(nil)
	h.miss("/v1/users/1")
	if h.s.metrics.panics.Load() != 2 {
		t.Errorf("%d panics counted", h.s.metrics.panics.Load())
	}
}

package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"

	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/source/sqlite"
)

// everyHit has each hit compared, with a short pause.
func everyHit(s *setup) { s.yaml = "self_check: {one_in: 1}\n" + s.yaml }

func (h *harness) checks(r checkResult) int64 { return h.s.checker.count[r].Load() }

// deaf opens a database whose other writers are not noticed.
func deaf(s *setup) {
	s.Open = func(ctx context.Context, c *config.Source, _ func(*source.WriteSet), _ Limits, log *slog.Logger) (source.Source, error) {
		return sqlite.Open(ctx, sqlite.Options{Name: c.Name, Path: c.DSN, Init: testSchema, PollInterval: -1, Log: log})
	}
}

// TestSelfCheckFindsAWriteBehindOurBack: a write that nobody tells of makes a
// cached answer wrong; the check finds it, says so, and the endpoint's answers
// go.
func TestSelfCheckFindsAWriteBehindOurBack(t *testing.T) {
	h := start(t, everyHit, deaf)
	h.s.checker.wait = time.Millisecond
	h.miss("/v1/users/1")
	h.miss("/v1/users/2")
	h.miss("/v1/users?limit=2")
	h.exec(h.other(), "UPDATE users SET city = 'Behind' WHERE id = '1'")
	h.hit("/v1/users/2")
	eventually(t, "a right one", func() bool { return h.checks(checkRight) == 1 })
	if a := h.hit("/v1/users/1"); strings.Contains(a.body, "Behind") {
		t.Fatal("the write was noticed")
	}
	eventually(t, "an alarm", func() bool { return h.checks(checkWrong) == 1 })
	if a := h.miss("/v1/users/1"); !strings.Contains(a.body, "Behind") {
		t.Errorf("got %s", a.body)
	}
	h.miss("/v1/users/2") // went with it
	if a := h.get("/v1/users?limit=2"); !strings.Contains(a.cache(), "hit") {
		t.Errorf("another endpoint: %s", a.cache())
	}
	if a := h.admin("GET", "/metrics", ""); !strings.Contains(a.body, `edgecache_alarms_total{kind="self_check"} `) ||
		strings.Contains(a.body, `edgecache_alarms_total{kind="self_check"} 0`) {
		t.Error("the metrics do not say so")
	}
	line := ""
	for l := range strings.Lines(h.log.String()) {
		if strings.Contains(l, "level=ERROR") && strings.Contains(l, "users.get") {
			line = l
		}
	}
	for _, want := range []string{"endpoint=users.get", "key=", "sql=", "stored_sha256=", "source_sha256=", "stored_bytes=", "differs_at=", "dropped=2"} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %s: %s", want, line)
		}
	}
	if strings.Contains(line, "Behind") || strings.Contains(line, "Ada") || strings.Contains(line, "/v1/users/1") {
		t.Errorf("the log has a value of a row: %s", line)
	}
}

func TestAlarmsHaveWhatIsNeeded(t *testing.T) {
	h := start(t, everyHit, deaf)
	h.s.checker.wait = time.Millisecond
	h.miss("/v1/users/1")
	h.exec(h.other(), "UPDATE users SET city = 'Behind' WHERE id = '1'")
	h.hit("/v1/users/1")
	eventually(t, "an alarm", func() bool { return h.checks(checkWrong) == 1 })
	var got struct {
		Graph, SelfCheck int64
		Wrong            []finding
	}
	h.admin("GET", "/v1/alarms", "").json(t, &got)
	if got.SelfCheck != 1 || len(got.Wrong) != 1 {
		t.Fatalf("%+v", got)
	}
	f := got.Wrong[0]
	if f.Endpoint != "users.get" || f.URL != "/v1/users/1" || string(f.Params) != `{"id":"1"}` || len(f.Args) != 1 || !strings.Contains(f.SQL, "FROM users") ||
		f.Dropped != 1 || !strings.Contains(f.Stored.Excerpt, "Bern") || !strings.Contains(f.Source.Excerpt, "Behind") || f.Stored.SHA256 == f.Source.SHA256 ||
		f.DiffersAt != strings.Index(`{"id":"1","firstName":"Ada","city":"Bern"`, "rn\"") {
		t.Errorf("%+v", f)
	}
	for i := range 2 * maxFindings {
		h.s.checker.found.add(finding{DiffersAt: i})
	}
	if l := h.s.checker.found.latest(); len(l) != maxFindings || l[0].DiffersAt != 2*maxFindings-1 {
		t.Errorf("%d, the latest %d", len(l), l[0].DiffersAt)
	}
}

// stepped is a write that goes on when it is told to.
type stepped struct {
	h       *harness
	advance chan struct{}
	reached chan string
}

// begin makes the write stand before its beginning.
func (h *harness) begin(body string) *stepped {
	w := &stepped{h: h, advance: make(chan struct{}), reached: make(chan string)}
	h.tap.setWrite(func(stage string) error { w.reached <- stage; <-w.advance; return nil })
	go func() {
		<-w.advance
		r := httptest.NewRequest("PUT", "/v1/users/1", strings.NewReader(body))
		h.s.Data().ServeHTTP(httptest.NewRecorder(), r)
		w.reached <- "answered"
	}()
	return w
}

// next lets it go to its next stage: begin, published, committed, answered.
func (w *stepped) next() { w.advance <- struct{}{}; <-w.reached }

const writeStages = 4

// checkAmid checks one entry while a write takes its stages: at[i] is the step
// of the check at which stage i is reached; past the last step it is after the
// check.
func (h *harness) checkAmid(t *testing.T, n int, at [writeStages]int) checkResult {
	t.Helper()
	h.s.graph.Purge(depgraph.Filter{All: true})
	h.miss("/v1/users/1")
	e := h.s.endpoint("users.get")
	entry := h.s.graph.Entries(depgraph.Filter{Endpoint: "users.get"})
	if len(entry) != 1 {
		t.Fatalf("%d entries", len(entry))
	}
	hit, state := h.s.graph.Get(entry[0].Key)
	if state != depgraph.StateFresh {
		t.Fatal(state)
	}
	w := h.begin(fmt.Sprintf(`{"firstName":"w%d"}`, n))
	stage, step := 0, 0
	h.s.checker.seam = func(string) {
		for ; stage < writeStages && at[stage] == step; stage++ {
			w.next()
		}
		step++
	}
	r := h.s.check(t.Context(), served{e, hit})
	h.s.checker.seam = nil
	for ; stage < writeStages; stage++ {
		w.next()
	}
	h.tap.setWrite(nil)
	return r
}

// schedules lists where a write's stages can fall among the steps of a check.
func schedules(steps int) (out [][writeStages]int) {
	var fill func(at [writeStages]int, i, from int)
	fill = func(at [writeStages]int, i, from int) {
		if i == writeStages {
			out = append(out, at)
			return
		}
		for s := from; s <= steps; s++ {
			at[i] = s
			fill(at, i+1, s)
		}
	}
	fill([writeStages]int{}, 0, 0)
	return out
}

// checkSteps is how often a check that finds a difference calls its seam.
const checkSteps = 7

// TestSelfCheckIsNeverWrong tries every interleaving of a write that changes the
// entry with a check of it: none may raise an alarm.
func TestSelfCheckIsNeverWrong(t *testing.T) {
	h := start(t)
	h.s.checker.wait = 0
	counts := map[checkResult]int{}
	for n, at := range schedules(checkSteps) {
		r := h.checkAmid(t, n, at)
		if counts[r]++; r == checkWrong {
			t.Errorf("a false alarm at %v", at)
		}
	}
	if counts[checkRight] == 0 || counts[checkUndecided] == 0 {
		t.Errorf("%v: the schedules meet nothing", counts)
	}
	t.Log(counts)
}

// TestSelfCheckControl: without a look at what was written, the same schedules
// do raise false alarms.
func TestSelfCheckControl(t *testing.T) {
	h := start(t)
	h.s.checker.wait, h.s.checker.blind = 0, true
	wrong := 0
	for n, at := range schedules(checkSteps) {
		if h.checkAmid(t, n, at) == checkWrong {
			wrong++
		}
	}
	if wrong == 0 {
		t.Error("no false alarm: the test of the real thing shows nothing")
	}
}

// TestSelfCheckAmongWriters: many readers and writers, every hit checked, and
// writes of another program besides, which the source notices.
func TestSelfCheckAmongWriters(t *testing.T) {
	h := start(t, everyHit)
	end := time.Now().Add(time.Second)
	var all sync.WaitGroup
	for g := range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; time.Now().Before(end); i++ {
				id := strconv.Itoa(1 + (i+g)%3)
				h.get("/v1/users/" + id)
				h.get("/v1/users?limit=2")
				if i%7 == g {
					h.do("PUT", "/v1/users/"+id, fmt.Sprintf(`{"firstName":"n%d-%d"}`, g, i))
				}
			}
		}()
	}
	other := h.other()
	for i := 0; time.Now().Before(end); i++ {
		_, _ = other.Exec("UPDATE users SET name = ? WHERE id = '2'", "far"+strconv.Itoa(i)) // busy is no matter
		time.Sleep(20 * time.Millisecond)
	}
	all.Wait()
	eventually(t, "all looked at", func() bool { return len(h.s.checker.queue) == 0 })
	if h.checks(checkWrong) > 0 || h.checks(checkRight) == 0 {
		t.Errorf("%d wrong, %d right, %d undecided:\n%s", h.checks(checkWrong), h.checks(checkRight), h.checks(checkUndecided), h.admin("GET", "/v1/alarms", "").body)
	}
}

// TestSelfCheckWaitsForFeeds: a write made elsewhere that becomes known during
// the pause explains what the first look found.
func TestSelfCheckWaitsForFeeds(t *testing.T) {
	h := start(t, deaf)
	h.s.checker.wait = 0
	h.miss("/v1/users/1")
	h.exec(h.other(), "UPDATE users SET city = 'Far' WHERE id = '1'")
	h.s.checker.seam = func(step string) {
		if step == "mismatch" {
			h.admin("POST", "/v1/writes", `{"statements":[{"sql":"UPDATE users SET city = 'Far' WHERE id = '1'"}]}`)
		}
	}
	view := h.s.graph.Entries(depgraph.Filter{URL: "/v1/users/1"})
	entry, _ := h.s.graph.Get(view[0].Key)
	if got := h.s.check(t.Context(), served{h.s.endpoint("users.get"), entry}); got != checkUndecided {
		t.Errorf("%v", got)
	}
}

// TestSelfCheckLeavesAlone: what it cannot judge it counts and passes over.
func TestSelfCheckLeavesAlone(t *testing.T) {
	h := start(t, withYAML(`
  - {name: some, route: GET /v1/some, sql: SELECT name FROM users LIMIT 2}
`))
	check := func(path string) checkResult {
		h.hit(path)
		view := h.s.graph.Entries(depgraph.Filter{URL: path})
		entry, _ := h.s.graph.Get(view[0].Key)
		return h.s.check(t.Context(), served{h.s.endpoint(view[0].Endpoint), entry})
	}
	expect := func(path string, want checkResult) {
		t.Helper()
		if got := check(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	h.miss("/v1/some")
	h.miss("/v1/users/1")
	h.get("/v1/users/none") // a 404 is checked like any answer
	expect("/v1/some", checkUndetermined)
	expect("/v1/users/1", checkRight)
	expect("/v1/users/none", checkRight)
	h.tap.set(func(context.Context) error { return &source.Error{Kind: source.ErrBusy, Message: "locked"} })
	expect("/v1/users/1", checkFailed)
	h.tap.set(func(context.Context) error { panic("a bug") })
	expect("/v1/users/1", checkFailed)
	h.tap.set(nil)
	h.s.queue.Spare(t.Context(), 0, func(context.Context) { expect("/v1/users/1", checkYielded) })
	view := h.s.graph.Entries(depgraph.Filter{URL: "/v1/users/1"})
	entry, _ := h.s.graph.Get(view[0].Key)
	h.s.graph.Purge(depgraph.Filter{All: true})
	if got := h.s.check(t.Context(), served{h.s.endpoint("users.get"), entry}); got != checkUndecided {
		t.Errorf("an entry that went: %v", got)
	}
	if h.s.metrics.panics.Load() != 1 {
		t.Error("the panic was not counted")
	}
}

// TestSamplingIsByCounter: one in so many of any hits in a row, at places that
// differ, at no cost; past its bound the queue drops and counts.
func TestSamplingIsByCounter(t *testing.T) {
	c := newChecker(10)
	var places []int
	for i := range 10 * maxChecks {
		before := len(c.queue)
		c.sample(nil, nil)
		if len(c.queue) > before {
			places = append(places, i)
		}
	}
	last := map[int]bool{}
	for row, p := range places {
		if p/10 != row {
			t.Fatalf("row %d has none, or two: %v", row, places)
		}
		last[p%10] = true
	}
	if len(places) != maxChecks || len(last) < 5 {
		t.Errorf("%d samples at %d places", len(places), len(last))
	}
	for range 30 {
		c.sample(nil, nil)
	}
	if n := c.count[checkOverflowed].Load(); n != 3 {
		t.Errorf("%d overflowed", n)
	}
	for _, oneIn := range []int{0, 1, 1000} {
		c := newChecker(oneIn)
		if n := testing.AllocsPerRun(1000, func() { c.sample(nil, nil) }); n != 0 {
			t.Errorf("one in %d: %v allocations", oneIn, n)
		}
	}
	if c := newChecker(0); len(c.queue) != 0 {
		t.Error("off takes samples")
	}
}

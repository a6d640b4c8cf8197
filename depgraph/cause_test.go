package depgraph

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"edgecache/source"
	"edgecache/sqlparse"
)

// TestGhostWeight holds the estimate of ghosts against the heap, each with a
// sentence of its own, which is the worst case.
func TestGhostWeight(t *testing.T) {
	if testing.Short() {
		t.Skip("measures the heap")
	}
	tm := tmpl("users.list", "users where first_name = 0")
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const n = 20000
	h := newGhosts(n, 1<<40)
	before := heap()
	for i := range n {
		key := fmt.Sprintf("users.list\x00firstName=%d&limit=10", i)
		e := &Entry{Key: key, URL: fmt.Sprintf("/v1/users?firstName=%d&limit=10", i), Template: tm,
			Args: sqlparse.Args{sqlparse.One(source.Text(fmt.Sprintf("name-%d", i)))}}
		e.last.Store(&happening{rule: RuleRow, by: "users.update", table: "users", text: strings.Repeat("x", 100+i%10)})
		h.add(e, "write: UPDATE users")
	}
	real, estimate := heap()-before, h.bytes
	t.Logf("%d bytes a ghost, %d estimated; a ghost has %d, an entry %d, a happening %d bytes", real/n, estimate/n,
		unsafe.Sizeof(ghost{}), unsafe.Sizeof(Entry{}), unsafe.Sizeof(happening{}))
	if estimate < real*3/4 || estimate > real*3/2 {
		t.Errorf("%d bytes estimated, %d on the heap", estimate, real)
	}
	for _, gh := range h.list() {
		h.take(gh.key)
	}
	if _, bytes, _ := h.stats(); bytes != 0 {
		t.Errorf("%d bytes of no ghosts", bytes)
	}
}

// TestSharedCauseIsCountedOnce: ghosts that one row change made share its
// sentence, and its bytes come and go once.
func TestSharedCauseIsCountedOnce(t *testing.T) {
	h := newGhosts(10, 1<<20)
	tm := tmpl("a", "users")
	shared := &happening{text: strings.Repeat("x", 100)}
	sizes := map[int]int64{}
	for i := range 3 {
		e := entry(tm, fmt.Sprint(i))
		e.last.Store(shared)
		h.add(e, "test")
		sizes[i] = h.bytes
	}
	one := sizes[1] - sizes[0]
	if sizes[0] != one+shared.size() || sizes[2] != sizes[1]+one {
		t.Errorf("%v", sizes)
	}
	h.take("/a?0")
	h.add(entry(tm, "1"), "test") // another ghost of that key, without it
	if h.bytes != 2*one+shared.size() {
		t.Errorf("%d bytes", h.bytes)
	}
	h.take("/a?2")
	if h.bytes != one {
		t.Errorf("%d bytes, want %d", h.bytes, one)
	}
}

// TestDeedsAreBounded: a write of more rows than sentences are kept for.
func TestDeedsAreBounded(t *testing.T) {
	tm := tmpl("a", "users where id = 0")
	tm.Remember = true
	g := newGraph(t, Options{}, tm)
	ws := &source.WriteSet{Source: "main"}
	const n = maxDeeds + 20
	for i := range n {
		mustInstall(t, g, entry(tm, fmt.Sprint(i)))
		ws.Changes = append(ws.Changes, source.Change{Table: "users", Op: source.OpDelete,
			Before: source.Row{source.Int(int64(i)), source.Null(), source.Null()}})
	}
	in := g.PublishBy("users.clear", ws)
	if in.Settle(source.OutcomeCommitted); in.deeds != nil || in.told != nil {
		t.Error("sentences are kept")
	}
	counts := map[string]int{}
	for _, v := range g.Entries(Filter{All: true}) {
		c := v.LastCause
		if c == nil || c.By != "users.clear" || c.Rule != RuleRow {
			t.Fatalf("%s: %+v", v.URL, c)
		}
		counts[c.Detail]++
	}
	if len(counts) != maxDeeds+1 || counts["one of the row changes of this write may satisfy its condition"] != n-maxDeeds {
		t.Errorf("%d sentences", len(counts))
	}
}

// TestDetailsAreOneLine: whatever is in a row, its sentence is short, on one
// line, and printed without printing what is cut off.
func TestDetailsAreOneLine(t *testing.T) {
	big := source.Text("line\nline\t" + strings.Repeat("ä", 1<<20))
	for _, r := range []source.Row{{big}, {source.Blob(make([]byte, 1<<20))}, {source.Decimal(strings.Repeat("9", 1000))},
		make(source.Row, 2000), {source.Int(1), big, big}, nil} {
		s := printed(r)
		if len(s) > maxPrinted+len("…") || strings.ContainsAny(s, "\n\t") || strings.ToValidUTF8(s, "!") != s {
			t.Errorf("%d bytes: %q", len(s), s)
		}
		if n := testing.AllocsPerRun(5, func() { printed(r) }); n > 50 {
			t.Errorf("%v allocations for %s", n, s)
		}
	}
}

// TestPurgedAndExpiredSayBy: what is no write has no rule.
func TestPurgedAndExpiredSayBy(t *testing.T) {
	now := time.Unix(1000, 0)
	tm := tmpl("a", "users where id = 0")
	tm.Remember = true
	g := newGraph(t, Options{Now: func() time.Time { return now }}, tm)
	for _, f := range []Filter{{All: true}, {Key: "/a?1"}, {Table: "users"}, {Endpoint: "a"}, {Record: &Record{"users", "1"}}} {
		e := entry(tm, "1")
		e.Records = []Record{{"users", "1"}}
		mustInstall(t, g, e)
		g.Purge(f)
		v := g.Entries(Filter{All: true})[0]
		if c := v.LastCause; c == nil || c.By != ByPurge || c.Rule != "" || c.Detail == "" || !c.At.Equal(now) || v.Bytes < int64(len(e.Key)) {
			t.Errorf("%+v: %+v", f, v)
		}
	}
}

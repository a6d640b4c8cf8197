package depgraph

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

func newGraph(t testing.TB, o Options, ts ...*Template) *Graph {
	t.Helper()
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Audit(); err != nil {
			t.Error(err)
		}
		g.Close()
	})
	for _, tm := range ts {
		if err := g.Register(tm); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func mustInstall(t testing.TB, g *Graph, e *Entry) {
	t.Helper()
	if o := g.Install(g.Token(), e); o != Installed {
		t.Fatalf("%s: %s", e.Key, o)
	}
}

// rollBack publishes a write, rolls it back, and returns how many it affected.
func rollBack(g *Graph, text string) int {
	i := g.Publish(write(text))
	i.Settle(source.OutcomeRolledBack)
	return i.Affected()
}

// TestSpatialOverflow: more kinds of range than spatial indexes. The rest is
// coarse, counted, and found all the same; a shape that empties frees its index.
func TestSpatialOverflow(t *testing.T) {
	g := newGraph(t, Options{})
	const n = maxSpatial + 6
	for i := 0; i < n; i++ {
		tm := tmpl(fmt.Sprintf("t%d", i), "users where age >= 0")
		if err := g.Register(tm); err != nil {
			t.Fatal(err)
		}
		mustInstall(t, g, entry(tm, "10"))
	}
	if s := g.Stats(); s.CoarseOverflow != 6 || s.Coarse != 6 || s.Shapes != maxSpatial {
		t.Errorf("%d overflows, %d coarse, %d shapes", s.CoarseOverflow, s.Coarse, s.Shapes)
	}
	if got := rollBack(g, "INSERT users (1, 'a', 10)"); got != n {
		t.Errorf("%d of %d found", got, n)
	}
	if got := rollBack(g, "INSERT users (1, 'a', 9)"); got != 0 {
		t.Errorf("%d found that cannot change", got)
	}
	g.Unregister("t0")
	tm := tmpl("again", "users where id < 0")
	if err := g.Register(tm); err != nil {
		t.Fatal(err)
	}
	mustInstall(t, g, entry(tm, "10"))
	if s := g.Stats(); s.CoarseOverflow != 6 || s.Shapes != maxSpatial {
		t.Errorf("a freed index is not used again: %d overflows, %d shapes", s.CoarseOverflow, s.Shapes)
	}
}

func TestLongListsAreHulls(t *testing.T) {
	tm := tmpl("list", "users where id in 0")
	g := newGraph(t, Options{}, tm)
	var in []string
	for i := 0; i < 200; i++ {
		in = append(in, fmt.Sprint(10*i))
	}
	mustInstall(t, g, entry(tm, "("+strings.Join(in, ",")+")"))
	if got := g.printIndex(); got != "list users  [range 0/BINARY]: 1\n" {
		t.Error(got)
	}
	if rollBack(g, "INSERT users (1990, 'a', 1)") != 1 || rollBack(g, "INSERT users (15, 'a', 1)") != 0 {
		t.Error("the hull loses or over-names")
	}
}

func TestTokenOlderThanTheLog(t *testing.T) {
	a, b := tmpl("a", "users"), tmpl("b", "orders")
	g := newGraph(t, Options{LogLength: 2}, a, b)
	tok := g.Token()
	for i := 0; i < 2; i++ {
		g.Publish(write(lane)).Settle(source.OutcomeCommitted)
	}
	if o := g.Install(tok, entry(b, "")); o != Installed {
		t.Errorf("within the log: %s", o)
	}
	g.Publish(write(lane)).Settle(source.OutcomeCommitted)
	if o := g.Install(tok, entry(b, "")); o != Outdated {
		t.Errorf("older than the log: %s", o)
	}
	if g.Quiet(tok, b, nil) {
		t.Error("a flight older than the log may be joined")
	}
	if s := g.Stats(); s.LogTrimmed != 1 || s.Outdated != 1 {
		t.Errorf("%d trimmed, %d outdated", s.LogTrimmed, s.Outdated)
	}
}

func TestLogIsBoundedByBytes(t *testing.T) {
	a := tmpl("a", "users")
	g := newGraph(t, Options{}, a)
	big := source.Text(strings.Repeat("x", 900<<10))
	for i := 0; i < 2*maxLogBytes>>20; i++ {
		g.Publish(&source.WriteSet{Changes: []source.Change{{
			Table: "other", Op: source.OpInsert, After: source.Row{big},
		}}}).Settle(source.OutcomeCommitted)
	}
	if g.log.bytes > maxLogBytes || g.Stats().LogTrimmed == 0 {
		t.Errorf("the log holds %d bytes", g.log.bytes)
	}
}

func TestGhostsAreBounded(t *testing.T) {
	h := newGhosts(3, 1<<20)
	tm := tmpl("a", "users")
	for _, k := range []string{"1", "2", "3", "1", "4"} {
		h.add(entry(tm, k), "test")
	}
	var got []string
	for _, gh := range h.list() {
		got = append(got, gh.key)
	}
	if s := strings.Join(got, " "); s != "/a?3 /a?1 /a?4" {
		t.Errorf("kept %s", s)
	}
	if n, _, forgotten := h.stats(); n != 3 || forgotten != 1 {
		t.Errorf("%d ghosts, %d forgotten", n, forgotten)
	}
	small := newGhosts(100, 1000)
	for i := 0; i < 50; i++ {
		small.add(entry(tm, fmt.Sprint(i)), "test")
	}
	if n, bytes, _ := small.stats(); bytes > 1000 || n == 0 {
		t.Errorf("%d ghosts of %d bytes", n, bytes)
	}
}

func TestTooLargeLeavesNothing(t *testing.T) {
	tm := tmpl("a", "users where age >= 0")
	g := newGraph(t, Options{MaxBytes: 64 << 10}, tm)
	e := entry(tm, "1")
	e.Size = 9 << 10
	if o := g.Install(g.Token(), e); o != TooLarge {
		t.Errorf("%s", o)
	}
	if s := g.Stats(); s.Entries != 0 || s.Shapes != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
}

// TestWideWrite: past the bound on lookups the templates are suspended by one
// count each, and fills of them are held off.
func TestWideWrite(t *testing.T) {
	tm, other := tmpl("a", "users where id = 0"), tmpl("b", "orders")
	g := newGraph(t, Options{}, tm, other)
	for i := 0; i < 10; i++ {
		mustInstall(t, g, entry(tm, fmt.Sprint(i)))
	}
	mustInstall(t, g, entry(other, ""))
	ws := &source.WriteSet{Source: "main"}
	for i := 0; i < defaultBounds.lookups; i++ {
		ws.Changes = append(ws.Changes, source.Change{
			Table: "users", Op: source.OpInsert, After: source.Row{source.Int(int64(i + 5)), source.Null(), source.Null()},
		})
	}
	tok := g.Token()
	i := g.Publish(ws)
	if i.Affected() != 10 || i.Spared()[RuleTable] != 1 || len(i.affected) != 0 {
		t.Errorf("%d affected, %v spared, %d one by one", i.Affected(), i.Spared(), len(i.affected))
	}
	if s := g.Stats(); s.Suspended != 10 || s.Wide != 1 {
		t.Errorf("%d suspended, %d wide", s.Suspended, s.Wide)
	}
	if o := g.Install(tok, entry(tm, "1")); o != Overtaken {
		t.Errorf("a fill during a wide write: %s", o)
	}
	if got := i.Settle(source.OutcomeCommitted); len(got) != 10 {
		t.Errorf("%d dropped", len(got))
	}
	if o := g.Install(tok, entry(tm, "1")); o != Overtaken {
		t.Errorf("a fill from before a wide write: %s", o)
	}
	mustInstall(t, g, entry(tm, "1"))
}

func TestOpenWritesAreBounded(t *testing.T) {
	tm := tmpl("a", "users where id = 0")
	g := newGraph(t, Options{}, tm)
	g.bounds.open = 2
	mustInstall(t, g, entry(tm, "7"))
	var open []*Intent
	for i := 0; i < 3; i++ {
		open = append(open, g.Publish(write(lane)))
	}
	if a, b := open[1].Affected(), open[2].Affected(); a != 0 || b != 1 || g.Stats().OpenOverflow != 1 {
		t.Errorf("%d and %d affected, %d overflows", a, b, g.Stats().OpenOverflow)
	}
	for _, i := range open {
		i.Settle(source.OutcomeRolledBack)
	}
	if _, s := g.Get("/a?7"); s != StateFresh {
		t.Errorf("%s", s)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	tm := tmpl("a", "users")
	g := newGraph(t, Options{}, tm)
	e := entry(tm, "")
	for i := 0; i < maxRecords+10; i++ {
		e.Records = append(e.Records, Record{"users", fmt.Sprint(i)})
	}
	mustInstall(t, g, e)
	if n := countPrefix(e.items, "r:"); n != maxRecords {
		t.Errorf("%d record edges", n)
	}
	if got := g.Purge(Filter{Record: &Record{"Users", fmt.Sprint(maxRecords + 5)}}); len(got) != 1 {
		t.Errorf("a record past the bound purges %d entries", len(got))
	}
}

// TestEvictionTakesTheEdges: whatever the policy throws out leaves no item, no
// byte and no shape behind when Install returns; a hit follows an install.
func TestEvictionTakesTheEdges(t *testing.T) {
	tm := tmpl("a", "users where id = 0 or age >= 1")
	g := newGraph(t, Options{MaxBytes: 256 << 10}, tm)
	for i := 0; i < 2000; i++ {
		e := entry(tm, fmt.Sprintf("%d %d", i, i%7))
		o := g.Install(g.Token(), e)
		_, state := g.Get(e.Key)
		if o != Installed || state != StateFresh {
			t.Fatalf("entry %d: %s, then %s", i, o, state)
		}
		if i%100 == 0 {
			if err := g.Audit(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := g.Stats()
	if s.Evictions == 0 || s.Bytes > 256<<10 || s.Stale != 0 {
		t.Errorf("%d evictions, %d bytes, %d ghosts", s.Evictions, s.Bytes, s.Stale)
	}
}

// TestWeight holds the estimate against the heap: within a quarter below, and
// a half above, what 20,000 entries really take.
func TestWeight(t *testing.T) {
	if testing.Short() {
		t.Skip("measures the heap")
	}
	for _, where := range []string{"first_name = 0", "age >= 0"} {
		tm := tmpl("users.list", "users where "+where)
		g := newGraph(t, Options{MaxBytes: 1 << 30}, tm)
		heap := func() int64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before := heap()
		const n = 20000
		for i := 0; i < n; i++ {
			key := fmt.Sprintf("users.list\x00firstName=%d&limit=10", i)
			e := &Entry{
				Key: key, URL: fmt.Sprintf("/v1/users?firstName=%d&limit=10", i), Template: tm,
				Args: sqlparse.Args{sqlparse.One(source.Text(fmt.Sprintf("name-%d", i)))}, Size: int64(len(key)),
			}
			for r := 0; r < 4; r++ {
				e.Records = append(e.Records, Record{"users", fmt.Sprintf("%d-abc", 4*i+r)})
			}
			mustInstall(t, g, e)
		}
		real := heap() - before
		ratio := float64(g.Stats().Bytes) / float64(real)
		t.Logf("%s: %d bytes an entry estimated, %d measured", where, g.Stats().Bytes/n, real/n)
		if ratio < 0.75 || ratio > 1.5 {
			t.Errorf("%s: the estimate is %.2f of the heap", where, ratio)
		}
		runtime.KeepAlive(g)
	}
}

// TestConfinedUntilWidened: a table of which only columns changed stays confined
// when a write is widened to its tables, unless it has row changes too.
func TestConfinedUntilWidened(t *testing.T) {
	o := occ("users reads first_name")
	for text, want := range map[string]bool{
		"WHOLE users: why\nCONFINED users age":                              true,
		"WHOLE users: why\nCONFINED users age\nINSERT users (7, 'Lane', 3)": false,
		"WHOLE users: why\nCONFINED users age\nDELETE orders (7, 1, 3)":     true,
		"WHOLE users: why\nCONFINED users age,first_name":                   false,
		"WHOLE users: why": false,
	} {
		d := digestOf(write(text)).byTable("too many rows")
		c := d.confined["users"]
		if got := c != nil && c.spares(o); got != want || d.whole["users"] == "" {
			t.Errorf("%q: spared %v", text, got)
		}
	}
}

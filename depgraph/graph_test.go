package depgraph

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"edgecache/source"
)

func TestRegister(t *testing.T) {
	tm := tmpl("a", "users")
	g := newGraph(t, Options{}, tm)
	if err := g.Register(tm); err != nil {
		t.Errorf("the same again: %v", err)
	}
	for _, bad := range []*Template{nil, {}, tmpl("a", "orders"), {Endpoint: "b", Occurrences: []Occurrence{nil}}} {
		if err := g.Register(bad); err == nil {
			t.Errorf("registered %+v", bad)
		}
	}
	other := tmpl("a", "users")
	other.Variant = "sort=price"
	if err := g.Register(other); err != nil {
		t.Errorf("another variant: %v", err)
	}
	mustInstall(t, g, entry(other, ""))
	if got := g.Unregister("a"); len(got) != 1 || g.Stats().Templates != 0 {
		t.Errorf("%d dropped, %d left", len(got), g.Stats().Templates)
	}
	if _, err := New(Options{MaxBytes: -1}); err == nil {
		t.Error("a negative bound is accepted")
	}
}

func TestReplacingAnEntryReplacesItsEdges(t *testing.T) {
	tm := tmpl("a", "users where id = 0")
	g := newGraph(t, Options{}, tm)
	one, two := entry(tm, "1"), entry(tm, "2")
	two.Key = one.Key
	mustInstall(t, g, one)
	g.Get(one.Key)
	mustInstall(t, g, two)
	if e, _ := g.Get(one.Key); e != two || e.Hits() != 2 || one.State() != StateAbsent {
		t.Errorf("%v, %d hits, the old one is %s", e.Args, e.Hits(), one.State())
	}
	if got := rollBack(g, "INSERT users (1, 'a', 1)"); got != 0 {
		t.Errorf("%d affected through an edge of the entry before", got)
	}
	mustInstall(t, g, two) // the very same: nothing to do
	if s := g.Stats(); s.Entries != 1 || s.Replaced != 1 {
		t.Errorf("%+v", s)
	}
}

// TestCounters holds the algebra in the docs of Stats.
func TestCounters(t *testing.T) {
	tm := tmpl("a", "users where id = 0")
	g := newGraph(t, Options{MaxBytes: 32 << 10, LogLength: 4}, tm)
	for i := 0; i < 400; i++ {
		tok := g.Token()
		if i%5 == 0 {
			w := g.Publish(write(fmt.Sprintf("DELETE users (%d, 'x', 1)", i%30)))
			w.Settle(source.Outcome(i % 3))
		}
		g.Install(tok, entry(tm, fmt.Sprint(i%40)))
		g.Get(fmt.Sprintf("/a?%d", i%50))
		if i%90 == 0 {
			g.Purge(Filter{Key: fmt.Sprintf("/a?%d", i%40)})
		}
		s := g.Stats()
		in := s.Installs
		out := s.Replaced + s.Dropped + s.Evictions + s.Expired + s.Purged + s.Unregistered
		if int64(s.Entries) != in-out || s.Gets != s.Hits+s.MissesAbsent+s.MissesSuspended+s.MissesStale ||
			s.Offered != s.Installs+s.Overtaken+s.Outdated+s.TooLarge+s.NoTemplate+s.Failed ||
			s.Offered != int64(i+1) || s.Gets != int64(i+1) {
			t.Fatalf("%+v", s)
		}
	}
}

// TestConcurrently runs readers, fillers and writers against a database of
// versions. No reader may see a version that is older than the last one whose
// write was answered before it asked, and no two reads of one reader may go
// back. Run it with -race.
func TestConcurrently(t *testing.T) {
	const users, writes, readers = 8, 400, 3
	tm := tmpl("get", "users where id = 0")
	g := newGraph(t, Options{MaxBytes: 64 << 10}, tm)
	var db, answered [users]atomic.Int64
	var busy [users]sync.Mutex // one writer a row, as in a database
	var wg sync.WaitGroup
	for w := 0; w < 2; w++ {
		wg.Go(func() {
			for n := 0; n < writes; n++ {
				id := (n*7 + w) % users
				busy[id].Lock()
				ws := write(fmt.Sprintf("UPDATE users (%d, 'a', %d) -> (%d, 'a', %d)", id, n, id, n+1))
				if n%50 == 0 {
					ws = write("WHOLE users: TRUNCATE")
				}
				i := g.Publish(ws)
				if n%4 == 3 {
					i.Settle(source.OutcomeRolledBack)
				} else {
					v := db[id].Add(1) // COMMIT
					i.Settle(source.OutcomeCommitted)
					answered[id].Store(v)
				}
				busy[id].Unlock()
			}
		})
	}
	for r := 0; r < readers; r++ {
		wg.Go(func() {
			var last [users]int64
			for n := 0; n < 4*writes; n++ {
				id := (n*5 + r) % users
				floor := max(answered[id].Load(), last[id])
				seen := read(g, tm, id, &db[id])
				if seen < floor {
					t.Errorf("user %d: saw version %d after %d", id, seen, floor)
				}
				last[id] = seen
			}
		})
	}
	wg.Wait()
	if s := g.Stats(); s.Alarms != 0 || s.Hits == 0 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

// read is one GET: from the graph when fresh, else through to the database.
func read(g *Graph, tm *Template, id int, db *atomic.Int64) int64 {
	key := fmt.Sprintf("/get?%d", id)
	if e, state := g.Get(key); state == StateFresh {
		return e.Payload.(int64)
	}
	tok := g.Token()
	e := entry(tm, fmt.Sprint(id))
	v := db.Load()
	e.Payload = v
	g.Install(tok, e)
	return v
}

package depgraph

import (
	"errors"
	"fmt"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

var errFault = errors.New("injected")

// failNth makes the store's nth operation fail; it reports whether it was reached.
func failNth(g *Graph, n int) (reached func() bool) {
	count := 0
	g.store.fault = func(op string) error {
		if count++; count == n {
			return fmt.Errorf("%w: %s", errFault, op)
		}
		return nil
	}
	return func() bool { return count >= n }
}

// TestInstallFailsAtEveryStep: the Nth operation of an Install fails, N = 1, 2,
// ... until none does. The entry is not there, the one before it is.
func TestInstallFailsAtEveryStep(t *testing.T) {
	tm := tmpl("a", "users where id = 0 or age >= 0", "orders")
	for n := 1; ; n++ {
		g := newGraph(t, Options{}, tm)
		old, e := entry(tm, "1"), entry(tm, "1")
		mustInstall(t, g, old)
		reached := failNth(g, n)
		o := g.Install(g.Token(), e)
		g.store.fault = nil
		if !reached() {
			if o != Installed || n < 5 {
				t.Errorf("step %d: %s without a fault", n, o)
			}
			return
		}
		if got, state := g.Get("/a?1"); o != Failed || got != old || state != StateFresh {
			t.Errorf("step %d: %s, %s", n, o, state)
		}
		if s := g.Stats(); s.StoreErrors != 1 || s.Entries != 1 {
			t.Errorf("step %d: %d errors, %d entries", n, s.StoreErrors, s.Entries)
		}
		if err := g.Audit(); err != nil {
			t.Errorf("step %d: %v", n, err)
		}
	}
}

// TestPublishFailsAtEveryStep: whatever lookup fails, what the write affects
// is suspended, and more than that.
func TestPublishFailsAtEveryStep(t *testing.T) {
	tm := tmpl("a", "users where id = 0 or age >= 1")
	for n := 1; ; n++ {
		g := newGraph(t, Options{}, tm)
		mustInstall(t, g, entry(tm, "1 100"))
		mustInstall(t, g, entry(tm, "2 100"))
		reached := failNth(g, n)
		i := g.Publish(write(lane))
		g.store.fault = nil
		want, alarms := 2, int64(1)
		if !reached() {
			want, alarms = 1, 0
		}
		_, state := g.Get("/a?1 100")
		if i.Affected() != want || g.Stats().Alarms != alarms || state != StateSuspended {
			t.Errorf("step %d: %d affected, %d alarms, %s", n, i.Affected(), g.Stats().Alarms, state)
		}
		if got := i.Settle(source.OutcomeCommitted); len(got) != want {
			t.Errorf("step %d: %d dropped", n, len(got))
		}
		if !reached() {
			return
		}
	}
}

// TestSettleFailsAtEveryStep: the entries are gone though their items are not;
// nobody is found through those, and the next operation removes them.
func TestSettleFailsAtEveryStep(t *testing.T) {
	tm := tmpl("a", "users where id = 0 or age >= 1")
	for n := 1; ; n++ {
		g := newGraph(t, Options{}, tm)
		mustInstall(t, g, entry(tm, "1 100"))
		i := g.Publish(write(lane))
		reached := failNth(g, n)
		got := i.Settle(source.OutcomeCommitted)
		g.store.fault = nil
		if _, state := g.Get("/a?1 100"); len(got) != 1 || state != StateAbsent {
			t.Errorf("step %d: %d dropped, %s", n, len(got), state)
		}
		if !reached() {
			return
		}
		if len(g.debris) == 0 || g.stats.Alarms != 1 {
			t.Errorf("step %d: %d items left, %d alarms", n, len(g.debris), g.stats.Alarms)
		}
		if got := rollBack(g, lane); got != 0 || len(g.debris) != 0 {
			t.Errorf("step %d: %d affected, %d items left", n, got, len(g.debris))
		}
	}
}

func TestAfterClose(t *testing.T) {
	tm := tmpl("a", "users where id = 0")
	g, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Register(tm); err != nil {
		t.Fatal(err)
	}
	mustInstall(t, g, entry(tm, "1"))
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if o := g.Install(g.Token(), entry(tm, "2")); o != Failed {
		t.Errorf("install: %s", o)
	}
	if i := g.Publish(write(lane)); i.Affected() != 1 {
		t.Errorf("publish affects %d", i.Affected())
	}
}

// broken panics in the method that is named.
type broken struct {
	*fakeOcc
	in string
}

func (b *broken) may(method string) {
	if b.in == method {
		panic("broken " + method)
	}
}

func (b *broken) Unchanged(c *source.Change) bool { b.may("Unchanged"); return b.fakeOcc.Unchanged(c) }
func (b *broken) Reads(col int) bool              { b.may("Reads"); return b.fakeOcc.Reads(col) }
func (b *broken) ColumnNames() []string           { b.may("ColumnNames"); return b.fakeOcc.ColumnNames() }
func (b *broken) Describe(a sqlparse.Args) string { b.may("Describe"); return b.fakeOcc.Describe(a) }
func (b *broken) Region(a sqlparse.Args) (sqlparse.Region, bool) {
	b.may("Region")
	return b.fakeOcc.Region(a)
}
func (b *broken) Match(a sqlparse.Args, r source.Row) sqlparse.Truth {
	b.may("Match")
	return b.fakeOcc.Match(a, r)
}

// TestPanicsWiden: an occurrence that panics loses precision, never soundness.
func TestPanicsWiden(t *testing.T) {
	for _, method := range []string{"Unchanged", "Reads", "ColumnNames", "Region", "Match", "Describe"} {
		b := &broken{fakeOcc: occ("users where id = 0"), in: method}
		tm := &Template{Endpoint: "a", Occurrences: []Occurrence{b}}
		g := newGraph(t, Options{}, tm)
		mustInstall(t, g, entry(tm, "1"))
		if got := rollBack(g, "ASSIGNED users age\n"+lane); got != 1 {
			t.Errorf("%s: %d affected", method, got)
		}
		x := g.Explain(write(lane), nil)
		if len(x.Entries) != 1 || !x.Entries[0].Affected {
			t.Errorf("%s: explained as %+v", method, x.Entries)
		}
		if n := g.Stats().Widened; (n == 0) != (method == "Describe" || method == "Reads") {
			t.Errorf("%s: widened %d times", method, n)
		}
		g.Entries(Filter{})
	}
}

// narrow has no ColumnNames, so that only the lookup can notice a short row.
type narrow struct{ Occurrence }

func TestShortRowsWiden(t *testing.T) {
	tm := &Template{Endpoint: "a", Occurrences: []Occurrence{narrow{occ("users where age = 0")}}}
	g := newGraph(t, Options{}, tm)
	mustInstall(t, g, entry(tm, "1"))
	if got := rollBack(g, "INSERT users (1, 'a')"); got != 1 || g.Stats().Widened == 0 {
		t.Errorf("%d affected, %d widened", got, g.Stats().Widened)
	}
}

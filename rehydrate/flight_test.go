package rehydrate

import (
	"context"
	"reflect"
	"testing"
	"testing/synctest"

	"edgecache/depgraph"
)

// The tests here force the interleavings that flight.go numbers. In a synctest
// bubble, Wait returns when every client and flight stands at its next gate.

func TestFollowersShareOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		var clients []*get
		for range 100 {
			clients = append(clients, start(t.Context(), f, w.job("k", gate)))
		}
		synctest.Wait()
		close(gate)
		synctest.Wait()
		joined := 0
		for _, c := range clients {
			if c.value() != 0 || c.out.Install != depgraph.Installed || c.out.Entry != clients[0].out.Entry {
				t.Fatalf("a client got %+v, %v", c.out, c.err)
			}
			if c.out.Joined {
				joined++
			}
		}
		if joined != 99 || w.reads.Load() != 1 {
			t.Errorf("%d joined and %d read; want 99 and 1", joined, w.reads.Load())
		}
		want := FillStats{Fills: 100, Started: 1, Joined: 99, Landed: 1, Reads: 1}
		if s := f.Stats(); s != want {
			t.Errorf("stats %+v, want %+v", s, want)
		}
	})
}

// crossing runs interleaving (1) and returns what c was answered with, and
// what is stored at the end.
func crossing(t *testing.T, w *world) (c int, stored *depgraph.Entry, reads int64) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := NewFiller(w, FillOptions{})
		a := start(t.Context(), f, w.job("k", gate))
		synctest.Wait() // flight 1 has its snapshot
		w.write()
		late := start(t.Context(), f, w.job("k", nil))
		synctest.Wait()
		if late.answered() {
			t.Error("c was answered while flight 1 was under way")
		}
		close(gate)
		synctest.Wait()
		if a.value() != 0 || a.out.Joined {
			t.Errorf("a got %d; want its own read of 0", a.value())
		}
		c = late.value()
	})
	return c, w.cached(), w.reads.Load()
}

// TestCrossingFlightIsNotJoined is interleaving (1), and I1.
func TestCrossingFlightIsNotJoined(t *testing.T) {
	c, stored, reads := crossing(t, &world{})
	if c != 1 || reads != 2 {
		t.Errorf("c got %d after %d reads; want 1 after 2", c, reads)
	}
	if stored == nil || stored.Payload.(int) != 1 {
		t.Errorf("stored %+v; want the answer 1", stored)
	}
}

// TestCrossingFlightControl shows that without Quiet c reads the past.
func TestCrossingFlightControl(t *testing.T) {
	if c, _, _ := crossing(t, &world{blindQuiet: true}); c != 0 {
		t.Errorf("c got %d; the control should show the stale 0", c)
	}
}

// lateFill runs interleaving (2) and returns what a was answered with.
func lateFill(t *testing.T, w *world) (value int, o depgraph.InstallOutcome) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		f := NewFiller(w, FillOptions{})
		a := start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		w.write()
		close(gate)
		synctest.Wait()
		value, o = a.value(), a.out.Install
	})
	return value, o
}

// TestLateFillStoresNothing is interleaving (2), and I5.
func TestLateFillStoresNothing(t *testing.T) {
	w := &world{}
	if v, o := lateFill(t, w); v != 0 || o != depgraph.Overtaken {
		t.Errorf("a got %d, %v; want 0, overtaken", v, o)
	}
	if w.cached() != nil {
		t.Errorf("stored %+v after the write", w.cached())
	}
}

// TestLateFillControl shows that without the token the past is stored.
func TestLateFillControl(t *testing.T) {
	w := &world{blindInstall: true}
	if lateFill(t, w); w.cached() == nil {
		t.Error("the control should show the stale entry stored")
	}
}

// TestFollowerWhileWriteIsPublished is interleaving (3): Quiet, then Publish.
// (Publish, then Quiet is the crossing flight.)
func TestFollowerWhileWriteIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate, asked := &world{}, make(chan struct{}), make(chan struct{})
		w.afterQuiet = func(bool) { <-asked }
		f := NewFiller(w, FillOptions{})
		a := start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		b := start(t.Context(), f, w.job("k", nil))
		synctest.Wait() // b was told that the flight is quiet
		w.write()
		close(asked)
		synctest.Wait()
		if b.answered() {
			t.Error("b did not join")
		}
		close(gate)
		synctest.Wait()
		if a.value() != 0 || b.value() != 0 || !b.out.Joined || b.out.Install != depgraph.Overtaken {
			t.Errorf("a got %d, b got %+v; want 0 shared, overtaken", a.value(), b.out)
		}
		if w.cached() != nil {
			t.Error("the overtaken entry was stored")
		}
	})
}

// TestOpenWriteIsNotJoined is interleaving (4).
func TestOpenWriteIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		w.publish()
		a := start(t.Context(), f, w.job("k", gate))
		synctest.Wait() // snapshot from before the commit
		w.commit()
		w.settle()
		c := start(t.Context(), f, w.job("k", nil))
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if a.value() != 0 || a.out.Install != depgraph.Overtaken {
			t.Errorf("a got %+v; want 0, overtaken", a.out)
		}
		if c.value() != 1 || c.out.Install != depgraph.Installed {
			t.Errorf("c got %+v, %v; want 1, installed", c.out, c.err)
		}
	})
}

// TestFlightLandsBeforeDecision is interleaving (5): flight 1 lands after c
// was told that it is not quiet, and before c acts on it.
func TestFlightLandsBeforeDecision(t *testing.T) {
	for _, next := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w, gate, asked := &world{}, make(chan struct{}), make(chan struct{})
			f := NewFiller(w, FillOptions{})
			start(t.Context(), f, w.job("k", gate))
			synctest.Wait()
			w.write()
			w.afterQuiet = func(bool) { <-asked }
			c := start(t.Context(), f, w.job("k", nil))
			synctest.Wait()
			close(gate) // flight 1 lands
			synctest.Wait()
			second := make(chan struct{})
			if next { // another flight heads the lane when c decides
				start(t.Context(), f, w.job("k", second))
				synctest.Wait()
			}
			close(asked)
			synctest.Wait()
			close(second)
			synctest.Wait()
			if c.value() != 1 || c.out.Joined != next {
				t.Errorf("next=%v: c got %+v, %v; want 1", next, c.out, c.err)
			}
			if n := w.reads.Load(); n != 2 {
				t.Errorf("next=%v: %d reads; want 2", next, n)
			}
		})
	}
}

// TestLookupComesAfterToken is interleaving (6).
func TestLookupComesAfterToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		w.stored = &depgraph.Entry{Key: "k", Template: tmpl, Payload: 0}
		lookup := func() *depgraph.Entry {
			w.calls = append(w.calls, "lookup")
			return w.cached()
		}
		f := NewFiller(w, FillOptions{})
		j := w.job("k", nil)
		j.Lookup = func() *depgraph.Entry {
			e := lookup()
			<-gate
			return e
		}
		a := start(t.Context(), f, j)
		synctest.Wait() // flight 1 found the entry
		w.write()       // which drops it
		j.Lookup = lookup
		c := start(t.Context(), f, j)
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if a.value() != 0 || a.out.Install != depgraph.Installed || !a.out.Joined {
			t.Errorf("a got %+v, %v; want the entry found", a.out, a.err)
		}
		if c.value() != 1 {
			t.Errorf("c got %d; want 1", c.value())
		}
		want := []string{"token", "lookup", "token", "lookup", "read", "install"}
		if !reflect.DeepEqual(w.calls, want) {
			t.Errorf("calls %v, want %v", w.calls, want)
		}
	})
}

func TestOneRunningAndOneWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		w.publish() // stays open: nothing is quiet, as for a suspended entry
		for range 50 {
			start(t.Context(), f, w.job("k", gate))
			synctest.Wait()
		}
		want := FillStats{Fills: 50, Started: 2, Joined: 48, Waited: 49, Reads: 1, Flights: 2}
		if s := f.Stats(); s != want {
			t.Errorf("stats %+v, want %+v", s, want)
		}
		close(gate)
		synctest.Wait()
		if n := w.reads.Load(); n != 2 {
			t.Errorf("%d reads; want 2", n)
		}
	})
}

// TestReplacedMappingIsNotJoined: the same key under another template is
// another question (I6).
func TestReplacedMappingIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		j := w.job("k", nil)
		j.Template = &depgraph.Template{Endpoint: "e"}
		j.Read = func(context.Context) (*depgraph.Entry, error) {
			return &depgraph.Entry{Key: "k", Template: j.Template, Payload: 7}, nil
		}
		b := start(t.Context(), f, j)
		synctest.Wait()
		if b.value() != 7 || b.out.Joined {
			t.Errorf("got %+v, %v; want its own 7", b.out, b.err)
		}
		close(gate)
	})
}

func TestAnewReadsTheSourceAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		anew := w.job("k", nil)
		anew.Anew = true
		anew.Lookup = func() *depgraph.Entry { t.Error("asked the graph"); return nil }
		w.commit() // made elsewhere: the graph has not heard of it
		c := start(t.Context(), f, anew)
		d := start(t.Context(), f, anew)
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if c.value() != 1 || d.value() != 1 || w.reads.Load() != 2 {
			t.Errorf("got %d and %d in %d reads; want 1, 1, 2", c.value(), d.value(), w.reads.Load())
		}
	})
}

// TestAnewBindsTheWaitingFlight: a demand for a new read that joins a flight
// that has not begun makes it skip the lookup.
func TestAnewBindsTheWaitingFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		w.write()
		j := w.job("k", nil)
		j.Lookup = func() *depgraph.Entry { return &depgraph.Entry{Key: "k", Template: tmpl, Payload: 7} }
		b := start(t.Context(), f, j) // waits, and would take what it finds
		synctest.Wait()
		j.Anew = true
		c := start(t.Context(), f, j)
		synctest.Wait()
		close(gate)
		synctest.Wait()
		if b.value() != 1 || c.value() != 1 || w.reads.Load() != 2 {
			t.Errorf("got %d and %d in %d reads; want 1, 1, 2", b.value(), c.value(), w.reads.Load())
		}
	})
}

package rehydrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"edgecache/depgraph"
)

func TestClientLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		ctx, leave := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		a := start(ctx, f, w.job("k", gate))
		synctest.Wait()
		b := start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		leave(gone)
		synctest.Wait()
		if !errors.Is(a.err, gone) {
			t.Errorf("the client that left got %v", a.err)
		}
		close(gate)
		synctest.Wait()
		if b.value() != 0 || b.out.Install != depgraph.Installed || w.reads.Load() != 1 {
			t.Errorf("the other got %+v, %v after %d reads", b.out, b.err, w.reads.Load())
		}
		if _, err := f.Fill(ctx, w.job("k", nil)); !errors.Is(err, gone) {
			t.Errorf("a client that is gone before it asks got %v", err)
		}
		if s := f.Stats(); s.Left != 1 || s.Fills != 2 {
			t.Errorf("stats %+v; want one that left, of two", s)
		}
	})
}

func TestFlightTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		f := NewFiller(w, FillOptions{Timeout: 3 * time.Second})
		begin := time.Now()
		a := start(t.Context(), f, w.job("k", make(chan struct{})))
		<-a.done
		if !errors.Is(a.err, context.DeadlineExceeded) || time.Since(begin) != 3*time.Second {
			t.Errorf("got %v after %v", a.err, time.Since(begin))
		}
	})
}

func TestEveryReadEndsWithAnAnswer(t *testing.T) {
	sad := errors.New("sad")
	other := &depgraph.Entry{Key: "other", Template: tmpl}
	cases := []struct {
		name   string
		read   func(context.Context) (*depgraph.Entry, error)
		want   string
		panics int64
	}{
		{"error", func(context.Context) (*depgraph.Entry, error) { return nil, sad }, "sad", 0},
		{"panic", func(context.Context) (*depgraph.Entry, error) { panic("ouch") }, "ouch", 1},
		{"goexit", func(context.Context) (*depgraph.Entry, error) { runtime.Goexit(); return nil, nil }, "never returned", 0},
		{"nothing", func(context.Context) (*depgraph.Entry, error) { return nil, nil }, "neither", 0},
		{"another key", func(context.Context) (*depgraph.Entry, error) { return other, nil }, "another key", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, gate := &world{}, make(chan struct{})
				f := NewFiller(w, FillOptions{MaxFlights: 1})
				j := w.job("k", nil)
				j.Read = func(ctx context.Context) (*depgraph.Entry, error) {
					<-gate
					return c.read(ctx)
				}
				a, b := start(t.Context(), f, j), start(t.Context(), f, j)
				synctest.Wait()
				close(gate)
				synctest.Wait()
				for _, g := range []*get{a, b} {
					if !g.answered() || g.err == nil || !strings.Contains(g.err.Error(), c.want) {
						t.Fatalf("got %v; want %q", g.err, c.want)
					}
				}
				if s := f.Stats(); s.Failed != 1 || s.Panics != c.panics || s.Flights != 0 {
					t.Errorf("stats %+v", s)
				}
				// The slot and the lane are free again.
				if out, err := f.Fill(t.Context(), w.job("k", nil)); err != nil || out.Joined {
					t.Errorf("the next fill got %+v, %v", out, err)
				}
			})
		})
	}
}

func TestPanicKeepsItsStack(t *testing.T) {
	f := NewFiller(&world{}, FillOptions{})
	_, err := f.Fill(t.Context(), Job{Key: "k", Template: tmpl})
	var p *PanicError
	if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "rehydrate.(*Filler).ask") {
		t.Errorf("got %v; want a PanicError with a stack", err)
	}
}

// TestPastTheBoundsFillsAreRefused holds I8 for the Filler.
func TestPastTheBoundsFillsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{MaxFlights: 1, MaxQueued: 2, Timeout: time.Minute})
		a := start(t.Context(), f, w.job("a", gate))
		synctest.Wait()
		b := start(t.Context(), f, w.job("b", gate)) // waits for the slot
		synctest.Wait()
		w.write()
		a2 := start(t.Context(), f, w.job("a", gate)) // waits for flight a
		synctest.Wait()
		if n := w.reads.Load(); n != 1 {
			t.Errorf("%d reads under way; want 1", n)
		}
		if _, err := f.Fill(t.Context(), w.job("c", nil)); err != ErrBusy {
			t.Errorf("the fourth flight: %v; want ErrBusy", err)
		}
		b2 := start(t.Context(), f, w.job("b", gate)) // joining needs no room
		synctest.Wait()
		close(gate)
		synctest.Wait()
		for i, g := range []*get{a, b, a2, b2} {
			if g.err != nil || !g.answered() {
				t.Errorf("client %d got %v", i, g.err)
			}
		}
		want := FillStats{Fills: 5, Started: 3, Joined: 1, Waited: 1, Busy: 1, Landed: 3, Reads: 3}
		if s := f.Stats(); s != want {
			t.Errorf("stats %+v, want %+v", s, want)
		}
	})
}

func TestWaitingForASlotIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		f := NewFiller(w, FillOptions{MaxFlights: 1, Timeout: time.Second})
		stuck := w.job("a", nil)
		release := make(chan struct{})
		stuck.Read = func(context.Context) (*depgraph.Entry, error) { <-release; return nil, errors.New("late") }
		start(t.Context(), f, stuck)
		synctest.Wait()
		b := start(t.Context(), f, w.job("b", nil))
		<-b.done
		if b.err != ErrBusy || w.reads.Load() != 0 {
			t.Errorf("got %v after %d reads; want ErrBusy after none", b.err, w.reads.Load())
		}
		close(release)
	})
}

func TestReadsStayWithinMaxFlights(t *testing.T) {
	const bound = 3
	var now, most atomic.Int64
	f := NewFiller(&world{}, FillOptions{MaxFlights: bound, MaxQueued: 1000})
	var clients sync.WaitGroup
	for i := range 16 {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(2, uint64(i)))
			for range 100 {
				key := fmt.Sprint(r.IntN(20))
				_, err := f.Fill(context.Background(), Job{Key: key, Template: tmpl, Read: func(context.Context) (*depgraph.Entry, error) {
					n := now.Add(1)
					defer now.Add(-1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					runtime.Gosched()
					return &depgraph.Entry{Key: key, Template: tmpl}, nil
				}})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	if most.Load() > bound {
		t.Errorf("%d reads at once; want at most %d", most.Load(), bound)
	}
}

func TestCloseWaitsForFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := &world{}, make(chan struct{})
		f := NewFiller(w, FillOptions{})
		a := start(t.Context(), f, w.job("k", gate))
		synctest.Wait()
		w.write()
		c := start(t.Context(), f, w.job("k", nil)) // waits for the next flight
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- f.Close(t.Context()) }()
		synctest.Wait()
		if _, err := f.Fill(t.Context(), w.job("k", nil)); err != ErrClosed {
			t.Errorf("a fill while closing: %v; want ErrClosed", err)
		}
		select {
		case err := <-closed:
			t.Fatalf("Close returned %v before the flights had landed", err)
		default:
		}
		close(gate)
		synctest.Wait()
		if err := <-closed; err != nil || a.value() != 0 || c.value() != 1 {
			t.Errorf("Close: %v; a got %d, c got %d", err, a.value(), c.value())
		}
		if err := f.Close(t.Context()); err != nil {
			t.Errorf("a second Close: %v", err)
		}
	})
}

func TestCloseCancelsWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		f := NewFiller(w, FillOptions{Timeout: time.Hour})
		a := start(t.Context(), f, w.job("k", make(chan struct{})))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v; want its deadline", err)
		}
		<-a.done
		if !errors.Is(a.err, context.Canceled) {
			t.Errorf("the client got %v; want cancelled", a.err)
		}
	})
}

// TestEnterComesBeforeTheToken: what is written while a flight waits for leave
// neither overtakes it nor keeps others from joining it, and the leave is given
// back whatever becomes of the read.
func TestEnterComesBeforeTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		f := NewFiller(w, FillOptions{MaxFlights: 1})
		grant, left := make(chan struct{}), 0
		job := w.job("k", nil)
		job.Enter = func(ctx context.Context) (func(), error) {
			select {
			case <-grant:
				return func() { left++ }, nil
			case <-ctx.Done():
				return nil, errors.New("no leave")
			}
		}
		a := start(t.Context(), f, job)
		synctest.Wait()
		w.write()
		b := start(t.Context(), f, job)
		synctest.Wait()
		close(grant)
		synctest.Wait()
		if a.value() != 1 || a.out.Install != depgraph.Installed || b.value() != 1 || !b.out.Joined || left != 1 {
			t.Errorf("%+v and %+v, left %d times", a.out, b.out, left)
		}
		job.Key, job.Read = "p", func(context.Context) (*depgraph.Entry, error) { panic("by a test") }
		_, err := f.Fill(context.Background(), job)
		var p *PanicError
		if !errors.As(err, &p) || left != 2 {
			t.Errorf("%v, left %d times", err, left)
		}
	})
}

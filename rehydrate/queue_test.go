package rehydrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shift records the refills of a queue in the order in which they start; each
// one takes its item's cost of (virtual) time.
type shift struct {
	mu      sync.Mutex
	started []string
	running int
	most    int // that ran at once
}

func (s *shift) item(key string, hits int64, cost time.Duration) Item {
	return Item{Key: key, Hits: hits, Cost: cost, Refill: func(context.Context) error {
		s.note(1, key)
		time.Sleep(cost)
		s.note(-1)
		return nil
	}}
}

func (s *shift) note(n int, started ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = append(s.started, started...)
	s.running += n
	s.most = max(s.most, s.running)
}

// order tells which refills started, and peak how many ran at once.
func (s *shift) order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.started)
}

func (s *shift) peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// check holds the algebra of the counters and the bounds.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, q *Queue) {
	t.Helper()
	s := q.Stats()
	if s.Added != s.Coalesced+s.Overflowed+s.Cancelled+s.Discarded+s.Done+s.Failed+int64(s.Length+s.Running) {
		t.Errorf("the counters do not add up: %+v", s)
	}
	if s.Running > q.opts.Workers || s.Length > q.opts.Length+q.opts.Workers {
		t.Errorf("past a bound: %+v", s)
	}
}

func TestHottestRunsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 1}), &shift{}
		r := rand.New(rand.NewPCG(3, 3))
		var items []Item
		for i := range 200 {
			items = append(items, s.item(fmt.Sprint(i), r.Int64N(10), time.Duration(r.Int64N(5)+1)))
		}
		q.Add(items...)
		synctest.Wait()
		check(t, q)
		want := slices.Clone(items)
		slices.SortStableFunc(want, func(a, b Item) int {
			return int(b.Hits*int64(b.Cost) - a.Hits*int64(a.Cost))
		})
		time.Sleep(time.Second)
		var keys []string
		for _, it := range want {
			keys = append(keys, it.Key)
		}
		if !reflect.DeepEqual(s.order(), keys) {
			t.Errorf("started %v\nwant    %v", s.order(), keys)
		}
		if st := q.Stats(); st.Done != 200 || st.Length != 0 {
			t.Errorf("stats %+v", st)
		}
		check(t, q)
	})
}

func TestSameKeyWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 1}), &shift{}
		q.Add(s.item("busy", 1, time.Second), s.item("a", 1, 1), s.item("b", 2, 1))
		q.Add(s.item("a", 9, 1)) // makes it the hottest
		q.Add(s.item("a", 1, 1)) // does not cool it
		if st := q.Stats(); st.Length != 2 || st.Running != 1 || st.Coalesced != 2 {
			t.Errorf("stats %+v", st)
		}
		time.Sleep(time.Minute)
		if want := []string{"busy", "a", "b"}; !reflect.DeepEqual(s.order(), want) {
			t.Errorf("started %v, want %v", s.order(), want)
		}
		check(t, q)
	})
}

// TestDroppedAgainWhileRunning: an entry that is dropped while it is being
// refilled is refilled once more, after and not beside the first.
func TestDroppedAgainWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 2}), &shift{}
		q.NoteMiss(time.Minute)
		q.Add(s.item("a", 1, time.Second))
		q.Add(s.item("a", 1, time.Second))
		q.Add(s.item("a", 1, time.Second))
		if st := q.Stats(); st.Length != 1 || st.Running != 1 || st.Coalesced != 1 {
			t.Errorf("stats %+v", st)
		}
		check(t, q)
		time.Sleep(3 * time.Second)
		if want := []string{"a", "a"}; !reflect.DeepEqual(s.order(), want) || s.peak() != 1 {
			t.Errorf("started %v, %d at once; want %v, one at once", s.order(), s.peak(), want)
		}
		check(t, q)
	})
}

func TestOverflowDropsColdest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 1, Length: 3}), &shift{}
		q.Add(s.item("busy", 100, time.Second))
		for _, hits := range []int64{5, 1, 4, 2, 6, 3} {
			q.Add(s.item(fmt.Sprint(hits), hits, 1))
		}
		if st := q.Stats(); st.Length != 3 || st.Overflowed != 3 {
			t.Errorf("stats %+v; want 3 waiting and 3 dropped", st)
		}
		time.Sleep(time.Minute)
		if want := []string{"busy", "6", "5", "4"}; !reflect.DeepEqual(s.order(), want) {
			t.Errorf("started %v, want %v", s.order(), want)
		}
		check(t, q)
	})
}

func TestCancelledIsNotRefilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 1}), &shift{}
		q.Add(s.item("busy", 9, time.Second))
		q.Add(s.item("busy", 9, time.Second), s.item("a", 2, 1), s.item("b", 1, 1))
		q.Cancel("busy") // drops the second refill, not the running one
		q.Cancel("a")
		q.Cancel("nobody")
		check(t, q)
		time.Sleep(time.Minute)
		if want := []string{"busy", "b"}; !reflect.DeepEqual(s.order(), want) {
			t.Errorf("started %v, want %v", s.order(), want)
		}
		if st := q.Stats(); st.Cancelled != 2 {
			t.Errorf("stats %+v; want 2 cancelled", st)
		}
		check(t, q)
	})
}

func TestFailedRefillsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, runs := NewQueue(QueueOptions{Workers: 1}), &shift{}
		for i, end := range []func() error{
			func() error { return errors.New("sad") },
			func() error { panic("ouch") },
			func() error { runtime.Goexit(); return nil },
			func() error { return nil },
		} {
			q.Add(Item{Key: fmt.Sprint(i), Refill: func(context.Context) error { runs.note(0, "run"); return end() }})
		}
		time.Sleep(time.Hour)
		if st := q.Stats(); len(runs.order()) != 4 || st.Failed != 3 || st.Done != 1 || st.Running != 0 {
			t.Errorf("%d runs, stats %+v; want each tried once", len(runs.order()), st)
		}
		check(t, q)
	})
}

// TestOneWriteIsSplayed: many refills at once start no faster than the workers
// end them, and one at a time without budget.
func TestOneWriteIsSplayed(t *testing.T) {
	for _, c := range []struct {
		earned time.Duration
		most   int
		took   time.Duration
	}{
		{0, 1, 100 * time.Second},
		{time.Hour, 4, 25 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			q, s := NewQueue(QueueOptions{Workers: 4, Window: time.Hour}), &shift{}
			q.NoteMiss(c.earned)
			var items []Item
			for i := range 100 {
				items = append(items, s.item(fmt.Sprint(i), 1, time.Second))
			}
			begin := time.Now()
			q.Add(items...)
			if err := waitEmpty(q); err != nil {
				t.Fatal(err)
			}
			if s.peak() != c.most || time.Since(begin) != c.took {
				t.Errorf("earned %v: %d at once for %v; want %d for %v", c.earned, s.peak(), time.Since(begin), c.most, c.took)
			}
		})
	}
}

// waitEmpty lets virtual time pass until the queue is idle.
func waitEmpty(q *Queue) error {
	for range 10000 {
		synctest.Wait()
		if s := q.Stats(); s.Length+s.Running == 0 {
			return nil
		}
		time.Sleep(time.Second)
	}
	return errors.New("the queue does not get empty")
}

// TestMissesEarnFurtherWorkers steps through the budget.
func TestMissesEarnFurtherWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 3, Window: time.Minute}), &shift{}
		expect := func(when string, running int, earned, spent time.Duration) {
			t.Helper()
			synctest.Wait()
			st := q.Stats()
			if st.Running != running || st.Earned != earned || st.Spent != spent {
				t.Errorf("%s: %d running, earned %v, spent %v; want %d, %v, %v", when,
					st.Running, st.Earned, st.Spent, running, earned, spent)
			}
			check(t, q)
		}
		for i := range 9 {
			q.Add(s.item(fmt.Sprint(i), 1, 10*time.Second))
		}
		expect("nothing earned", 1, 0, 0)
		if st := q.Stats(); st.Deferred == 0 {
			t.Errorf("stats %+v; want some deferred", st)
		}
		q.NoteMiss(19 * time.Second)
		expect("a second would exceed it", 1, 19*time.Second, 0)
		q.NoteMiss(1 * time.Second)
		expect("covers two", 2, 20*time.Second, 0)
		time.Sleep(10 * time.Second)
		expect("both ended: one may always run", 1, 20*time.Second, 20*time.Second)
		q.NoteMiss(20 * time.Second)
		expect("covers two more", 2, 40*time.Second, 20*time.Second)
		if err := waitEmpty(q); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		expect("all forgotten", 0, 0, 0)
	})
}

func TestOldestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 1}), &shift{}
		q.Add(s.item("a", 1, time.Hour))
		if age := q.Stats().OldestAge; age != 0 {
			t.Errorf("nothing waits, yet the oldest is %v old", age)
		}
		q.Add(s.item("a", 1, 1))
		time.Sleep(time.Second)
		q.Add(s.item("b", 1, 1))
		time.Sleep(time.Second)
		if age := q.Stats().OldestAge; age != 2*time.Second {
			t.Errorf("the oldest is %v old; want 2s", age)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestQueueCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, s := NewQueue(QueueOptions{Workers: 1}), &shift{}
		q.Add(s.item("a", 1, time.Second))
		q.Add(s.item("a", 1, time.Second), s.item("b", 1, time.Second))
		begin := time.Now()
		if err := q.Close(t.Context()); err != nil || time.Since(begin) != time.Second {
			t.Errorf("Close: %v after %v; want nil after the running refill", err, time.Since(begin))
		}
		q.Add(s.item("c", 1, time.Second))
		q.NoteMiss(time.Second)
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("a second Close: %v", err)
		}
		if st := q.Stats(); st.Done != 1 || st.Discarded != 3 || len(s.order()) != 1 {
			t.Errorf("stats %+v, started %v", st, s.order())
		}
		check(t, q)
	})
}

func TestQueueCloseCancelsWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(QueueOptions{})
		q.Add(Item{Key: "a", Refill: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v; want its deadline", err)
		}
		synctest.Wait()
		if st := q.Stats(); st.Failed != 1 || st.Running != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

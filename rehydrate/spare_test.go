package rehydrate

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSpareYieldsToRefills: it runs alone when nothing else is to be done,
// within the budget beside a refill, and never before one.
func TestSpareYieldsToRefills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shift
		q := NewQueue(QueueOptions{Workers: 2})
		defer q.Close(t.Context()) // its own test
		spare := func(cost time.Duration) bool {
			return q.Spare(t.Context(), cost, func(context.Context) { s.note(1, "spare"); time.Sleep(cost); s.note(-1) })
		}
		if !spare(time.Second) {
			t.Fatal("alone it may run, whatever it costs")
		}
		if st := q.Stats(); st.Spent != time.Second || st.Running != 0 || st.Done != 0 {
			t.Errorf("its time is spent and it is no refill: %+v", st)
		}
		q.Add(s.item("a", 1, time.Second))
		synctest.Wait()
		if spare(time.Second) {
			t.Error("beside a refill it needs a budget")
		}
		q.NoteMiss(10 * time.Second)
		if !spare(time.Second) {
			t.Error("and has one now")
		}
		synctest.Wait()
		q.Add(s.item("b", 1, time.Second), s.item("c", 1, time.Second), s.item("d", 1, time.Second))
		synctest.Wait()
		if spare(time.Millisecond) {
			t.Error("refills wait")
		}
		check(t, q)
		if err := waitEmpty(q); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSpareHoldsNoRefillBack: a refill that found no room beside it starts when
// it ends.
func TestSpareHoldsNoRefillBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shift
		q := NewQueue(QueueOptions{Workers: 2})
		inside := func(context.Context) {
			if q.Spare(t.Context(), 0, func(context.Context) {}) {
				t.Error("two at once")
			}
			q.Add(s.item("a", 1, time.Second))
			synctest.Wait()
			if q.Stats().Length != 1 {
				t.Error("there was no budget for both")
			}
		}
		if !q.Spare(t.Context(), time.Second, inside) {
			t.Fatal("it did not run")
		}
		if err := waitEmpty(q); err != nil {
			t.Fatal(err)
		}
		if got := s.order(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("ran %v", got)
		}
		ended := make(chan struct{})
		go q.Spare(t.Context(), 0, func(ctx context.Context) { <-ctx.Done(); close(ended) })
		synctest.Wait()
		closing, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Close(closing); err == nil {
			t.Error("it was still running")
		}
		<-ended
		synctest.Wait()
		if q.Spare(t.Context(), 0, func(context.Context) {}) {
			t.Error("ran after the end")
		}
	})
}

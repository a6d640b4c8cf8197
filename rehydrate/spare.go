package rehydrate

import (
	"context"
	"time"
)

// spareKey is in Queue.running while Spare runs. No entry has it: keys begin
// with the name of their endpoint.
const spareKey = "\x00spare"

// Spare runs f, which takes source time that nobody waits for, as if it were a
// refill colder than all others, in the caller's goroutine. It returns false,
// and f did not run, when refills wait, or all workers are taken, or the budget
// has no room for cost, or another Spare runs, or the Queue is closed. Like the
// first refill it may run without a budget: a cache that never misses earns
// none. f must return soon after ctx is done.
func (q *Queue) Spare(ctx context.Context, cost time.Duration, f func(ctx context.Context)) bool {
	r := &run{item: Item{Key: spareKey, Cost: cost}}
	if !q.beginSpare(r) {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(q.base, cancel)
	defer func() {
		stop()
		cancel()
		q.mu.Lock()
		defer q.mu.Unlock()
		q.releaseLocked(r)
	}()
	f(ctx)
	return true
}

func (q *Queue) beginSpare(r *run) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	if q.closed || q.heap.len() > 0 || len(q.running) >= q.opts.Workers || q.running[spareKey] != nil ||
		len(q.running) > 0 && q.leftLocked(now) < r.item.Cost {
		return false
	}
	r.started = now
	q.running[spareKey] = r
	return true
}

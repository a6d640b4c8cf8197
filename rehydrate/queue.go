package rehydrate

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Item is one dropped entry that is worth bringing back.
type Item struct {
	Key string
	// Hits and Cost tell what the entry was worth: Hits × Cost is its heat.
	Hits int64
	Cost time.Duration
	// Refill fills the entry again, through a Filler. It must return soon
	// after ctx is done.
	Refill func(ctx context.Context) error
}

// QueueOptions are the bounds of a Queue; zero values get defaults.
type QueueOptions struct {
	// Length bounds the refills that wait; past it the coldest is dropped.
	// Default 10000.
	Length int
	// Workers bounds the refills that run at once. Default 2.
	Workers int
	// Window is the time over which the budget is balanced. Default 1 minute.
	Window time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

func (o QueueOptions) withDefaults() QueueOptions {
	if o.Length <= 0 {
		o.Length = 10000
	}
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Window <= 0 {
		o.Window = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// QueueStats counts a Queue's work. Added = Coalesced + Overflowed + Cancelled
// + Discarded + Done + Failed + Length + Running.
type QueueStats struct {
	Length  int // now: waiting
	Running int // now: running
	Added   int64
	// Coalesced counts items merged into one that waited for the same key.
	Coalesced int64
	// Overflowed counts items dropped as the coldest of a full queue.
	Overflowed int64
	// Cancelled counts items whose entry a client had filled.
	Cancelled int64
	// Discarded counts items that waited, or were added, when the Queue closed.
	Discarded int64
	Done      int64
	Failed    int64 // panics included
	// Deferred counts the times that a free worker was held back for want of
	// budget.
	Deferred  int64
	OldestAge time.Duration // of the items that wait
	// Earned and Spent are the source times of the last window.
	Earned, Spent time.Duration
}

// Queue runs refills, hottest first. At most Workers run at once; that also
// splays a write that hits many entries. One worker may always run; a further
// one starts only if what it is expected to cost, with what refills spent and
// are about to spend, stays within what clients' own misses took in the last
// Window. So a refill never waits for a timer: whenever one is held back,
// another is running, and its end asks again.
//
// A refill that fails is dropped, and its entry stays absent until a client
// asks: a source in trouble is not asked again by us.
type Queue struct {
	opts   QueueOptions
	base   context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	heap    *byHeat
	waiting map[string]*queued // those in heap, by key
	running map[string]*run
	budget  budget
	seq     int64
	stats   QueueStats
	closed  bool
	drained chan struct{} // closed when closed and nothing runs
}

// run is a refill under way.
type run struct {
	item    Item
	started time.Time
	// again is a later item for the same key: its entry was dropped once more,
	// perhaps before this run could store it.
	again *queued
}

// NewQueue makes an empty queue.
func NewQueue(o QueueOptions) *Queue {
	o = o.withDefaults()
	q := &Queue{
		opts:    o,
		heap:    newByHeat(),
		waiting: map[string]*queued{},
		running: map[string]*run{},
		budget:  newBudget(o.Window, o.Now()),
		drained: make(chan struct{}),
	}
	q.base, q.cancel = context.WithCancel(context.Background())
	return q
}

// Add queues the items together, so that the hottest of them starts first. An
// item whose key waits already is merged into it: the newer Refill, the greater
// Hits and Cost. It never blocks.
func (q *Queue) Add(items ...Item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	for _, it := range items {
		q.stats.Added++
		q.addLocked(it, now)
	}
	q.pumpLocked(now)
}

func (q *Queue) addLocked(it Item, now time.Time) {
	if q.closed {
		q.stats.Discarded++
		return
	}
	q.seq++
	fresh := &queued{Item: it, heat: heatOf(it), seq: q.seq, since: now}
	if old := q.waiting[it.Key]; old != nil {
		q.stats.Coalesced++
		old.merge(fresh)
		q.heap.fix(old)
		return
	}
	if r := q.running[it.Key]; r != nil {
		if r.again != nil {
			q.stats.Coalesced++
			r.again.merge(fresh)
		} else {
			r.again = fresh
		}
		return
	}
	q.pushLocked(fresh)
}

func (q *queued) merge(newer *queued) {
	q.Refill = newer.Refill
	q.Hits = max(q.Hits, newer.Hits)
	q.Cost = max(q.Cost, newer.Cost)
	q.heat = heatOf(q.Item)
}

// pushLocked makes it wait, at the cost of the coldest when there is no room.
func (q *Queue) pushLocked(it *queued) {
	q.heap.push(it)
	q.waiting[it.Key] = it
	if q.heap.len() > q.opts.Length {
		q.stats.Overflowed++
		q.takeLocked(q.heap.first(coldest))
	}
}

func (q *Queue) takeLocked(it *queued) {
	q.heap.remove(it)
	delete(q.waiting, it.Key)
}

// pumpLocked starts what may run now.
func (q *Queue) pumpLocked(now time.Time) {
	for q.heap.len() > 0 && len(q.running) < q.opts.Workers {
		head := q.heap.first(hottest)
		if len(q.running) > 0 && q.leftLocked(now) < head.Cost {
			q.stats.Deferred++
			return
		}
		q.takeLocked(head)
		r := &run{item: head.Item, started: now}
		q.running[head.Key] = r
		go q.work(r)
	}
}

// leftLocked is the budget after the running refills, each at what it was
// expected to cost or has taken already, whichever is more.
func (q *Queue) leftLocked(now time.Time) time.Duration {
	left := q.budget.left(now)
	for _, r := range q.running {
		left -= max(r.item.Cost, now.Sub(r.started))
	}
	return left
}

func (q *Queue) work(r *run) {
	ok := false
	defer func() {
		if recover() != nil {
			ok = false
		}
		q.ended(r, ok)
	}()
	ok = r.item.Refill(q.base) == nil
}

// ended books a refill and starts the next ones.
func (q *Queue) ended(r *run, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if ok {
		q.stats.Done++
	} else {
		q.stats.Failed++
	}
	q.releaseLocked(r)
}

// releaseLocked frees the worker of a run and starts what may run next.
func (q *Queue) releaseLocked(r *run) {
	now := q.opts.Now()
	delete(q.running, r.item.Key)
	q.budget.spend(now, now.Sub(r.started))
	if r.again != nil {
		q.pushLocked(r.again)
	}
	q.pumpLocked(now)
	if q.closed && len(q.running) == 0 {
		close(q.drained)
	}
}

// NoteMiss tells that a client's own miss took cost of source time, which
// earns refills as much.
func (q *Queue) NoteMiss(cost time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	q.budget.earn(now, cost)
	if len(q.running) < q.opts.Workers && q.heap.len() > 0 {
		q.pumpLocked(now)
	}
}

// Cancel drops the refill that waits for key, since a client has filled it. One
// that runs goes on: its flight is shared or finds the entry.
func (q *Queue) Cancel(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it := q.waiting[key]; it != nil {
		q.takeLocked(it)
		q.stats.Cancelled++
	}
	if r := q.running[key]; r != nil && r.again != nil {
		r.again = nil
		q.stats.Cancelled++
	}
}

// Stats returns a consistent snapshot.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	s := q.stats
	s.Length, s.Running = q.heap.len(), len(q.running)
	if q.running[spareKey] != nil {
		s.Running-- // no item of the queue
	}
	oldest := now
	for _, it := range q.waiting {
		oldest = earlier(oldest, it.since)
	}
	for _, r := range q.running {
		if r.again != nil {
			s.Length++
			oldest = earlier(oldest, r.again.since)
		}
	}
	s.OldestAge = now.Sub(oldest)
	since := now.Sub(q.budget.origin)
	s.Earned, s.Spent = q.budget.earned.sum(since), q.budget.spent.sum(since)
	return s
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Close drops what waits and waits for what runs. When ctx ends first, the
// running refills' contexts are cancelled and the error says so.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		q.discardLocked()
		if len(q.running) == 0 {
			close(q.drained)
		}
	}
	q.mu.Unlock()
	defer q.cancel()
	select {
	case <-q.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("refills were still running: %w", context.Cause(ctx))
	}
}

func (q *Queue) discardLocked() {
	for q.heap.len() > 0 {
		q.takeLocked(q.heap.first(hottest))
		q.stats.Discarded++
	}
	for _, r := range q.running {
		if r.again != nil {
			r.again = nil
			q.stats.Discarded++
		}
	}
}

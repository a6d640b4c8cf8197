package rehydrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestByHeatAgainstTwin runs the two-ended heap against a list that is sorted
// each time.
func TestByHeatAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, seq := newByHeat(), int64(0)
		var twin []*queued
		any := func() *queued { return twin[rapid.IntRange(0, len(twin)-1).Draw(t, "which")] }
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				seq++
				it := &queued{heat: float64(rapid.IntRange(0, 5).Draw(t, "heat")), seq: seq}
				b.push(it)
				twin = append(twin, it)
			},
			"remove": func(t *rapid.T) {
				if len(twin) == 0 {
					t.Skip("empty")
				}
				it := any()
				b.remove(it)
				twin = slices.DeleteFunc(twin, func(o *queued) bool { return o == it })
			},
			"fix": func(t *rapid.T) {
				if len(twin) == 0 {
					t.Skip("empty")
				}
				it := any()
				it.heat = float64(rapid.IntRange(0, 5).Draw(t, "heat"))
				b.fix(it)
			},
			"": func(t *rapid.T) {
				slices.SortFunc(twin, (*queued).compare)
				if b.len() != len(twin) {
					t.Fatalf("%d items, want %d", b.len(), len(twin))
				}
				if len(twin) == 0 {
					if b.first(hottest) != nil || b.first(coldest) != nil {
						t.Fatal("an empty heap has an end")
					}
					return
				}
				if b.first(hottest) != twin[0] || b.first(coldest) != twin[len(twin)-1] {
					t.Fatalf("ends %+v %+v of %+v", b.first(hottest), b.first(coldest), twin)
				}
			},
		})
	})
}

// sample is one entry of a naive meter.
type sample struct{ at, d time.Duration }

// within sums what happened after now-window.
func within(log []sample, now, window time.Duration) (sum time.Duration) {
	for _, s := range log {
		if s.at > now-window {
			sum += s.d
		}
	}
	return sum
}

// TestMeterAgainstTwin: a meter that forgets early lies between the exact sums
// over the window without its first slice and over all of it; one that forgets
// late lies between the window and the window with one slice more.
func TestMeterAgainstTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := slots * time.Duration(rapid.IntRange(1, 1000).Draw(t, "width"))
		width := window / slots
		early, late := newMeter(window, slots), newMeter(window, slots+1)
		var log []sample
		now := time.Duration(0)
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(2*window)/int64(rapid.IntRange(1, 200).Draw(t, "pace"))).Draw(t, "later"))
			if d := time.Duration(rapid.IntRange(0, 9).Draw(t, "d")); d > 0 {
				early.add(now, d)
				late.add(now, d)
				log = append(log, sample{now, d})
			}
			lo, mid, hi := within(log, now, window-width), within(log, now, window), within(log, now, window+width)
			if s := early.sum(now); s < lo || s > mid {
				t.Fatalf("at %v the early meter says %v; want %v to %v", now, s, lo, mid)
			}
			if s := late.sum(now); s < mid || s > hi {
				t.Fatalf("at %v the late meter says %v; want %v to %v", now, s, mid, hi)
			}
		}
	})
}

// TestBudgetErrsTowardsLessLoad looks at both ends of a window of 60 slices of
// a second.
func TestBudgetErrsTowardsLessLoad(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, 0).Add(time.Duration(s * float64(time.Second))) }
	b := newBudget(time.Minute, at(0))
	b.earn(at(0.5), 3)
	if left := b.left(at(59.9)); left != 3 {
		t.Errorf("%v left within the window; want 3", left)
	}
	if left := b.left(at(60.6)); left != 0 {
		t.Errorf("%v left after the window; want nothing", left)
	}
	b.spend(at(100.5), 5)
	if left := b.left(at(160.4)); left != -5 {
		t.Errorf("%v left while the spending is in the window; want -5", left)
	}
	if left := b.left(at(162)); left != 0 {
		t.Errorf("%v left after the window; want nothing", left)
	}
}

// ward runs a queue whose refills end when the test says so, and watches from
// outside what the queue promises.
type ward struct {
	q      *Queue
	clock  *clock
	window time.Duration
	begun  chan string // a refill's key when it starts
	gates  map[string]chan error
	costs  map[string]time.Duration // of those that run
	starts map[string]time.Duration
	earned []sample
	spent  []sample
}

func (w *ward) now() time.Duration { return w.clock.Now().Sub(time.Unix(0, 0)) }

// TestQueueKeepsItsPromises drives a queue at random. It holds: the counters
// add up, the bounds stand, one key runs once at a time, a worker is idle only
// if nothing waits or the budget is used up, and a further worker starts only
// within the budget, counted exactly.
func TestQueueKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &ward{
			clock: &clock{now: time.Unix(0, 0)}, window: time.Minute,
			begun: make(chan string, 100), gates: map[string]chan error{},
			costs: map[string]time.Duration{}, starts: map[string]time.Duration{},
		}
		w.q = NewQueue(QueueOptions{
			Length: rapid.IntRange(1, 6).Draw(t, "length"), Workers: rapid.IntRange(1, 4).Draw(t, "workers"),
			Window: w.window, Now: w.clock.Now,
		})
		defer w.finish(t)
		t.Repeat(map[string]func(*rapid.T){
			"add":    w.add,
			"end":    w.end,
			"cancel": func(t *rapid.T) { w.q.Cancel(w.key(t)) },
			"miss": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(0, 20).Draw(t, "cost")) * time.Second
				w.earned = append(w.earned, sample{w.now(), d})
				w.q.NoteMiss(d)
				w.settle(t)
			},
			"time": func(t *rapid.T) {
				w.clock.advance(time.Duration(rapid.IntRange(0, 30000).Draw(t, "ms")) * time.Millisecond)
			},
			"": func(t *rapid.T) { check(t, w.q) },
		})
	})
}

func (w *ward) key(t *rapid.T) string {
	return fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "key"))
}

func (w *ward) add(t *rapid.T) {
	var items []Item
	for range rapid.IntRange(1, 4).Draw(t, "n") {
		key := w.key(t)
		items = append(items, Item{
			Key:  key,
			Hits: rapid.Int64Range(-1, 5).Draw(t, "hits"),
			Cost: time.Duration(rapid.IntRange(0, 10).Draw(t, "cost")) * time.Second,
			Refill: func(context.Context) error {
				w.begun <- key
				return <-w.gate(key)
			},
		})
	}
	w.q.Add(items...)
	w.settle(t)
}

// gate is where the refill of key waits; the map is filled before any starts.
func (w *ward) gate(key string) chan error {
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	if w.gates[key] == nil {
		w.gates[key] = make(chan error)
	}
	return w.gates[key]
}

// end lets one running refill end.
func (w *ward) end(t *rapid.T) {
	var running []string
	for key := range w.starts {
		running = append(running, key)
	}
	if len(running) == 0 {
		t.Skip("nothing runs")
	}
	slices.Sort(running)
	key := rapid.SampledFrom(running).Draw(t, "which")
	w.spent = append(w.spent, sample{w.now(), w.now() - w.starts[key]})
	delete(w.starts, key)
	delete(w.costs, key)
	done := w.q.Stats().Done + w.q.Stats().Failed
	var err error
	if rapid.Bool().Draw(t, "fails") {
		err = errors.New("sad")
	}
	w.gate(key) <- err
	for s := w.q.Stats(); s.Done+s.Failed == done; s = w.q.Stats() {
	}
	w.settle(t)
}

// settle takes note of the refills that have started, one by one in the order
// of the queue's own bookkeeping, and holds each against the exact budget.
func (w *ward) settle(t *rapid.T) {
	w.q.mu.Lock()
	var fresh []*run
	for key, r := range w.q.running {
		if _, known := w.starts[key]; !known {
			fresh = append(fresh, r)
		}
	}
	w.q.mu.Unlock()
	for range fresh {
		<-w.begun
	}
	now := w.now()
	idle := len(w.starts) == 0
	for _, r := range fresh {
		w.starts[r.item.Key], w.costs[r.item.Key] = now, r.item.Cost
	}
	if len(fresh) > 1 || len(fresh) == 1 && !idle {
		if left := w.left(now, 0); left < 0 {
			t.Fatalf("further workers started %v past the budget", -left)
		}
	}
	s := w.q.Stats()
	if s.Running == 0 && s.Length > 0 {
		t.Fatalf("nothing runs though %d wait", s.Length)
	}
	w.q.mu.Lock()
	head := w.q.heap.first(hottest)
	w.q.mu.Unlock()
	slice := w.window / slots
	if head != nil && s.Running < w.q.opts.Workers && w.left(now, slice) >= head.Cost {
		t.Fatalf("a worker is idle though %v are left", w.left(now, slice))
	}
}

// left is the budget after the expected cost of all that run: exact, or with
// the error that a meter may make.
func (w *ward) left(now, slack time.Duration) time.Duration {
	left := within(w.earned, now, w.window-slack) - within(w.spent, now, w.window+slack)
	for key, at := range w.starts {
		left -= max(w.costs[key], now-at)
	}
	return left
}

// finish lets everything end and closes the queue.
func (w *ward) finish(t *rapid.T) {
	closed := make(chan error, 1)
	go func() { closed <- w.q.Close(context.Background()) }()
	for key := range w.starts {
		w.gate(key) <- nil
	}
	for {
		select {
		case key := <-w.begun: // started before the queue was closed
			w.gate(key) <- nil
		case err := <-closed:
			if err != nil {
				t.Fatalf("Close: %v", err)
			}
			check(t, w.q)
			return
		}
	}
}

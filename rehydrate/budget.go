package rehydrate

import "time"

// slots is how many slices a window is divided into.
const slots = 60

// meter sums durations over a sliding window, by slices of a sixtieth of it. It
// errs by less than one slice, always to the same side: keep is slots for a
// meter that forgets early, slots+1 for one that forgets late.
type meter struct {
	width time.Duration // of a slice
	keep  int64
	sums  [slots + 1]time.Duration
	last  int64 // number of the newest slice
	total time.Duration
}

func newMeter(window time.Duration, keep int64) meter {
	return meter{width: max(window/slots, 1), keep: keep}
}

// turn drops the slices that have left the window at time now, in time since
// any fixed origin. A clock that steps back counts into the newest slice.
func (m *meter) turn(now time.Duration) {
	n := int64(now / m.width)
	if n-m.last >= m.keep {
		m.sums, m.total, m.last = [slots + 1]time.Duration{}, 0, n
		return
	}
	for m.last < n {
		m.last++
		gone := &m.sums[m.last%m.keep]
		m.total -= *gone
		*gone = 0
	}
}

func (m *meter) add(now, d time.Duration) {
	m.turn(now)
	m.sums[m.last%m.keep] += d
	m.total += d
}

func (m *meter) sum(now time.Duration) time.Duration {
	m.turn(now)
	return m.total
}

// budget weighs the source time that refills take against the time that
// clients' own misses took, both over the last window. It errs on the side of
// less load: what was earned is forgotten early, what was spent late.
type budget struct {
	origin time.Time
	earned meter
	spent  meter
}

func newBudget(window time.Duration, now time.Time) budget {
	return budget{
		origin: now,
		earned: newMeter(window, slots),
		spent:  newMeter(window, slots+1),
	}
}

func (b *budget) earn(now time.Time, d time.Duration) {
	b.earned.add(now.Sub(b.origin), max(d, 0))
}

func (b *budget) spend(now time.Time, d time.Duration) {
	b.spent.add(now.Sub(b.origin), max(d, 0))
}

// left is what may still be spent at now; negative when more was spent, as the
// one worker that is always allowed can do.
func (b *budget) left(now time.Time) time.Duration {
	t := now.Sub(b.origin)
	return b.earned.sum(t) - b.spent.sum(t)
}

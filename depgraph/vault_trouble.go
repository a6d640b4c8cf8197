package depgraph

import (
	"sync"
	"sync/atomic"
	"time"
)

// Pauses between attempts to write after the disk refused.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// trouble is a disk that refuses. It is said once, when it begins, and once
// when it is over.
type trouble struct {
	failing atomic.Bool
	size    atomic.Int64 // of the file, for Stats

	mu    sync.Mutex
	next  time.Time
	pause time.Duration
}

// began notes a failure and when to try again.
func (t *trouble) began(v *Vault, what string, err error) {
	v.n.errors.Add(1)
	t.mu.Lock()
	t.pause = min(max(2*t.pause, firstPause), lastPause)
	t.next = v.o.Now().Add(t.pause)
	t.mu.Unlock()
	if t.failing.Swap(true) {
		return
	}
	attrs := []any{"store", v.o.Path}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	v.o.Log.Warn(what, attrs...)
}

func (t *trouble) over(v *Vault) {
	t.mu.Lock()
	t.pause, t.next = 0, time.Time{}
	t.mu.Unlock()
	if t.failing.Swap(false) {
		v.o.Log.Info("the store is written again", "store", v.o.Path)
	}
}

// due tells whether to try again now.
func (t *trouble) due(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !now.Before(t.next)
}

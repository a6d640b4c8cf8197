package proxyhttp

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// TestEveryStoreFault fails the Nth operation on the store's file, N = 1, 2, ...
// until none fails, once and for ever: the server serves right answers, and so
// does the one that starts on the file that is left.
func TestEveryStoreFault(t *testing.T) {
	total := 0
	for _, forever := range []bool{false, true} {
		for n := int64(1); ; n++ {
			var done atomic.Int64
			var armed atomic.Bool
			breaks := func(o *setup) {
				o.storeFault = func(op string) error {
					if at := done.Add(1); armed.Load() && (at == n || forever && at > n) {
						return errors.New("injected: " + op)
					}
					return nil
				}
			}
			dir, c := t.TempDir(), newClock()
			h := again(t, dir, c, breaks)
			armed.Store(true)
			done.Store(0)
			what := fmt.Sprintf("operation %d, for ever %v", n, forever)
			h.warm()
			h.flushed()
			h.write("PUT", "/v1/users/1", fmt.Sprintf(`{"firstName":"N%d"}`, n))
			h.get("/v1/users/1")
			h.admin("POST", "/v1/purge", `{"table":"orders"}`)
			h.s.vault.FlushHeat()
			h.write("POST", "/v1/orders", `{"userId":"1","total":5}`)
			h.allCurrent(what)
			h.stop()
			reached := done.Load() >= n
			h = again(t, dir, c)
			h.allCurrent("restarting after " + what) // while it restores, if there is anything
			h.allCurrent("restarted after " + what)
			h.stop()
			if !reached || t.Failed() {
				break
			}
			total++
		}
	}
	if total < 6 {
		t.Errorf("%d faults", total)
	}
	t.Logf("%d faults, no wrong answer", total)
}

// flushed waits until the store is written, or refuses.
func (h *harness) flushed() {
	h.t.Helper()
	eventually(h.t, "the store was tried", func() bool { st := h.s.vault.Stats(); return st.Waiting == 0 || st.Failing })
}

// allCurrent holds every kept URL against the database.
func (h *harness) allCurrent(what string) {
	h.t.Helper()
	for _, a := range keptURLs {
		got := h.get(a.url, a.headers...)
		want := h.get(a.url, append([]string{"Cache-Control", "no-cache"}, a.headers...)...)
		if got.body != want.body || got.StatusCode != want.StatusCode {
			h.t.Errorf("%s: %s %s: %s, the database says %s", what, a.url, got.cache(), got.body, want.body)
		}
	}
	// The store's own trouble is no alarm of the graph's.
	if st := h.s.graph.Stats(); st.Alarms > 0 || strings.Contains(h.log.String(), "panic") {
		h.t.Errorf("%s: %d alarms: %s", what, st.Alarms, h.log)
	}
}

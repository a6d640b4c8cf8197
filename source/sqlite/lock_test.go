package sqlite

import (
	"context"
	"testing"
	"time"

	"edgecache/source"
)

func TestBusy(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.BusyTimeout = 20 * time.Millisecond })
	other := stranger(t, d.path)
	do(t, other, "BEGIN IMMEDIATE")
	res, err := d.Write(context.Background(), sqls("UPDATE t SET x = 1"), nil)
	wantKind(t, err, source.ErrBusy)
	wantOutcome(t, res, source.OutcomeRolledBack)
	if got := sum(t, d); got != 30 {
		t.Fatal("readers must not wait")
	}
	do(t, other, "COMMIT")
	usable(t, d)
}

// The end of the statement's time ends the wait, and it is the lock's fault; a
// caller that leaves is told so.
func TestBusyUntilTheEnd(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.BusyTimeout = time.Hour })
	other := stranger(t, d.path)
	do(t, other, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	res, err := d.Write(ctx, sqls("UPDATE t SET x = 1"), nil)
	wantKind(t, err, source.ErrBusy)
	wantOutcome(t, res, source.OutcomeRolledBack)

	ctx, leave := context.WithCancel(context.Background())
	d.seams.locked = leave
	res, err = d.Write(ctx, sqls("UPDATE t SET x = 1"), nil)
	wantKind(t, err, source.ErrTimeout)
	wantOutcome(t, res, source.OutcomeRolledBack)
	d.seams.locked = nil
	do(t, other, "COMMIT")
	usable(t, d)
}

// A write that waits for the lock gets it once it is free, and loses nothing.
func TestBusyThenFree(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.BusyTimeout = time.Hour })
	other := stranger(t, d.path)
	do(t, other, "BEGIN IMMEDIATE")
	refused := 0
	d.seams.locked = func() {
		if refused++; refused == 4 {
			do(t, other, "COMMIT")
		}
	}
	ws, res := mustWrite(t, d, "UPDATE t SET x = 11 WHERE id = 1")
	if refused != 4 || res.RowsAffected != 1 || ws.String() != "UPDATE t (1, 10) -> (1, 11)\n" {
		t.Errorf("refused %d times, %+v, %s", refused, res, ws)
	}
}

// The interleaving of lock: what others commit is told of while a write waits,
// though the poller has no slot to look through.
func TestCommitsOfOthersAreNoticedWhileAWriteWaits(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h), func(o *Options) { o.BusyTimeout = time.Hour })
	a, b := stranger(t, d.path), stranger(t, d.path)
	do(t, a, "BEGIN IMMEDIATE")
	do(t, a, "UPDATE t SET x = 0 WHERE id = 2")
	refused := 0
	d.seams.locked = func() {
		switch refused++; refused {
		case 2:
			do(t, a, "COMMIT")
			do(t, b, "BEGIN IMMEDIATE")
		case 3:
			if h.count() != 1 {
				t.Errorf("told %d times of A's commit", h.count())
			}
		case 5:
			if h.count() != 1 {
				t.Errorf("told %d times before B's commit", h.count())
			}
			do(t, b, "COMMIT") // of nothing
		}
	}
	mustWrite(t, d, "UPDATE t SET x = 11 WHERE id = 1")
	if refused != 5 || h.count() != 1 {
		t.Errorf("refused %d times, told %d times", refused, h.count())
	}
}

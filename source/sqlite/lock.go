package sqlite

import (
	"context"
	"errors"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// lock begins a transaction that has the write lock. While somebody else has
// it, the lock is asked for again and again, for BusyTimeout and never past the
// end of ctx. SQLite could wait for it, but nobody else would notice meanwhile
// what others commit:
//
//	1 A, another process, has the lock
//	2 we ask for it and wait, with the writer's slot, so that the poller leaves
//	  the data version alone
//	3 A commits; B, a third one, takes the lock at once
//	4 until we get the lock, or give up, hits are from before A's commit
//
// So after each refusal the data version is looked at. Nothing was sent when the
// wait is in vain: the write is undone for certain, and may be tried again.
func (t *transaction) lock(ctx context.Context) error {
	until := time.Now().Add(t.d.o.BusyTimeout)
	for n := 0; ; n++ {
		err := t.c.withoutWaiting(func() error { return t.c.exec("BEGIN IMMEDIATE") })
		if !isBusy(err) {
			return err
		}
		if f := t.d.seams.locked; f != nil {
			f()
		}
		if err := t.d.noticeForeign(t.c); err != nil && !isBusy(err) {
			return err
		}
		left := time.Until(until)
		if left <= 0 {
			return err
		}
		pause := time.NewTimer(min(left, busyDelays[min(n, len(busyDelays)-1)]*time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				return &source.Error{Kind: source.ErrBusy, Message: lockedMessage, Err: err}
			}
			return err
		}
	}
}

const lockedMessage = "the database is locked by somebody else"

// isBusy tells that somebody else has a lock.
func isBusy(err error) bool {
	var e *sqlError
	return errors.As(err, &e) && (e.primary() == sqlite3.SQLITE_BUSY || e.primary() == sqlite3.SQLITE_LOCKED)
}

// withoutWaiting runs f with a busy handler that gives up at once.
func (c *conn) withoutWaiting(f func() error) error {
	limit := c.busyLimit
	c.busyLimit = 0
	defer func() { c.busyLimit = limit }()
	return f()
}

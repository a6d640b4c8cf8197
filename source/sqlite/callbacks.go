package sqlite

import (
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// The functions of this file are called by SQLite, on the goroutine that uses
// the handle. They must not panic: a panic would unwind through SQLite.

// busyDelays is how long the n-th wait for a lock lasts, in milliseconds; the
// last one repeats.
var busyDelays = [...]time.Duration{1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100}

// onBusy waits for a lock that somebody else holds, until the busy timeout or
// the end of the call's context. 0 gives up.
func onBusy(_ *libc.TLS, id uintptr, count int32) int32 {
	c := handle(id)
	if c == nil {
		return 0
	}
	if count == 0 {
		c.busySince = time.Now()
	}
	left := c.busyLimit - time.Since(c.busySince)
	if left <= 0 {
		return 0
	}
	delay := busyDelays[min(int(count), len(busyDelays)-1)] * time.Millisecond
	t := time.NewTimer(min(delay, left))
	defer t.Stop()
	select {
	case <-c.ctx.Done():
		return 0
	case <-t.C:
		return 1
	}
}

// onProgress stops a statement whose context has ended. The interrupt alone
// would not do: SQLite forgets one that arrives just before the statement
// starts.
func onProgress(_ *libc.TLS, id uintptr) int32 {
	if c := handle(id); c != nil && c.cancelled.Load() {
		return 1
	}
	return 0
}

// onAuthorize is asked about everything that a statement being prepared wants.
func onAuthorize(_ *libc.TLS, id uintptr, action int32, a1, a2, database, within uintptr) int32 {
	c := handle(id)
	if c == nil {
		return sqlite3.SQLITE_DENY
	}
	if c.trusted {
		return sqlite3.SQLITE_OK
	}
	if why := refusalOf(action, text(a1), text(a2)); why != "" {
		c.refusal = why
		return sqlite3.SQLITE_DENY
	}
	if c.reading != nil {
		c.reading.note(action, text(a1), text(a2), text(within))
	}
	return sqlite3.SQLITE_OK
}

// onPreUpdate is told of every row just before it changes.
func onPreUpdate(tls *libc.TLS, id, db uintptr, op int32, database, table uintptr, oldRowid, newRowid int64) {
	c := handle(id)
	if c == nil || c.images == nil || text(database) != "main" {
		return
	}
	c.images.see(event{
		tls: tls, db: db, scratch: c.scratch, op: op,
		table: text(table), oldRowid: oldRowid, newRowid: newRowid,
	})
}

package sqlite

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// A stamp says what the files of a database are: while two stamps are equal,
// nothing was written in between. SQLite's own counters do not tell: a write
// of another process in WAL mode leaves the change counter in the header as it
// was, and the data version of a handle begins anew when it is opened. So a
// stamp holds identity, size and times of the database and of its log.
//
// Whoever takes a stamp must know all that was written before it, and nothing
// that is written after it may look the same:
//
//	1 checkpoint       so that closing has nothing left to write
//	2 BEGIN IMMEDIATE  from here to 5 nobody else writes
//	3 data_version     whatever others wrote before 2 is noticed now
//	4 stamp
//	5 ROLLBACK, close the handles
//	6 stamp again      a write since 5, or something that 1 left: no stamp
//
// Clocks of file systems are coarse: a write just after 4 could bear the very
// times of 4. A stamp is therefore distrusted when its files are younger than
// stampAge. Since 1 makes them young, the database is given a modification
// time of its own first, a random part of a millisecond earlier than it had.
// No later write can bear that time: it bears its own, which is later. To be
// missed, somebody would have to write and to put that very time back, within
// one tick of the clock that times the inode's change. A log, and a database
// whose times we may not set, must be old.
//
// Everything that is not like this errs to no stamp, which means that answers
// are read again.
const stampAge = 2 * time.Second

// closeWait bounds what taking the last stamp waits for locks of others.
const closeWait = time.Second

// StampOf describes the files of the database that a DSN means; "" when they
// do not tell.
func StampOf(dsn string) string {
	path, err := filePath(dsn)
	if err != nil {
		return ""
	}
	st, ok := filesAt(path)
	if !ok {
		return ""
	}
	return st.String()
}

// Stamp is StampOf for an open database.
func (d *DB) Stamp() string { return StampOf(d.path) }

// CloseStamped closes the database, as Close does, and returns a stamp of what
// was left behind; "" when it cannot be known that every write of others was
// noticed before, through Options.OnForeignWrite.
func (d *DB) CloseStamped(ctx context.Context) (stamp string, err error) {
	at := d.lastStamp(ctx)
	err = d.Close()
	if at == "" || at != StampOf(d.path) {
		return "", err
	}
	return at, err
}

// lastStamp goes through 1 to 4, and to ROLLBACK.
func (d *DB) lastStamp(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, closeWait)
	defer cancel()
	s, err := d.writer.take(ctx)
	if err != nil {
		return ""
	}
	defer d.writer.put(s)
	c, err := d.writingHandle(s)
	if err != nil {
		return ""
	}
	defer c.guard(ctx)()
	if err := c.exec("PRAGMA main.wal_checkpoint(TRUNCATE)"); err != nil {
		return ""
	}
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return ""
	}
	stamp := ""
	if err = d.noticeForeign(c); err == nil {
		stamp = stampNow(d.path)
	}
	err = errors.Join(err, c.exec("ROLLBACK"))
	d.remember()
	if err != nil {
		return ""
	}
	return stamp
}

// stampNow takes a stamp that no later write can have. REQUIRES: the write lock.
func stampNow(path string) string {
	now := time.Now()
	st, ok := filesAt(path)
	if !ok || st.log.size > 0 && st.log.younger(now, stampAge) {
		return ""
	}
	if !st.db.younger(now, stampAge) {
		return st.String()
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	own := time.Unix(0, st.db.modified-1-rand.Int64N(int64(time.Millisecond)))
	if err := os.Chtimes(real, time.Time{}, own); err != nil {
		return ""
	}
	if st, ok = filesAt(path); !ok || st.db.modified != own.UnixNano() {
		return "" // a file system that keeps times less exactly
	}
	return st.String()
}

// files are what a stamp prints.
type files struct{ db, log file }

func (f files) String() string { return "db " + f.db.String() + " log " + f.log.String() }

// filesAt looks at the database and its log. ok is false where they do not
// tell: there is none, or a rollback journal waits to be played back. They are
// looked at by name and not opened: closing a file that SQLite has open too
// would take SQLite's locks away.
func filesAt(path string) (f files, ok bool) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return files{}, false
	}
	if _, err := os.Lstat(real + "-journal"); !errors.Is(err, os.ErrNotExist) {
		return files{}, false
	}
	if f.db, ok = fileAt(real); !ok {
		return files{}, false
	}
	switch f.log, ok = fileAt(real + "-wal"); {
	case ok && f.log.size > 0:
		return f, true
	case ok:
		f.log = file{} // an empty log says as much as none
		return f, true
	}
	_, err = os.Lstat(real + "-wal")
	return f, errors.Is(err, os.ErrNotExist)
}

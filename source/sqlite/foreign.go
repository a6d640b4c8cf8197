package sqlite

import (
	"os"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// Changes that do not pass through here are noticed in three ways: PRAGMA
// data_version of the writing handle moves when anybody else commits, and not
// when we do; the inode at the path changes when the file is replaced, and its
// size and time of modification when it is truncated or written over in place;
// and a handle that had to be opened anew knows nothing of the time between. In
// all of them everything may have changed. The data version stands still inside
// a read transaction, so it is read outside of one, or just after BEGIN
// IMMEDIATE, and always on the writing handle, under its slot.
//
// We write to the file itself only when a commit of ours checkpoints the log,
// so its size and time are noted after each of our writes. Who else changes
// them without the data version's moving has written without SQLite, or has
// checkpointed; which of the two cannot be told, so it counts as the first. What
// is written over in place with the same size, and within one tick of the file
// system's clock of a write of ours, is not noticed.

// changes is how many rows the last INSERT, UPDATE or DELETE changed, without
// those of triggers and foreign key actions.
func (c *conn) changes() int64 { return sqlite3.Xsqlite3_changes64(c.tls, c.db) }

// poll looks for writes of others until the database is closed. While a write
// runs nobody else can commit, and a write looks for itself, also while it waits
// for the lock (lock); so where the slot is taken only the file can be another.
func (d *DB) poll() {
	defer d.polling.Done()
	ticker := time.NewTicker(d.o.PollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-d.life.Done():
			return
		case <-ticker.C:
		}
		select {
		case s := <-d.writer.free:
			d.look(s)
			d.writer.put(s)
		default:
			d.glance()
		}
		if f := d.seams.polled; f != nil {
			f()
		}
	}
}

// glance looks for another file while a write has the slot. That write and what
// follows it find out for themselves; until then reads begin anew on the file
// that is there, and what they find is told of once more then.
func (d *DB) glance() {
	now, err := os.Stat(d.path)
	if err != nil || d.same(now) || d.replaced != nil && os.SameFile(now, d.replaced) {
		return
	}
	d.replaced = now
	d.generation.Add(1)
	d.tellForeign("the database file was replaced", true)
}

// same tells that the file is the one that the handles have open.
func (d *DB) same(f os.FileInfo) bool {
	open := d.file.Load()
	return open != nil && os.SameFile(f, *open)
}

// rewritten tells that the file has another size or time than when it was last
// looked at.
func (d *DB) rewritten(f os.FileInfo) bool {
	open := *d.file.Load()
	return f.Size() != open.Size() || !f.ModTime().Equal(open.ModTime())
}

// remember notes size and time of the file after we may have written to it.
func (d *DB) remember() {
	if now, err := os.Stat(d.path); err == nil && d.same(now) {
		d.file.Store(&now)
	}
}

// look examines the file and the data version once.
func (d *DB) look(s *slot) {
	c, err := d.writingHandle(s)
	if err == nil {
		err = d.noticeForeign(c)
	}
	if err != nil && d.gone.Load() == nil {
		d.o.Log.Warn("database not examined", "source", d.o.Name, "error", err)
	}
}

// writingHandle returns the writing handle on the file that is at the path
// now. While there is none, everything that needs the file fails.
func (d *DB) writingHandle(s *slot) (*conn, error) {
	now, err := os.Stat(d.path)
	if err != nil {
		e := d.absent(err)
		if d.gone.Swap(e) == nil {
			d.o.Log.Error("database file is gone", "source", d.o.Name, "error", err)
		}
		return nil, e
	}
	why := "the database was opened anew"
	switch {
	case !d.same(now):
		why = "the database file was replaced"
	case s.c == nil:
	case !d.rewritten(now) || d.moved(s.c):
		d.gone.Store(nil)
		return s.c, nil
	default:
		why = "the database file was written without SQLite, or checkpointed by another process"
	}
	if err := d.attach(s); err != nil {
		e := unavailable(err, "unable to open the database file again")
		d.gone.Store(e)
		return nil, e
	}
	d.gone.Store(nil)
	d.counters.reopened.Add(1)
	d.tellForeign(why, true)
	return s.c, nil
}

// moved tells that the data version has moved, which explains another size and
// time of the file; noticeForeign tells of it.
func (d *DB) moved(c *conn) bool {
	now, err := c.number("PRAGMA main.data_version")
	if err != nil || now == d.dataVersion {
		return false
	}
	d.remember()
	return true
}

// noticeForeign compares the data version with the last one and tells of a
// change, once the schema is up to date.
func (d *DB) noticeForeign(c *conn) error {
	now, err := c.number("PRAGMA main.data_version")
	if err != nil || now == d.dataVersion && !d.schemaInDebt {
		return err
	}
	cookie, err := c.number("PRAGMA main.schema_version")
	if err != nil {
		return err
	}
	current := d.catalog.Load()
	if cookie != current.cookie {
		if current, err = d.reload(c); err != nil {
			return err
		}
	}
	d.schemaInDebt = false
	moved := now != d.dataVersion
	d.dataVersion = now
	version := current.schema.Version
	if changed := version != d.announced; moved || changed {
		d.announced = version
		d.tellForeign("another connection or process wrote to the database", changed)
	}
	return nil
}

func (d *DB) tellForeign(why string, schemaChanged bool) {
	d.counters.foreign.Add(1)
	d.o.OnForeignWrite(&source.WriteSet{
		Source: d.o.Name, Everything: why, SchemaChanged: schemaChanged,
	})
}

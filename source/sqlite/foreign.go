package sqlite

import (
	"os"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// Changes that do not pass through here are noticed in three ways: PRAGMA
// data_version of the writing handle moves when anybody else commits, and not
// when we do; the inode at the path changes when the file is replaced; and a
// handle that had to be opened anew knows nothing of the time between. In all
// of them everything may have changed. The data version stands still inside a
// read transaction, so it is read outside of one, or just after BEGIN
// IMMEDIATE, and always on the writing handle, under its slot.

// changes is how many rows the last INSERT, UPDATE or DELETE changed, without
// those of triggers and foreign key actions.
func (c *conn) changes() int64 { return sqlite3.Xsqlite3_changes64(c.tls, c.db) }

// poll looks for writes of others until the database is closed. While a write
// runs nobody else can commit, and a write looks for itself, so a slot that is
// taken is left alone.
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
		}
		if f := d.seams.polled; f != nil {
			f()
		}
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
	if s.c != nil && os.SameFile(now, d.file) {
		d.gone.Store(nil)
		return s.c, nil
	}
	why := "the database was opened anew"
	if !os.SameFile(now, d.file) {
		why = "the database file was replaced"
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

package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/source"
)

// Defaults of Options.
const (
	defaultReaders      = 4
	defaultBusyTimeout  = 5 * time.Second
	defaultPollInterval = 50 * time.Millisecond
)

// Options say which database to open and how.
type Options struct {
	Path string // the database file
	// Init is SQL text that is run, in one transaction, when the file is
	// absent or holds no schema; "" refuses an absent file.
	Init string

	Readers          int           // reading handles; 0: 4
	BusyTimeout      time.Duration // wait for locks of others, unless the statement's time ends before; 0: 5 s
	StatementTimeout time.Duration // bound of each statement; 0: none

	// MaxChanges and MaxChangeBytes bound the images that one transaction
	// keeps; past them a table is Whole. 0 is no bound.
	MaxChanges     int
	MaxChangeBytes int64

	// PollInterval is how often somebody else's writes are looked for; 0 is
	// 50 ms, less than 0 is never (writes look for them all the same).
	PollInterval time.Duration
	// OnForeignWrite is told of changes that did not pass through here, after
	// the schema was reloaded. It must not call the source.
	OnForeignWrite func(ws *source.WriteSet)

	Name string // goes into WriteSet.Source
	Log  *slog.Logger
}

// DB is one SQLite database file. It implements source.Source.
type DB struct {
	o    Options
	path string

	readers   *slots
	writer    *slots // one
	describer *slots // one

	catalog    atomic.Pointer[catalog]
	catalogMu  sync.Mutex // loads are in order
	lastLoad   int64      // version of the last load, under catalogMu
	generation atomic.Int64
	gone       atomic.Pointer[source.Error] // why the file cannot be used now

	// What the handles have open, as it was when it was last looked at. It is
	// changed under the writer's slot only.
	file atomic.Pointer[os.FileInfo]
	// replaced is the file at the path that glance told of already.
	replaced os.FileInfo // of the poller

	// Under the writer's slot.
	dataVersion  int64 // of the writing handle
	announced    int64 // version of the schema that was last made known
	schemaInDebt bool  // a reload after our own DDL failed

	counters counters
	seams    seams

	life      context.Context // ends with Close
	end       context.CancelFunc
	closeOnce sync.Once
	polling   sync.WaitGroup
}

// counters count what is worth a metric.
type counters struct {
	queries, writes, foreign, capped, unknown, reopened atomic.Int64
}

// Stats is a reading of the counters.
type Stats struct {
	Queries, Writes int64
	ForeignWrites   int64 // changes by others that were noticed
	CappedTables    int64 // tables widened because a write passed MaxChanges or MaxChangeBytes
	UnknownOutcomes int64 // transactions of which nobody knows whether they committed
	Reopened        int64 // times that the file was opened anew
}

// Stats returns the counters.
func (d *DB) Stats() Stats {
	c := &d.counters
	return Stats{
		Queries: c.queries.Load(), Writes: c.writes.Load(), ForeignWrites: c.foreign.Load(),
		CappedTables: c.capped.Load(), UnknownOutcomes: c.unknown.Load(), Reopened: c.reopened.Load(),
	}
}

// seams are places where tests step in; all are nil outside of tests.
type seams struct {
	afterStatement func(i int) // inside the transaction
	beforeEnd      func()      // just before COMMIT is begun
	commit         func(c *conn) error
	rollback       func(c *conn) error
	polled         func()
	locked         func() // the write lock was not to be had, and will be asked for again
}

var _ source.Source = (*DB)(nil)

// Open opens the database, making it with Options.Init where it is absent or
// empty, and starts to look for writes of others. Its errors are *source.Error.
func Open(ctx context.Context, o Options) (*DB, error) {
	d, err := newDB(o)
	if err != nil {
		return nil, err
	}
	if err := d.open(ctx); err != nil {
		_ = d.Close()
		return nil, wrap(ctx, err)
	}
	if d.o.PollInterval > 0 {
		d.polling.Add(1)
		go d.poll()
	}
	return d, nil
}

// newDB fills in defaults and refuses what is no file.
func newDB(o Options) (*DB, error) {
	path, err := filePath(o.Path)
	if err != nil {
		return nil, err
	}
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = defaultBusyTimeout
	}
	if o.PollInterval == 0 {
		o.PollInterval = defaultPollInterval
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnForeignWrite == nil {
		o.OnForeignWrite = func(*source.WriteSet) {}
	}
	d := &DB{o: o, path: path}
	d.life, d.end = context.WithCancel(context.Background())
	d.readers = d.newSlots(o.Readers, "PRAGMA query_only = ON")
	d.writer = d.newSlots(1, "")
	d.describer = d.newSlots(1, "PRAGMA query_only = ON")
	return d, nil
}

// open makes the database where it must be made and takes the first look.
func (d *DB) open(ctx context.Context) error {
	if err := d.initialize(ctx); err != nil {
		return err
	}
	s, err := d.writer.take(ctx)
	if err != nil {
		return err
	}
	defer d.writer.put(s)
	return d.attach(s)
}

// attach opens the writing handle on the file that is at the path now, and
// takes stock: which file, which schema, which version of the data.
func (d *DB) attach(s *slot) error {
	s.abandon()
	before, err := os.Stat(d.path)
	if err != nil {
		return d.absent(err)
	}
	d.generation.Add(1) // all other handles are opened anew when they are next used
	d.readers.dropIdle()
	d.describer.dropIdle()
	c, err := d.writer.handle(s)
	if err != nil {
		return err
	}
	mode, err := c.rows("PRAGMA journal_mode = WAL")
	if err == nil && (len(mode) != 1 || mode[0][0].AsText() != "wal") {
		err = unavailable(nil, "the database cannot be switched to WAL mode")
	}
	if err == nil { // before the schema, so that a change in between shows later
		d.dataVersion, err = c.number("PRAGMA main.data_version")
	}
	if err == nil {
		_, err = d.reload(c)
	}
	if err == nil {
		var now os.FileInfo
		if now, err = os.Stat(d.path); err == nil && !os.SameFile(before, now) {
			err = unavailable(nil, "the database file was replaced while it was opened")
		}
	}
	if err != nil {
		s.drop()
		return err
	}
	d.file.Store(&before)
	d.remember()
	d.announced = d.catalog.Load().schema.Version
	d.schemaInDebt = false
	return nil
}

// absent is the error of a file that cannot be found.
func (d *DB) absent(err error) *source.Error {
	if errors.Is(err, os.ErrNotExist) {
		return unavailable(err, "unable to open the database: the file does not exist")
	}
	return unavailable(err, "unable to open the database: the file cannot be examined")
}

// reload reads the schema through c and keeps it when it changed.
func (d *DB) reload(c *conn) (*catalog, error) {
	d.catalogMu.Lock()
	defer d.catalogMu.Unlock()
	d.lastLoad++
	next, err := loadCatalog(c, d.lastLoad)
	if err != nil {
		return nil, err
	}
	d.catalog.Store(next)
	return next, nil
}

// Schema returns the latest snapshot of the schema.
func (d *DB) Schema() *source.Schema { return d.catalog.Load().schema }

// Ping tells whether the file is there and can be read.
func (d *DB) Ping(ctx context.Context) error {
	if _, err := os.Stat(d.path); err != nil {
		return d.absent(err)
	}
	_, err := d.Query(ctx, source.Statement{SQL: "SELECT count(*) FROM sqlite_schema"}, source.Limits{})
	return err
}

// Close ends the statements that run, waits for their calls to return, and
// closes all handles. Later calls fail.
func (d *DB) Close() error {
	d.closeOnce.Do(func() {
		d.end()
		d.polling.Wait()
		for _, s := range []*slots{d.readers, d.describer, d.writer} {
			s.closeAll()
		}
	})
	return nil
}

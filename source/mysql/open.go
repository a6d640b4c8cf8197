package mysql

import (
	"context"
	"database/sql/driver"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/source"
)

// Defaults of Options.
const (
	defaultReaders      = 8
	defaultWriters      = 4
	defaultDialTimeout  = 10 * time.Second
	defaultLockTimeout  = 10 * time.Second
	defaultPollInterval = 250 * time.Millisecond
	defaultProofTimeout = 5 * time.Second
	// catalogTimeout bounds a look at the server and its schema.
	catalogTimeout  = 30 * time.Second
	rollbackTimeout = 5 * time.Second
	// grace is how much longer than the server's own limit we wait, so that
	// the server's answer comes first and the session survives.
	grace = time.Second
)

// Options say which database to open and how.
type Options struct {
	Name string // goes into WriteSet.Source
	DSN  string // as go-sql-driver reads it; it must name a database

	Readers int // sessions for reads; 0: 8
	Writers int // sessions for writes; 0: 4

	// StatementTimeout bounds each statement: the server is told where it can
	// be (MariaDB: all statements; MySQL and TiDB: SELECT only). 0: none.
	StatementTimeout time.Duration
	LockTimeout      time.Duration // wait for row locks, in whole seconds; 0: 10 s

	// MaxChanges and MaxChangeBytes bound the images that one transaction
	// keeps; past them a table is Whole. 0 is no bound.
	MaxChanges     int
	MaxChangeBytes int64

	// PollInterval is how often the schema is looked at for changes that were
	// made elsewhere, or less often where a look takes long (see poll); 0 is
	// 250 ms, less than 0 is never.
	PollInterval time.Duration
	// ProofTimeout is how long a write waits for the end of its lost session;
	// 0: 5 s. Past it the search goes on behind the scenes, without end, and
	// WriteResult.Ended tells when it is over.
	ProofTimeout time.Duration

	// Plan reads a writing statement against the schema; sqlparse.PlanWrite is
	// made for it. Without it every write is Everything. It is called for each
	// statement of each write.
	Plan func(sql string, schema *source.Schema, database string) (*source.WritePlan, error)
	// OnForeignWrite is told when the schema was changed elsewhere. Of the
	// database's methods it may call Schema only.
	OnForeignWrite func(ws *source.WriteSet)

	Log *slog.Logger
}

// DB is one database of one server. It implements source.Source.
type DB struct {
	o         Options
	connector driver.Connector
	database  string

	readers   *pool
	writers   *pool
	describer *pool // one session
	control   *pool // one session: schema, KILL

	server  atomic.Pointer[server]
	catalog atomic.Pointer[catalog]
	views   atomic.Pointer[viewTexts]
	loadMu  sync.Mutex // loads are in order
	loads   int64      // under loadMu

	// Schema changes through us: begun and ended. A write during which either
	// moved, or at whose start they differed, cannot trust its catalog.
	ddlBegun, ddlEnded atomic.Int64
	schemaDebt         atomic.Bool // the reload after our own DDL failed
	tellMu             sync.Mutex  // from a look that finds a new schema until that is told

	lost     lostSessions
	reads    chan struct{} // slots for given-up reads that are ended
	counters counters
	seams    seams

	life       context.Context // ends with Close
	end        context.CancelFunc
	closeOnce  sync.Once
	background sync.WaitGroup
}

type counters struct {
	queries, writes, whole, capped, everything, unknown, killed, unproven, reloads atomic.Int64
}

// Stats is a reading of the counters.
type Stats struct {
	Queries, Writes int64
	WholeTables     int64 // tables, over all writes, whose rows could not be followed
	CappedTables    int64 // those among them that passed MaxChanges or MaxChangeBytes
	Everything      int64 // writes that may have changed any table
	UnknownOutcomes int64 // transactions of which nobody knows whether they committed
	KilledSessions  int64 // sessions that were lost and killed
	Unproven        int64 // lost sessions that outlived ProofTimeout
	// LostSessions are those of writes that may still be alive now, OldestLost
	// for how long the first of them is searched for.
	LostSessions int64
	OldestLost   time.Duration
	Reloads      int64 // schema loads
}

// Stats returns the counters.
func (d *DB) Stats() Stats {
	c := &d.counters
	lost, oldest := d.lost.reading()
	return Stats{
		LostSessions: lost, OldestLost: oldest,
		Queries: c.queries.Load(), Writes: c.writes.Load(), WholeTables: c.whole.Load(),
		CappedTables: c.capped.Load(), Everything: c.everything.Load(), UnknownOutcomes: c.unknown.Load(),
		KilledSessions: c.killed.Load(), Unproven: c.unproven.Load(), Reloads: c.reloads.Load(),
	}
}

// seams are places where tests step in; all are nil outside of tests.
type seams struct {
	beforeStatement func(i int)                 // images before are read
	afterStatement  func(i int)                 // inside the transaction
	afterBefore     func()                      // images before were read, the statement not sent
	beforeEnd       func()                      // just before COMMIT is sent
	commit          func(s *session) error      // instead of COMMIT
	plainBefore     bool                        // read images before without FOR UPDATE
	noReturning     bool                        // as servers that do not know it
	began           func(id int64)              // the session that writes
	rollback        func(s *session) error      // instead of ROLLBACK
	prove           func(s *session, gone bool) // each look for a lost session
	afterRead       func()                      // rows were read through views, whose definitions were not looked at
}

var _ source.Source = (*DB)(nil)

// Open connects, looks at the server and its schema, and starts to poll it.
// Its errors are *source.Error and never hold the DSN.
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
		d.background.Add(1)
		go d.poll()
	}
	return d, nil
}

func newDB(o Options) (*DB, error) {
	fill(&o.Readers, defaultReaders)
	fill(&o.Writers, defaultWriters)
	fill(&o.LockTimeout, defaultLockTimeout)
	fill(&o.ProofTimeout, defaultProofTimeout)
	if o.PollInterval == 0 {
		o.PollInterval = defaultPollInterval
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnForeignWrite == nil {
		o.OnForeignWrite = func(*source.WriteSet) {}
	}
	connector, database, err := connectorOf(o.DSN)
	if err != nil {
		return nil, err
	}
	d := &DB{o: o, connector: connector, database: database, reads: make(chan struct{}, maxGivenUp)}
	d.life, d.end = context.WithCancel(context.Background())
	d.readers = d.newPool(o.Readers, roleReader)
	d.writers = d.newPool(o.Writers, roleWriter)
	d.describer = d.newPool(1, roleControl)
	d.control = d.newPool(1, roleControl)
	return d, nil
}

// fill puts the default where nothing sensible was given.
func fill[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

func (d *DB) open(ctx context.Context) error {
	sl, err := d.control.take(ctx)
	if err != nil {
		return err
	}
	defer d.control.put(sl)
	if err := d.control.ready(ctx, sl); err != nil {
		return err
	}
	_, err = d.reload(ctx, sl.s)
	return err
}

// Database is the name of the database, which may qualify tables in SQL.
func (d *DB) Database() string { return d.database }

// Schema returns the latest snapshot of the schema.
func (d *DB) Schema() *source.Schema { return d.catalog.Load().schema }

// Ping tells whether the server answers.
func (d *DB) Ping(ctx context.Context) error {
	_, err := d.Query(ctx, source.Statement{SQL: "SELECT 1"}, source.Limits{})
	return err
}

// Close waits for the calls that run and closes all sessions. Later calls fail.
func (d *DB) Close() error {
	d.closeOnce.Do(func() {
		d.end()
		for _, p := range []*pool{d.readers, d.writers, d.describer} {
			p.closeAll() // then no call runs that could start anything
		}
		d.background.Wait()
		d.control.closeAll()
	})
	return nil
}

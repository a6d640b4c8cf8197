package proxyhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/source/mysql"
	"edgecache/source/sqlite"
	"edgecache/sqlparse"
)

// database is one configured source.
type database struct {
	name     string
	version  string // of this program
	src      source.Source
	dialect  sqlparse.Dialect
	database string // the name that may qualify its tables; "" in SQLite
	// epoch grows when the schema may have changed. A plan compiled under an
	// older epoch may not know all that its statement reads.
	epoch atomic.Int64
	// changed wakes the refresher; one pending signal stands for any number.
	changed chan struct{}
	lost    *lostWrites

	gate          gate // requests that need it
	reads, writes *admission
	circuit       *circuit
}

func newDatabase(name string) *database {
	return &database{name: name, changed: make(chan struct{}, 1), lost: newLostWrites()}
}

// outdated tells that the endpoint's plan, which an error may be about, belongs
// to an older schema or has just been found not to fit the new one.
func (e *endpoint) outdated() bool {
	p := e.plan.Load()
	return p.broken != "" || p.epoch != e.db.epoch.Load()
}

// Opener opens one configured source. onForeign is to be called with what
// others wrote, and must not be called under a lock that the source's own
// methods take.
type Opener func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error)

// speak finds the dialect and the name of the database.
func (db *database) speak() {
	if m, ok := db.src.(interface{ Database() string }); ok {
		db.dialect, db.database = sqlparse.MySQL, m.Database()
	}
}

// input is what compiling sql for this source begins with.
func (db *database) input(ctx context.Context, sql string) sqlparse.Input {
	return sqlparse.Input{
		Dialect: db.dialect, Database: db.database, SQL: sql, Schema: db.src.Schema(),
		Describe: func(sql string) (*source.Description, error) { return db.src.Describe(ctx, sql) },
	}
}

// OpenSource is the Opener that knows the drivers of this version.
func OpenSource(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
	switch c.Driver {
	case config.DriverSQLite:
		return openSQLite(ctx, c, onForeign, lim, log)
	case config.DriverMySQL:
		return openMySQL(ctx, c, onForeign, lim, log)
	}
	return nil, fmt.Errorf("driver %q is not available in this version; %s and %s are", c.Driver, config.DriverSQLite, config.DriverMySQL)
}

// openMySQL refuses a server before which no answer could be kept fresh.
func openMySQL(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
	db, err := mysql.Open(ctx, mysql.Options{
		Name: c.Name, DSN: c.DSN, StatementTimeout: lim.Statement, LockTimeout: lim.BusyWait, Plan: sqlparse.PlanWrite,
		MaxChanges: lim.Changes, MaxChangeBytes: lim.ChangeBytes, OnForeignWrite: onForeign, Log: log,
		ProofTimeout: lim.Proof, PollInterval: c.Poll,
	})
	if err != nil {
		return nil, err
	}
	if why := db.StrictReason(ctx); why != "" {
		return nil, errors.Join(fmt.Errorf("consistency: strict cannot be kept: %s", why), db.Close())
	}
	log.Info("source opened", "source", c.Name, "server", db.Flavour().String(), "version", db.Version())
	return db, nil
}

func openSQLite(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
	opts := sqlite.Options{
		Name: c.Name, Path: c.DSN, StatementTimeout: lim.Statement, BusyTimeout: lim.BusyWait, OnForeignWrite: onForeign, Log: log,
		MaxChanges: lim.Changes, MaxChangeBytes: lim.ChangeBytes, PollInterval: c.Poll,
	}
	if c.Init != "" {
		text, err := os.ReadFile(c.Init)
		if err != nil {
			return nil, fmt.Errorf("cannot read init: %w", err)
		}
		opts.Init = string(text)
	}
	return sqlite.Open(ctx, opts)
}

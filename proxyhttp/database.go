package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/source/sqlite"
	"edgecache/sqlparse"
)

// database is one configured source.
type database struct {
	name     string
	src      source.Source
	dialect  sqlparse.Dialect
	database string // the name that may qualify its tables; "" in SQLite
	// epoch grows when the schema may have changed. A plan compiled under an
	// older epoch may not know all that its statement reads.
	epoch atomic.Int64
	// changed wakes the refresher; one pending signal stands for any number.
	changed chan struct{}
}

// Opener opens one configured source. onForeign is to be called with what
// others wrote, and must not be called under a lock that the source's own
// methods take.
type Opener func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error)

// OpenSource is the Opener that knows the drivers of this version.
func OpenSource(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
	if c.Driver != "sqlite" {
		return nil, fmt.Errorf("driver %q is not available in this version; sqlite is", c.Driver)
	}
	opts := sqlite.Options{
		Name: c.Name, Path: c.DSN, StatementTimeout: lim.Statement, BusyTimeout: lim.BusyWait, OnForeignWrite: onForeign, Log: log,
		MaxChanges: lim.Changes, MaxChangeBytes: lim.ChangeBytes,
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

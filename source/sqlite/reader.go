package sqlite

import (
	"context"
	"fmt"
	"os"
	"time"

	"edgecache/source"
)

// Query runs one reading statement in a snapshot of its own: no transaction is
// open on the handle, so the snapshot is taken by the first step, after the
// call, and is let go by the reset.
func (d *DB) Query(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	d.counters.queries.Add(1)
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	if e := d.gone.Load(); e != nil {
		return nil, e
	}
	// A handle goes on reading a file that was deleted, until the poller looks.
	if _, err := os.Stat(d.path); err != nil {
		return nil, d.absent(err)
	}
	s, err := d.readers.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.readers.put(s)
	c, err := d.readers.handle(s)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	start := time.Now()
	defer c.guard(ctx)()
	res, err := c.query(st, lim)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	res.Elapsed = time.Since(start)
	return res, nil
}

// bounded gives ctx the ends that every statement has: StatementTimeout, and
// the closing of the database.
func (d *DB) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if d.o.StatementTimeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, d.o.StatementTimeout)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(d.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// query executes a statement that must only read.
func (c *conn) query(st source.Statement, lim source.Limits) (*source.Result, error) {
	s, err := c.cached(st.SQL)
	if err != nil {
		return nil, err
	}
	if s.verb.kind() != source.StatementSelect || !s.readonly() || len(s.print.writes) > 0 {
		return nil, invalid("a query must be one SELECT that writes nothing")
	}
	if err := s.bind(st.Args); err != nil {
		return nil, err
	}
	defer s.reset()
	res := &source.Result{}
	bytes := int64(0)
	for {
		more, err := s.step()
		if err != nil {
			return nil, err
		}
		if res.Columns == nil { // only now: the first step may prepare anew
			res.Columns = s.columnNames()
		}
		if !more {
			return res, nil
		}
		if err := s.collect(res, lim, &bytes); err != nil {
			return nil, err
		}
	}
}

func (s *stmt) columnNames() []string {
	names := make([]string, s.columns())
	for i := range names {
		names[i] = s.columnName(i)
	}
	return names
}

// payload is what a value counts against Limits.Bytes.
func payload(v source.Value) int64 {
	switch v.Kind() {
	case source.KindInt, source.KindFloat:
		return 8
	}
	return int64(v.Len())
}

func tooLarge(format string, args ...any) *source.Error {
	return &source.Error{Kind: source.ErrTooLarge, Message: fmt.Sprintf(format, args...)}
}

package mysql

import (
	"context"
	"time"

	"edgecache/source"
)

// Query runs one reading statement. The session is read-only, holds REPEATABLE
// READ and has no transaction open, so the statement is a transaction of its
// own: its one snapshot is taken after the call and let go at its end. One that
// names views is in a transaction with a look at their definitions (views.go).
func (d *DB) Query(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	d.counters.queries.Add(1)
	if v := verbOf(st.SQL); v.kind() != source.StatementSelect {
		return nil, invalid("a query must be one SELECT that writes nothing")
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	sl, err := d.readers.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.readers.put(sl)
	views, err := d.viewTexts(ctx)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	for again := true; ; again = false {
		used := sl.s != nil
		if err := d.readers.ready(ctx, sl); err != nil {
			return nil, wrap(ctx, err)
		}
		res, moved, err := d.readGuarded(ctx, sl.s, st, lim, views)
		if err == nil {
			if moved {
				d.told(ctx, views)
			}
			return res, nil
		}
		d.suspect(err)
		if sl.s.broken {
			if again && used && ctx.Err() == nil {
				sl.drop() // the server hung up on an idle session; a read can be sent twice
				continue
			}
			d.abandon(sl.s)
		}
		return nil, wrap(ctx, err)
	}
}

func (s *session) read(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	start := time.Now()
	res := &source.Result{}
	bytes := int64(0)
	err := s.query(ctx, st.SQL, st.Args, func(names []string) { res.Columns = names }, func(row source.Row) error {
		if lim.Rows > 0 && len(res.Rows) >= lim.Rows {
			return tooLarge("the answer has more than %d rows", lim.Rows)
		}
		for _, v := range row {
			bytes += payload(v)
		}
		if lim.Bytes > 0 && bytes > lim.Bytes {
			return tooLarge("the answer has more than %d bytes", lim.Bytes)
		}
		res.Rows = append(res.Rows, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	res.Elapsed = time.Since(start)
	return res, nil
}

// bounded gives ctx the ends that every statement has: StatementTimeout with
// some grace for the server's own, and the closing of the database.
func (d *DB) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if d.o.StatementTimeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, d.o.StatementTimeout+grace)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	stop := context.AfterFunc(d.life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

package sqlite

import (
	"context"
	"time"

	"edgecache/source"
)

// returning runs a writing statement to its end and keeps the rows of its
// RETURNING; nil: it has none. The first step has made all the changes, so a
// row too many is an error that only a rollback mends.
func (s *stmt) returning(lim source.Limits) (*source.Result, error) {
	var res *source.Result
	for bytes := int64(0); ; {
		more, err := s.step()
		if err != nil {
			return nil, err
		}
		if res == nil && s.columns() > 0 { // only now: the first step may prepare anew
			res = &source.Result{Columns: s.columnNames()}
		}
		if !more {
			return res, nil
		}
		if err := s.collect(res, lim, &bytes); err != nil {
			return nil, err
		}
	}
}

// collect adds the current row to an answer, within the limits.
func (s *stmt) collect(res *source.Result, lim source.Limits, bytes *int64) error {
	if lim.Rows > 0 && len(res.Rows) >= lim.Rows {
		return tooLarge("the answer has more than %d rows", lim.Rows)
	}
	row := make(source.Row, len(res.Columns))
	for i := range row {
		row[i] = s.column(i)
		*bytes += payload(row[i])
	}
	if lim.Bytes > 0 && *bytes > lim.Bytes {
		return tooLarge("the answer has more than %d bytes", lim.Bytes)
	}
	res.Rows = append(res.Rows, row)
	return nil
}

// guarded reads inside the transaction and asks Guard. BEGIN IMMEDIATE took
// the write lock, so nobody can change what is read before the end.
func (t *transaction) guarded(ctx context.Context, st source.Statement) error {
	if t.dry {
		return nil
	}
	res, err := t.look(ctx, st, st.Limits)
	if err != nil {
		return err
	}
	return st.Guard(res)
}

// lookTime bounds what all lookups of one write take together: the write lock
// is held meanwhile, and the write waits. Past it a lookup is an error, which
// costs the write nothing else.
const lookTime = 50 * time.Millisecond

// lookAround lets WriteSet.Look read until end is called. Its time begins with
// the first lookup.
func (t *transaction) lookAround(ctx context.Context) (end func()) {
	var bounded context.Context
	cancel := func() {}
	t.ws.Look = func(st source.Statement, lim source.Limits) (*source.Result, error) {
		if bounded == nil {
			bounded, cancel = context.WithTimeout(ctx, lookTime)
		}
		return t.look(bounded, st, lim)
	}
	return func() {
		t.ws.Look = nil
		cancel()
	}
}

// look reads inside the transaction.
func (t *transaction) look(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	if bounded.Err() != nil {
		return nil, ended(bounded, nil)
	}
	defer t.c.guard(bounded)()
	res, err := t.c.query(st, lim)
	return res, wrap(bounded, err)
}

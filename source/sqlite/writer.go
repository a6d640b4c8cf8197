package sqlite

import (
	"context"
	"errors"
	"time"

	"edgecache/source"
)

// Write runs the statements in one transaction. See source.Source.
func (d *DB) Write(ctx context.Context, sts []source.Statement, beforeCommit func(*source.WriteSet)) (*source.WriteResult, error) {
	d.counters.writes.Add(1)
	t := &transaction{d: d, sts: sts, beforeCommit: beforeCommit}
	err := t.run(ctx)
	switch t.res.Outcome {
	case source.OutcomeUnknown:
		d.counters.unknown.Add(1)
	case source.OutcomeRolledBack: // nothing was affected, nothing inserted
		t.res = source.WriteResult{Outcome: t.res.Outcome, Elapsed: t.res.Elapsed}
	}
	return &t.res, err
}

// DryRun executes like Write, always rolls back, and returns what the write
// set would have been.
func (d *DB) DryRun(ctx context.Context, sts []source.Statement) (*source.WriteSet, error) {
	t := &transaction{d: d, sts: sts, dry: true}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	return t.ws, nil
}

// Rehearse is DryRun with a look at the state that the write would leave: look
// is called before the rollback, and WriteSet.Look works meanwhile.
func (d *DB) Rehearse(ctx context.Context, sts []source.Statement, look func(*source.WriteSet)) error {
	return (&transaction{d: d, sts: sts, dry: true, beforeCommit: look}).run(ctx)
}

// transaction is one write from BEGIN to its outcome.
type transaction struct {
	d            *DB
	sts          []source.Statement
	beforeCommit func(*source.WriteSet)
	dry          bool

	s      *slot
	c      *conn
	images *collector
	ddl    bool
	open   bool // BEGIN was done and the end is not known
	ws     *source.WriteSet
	res    source.WriteResult
}

// run takes the writing handle and goes through the phases. Until COMMIT is
// begun the outcome is RolledBack: either nothing began, or rollback confirms
// it, or says Unknown.
func (t *transaction) run(ctx context.Context) error {
	t.res.Outcome = source.OutcomeRolledBack
	s, err := t.d.writer.take(ctx)
	if err != nil {
		return err
	}
	t.s = s
	defer t.d.writer.put(s)
	if t.c, err = t.d.writingHandle(s); err != nil {
		return wrap(ctx, err)
	}
	start := time.Now()
	defer func() { t.res.Elapsed = time.Since(start) }()
	defer t.rollback() // a panic of beforeCommit leaves no transaction open
	if err := t.execute(ctx); err != nil {
		t.rollback()
		return err
	}
	if t.beforeCommit != nil {
		end := t.lookAround(ctx)
		t.beforeCommit(t.ws)
		end()
	}
	if t.dry {
		t.rollback()
		return nil
	}
	if f := t.d.seams.beforeEnd; f != nil {
		f()
	}
	if ctx.Err() != nil { // the last moment at which the caller has a say
		t.rollback()
		return ended(ctx, nil)
	}
	return t.commit()
}

// execute opens the transaction, looks for writes of others, and runs the
// statements.
func (t *transaction) execute(ctx context.Context) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	t.images = newCollector(t.d.catalog.Load(), t.d.o.Name, t.d.o.MaxChanges, t.d.o.MaxChangeBytes)
	t.s.fresh(t.images.catalog.schema.Version)
	t.c.images = t.images
	defer func() { t.c.images = nil }()
	for i, st := range t.sts {
		run := t.statement
		if st.Guard != nil {
			run = t.guarded
		}
		if err := run(ctx, st); err != nil {
			return err
		}
		if f := t.d.seams.afterStatement; f != nil {
			f(i)
		}
	}
	t.ws = t.images.finish()
	t.d.counters.capped.Add(int64(t.images.capped))
	return nil
}

// begin takes the write lock. From here on nobody else writes, and what others
// have written so far can be seen.
func (t *transaction) begin(ctx context.Context) error {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	defer t.c.guard(bounded)()
	t.open = true
	if err := t.lock(bounded); err != nil {
		return wrap(bounded, err)
	}
	return wrap(bounded, t.d.noticeForeign(t.c))
}

// statement runs one statement to its end, rows of RETURNING included.
func (t *transaction) statement(ctx context.Context, st source.Statement) error {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	if bounded.Err() != nil {
		return ended(bounded, nil)
	}
	defer t.c.guard(bounded)()
	return wrap(bounded, t.runStatement(st))
}

func (t *transaction) runStatement(st source.Statement) error {
	s, err := t.c.cached(st.SQL)
	if err != nil {
		return err
	}
	kind := s.verb.kind()
	if kind == source.StatementOther {
		return invalid("%s is not a statement for a write", s.verb)
	}
	if err := s.bind(st.Args); err != nil {
		return err
	}
	t.images.statement(s.print)
	t.images.inserted = nil
	if kind == source.StatementInsert {
		t.images.inserted = t.noteInserted(s)
	}
	returned, err := s.returning(st.Limits)
	if err == nil {
		if returned != nil && kind.IsWrite() {
			t.res.Columns, t.res.Rows = returned.Columns, returned.Rows
		}
		t.count(kind)
	}
	s.reset()
	if s.print.ddl != "" {
		// Other statements' footprints may be out of date now, triggers for
		// one. The write itself may touch rows that the hook does not show.
		t.ddl = true
		t.images.everything("schema change: " + s.print.ddl)
		t.images.ws.SchemaChanged = true
		t.c.cache.clear()
	}
	return err
}

// noteInserted remembers the rowid of rows that the statement itself inserts;
// those of triggers do not count, as in last_insert_rowid().
func (t *transaction) noteInserted(s *stmt) func(string, int64) {
	return func(table string, rowid int64) {
		if s.print.writes[written{table, source.OpInsert}] != nil {
			t.res.LastInsertID, t.res.HasInsertID = rowid, true
		}
	}
}

func (t *transaction) count(kind source.StatementKind) {
	switch kind {
	case source.StatementInsert, source.StatementUpdate, source.StatementDelete:
		t.res.RowsAffected += t.c.changes()
	}
}

// commit ends the transaction. Nobody can stop it any more.
func (t *transaction) commit() error {
	end := (*conn).commit
	if f := t.d.seams.commit; f != nil {
		end = f
	}
	err := end(t.c)
	if err == nil && t.c.autocommit() {
		t.open = false
		t.res.Outcome = source.OutcomeCommitted
		t.d.remember()
		t.reloadAfterDDL()
		return nil
	}
	if err == nil {
		err = errors.New("sqlite: COMMIT did not end the transaction")
	}
	switch {
	case !t.c.autocommit():
		// A deferred constraint, a lock: the transaction is still open.
		t.rollback()
	default:
		// SQLite ended the transaction itself. The log may hold all of it,
		// and a recovery would bring it back.
		t.giveUp()
	}
	return wrap(context.Background(), err)
}

func (c *conn) commit() error   { return c.exec("COMMIT") }
func (c *conn) rollback() error { return c.exec("ROLLBACK") }

// rollback undoes the transaction, if one is open, and makes sure of it.
func (t *transaction) rollback() {
	if !t.open {
		return
	}
	t.open = false
	if t.ddl {
		t.c.cache.clear()
	}
	if t.c.autocommit() {
		return // OR ROLLBACK, RAISE(ROLLBACK): SQLite did it
	}
	undo := (*conn).rollback
	if f := t.d.seams.rollback; f != nil {
		undo = f
	}
	err := undo(t.c)
	if err != nil || !t.c.autocommit() {
		t.d.o.Log.Error("rollback failed", "source", t.d.o.Name, "error", err)
		t.giveUp()
	}
}

// giveUp leaves the outcome unknown and closes the handle: the next write
// opens another.
func (t *transaction) giveUp() {
	t.open = false
	t.res.Outcome = source.OutcomeUnknown
	t.s.drop()
}

// reloadAfterDDL makes the new schema known before the write is answered.
func (t *transaction) reloadAfterDDL() {
	if !t.ddl {
		return
	}
	next, err := t.d.reload(t.c)
	if err != nil {
		t.d.schemaInDebt = true // the next look at the file tries again
		t.d.o.Log.Error("schema not reloaded", "source", t.d.o.Name, "error", err)
		return
	}
	t.d.announced = next.schema.Version
}

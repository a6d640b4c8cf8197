package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"edgecache/source"
)

// Write runs the statements in one transaction. See source.Source.
//
// A schema change or CALL must be alone. When what the statements may do
// cannot be undone by a ROLLBACK, beforeCommit is called before the first of
// them, with all that they may change; it is then called also for a write that
// fails.
func (d *DB) Write(ctx context.Context, sts []source.Statement, beforeCommit func(*source.WriteSet)) (*source.WriteResult, error) {
	d.counters.writes.Add(1)
	if err := d.lost.refuse(); err != nil {
		return &source.WriteResult{Outcome: source.OutcomeRolledBack}, err
	}
	t := &transaction{d: d, sts: sts, beforeCommit: beforeCommit}
	err := t.run(ctx)
	if t.refused != nil {
		err = t.refused
	}
	switch t.res.Outcome {
	case source.OutcomeUnknown:
		d.counters.unknown.Add(1)
	case source.OutcomeRolledBack: // nothing was affected, nothing inserted
		t.res = source.WriteResult{Outcome: t.res.Outcome, Elapsed: t.res.Elapsed}
	}
	d.suspect(err)
	return &t.res, err
}

// DryRun executes like Write, always rolls back, and returns what the write
// set would have been. What a ROLLBACK cannot undo is not executed: its write
// set is what is known from the text.
func (d *DB) DryRun(ctx context.Context, sts []source.Statement) (*source.WriteSet, error) {
	t := &transaction{d: d, sts: sts, dry: true}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	return t.ws, nil
}

// transaction is one write from BEGIN to its outcome.
type transaction struct {
	d            *DB
	sts          []source.Statement
	beforeCommit func(*source.WriteSet)
	dry          bool

	cat   *catalog
	shaky bool  // the catalog may be out of date
	begun int64 // schema changes that had begun when the catalog was taken
	work  []*statement

	guards  []source.Statement
	refused error // what a guard said

	sl   *slot
	s    *session
	c    *collector
	ws   *source.WriteSet
	open bool // something was sent and the end is not known
	// undoable: a ROLLBACK undoes whatever the statements may do.
	undoable bool
	res      source.WriteResult
}

// run goes through the phases. Until something is sent that cannot be undone
// the outcome is RolledBack: nothing began, or rollback confirms it.
func (t *transaction) run(ctx context.Context) error {
	t.res.Outcome = source.OutcomeRolledBack
	alone, err := t.survey()
	if err != nil {
		return err
	}
	if t.dry && !t.undoable {
		t.ws = t.widest()
		return nil
	}
	if t.sl, err = t.d.writers.take(ctx); err != nil {
		return err
	}
	defer t.d.writers.put(t.sl)
	if err := t.d.writers.ready(ctx, t.sl); err != nil {
		return wrap(ctx, err)
	}
	t.s = t.sl.s
	start := time.Now()
	defer func() { t.res.Elapsed = time.Since(start) }()
	if alone {
		return wrap(ctx, t.runAlone(ctx))
	}
	defer t.rollback() // a panic of beforeCommit leaves no transaction open
	if err := t.begin(ctx); err != nil {
		t.rollback()
		return wrap(ctx, err)
	}
	if t.dry {
		t.rollback()
		return nil
	}
	t.show(t.ws)
	if f := t.d.seams.beforeEnd; f != nil {
		f()
	}
	if ctx.Err() != nil { // the last moment at which the caller has a say
		t.rollback()
		return ended(ctx, nil)
	}
	return wrap(ctx, t.commit(ctx))
}

// survey takes the catalog and reads all statements. alone tells that the
// write is one statement that ends transactions by itself.
func (t *transaction) survey() (alone bool, err error) {
	over := t.d.ddlEnded.Load() // before the others: a change that begins now shows
	t.begun = t.d.ddlBegun.Load()
	t.shaky = over != t.begun || t.d.schemaDebt.Load()
	t.cat = t.d.catalog.Load()
	t.undoable = !t.shaky
	if err := t.takeGuards(); err != nil {
		return false, err
	}
	if len(t.sts) == 0 {
		return false, invalid("a write without statements")
	}
	for _, st := range t.sts {
		w, err := t.d.survey(t.cat, st)
		if err != nil {
			return false, err
		}
		alone = alone || w.kind == source.StatementDDL
		t.undoable = t.undoable && !alone && w.potential(t.cat).undoable()
		t.work = append(t.work, w)
	}
	if alone && len(t.sts) > 1 {
		return false, invalid("a schema change, TRUNCATE or CALL must be the only statement of its write")
	}
	return alone, t.guardable(alone)
}

// widest is all that the statements may change, as known before they run.
func (t *transaction) widest() *source.WriteSet {
	c := t.d.newCollector(t.cat)
	if t.shaky {
		c.reach.all("the schema changes at the same time")
	}
	for _, w := range t.work {
		c.merge(w.potential(t.cat))
		if w.kind == source.StatementDDL && verbOf(w.st.SQL) != "TRUNCATE" {
			c.ws.SchemaChanged = true
		}
	}
	return c.finish()
}

// show calls beforeCommit, once.
func (t *transaction) show(ws *source.WriteSet) {
	f := t.beforeCommit
	t.beforeCommit = nil
	if f == nil {
		return
	}
	t.d.counters.whole.Add(int64(len(ws.Whole)))
	if ws.Everything != "" {
		t.d.counters.everything.Add(1)
	}
	f(ws)
}

// begin runs the statements, on a new session when the server turns out to have
// hung up on the old one before the first of them was sent.
//
// A writing session is never in autocommit mode: the first statement opens the
// transaction, and whatever comes of it, commit or rollback ends it, or the
// session is dropped.
func (t *transaction) begin(ctx context.Context) error {
	for again := true; ; again = false {
		t.open = true
		if f := t.d.seams.began; f != nil {
			f(t.s.id)
		}
		sent := t.s.trips
		err := t.execute(ctx)
		// The driver's ErrBadConn means that nothing of this was sent.
		if !errors.Is(err, driver.ErrBadConn) || !again || t.s.trips > sent+1 || ctx.Err() != nil {
			return err
		}
		t.open = false
		t.sl.drop()
		if err := t.d.writers.ready(ctx, t.sl); err != nil {
			return err
		}
		t.s = t.sl.s
	}
}

// execute runs the statements.
func (t *transaction) execute(ctx context.Context) error {
	t.c = t.d.newCollector(t.cat)
	if err := t.askGuards(ctx); err != nil {
		return err
	}
	if !t.undoable { // readers may see its changes before COMMIT
		for _, w := range t.work { // what cannot be prepared has done nothing
			bounded, cancel := t.d.bounded(ctx)
			_, err := t.s.prepare(bounded, w.st.SQL)
			err = wrap(bounded, err)
			cancel()
			if err != nil {
				t.undoable = true
				return err
			}
		}
		t.ws = t.widest()
		t.show(t.ws)
	}
	for i, w := range t.work {
		if f := t.d.seams.beforeStatement; f != nil {
			f(i)
		}
		if err := t.statement(ctx, w); err != nil {
			return err
		}
		if f := t.d.seams.afterStatement; f != nil {
			f(i)
		}
	}
	if !t.undoable {
		return nil
	}
	if t.d.ddlBegun.Load() != t.begun {
		t.c.reach.all("the schema changed at the same time")
	}
	t.ws = t.c.finish()
	t.d.counters.capped.Add(int64(t.c.capped))
	return nil
}

// statement runs one statement with the reading of its images.
func (t *transaction) statement(ctx context.Context, w *statement) error {
	if t.undoable {
		t.c.merge(w.ahead)
	}
	if w.way == wayBlind || !t.undoable || slices.ContainsFunc(w.targets, t.c.isWhole) {
		t.noteColumns(w)
		for _, in := range w.targets { // their rows are of no use any more; what they set off is
			t.c.widen(in, "an earlier statement", w.events())
		}
		_, err := t.send(ctx, w, w.st.SQL, w.st.Args)
		return err
	}
	switch w.way {
	case waySelect, wayPick:
		return t.selected(ctx, w)
	case wayReturn:
		return t.returned(ctx, w)
	}
	return t.insert(ctx, w)
}

// answer is what the server says about a statement.
type answer struct {
	rows int64 // matched, not only changed
	id   int64 // 0: none
}

// send executes the text that stands for the statement and notes what it did.
func (t *transaction) send(ctx context.Context, w *statement, sql string, args []source.Value) (*answer, error) {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	if t.d.mayReturn(w) {
		a, err := t.sendReturning(bounded, w, sql, args)
		if err != nil {
			return nil, wrap(bounded, err)
		}
		t.note(w, a)
		return a, nil
	}
	res, err := t.s.exec(bounded, sql, args)
	if err != nil {
		return nil, wrap(bounded, err)
	}
	a := answerOf(res)
	t.note(w, a)
	return a, nil
}

func answerOf(res driver.Result) *answer {
	a := &answer{}
	a.rows, _ = res.RowsAffected()
	a.id, _ = res.LastInsertId()
	return a
}

func (t *transaction) note(w *statement, a *answer) {
	t.res.RowsAffected += a.rows
	if a.id != 0 && w.kind == source.StatementInsert {
		t.res.LastInsertID, t.res.HasInsertID = a.id, true
	}
}

// commitTimeout bounds COMMIT where the caller sets no deadline.
const commitTimeout = 30 * time.Second

// commit ends the transaction. The caller's deadline holds, its leaving does
// not: an unanswered COMMIT costs more than it is worth.
func (t *transaction) commit(ctx context.Context) error {
	end := time.Now().Add(commitTimeout)
	if at, ok := ctx.Deadline(); ok && at.Before(end) {
		end = at
	}
	bounded, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	send := func(s *session) error { _, err := s.run(bounded, "COMMIT"); return err }
	if f := t.d.seams.commit; f != nil {
		send = f
	}
	err := send(t.s)
	switch {
	case err == nil:
		t.open = false
		t.res.Outcome = source.OutcomeCommitted
		return nil
	case !t.s.broken && refusedCommit(numberOf(err)):
		t.rollback() // confirms it
		return err
	}
	// Nobody knows. It may even commit later, until the session is gone.
	t.open = false
	t.res.Outcome = source.OutcomeUnknown
	t.layToRest()
	return wrap(bounded, err)
}

// refusedCommit names the answers to COMMIT that say that nothing was
// committed: certification failures and write conflicts.
func refusedCommit(number uint16) bool {
	switch number {
	case 1213, 9007, 8022, 8028:
		return true
	}
	return false
}

// rollback undoes the transaction, if one is open, and makes sure of it: the
// server says so, or the session, to which COMMIT was never sent, is gone.
func (t *transaction) rollback() {
	if !t.open {
		return
	}
	t.open = false
	if !t.undoable {
		t.res.Outcome = source.OutcomeUnknown
	}
	if !t.s.broken {
		bounded, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
		defer cancel()
		undo := func(s *session) error { _, err := s.run(bounded, "ROLLBACK"); return err }
		if f := t.d.seams.rollback; f != nil {
			undo = f
		}
		err := undo(t.s)
		if err == nil {
			return
		}
		t.d.o.Log.Error("rollback failed", "source", t.d.o.Name, "error", wrap(bounded, err))
	}
	if !t.layToRest() {
		t.res.Outcome = source.OutcomeUnknown
	}
}

// layToRest ends the session and proves it; false: it may still be alive, and
// the result's Ended will tell.
func (t *transaction) layToRest() (gone bool) {
	s := t.s
	t.sl.drop()
	t.res.Ended = t.d.layToRest(s)
	return t.res.Ended == nil
}

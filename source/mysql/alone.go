package mysql

import (
	"context"
	"database/sql/driver"

	"edgecache/source"
)

// runAlone runs a statement that ends transactions by itself. It is shown
// before it runs, and the schema is loaded anew before it is answered.
func (t *transaction) runAlone(ctx context.Context) error {
	w := t.work[0]
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	// It ends transactions when and how it likes: it gets a session that opens
	// none, of its own, for a procedure may leave it in any state.
	defer t.sl.drop()
	if _, err := t.s.run(bounded, "SET autocommit = 1"); err != nil {
		return wrap(bounded, err)
	}
	// A syntax error or a missing privilege ends here, with nothing done.
	if _, err := t.s.prepare(bounded, w.st.SQL); err != nil && numberOf(err) != 1295 {
		return wrap(bounded, err)
	}
	t.d.ddlBegun.Add(1)
	defer t.d.ddlEnded.Add(1)
	t.ws = t.widest()
	t.show(t.ws)
	t.res.Outcome = source.OutcomeUnknown // from here on parts of it may last
	var err error
	if len(w.st.Args) == 0 {
		var res driver.Result
		if res, err = t.s.run(bounded, w.st.SQL); err == nil {
			t.note(w, answerOf(res))
		}
	} else {
		_, err = t.send(bounded, w, w.st.SQL, w.st.Args)
	}
	if t.s.broken {
		t.layToRest()
	}
	t.reloadAfterDDL()
	if err == nil {
		t.res.Outcome = source.OutcomeCommitted
	}
	return wrap(bounded, err)
}

// reloadAfterDDL makes the new schema known before the write is answered.
func (t *transaction) reloadAfterDDL() {
	if !t.ws.SchemaChanged {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), catalogTimeout)
	defer cancel()
	err := t.d.withControl(ctx, func(s *session) error {
		_, err := t.d.reload(ctx, s)
		return err
	})
	if err != nil {
		t.d.schemaDebt.Store(true) // until a look at the schema succeeds, every write is Everything
		t.d.o.Log.Error("schema not reloaded", "source", t.d.o.Name, "error", wrap(ctx, err))
	}
}

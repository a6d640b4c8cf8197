package mysql

import (
	"context"

	"edgecache/source"
)

// A guard's answer must hold until COMMIT. The transaction is SERIALIZABLE,
// one-shot: the engine then locks every row and gap that a SELECT reads, in
// subqueries and behind views too, which FOR UPDATE behind a text would not.
// Two guarded writes that meet hold what the other is to write, and the engine
// rolls one back: a deadlock, which is ErrBusy and definite.

const serializable = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"

// takeGuards parts the conditions of a write from its statements.
func (t *transaction) takeGuards() error {
	var rest []source.Statement
	for _, st := range t.sts {
		switch {
		case st.Guard == nil:
			rest = append(rest, st)
		case len(rest) > 0:
			return invalid("a condition must stand before the statements that it is for")
		case verbOf(st.SQL).kind() != source.StatementSelect:
			return invalid("a condition must be one SELECT that writes nothing")
		default:
			t.guards = append(t.guards, st)
		}
	}
	t.sts = rest
	if t.dry {
		t.guards = nil
	}
	if len(t.guards) > 0 && t.d.server.Load().Flavour == TiDB {
		return invalid("TiDB cannot keep what a condition read from changing before the write")
	}
	return nil
}

// guardable refuses conditions where the write could not be undone.
func (t *transaction) guardable(alone bool) error {
	if len(t.guards) > 0 && (alone || !t.undoable) {
		return invalid("a write that a ROLLBACK does not undo cannot have a condition")
	}
	return nil
}

// askGuards begins the transaction with its conditions.
func (t *transaction) askGuards(ctx context.Context) error {
	if len(t.guards) == 0 {
		return nil
	}
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	if _, err := t.s.run(bounded, serializable); err != nil {
		return wrap(bounded, err)
	}
	for _, st := range t.guards {
		res, err := t.s.read(bounded, st, st.Limits)
		if err != nil {
			return wrap(bounded, err)
		}
		if t.refused = st.Guard(res); t.refused != nil {
			return t.refused
		}
	}
	return nil
}

package mysql

import (
	"context"

	"edgecache/source"
)

// mayReturn tells whether the statement's own text may have RETURNING. The word
// is reserved where it has a meaning; inside a string or a quoted name it
// merely costs the slower way.
func (d *DB) mayReturn(w *statement) bool {
	return (w.kind == source.StatementInsert || w.kind == source.StatementDelete) && d.server.Load().Flavour == MariaDB &&
		mentions(w.st.SQL).has("returning")
}

// sendReturning executes a statement and keeps its rows. The server tells no
// count beside rows: what came back is what was affected, and no id is told,
// since the rows can tell it better. A row too many is an error that only a
// rollback mends.
func (t *transaction) sendReturning(ctx context.Context, w *statement, sql string, args []source.Value) (*answer, error) {
	st := source.Statement{SQL: sql, Args: args}
	res, err := t.s.read(ctx, st, w.st.Limits)
	if err != nil {
		return nil, err
	}
	if len(res.Columns) > 0 {
		t.res.Columns, t.res.Rows = res.Columns, res.Rows
		return &answer{rows: int64(len(res.Rows))}, nil
	}
	rows, err := t.s.texts(ctx, "SELECT ROW_COUNT()")
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return nil, invalid("the server tells no count of rows")
	}
	return &answer{rows: number(rows[0][0])}, nil
}

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"edgecache/source"
)

// What a statement with RETURNING gives is what it wrote itself: a trigger's
// rows are in the images and not in the answer.
func TestReturning(t *testing.T) {
	d := openTest(t, accounts+`
		CREATE TABLE log (n INTEGER PRIMARY KEY, what TEXT);
		CREATE TRIGGER noted AFTER INSERT ON t BEGIN
			INSERT INTO log (what) VALUES ('t' || new.id);
			UPDATE t SET x = new.x + 1 WHERE id = new.id;
		END;`)
	for _, c := range []struct {
		sql  []string
		want string
	}{
		{[]string{"INSERT INTO t VALUES (7, 70), (8, 80) RETURNING id, x * 2 AS twice"}, "[id twice] [(7, 140) (8, 160)] affected 2"},
		{[]string{"UPDATE t SET x = 0 WHERE id > 6 RETURNING *"}, "[id x] [(7, 0) (8, 0)] affected 2"},
		{[]string{"DELETE FROM t WHERE id = 99 RETURNING id"}, "[id] [] affected 0"},
		{[]string{"DELETE FROM t WHERE id = 8 RETURNING id", "UPDATE t SET x = x + 1 WHERE id = 1 RETURNING x", "UPDATE log SET what = 'x'"}, "[x] [(11)] affected 4"},
		{[]string{"SELECT id FROM t", "UPDATE t SET x = 5 WHERE id = 2"}, "[] [] affected 1"},
	} {
		ws, res := mustWrite(t, d, c.sql...)
		if got := fmt.Sprintf("%v %v affected %d", res.Columns, res.Rows, res.RowsAffected); got != c.want {
			t.Errorf("%s: %s, want %s", c.sql, got, c.want)
		}
		if (res.Columns == nil) != (c.want[:2] == "[]") {
			t.Errorf("%s: columns %#v", c.sql, res.Columns)
		}
		if c.sql[0][:6] == "INSERT" && len(ws.Changes) != 6 {
			t.Errorf("the trigger's changes are missing:\n%s", ws)
		}
	}
}

// More rows than allowed undo the write: an answer is never cut, and what
// nobody was told of must not have happened.
func TestReturningIsBounded(t *testing.T) {
	for name, lim := range map[string]source.Limits{"rows": {Rows: 1}, "bytes": {Bytes: 8}} {
		d := openTest(t, accounts)
		shown := false
		res, err := d.Write(context.Background(), []source.Statement{{SQL: "UPDATE t SET x = x + 1 RETURNING x", Limits: lim}},
			func(*source.WriteSet) { shown = true })
		wantKind(t, err, source.ErrTooLarge)
		wantOutcome(t, res, source.OutcomeRolledBack)
		if shown || res.Rows != nil || sum(t, d) != 30 {
			t.Errorf("%s: shown %t, %+v, sum %d", name, shown, res, sum(t, d))
		}
		usable(t, d)
	}
}

// errGuard is a condition that does not hold.
var errGuard = errors.New("the guard says no")

// A guard decides inside the transaction, before anything is changed, and its
// error comes back as it is.
func TestGuard(t *testing.T) {
	d := openTest(t, accounts)
	var seen []source.Row
	guard := func(err error) source.Statement {
		return source.Statement{SQL: "SELECT x FROM t WHERE id = ?", Args: []source.Value{source.Int(1)}, Limits: source.Limits{Rows: 1},
			Guard: func(r *source.Result) error { seen = r.Rows; return err }}
	}
	write := source.Statement{SQL: "UPDATE t SET x = 11 WHERE id = 1"}
	shown := false
	res, err := d.Write(context.Background(), []source.Statement{guard(errGuard), write}, func(*source.WriteSet) { shown = true })
	if !errors.Is(err, errGuard) || shown || sum(t, d) != 30 {
		t.Errorf("%v, shown %t, sum %d", err, shown, sum(t, d))
	}
	wantOutcome(t, res, source.OutcomeRolledBack)
	if fmt.Sprint(seen) != "[(10)]" {
		t.Errorf("the guard saw %v", seen)
	}
	res, err = d.Write(context.Background(), []source.Statement{guard(nil), write}, nil)
	if err != nil || sum(t, d) != 31 || res.RowsAffected != 1 || res.Columns != nil {
		t.Errorf("%v, %+v, sum %d", err, res, sum(t, d))
	}
	for _, bad := range []string{"UPDATE t SET x = 1", "DELETE FROM t RETURNING id", "SELECT nonsense FROM t"} {
		_, err = d.Write(context.Background(), []source.Statement{{SQL: bad, Guard: func(*source.Result) error { return nil }}, write}, nil)
		wantKind(t, err, source.ErrInvalid)
	}
	many := guard(nil)
	many.SQL, many.Args = "SELECT x FROM t", nil
	_, err = d.Write(context.Background(), []source.Statement{many, write}, nil)
	wantKind(t, err, source.ErrTooLarge)
	if _, err := d.DryRun(context.Background(), []source.Statement{guard(errGuard), write}); err != nil {
		t.Errorf("a dry run asks the guard: %v", err)
	}
	usable(t, d)
}

// A lookup that takes too long is given up, those behind it too, and the write
// goes on as if nobody had looked.
func TestLookupsAreBounded(t *testing.T) {
	d := openTest(t, accounts)
	endless := source.Statement{SQL: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"}
	short := source.Statement{SQL: "SELECT x FROM t WHERE id = 1"}
	var kept func(source.Statement, source.Limits) (*source.Result, error)
	res, err := d.Write(context.Background(), sqls("UPDATE t SET x = 11 WHERE id = 1"), func(ws *source.WriteSet) {
		r, err := ws.Look(short, source.Limits{})
		if err != nil || fmt.Sprint(r.Rows) != "[(11)]" {
			t.Errorf("%v, %v: a lookup sees what the write did", r, err)
		}
		_, err = ws.Look(endless, source.Limits{})
		wantKind(t, err, source.ErrTimeout)
		_, err = ws.Look(short, source.Limits{})
		wantKind(t, err, source.ErrTimeout)
		if len(ws.Changes) != 1 {
			t.Errorf("%v", ws)
		}
		kept = ws.Look
	})
	if err != nil || kept == nil {
		t.Fatal(err)
	}
	wantOutcome(t, res, source.OutcomeCommitted)
	if n := sum(t, d); n != 31 {
		t.Errorf("sum %d", n)
	}
	usable(t, d)
}

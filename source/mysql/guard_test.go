package mysql

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"edgecache/source"
)

var errGuard = errors.New("the guard says no")

func guarded(guard func(*source.Result) error, texts ...string) []source.Statement {
	sts := []source.Statement{{SQL: "SELECT x FROM u WHERE id = ?", Args: []source.Value{source.Int(1)}, Limits: source.Limits{Rows: 1}, Guard: guard}}
	for _, s := range texts {
		sts = append(sts, source.Statement{SQL: s})
	}
	return sts
}

// A guard decides before anything is changed, and its error comes back as it is.
func TestGuard(t *testing.T) {
	d := openTest(t, twoRows)
	seen, shown := "", false
	res, err := d.Write(context.Background(), guarded(func(r *source.Result) error { seen = fmt.Sprint(r.Rows); return errGuard }, "UPDATE u SET x = 9"),
		func(*source.WriteSet) { shown = true })
	if !errors.Is(err, errGuard) || shown || res.Outcome != source.OutcomeRolledBack || seen != "[(1)]" {
		t.Errorf("%v, shown %t, %+v, saw %s", err, shown, res, seen)
	}
	yes := func(*source.Result) error { return nil }
	var ws *source.WriteSet
	res, err = d.Write(context.Background(), guarded(yes, "UPDATE u SET x = 9 WHERE id = 1"), func(w *source.WriteSet) { ws = w })
	if err != nil || res.Outcome != source.OutcomeCommitted || res.RowsAffected != 1 || len(ws.Changes) != 1 {
		t.Errorf("%v, %+v, %v", err, res, ws)
	}
	if _, err := d.DryRun(context.Background(), guarded(func(*source.Result) error { return errGuard }, "UPDATE u SET x = 8 WHERE id = 1")); err != nil {
		t.Errorf("a dry run asks the guard: %v", err)
	}
	for name, sts := range map[string][]source.Statement{
		"behind":     append([]source.Statement{{SQL: "UPDATE u SET x = 1"}}, guarded(yes)...),
		"no SELECT":  {{SQL: "UPDATE u SET x = 1", Guard: yes}, {SQL: "UPDATE u SET x = 2"}},
		"alone":      guarded(yes),
		"DDL":        guarded(yes, "TRUNCATE TABLE u"),
		"wrong":      {{SQL: "SELECT nonsense FROM u", Guard: yes}, {SQL: "UPDATE u SET x = 2"}},
		"many rows":  {{SQL: "SELECT x FROM u", Guard: yes, Limits: source.Limits{Rows: 1}}, {SQL: "UPDATE u SET x = 2"}},
		"not undone": guarded(yes, "INSERT INTO mem VALUES (1)"),
	} {
		if name == "not undone" {
			d = openTest(t, twoRows+"CREATE TABLE mem (id INT) ENGINE=MEMORY;")
		}
		res, err := d.Write(context.Background(), sts, nil)
		if k := source.KindOf(err); err == nil || k != source.ErrInvalid && k != source.ErrTooLarge || res.Outcome != source.OutcomeRolledBack {
			t.Errorf("%s: %v %+v", name, err, res)
		}
	}
	if got := fmt.Sprint(readAll(t, d, "SELECT x FROM u ORDER BY id")); got != "[(1) (2)]" && got != "[(9) (2)]" {
		t.Errorf("left behind: %s", got)
	}
}

// Two writers with one condition, both past their guards before either writes:
// exactly one commits, and the other is told that nothing of it was done.
func TestGuardsThatMeet(t *testing.T) {
	d := openTest(t, twoRows)
	passed, write := make(chan struct{}, 2), make(chan struct{})
	isOne := func(r *source.Result) error {
		if r.Rows[0][0] != source.Int(1) {
			return errGuard
		}
		passed <- struct{}{}
		<-write
		return nil
	}
	type end struct {
		res *source.WriteResult
		err error
	}
	ends := make(chan end, 2)
	for n := range 2 {
		go func() {
			res, err := d.Write(context.Background(), guarded(isOne, fmt.Sprintf("UPDATE u SET x = %d WHERE id = 1", n+10)), nil)
			ends <- end{res, err}
		}()
	}
	<-passed
	<-passed
	close(write)
	won := 0
	for range 2 {
		e := <-ends
		switch {
		case e.err == nil && e.res.Outcome == source.OutcomeCommitted:
			won++
		case source.KindOf(e.err) == source.ErrBusy && e.res.Outcome == source.OutcomeRolledBack:
		default:
			t.Errorf("%v %+v", e.err, e.res)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

// A foreign transaction cannot change what a guard has read.
func TestGuardHoldsForeigners(t *testing.T) {
	d := openTest(t, twoRows)
	blocked := false
	_, err := d.Write(context.Background(), guarded(func(*source.Result) error {
		tx := hold(t, d, "SET SESSION innodb_lock_wait_timeout = 0")
		_, err := tx.Exec("UPDATE u SET x = 5 WHERE id = 1")
		blocked = numberOf(err) == 1205
		return nil
	}, "UPDATE u SET x = 6 WHERE id = 1"), nil)
	if err != nil || !blocked {
		t.Errorf("%v, blocked %t", err, blocked)
	}
}

// MariaDB gives rows for INSERT, REPLACE and DELETE.
func TestReturningRows(t *testing.T) {
	d := openTest(t, twoRows+"CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, p DECIMAL(6,2), returning_note VARCHAR(20));")
	if d.server.Load().Flavour != MariaDB {
		t.Skip("only MariaDB has RETURNING")
	}
	for _, c := range []struct{ sql, want string }{
		{"INSERT INTO a (p) VALUES (1.239), (2) RETURNING id, p, p * 2 AS twice", "[id p twice] [(1, 1.24, 2.48) (2, 2.00, 4.00)] 2"},
		{"REPLACE INTO u VALUES (1, 'new', 7) RETURNING x", "[x] [(7)] 1"},
		{"DELETE FROM u WHERE id = 99 RETURNING id", "[id] [] 0"},
		{"DELETE FROM u RETURNING id", "[id] [(1) (2)] 2"},
		{"INSERT INTO a (returning_note) VALUES ('no returning here')", "[] [] 1"},
		{"INSERT INTO a (returning_note) VALUES ('returning'), ('x')", "[] [] 2"},
		{"DELETE FROM a WHERE returning_note = 'returning'", "[] [] 1"},
	} {
		ws, res, err := tryWrite(d, c.sql)
		if err != nil || ws.Empty() && res.RowsAffected > 0 {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if got := fmt.Sprintf("%v %v %d", res.Columns, res.Rows, res.RowsAffected); got != c.want {
			t.Errorf("%s: %s, want %s", c.sql, got, c.want)
		}
	}
	res, err := d.Write(context.Background(), []source.Statement{{SQL: "DELETE FROM a RETURNING id", Limits: source.Limits{Rows: 1}}}, nil)
	if source.KindOf(err) != source.ErrTooLarge || res.Outcome != source.OutcomeRolledBack || len(readAll(t, d, "SELECT id FROM a")) != 4 {
		t.Errorf("past the limit: %v %+v", err, res)
	}
}

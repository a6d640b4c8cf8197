package mysql

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
)

const twoRows = `CREATE TABLE u (id INT PRIMARY KEY, status VARCHAR(10), x INT);
INSERT INTO u VALUES (1, 'open', 1), (2, 'shut', 2);`

func write(d *DB, ctx context.Context, show func(*source.WriteSet), texts ...string) (*source.WriteResult, error) {
	var sts []source.Statement
	for _, s := range texts {
		sts = append(sts, source.Statement{SQL: s})
	}
	return d.Write(ctx, sts, show)
}

// hold opens a transaction of somebody else and runs statements in it.
func hold(t *testing.T, d *DB, texts ...string) *sql.Tx {
	t.Helper()
	db := mariatest.Get(t).Open(t, d.o.DSN)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	for _, s := range texts {
		if _, err := tx.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// waiting returns once a session of the database waits for a row lock. The
// engine refreshes that table only when nobody read it for a tenth of a second.
func waiting(t *testing.T, d *DB) {
	t.Helper()
	tick := time.NewTicker(120 * time.Millisecond)
	defer tick.Stop()
	end := time.Now().Add(10 * time.Second)
	for n := 0; n == 0; {
		<-tick.C
		if err := mariatest.Get(t).Admin().QueryRow(
			"SELECT COUNT(*) FROM information_schema.INNODB_TRX JOIN information_schema.PROCESSLIST ON ID = trx_mysql_thread_id "+
				"WHERE trx_state = 'LOCK WAIT' AND DB = ?", d.database).Scan(&n); err != nil {
			t.Error(err)
			return
		}
		if time.Now().After(end) {
			t.Error("nobody waits")
			return
		}
	}
}

// TestPlainSnapshotHides forces the schedule of readBefore's comment. With
// FOR UPDATE the row that the write touches is in the images; with a plain
// SELECT, the negative control, it is not, and only the count tells.
func TestPlainSnapshotHides(t *testing.T) {
	for _, plain := range []bool{false, true} {
		d := openTest(t, twoRows)
		other := hold(t, d, "UPDATE u SET status = 'open' WHERE id = 2")
		d.seams.plainBefore = plain
		d.seams.afterBefore = func() {
			if plain {
				_ = other.Commit()
			}
		}
		var ws *source.WriteSet
		var wait sync.WaitGroup
		wait.Add(1)
		go func() {
			defer wait.Done()
			if _, err := write(d, context.Background(), func(w *source.WriteSet) { ws = w }, "UPDATE u SET x = 9 WHERE status = 'open'"); err != nil {
				t.Error(err)
			}
		}()
		if !plain {
			waiting(t, d)
			_ = other.Commit()
		}
		wait.Wait()
		want := "UPDATE u (1, 'open', 1) -> (1, 'open', 9)\nUPDATE u (2, 'open', 2) -> (2, 'open', 9)\n"
		if plain {
			want = "WHOLE u: 1 rows were read and 2 matched\n"
		}
		if ws.String() != want {
			t.Errorf("plain %v:\n%s", plain, ws)
		}
	}
}

// TestRowComesBetween: under READ COMMITTED a row may come to match between the
// reading and the statement.
func TestRowComesBetween(t *testing.T) {
	for sql, want := range map[string]string{
		"UPDATE u SET x = 9 WHERE status = 'open'":      "WHOLE u: 1 rows were read and 2 matched\n",
		"DELETE FROM u WHERE status = 'open'":           "WHOLE u: 1 rows were read and 2 matched\n",
		"UPDATE u JOIN v ON v.s = u.status SET u.x = 9": "WHOLE u: 1 rows were read and 2 matched\n",
		"DELETE u, v FROM u JOIN v ON v.s = u.status":   "WHOLE u: 2 rows were read and 3 matched\nWHOLE v: 2 rows were read and 3 matched\n",
		// What is chosen stays chosen, though the statement would now choose more, or another.
		"UPDATE u SET x = 9 WHERE status = 'open' ORDER BY x DESC LIMIT 1":                    "UPDATE u (1, 'open', 1) -> (1, 'open', 9)\n",
		"UPDATE u SET x = x + 1 WHERE status IN (SELECT s FROM v) ORDER BY x DESC":            "UPDATE u (1, 'open', 1) -> (1, 'open', 2)\n",
		"DELETE FROM u WHERE x > (SELECT COUNT(*) FROM v) ORDER BY id DESC LIMIT 5":           "DELETE u (2, 'shut', 2)\n",
		"REPLACE INTO u VALUES (3, 'x', 1)":                                                   "WHOLE u: 0 rows were met, 1 are found now, and the server counts 2\n",
		"INSERT INTO u VALUES (3, 'x', 1) ON DUPLICATE KEY UPDATE x = 77":                     "WHOLE u: 0 rows were met, 1 are found now, and the server counts 2\n",
		"INSERT IGNORE INTO u VALUES (3, 'x', 1)":                                             "WHOLE u: 0 rows were met, 1 are found now, and the server counts 0\n",
		"INSERT INTO u VALUES (1, 'x', 1), (3, 'x', 1) ON DUPLICATE KEY UPDATE x = VALUES(x)": "WHOLE u: 1 rows were met, 2 are found now, and the server counts 3\n",
	} {
		d := openTest(t, twoRows+"CREATE TABLE v (s VARCHAR(10) PRIMARY KEY); INSERT INTO v VALUES ('open');")
		other := mariatest.Get(t).Open(t, d.o.DSN)
		d.seams.noReturning = true // or a DELETE tells its rows itself
		d.seams.afterBefore = func() {
			if _, err := other.Exec("INSERT INTO u VALUES (3, 'open', 3)"); err != nil {
				t.Error(err)
			}
		}
		if ws := mustWrite(t, d, sql); ws.String() != want {
			t.Errorf("%s\n%s", sql, ws)
		}
	}
}

// TestDeadlock: the server rolls back one of two, and we know which.
func TestDeadlock(t *testing.T) {
	d := openTest(t, twoRows)
	other := hold(t, d, "UPDATE u SET x = 0 WHERE id = 2", "INSERT INTO u VALUES (3, '', 0), (4, '', 0), (5, '', 0)")
	var wait sync.WaitGroup
	wait.Add(1)
	d.seams.afterStatement = func(i int) {
		if i == 0 { // row 1 is ours, row 2 theirs
			go func() { defer wait.Done(); _, _ = other.Exec("UPDATE u SET x = 0 WHERE id = 1") }()
			waiting(t, d)
		}
	}
	res, err := write(d, context.Background(), func(*source.WriteSet) { t.Error("shown") },
		"UPDATE u SET x = 5 WHERE id = 1", "UPDATE u SET x = 5 WHERE id = 2")
	wait.Wait()
	if source.KindOf(err) != source.ErrBusy || res.Outcome != source.OutcomeRolledBack {
		t.Error(res, err)
	}
	_ = other.Rollback()
	if rows := readAll(t, d, "SELECT x FROM u ORDER BY id"); rows[0][0] != source.Int(1) || rows[1][0] != source.Int(2) {
		t.Error(rows)
	}
}

func TestLockTimeout(t *testing.T) {
	d := openTest(t, twoRows, func(o *Options) { o.LockTimeout = time.Second })
	hold(t, d, "UPDATE u SET x = 0 WHERE id = 2")
	res, err := write(d, context.Background(), func(*source.WriteSet) { t.Error("shown") },
		"UPDATE u SET x = 5 WHERE id = 1", "UPDATE u SET x = 5 WHERE id = 2")
	if source.KindOf(err) != source.ErrBusy || res.Outcome != source.OutcomeRolledBack {
		t.Error(res, err)
	}
	if rows := readAll(t, d, "SELECT x FROM u WHERE id = 1"); rows[0][0] != source.Int(1) {
		t.Error(rows)
	}
}

// TestStatementTimeout: the server ends the statement, the session lives on.
func TestStatementTimeout(t *testing.T) {
	d := openTest(t, twoRows, func(o *Options) { o.StatementTimeout = 100 * time.Millisecond })
	_, err := d.Query(context.Background(), source.Statement{SQL: "SELECT SLEEP(20)"}, source.Limits{})
	if source.KindOf(err) != source.ErrTimeout && err != nil {
		t.Error(err)
	}
	res, err := write(d, context.Background(), nil, "UPDATE u SET x = 5 WHERE SLEEP(20) = 0")
	if source.KindOf(err) != source.ErrTimeout || res.Outcome != source.OutcomeRolledBack {
		t.Error(res, err)
	}
	if s := d.Stats(); s.KilledSessions != 0 {
		t.Errorf("%+v", s)
	}
}

// TestClientLeaves: the client's context ends while a statement waits. COMMIT
// was never sent and the session is proven gone: rolled back.
func TestClientLeaves(t *testing.T) {
	d := openTest(t, twoRows)
	other := hold(t, d, "UPDATE u SET x = 0 WHERE id = 2")
	ctx, leave := context.WithCancel(context.Background())
	var id int64
	d.seams.began = func(n int64) { id = n }
	go func() { waiting(t, d); leave() }()
	res, err := write(d, ctx, nil, "UPDATE u SET x = 5 WHERE id = 1", "UPDATE u SET x = 5 WHERE id = 2")
	if source.KindOf(err) != source.ErrTimeout || res.Outcome != source.OutcomeRolledBack {
		t.Error(res, err)
	}
	n := -1
	if err := mariatest.Get(t).Admin().QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ?", id).Scan(&n); err != nil || n != 0 {
		t.Error("the session is still there", n, err)
	}
	_ = other.Rollback()
	if rows := readAll(t, d, "SELECT x FROM u WHERE id = 1"); rows[0][0] != source.Int(1) {
		t.Error(rows)
	}
	if d.Stats().KilledSessions != 1 {
		t.Errorf("%+v", d.Stats())
	}
}

// TestCommitAfterTimeout: COMMIT waits in the server when our deadline passes.
// The write is answered only when the session is proven gone; whatever became
// of the transaction then stays so.
func TestCommitAfterTimeout(t *testing.T) {
	server, d := openOwn(t, twoRows)
	admin, err := server.Admin().Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
	defer cancel()
	var looks []bool
	d.seams.prove = func(_ *session, gone bool) { looks = append(looks, gone) }
	d.seams.beforeEnd = func() { // every COMMIT waits from here on
		if _, err := admin.ExecContext(context.Background(), "FLUSH TABLES WITH READ LOCK"); err != nil {
			t.Error(err)
		}
	}
	shown := false
	res, err := write(d, ctx, func(*source.WriteSet) { shown = true }, "UPDATE u SET x = 5 WHERE id = 1")
	if _, err := admin.ExecContext(context.Background(), "UNLOCK TABLES"); err != nil {
		t.Fatal(err)
	}
	if source.KindOf(err) != source.ErrTimeout || res.Outcome != source.OutcomeUnknown || !shown {
		t.Error(res, err, shown)
	}
	if len(looks) < 2 || !looks[len(looks)-1] {
		t.Error("the session was not proven gone", looks)
	}
	before := readAll(t, d, "SELECT x FROM u WHERE id = 1")[0][0]
	if after := readAll(t, d, "SELECT x FROM u WHERE id = 1")[0][0]; after != before {
		t.Error(before, after)
	}
}

// TestUnconfirmedRollback: a ROLLBACK that is not answered, and a session that
// then is gone: nothing of it can last.
func TestUnconfirmedRollback(t *testing.T) {
	d := openTest(t, twoRows)
	d.seams.rollback = func(*session) error { return errors.New("no answer") }
	res, err := write(d, context.Background(), nil, "UPDATE u SET x = 5 WHERE id = 1", "INSERT INTO u VALUES (1, '', 1)")
	if source.KindOf(err) != source.ErrConstraint || res.Outcome != source.OutcomeRolledBack || d.Stats().KilledSessions != 1 {
		t.Error(res, err, d.Stats())
	}
	if rows := readAll(t, d, "SELECT x FROM u WHERE id = 1"); rows[0][0] != source.Int(1) {
		t.Error(rows)
	}
}

// TestRestart: the server dies under a write, comes back, and all goes on.
func TestRestart(t *testing.T) {
	server, d := openOwn(t, twoRows)
	_ = readAll(t, d, "SELECT 1")
	d.seams.afterStatement = func(int) { server.Restart(t) }
	res, err := write(d, context.Background(), nil, "UPDATE u SET x = 5 WHERE id = 1", "UPDATE u SET x = 6 WHERE id = 1")
	if source.KindOf(err) != source.ErrUnavailable || res.Outcome != source.OutcomeRolledBack {
		t.Error(res, err)
	}
	d.seams.afterStatement = nil
	if rows := readAll(t, d, "SELECT x FROM u WHERE id = 1"); rows[0][0] != source.Int(1) {
		t.Error(rows)
	}
	// Between a COMMIT and its answer.
	d.seams.commit = func(s *session) error {
		_, err := s.run(context.Background(), "COMMIT")
		s.broken = true
		return errors.Join(errors.New("connection lost"), err)
	}
	res, err = write(d, context.Background(), nil, "UPDATE u SET x = 7 WHERE id = 1")
	if err == nil || res.Outcome != source.OutcomeUnknown {
		t.Error(res, err)
	}
	d.seams.commit = nil
	server.Restart(t)
	if ws := mustWrite(t, d, "UPDATE u SET x = 8 WHERE id = 1"); len(ws.Changes) != 1 {
		t.Error(ws)
	}
}

// TestUnproven: a session that cannot be proven gone in time leaves the outcome
// unknown and the write open; its end is told when it is proven, and until then
// the gauges show it.
func TestUnproven(t *testing.T) {
	d := openTest(t, twoRows, func(o *Options) { o.ProofTimeout = time.Nanosecond })
	looked, look := make(chan struct{}), make(chan struct{})
	d.seams.commit = func(s *session) error { s.broken = true; return errors.New("connection lost") }
	d.seams.prove = func(_ *session, gone bool) {
		if gone {
			looked <- struct{}{}
			<-look
		}
	}
	res, err := write(d, context.Background(), func(*source.WriteSet) {}, "UPDATE u SET x = 7 WHERE id = 1")
	if err == nil || res.Outcome != source.OutcomeUnknown || res.Ended == nil {
		t.Fatal(res, err)
	}
	<-looked
	select {
	case <-res.Ended:
		t.Error("ended before it was proven")
	default:
	}
	if s := d.Stats(); s.Unproven != 1 || s.LostSessions != 1 || s.OldestLost <= 0 {
		t.Errorf("%+v", s)
	}
	close(look)
	<-res.Ended
	if s := d.Stats(); s.LostSessions != 0 || s.OldestLost != 0 {
		t.Errorf("%+v", s)
	}
}

// TestLostSessionsAreBounded: past the bound no write begins, so none is lost.
func TestLostSessionsAreBounded(t *testing.T) {
	d := openTest(t, twoRows)
	var lost []*session
	for range maxLost {
		lost = append(lost, &session{})
		d.lost.add(lost[len(lost)-1])
	}
	res, err := write(d, context.Background(), func(*source.WriteSet) { t.Error("shown") }, "UPDATE u SET x = 7 WHERE id = 1")
	if source.KindOf(err) != source.ErrUnavailable || res.Outcome != source.OutcomeRolledBack {
		t.Error(res, err)
	}
	d.lost.remove(lost[0])
	mustWrite(t, d, "UPDATE u SET x = 7 WHERE id = 1")
}

// TestLostNotice: many lost sessions make one line a minute.
func TestLostNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lostSessions
		n := 0
		for range 180 { // three minutes
			for range 5 {
				if l.due() {
					n++
				}
			}
			time.Sleep(time.Second)
		}
		if n != 3 {
			t.Errorf("%d lines", n)
		}
	})
}

// TestSchemaChangesMeanwhile: a write that a schema change through us overlaps
// does not trust its catalog.
func TestSchemaChangesMeanwhile(t *testing.T) {
	d := openTest(t, twoRows+"CREATE TABLE v (id INT PRIMARY KEY);")
	d.seams.beforeStatement = func(int) {
		d.seams.beforeStatement = nil
		mustWrite(t, d, "CREATE TRIGGER t1 AFTER UPDATE ON u FOR EACH ROW INSERT INTO v VALUES (NEW.id)")
	}
	if ws := mustWrite(t, d, "UPDATE u SET x = 5 WHERE id = 1"); ws.Everything == "" {
		t.Error(ws)
	}
	if ws := mustWrite(t, d, "UPDATE u SET x = 6 WHERE id = 2"); ws.Everything != "" || ws.Whole["v"] == "" {
		t.Error(ws)
	}
}

// TestForeignSchemaChange: a look notices it and tells.
func TestForeignSchemaChange(t *testing.T) {
	told := make(chan *source.WriteSet, 1)
	d := openTest(t, twoRows, func(o *Options) { o.OnForeignWrite = func(ws *source.WriteSet) { told <- ws } })
	if changed, err := d.Refresh(context.Background()); changed || err != nil {
		t.Error(changed, err)
	}
	other := mariatest.Get(t).Open(t, d.o.DSN)
	for _, s := range []string{
		"ALTER TABLE u ADD COLUMN y INT", "CREATE TRIGGER t1 AFTER UPDATE ON u FOR EACH ROW SET @a = 1",
		"CREATE VIEW w AS SELECT id FROM u", "ALTER TABLE u ENGINE = MyISAM", "CREATE UNIQUE INDEX i ON u (x)", "DROP TABLE u",
	} {
		if _, err := other.Exec(s); err != nil {
			t.Fatal(err)
		}
		version := d.Schema().Version
		if changed, err := d.Refresh(context.Background()); !changed || err != nil || d.Schema().Version != version+1 {
			t.Error(s, changed, err)
		}
		if ws := <-told; !ws.SchemaChanged || ws.Everything == "" {
			t.Error(ws)
		}
	}
	if _, err := d.Query(context.Background(), source.Statement{SQL: "SELECT * FROM u"}, source.Limits{}); source.KindOf(err) != source.ErrInvalid {
		t.Error(err)
	}
}

package sqlite

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

const accounts = `CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER);
	INSERT INTO t VALUES (1, 10), (2, 20);`

// endless runs until it is stopped.
const endless = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) `

func wantKind(t *testing.T, err error, kind source.ErrorKind) {
	t.Helper()
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error %v (%v), want kind %s", err, cause(err), kind)
	}
}

func wantOutcome(t *testing.T, res *source.WriteResult, o source.Outcome) {
	t.Helper()
	if res == nil || res.Outcome != o {
		t.Fatalf("result %+v, want %s", res, o)
	}
}

func sum(t *testing.T, d *DB) int64 {
	t.Helper()
	return readAll(t, d, "SELECT sum(x) FROM t")[0][0].AsInt()
}

// usable proves that nothing is left open: the next write goes through.
func usable(t *testing.T, d *DB) {
	t.Helper()
	_, res := mustWrite(t, d, "UPDATE t SET x = x")
	wantOutcome(t, res, source.OutcomeCommitted)
}

func sqls(texts ...string) (out []source.Statement) {
	for _, s := range texts {
		out = append(out, source.Statement{SQL: s})
	}
	return out
}

// The caller may go away in any phase before COMMIT; what was done is undone.
func TestWriteCancelled(t *testing.T) {
	for _, phase := range []string{"before", "between", "inside", "shown", "end"} {
		t.Run(phase, func(t *testing.T) {
			d := openTest(t, accounts)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			sts := sqls("UPDATE t SET x = 1", "UPDATE t SET x = 2")
			shown := func(*source.WriteSet) {}
			switch phase {
			case "before":
				cancel()
			case "between":
				d.seams.afterStatement = func(int) { cancel() }
			case "inside":
				d.seams.afterStatement = func(int) { go cancel() }
				sts[1].SQL = "INSERT INTO t " + endless + "SELECT NULL, i FROM n"
			case "shown":
				shown = func(*source.WriteSet) { cancel() }
			case "end":
				d.seams.beforeEnd = cancel
			}
			res, err := d.Write(ctx, sts, shown)
			wantKind(t, err, source.ErrTimeout)
			wantOutcome(t, res, source.OutcomeRolledBack)
			if got := sum(t, d); got != 30 {
				t.Fatalf("sum %d after a rollback", got)
			}
			d.seams = seams{}
			usable(t, d)
		})
	}
}

// Once COMMIT has begun the caller has no say: the outcome is what it is.
func TestWriteCancelledDuringCommit(t *testing.T) {
	d := openTest(t, accounts)
	ctx, cancel := context.WithCancel(context.Background())
	d.seams.commit = func(c *conn) error {
		cancel()
		return c.commit()
	}
	res, err := d.Write(ctx, sqls("UPDATE t SET x = 1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantOutcome(t, res, source.OutcomeCommitted)
}

func TestWriteTimeout(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.StatementTimeout = 30 * time.Millisecond })
	res, err := d.Write(context.Background(), sqls("INSERT INTO t "+endless+"SELECT NULL, i FROM n"), nil)
	wantKind(t, err, source.ErrTimeout)
	wantOutcome(t, res, source.OutcomeRolledBack)
	usable(t, d)
}

// Outcomes, by what COMMIT and ROLLBACK say and by whether SQLite agrees.
func TestWriteOutcomes(t *testing.T) {
	broken := &sqlError{code: sqlite3.SQLITE_IOERR, msg: "disk I/O error: /secret/path"}
	for _, c := range []struct {
		name    string
		seams   seams
		outcome source.Outcome
		kind    source.ErrorKind
		sum     int64
	}{
		{"commit refused", seams{commit: func(*conn) error { return broken }},
			source.OutcomeRolledBack, source.ErrUnavailable, 30},
		{"commit done but failed", seams{commit: func(c *conn) error { _ = c.commit(); return broken }},
			source.OutcomeUnknown, source.ErrUnavailable, 2},
		{"commit ended as a rollback", seams{commit: func(c *conn) error { _ = c.rollback(); return broken }},
			source.OutcomeUnknown, source.ErrUnavailable, 30},
		{"commit without effect", seams{commit: func(*conn) error { return nil }},
			source.OutcomeRolledBack, source.ErrInternal, 30},
		{"neither commit nor rollback", seams{
			commit:   func(*conn) error { return broken },
			rollback: func(*conn) error { return broken },
		}, source.OutcomeUnknown, source.ErrUnavailable, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &heard{}
			d := openTest(t, accounts, func(o *Options) { o.OnForeignWrite = h.note })
			d.seams = c.seams
			shown := 0
			res, err := d.Write(context.Background(), sqls("UPDATE t SET x = 1"),
				func(*source.WriteSet) { shown++ })
			wantKind(t, err, c.kind)
			wantOutcome(t, res, c.outcome)
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("message %q names a path", err)
			}
			if got := sum(t, d); got != c.sum || shown != 1 {
				t.Fatalf("sum %d, shown %d", got, shown)
			}
			d.seams = seams{}
			usable(t, d)
			// A handle that was opened anew may have missed something.
			if unknown := c.outcome == source.OutcomeUnknown; (h.count() > 0) != unknown {
				t.Fatalf("%d foreign writes told", h.count())
			}
		})
	}
}

// A statement that fails and a ROLLBACK that fails too: nobody knows.
func TestWriteRollbackUnconfirmed(t *testing.T) {
	d := openTest(t, accounts)
	d.seams.rollback = func(*conn) error { return errors.New("no") }
	res, err := d.Write(context.Background(), sqls("UPDATE t SET x = 1", "INSERT INTO t VALUES (1, 1)"), nil)
	wantKind(t, err, source.ErrConstraint)
	wantOutcome(t, res, source.OutcomeUnknown)
	d.seams = seams{}
	usable(t, d)
	if s := d.Stats(); s.UnknownOutcomes != 1 || s.Reopened != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestWritePanicLeavesNothingOpen(t *testing.T) {
	d := openTest(t, accounts)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = d.Write(context.Background(), sqls("UPDATE t SET x = 1"), func(*source.WriteSet) { panic("x") })
	}()
	if got := sum(t, d); got != 30 {
		t.Fatalf("sum %d", got)
	}
	usable(t, d)
}

// Readers see the state before until COMMIT, and after it the new one.
func TestReadersBesideTheWriter(t *testing.T) {
	d := openTest(t, accounts)
	_, err := d.Write(context.Background(), sqls("UPDATE t SET x = 1"), func(*source.WriteSet) {
		if got := sum(t, d); got != 30 {
			t.Errorf("a reader saw %d before COMMIT", got)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := sum(t, d); got != 2 {
		t.Fatalf("a reader saw %d after COMMIT", got)
	}
}

func TestWriteArguments(t *testing.T) {
	d := openTest(t, "CREATE TABLE v (a, b, c, d, e, f)")
	args := []source.Value{
		source.Int(-1 << 63), source.Float(1.5), source.Text("a\x00b"), source.Text(""),
		source.Blob(nil), source.Null(),
	}
	st := source.Statement{SQL: "INSERT INTO v VALUES (?, ?, ?, ?, ?, ?)", Args: args}
	var shown *source.WriteSet
	if _, err := d.Write(context.Background(), []source.Statement{st}, func(ws *source.WriteSet) { shown = ws }); err != nil {
		t.Fatal(err)
	}
	want := source.Row(args).String()
	if got := shown.Changes[0].After.String(); got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	if got := readAll(t, d, "SELECT * FROM v")[0].String(); got != want {
		t.Errorf("read %s, want %s", got, want)
	}
	for _, bad := range [][]source.Value{nil, args[:5], append(args[:5:5], source.Unknown())} {
		res, err := d.Write(context.Background(), []source.Statement{{SQL: st.SQL, Args: bad}}, nil)
		wantKind(t, err, source.ErrInvalid)
		wantOutcome(t, res, source.OutcomeRolledBack)
	}
}

// A full disk undoes the write, and is told as what it is.
func TestWriteDiskFull(t *testing.T) {
	d := openTest(t, accounts)
	s := <-d.writer.free
	if _, err := s.c.number("PRAGMA max_page_count = 10"); err != nil {
		t.Fatal(err)
	}
	d.writer.put(s)
	res, err := d.Write(context.Background(), sqls("UPDATE t SET x = 1", "INSERT INTO t "+endless+"SELECT NULL, i FROM n"), nil)
	wantKind(t, err, source.ErrUnavailable)
	wantOutcome(t, res, source.OutcomeRolledBack)
	if got := sum(t, d); got != 30 {
		t.Fatal(got)
	}
	usable(t, d)
}

// A large argument is not kept by the prepared statement.
func TestLargeArgumentsAreLetGo(t *testing.T) {
	d := openTest(t, "CREATE TABLE v (a)")
	big := source.Blob(make([]byte, 1<<20))
	st := []source.Statement{{SQL: "INSERT INTO v VALUES (?)", Args: []source.Value{big}}}
	for range 3 {
		if _, err := d.Write(context.Background(), st, nil); err != nil {
			t.Fatal(err)
		}
	}
	s := <-d.writer.free
	defer d.writer.put(s)
	for e := s.c.cache.order.Front(); e != nil; e = e.Next() {
		if n := len(e.Value.(*stmt).large); n != 0 {
			t.Fatalf("%d large arguments kept", n)
		}
	}
}

// DDL is known when Write returns, and statements are described by it.
func TestSchemaAfterDDL(t *testing.T) {
	d := openTest(t, accounts)
	before := d.Schema()
	mustWrite(t, d, "UPDATE t SET x = 5 WHERE id = 1") // prepared before the trigger
	ws, _ := mustWrite(t, d, "CREATE TABLE log (n INTEGER)",
		"CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.x); END")
	if !ws.SchemaChanged || ws.Everything == "" {
		t.Fatalf("write set %v", ws)
	}
	after := d.Schema()
	if after.Version <= before.Version || after.Table("LOG") == nil || len(after.Table("t").Triggers) != 1 {
		t.Fatal("the schema was not reloaded")
	}
	ws, _ = mustWrite(t, d, "UPDATE t SET x = 5 WHERE id = 1")
	if got := ws.String(); got != "UPDATE t (1, 5) -> (1, 5)\nINSERT log (5)\n" {
		t.Fatalf("write set %s", got)
	}
	if _, ok := ws.Assigned["log"]; ok || len(ws.Assigned["t"]) != 1 {
		t.Fatalf("assigned %v", ws.Assigned)
	}
	// Undone DDL leaves the schema as it was, and no statement prepared by it.
	if _, err := d.DryRun(context.Background(), sqls("CREATE TABLE gone (a)", "INSERT INTO gone VALUES (1)")); err != nil {
		t.Fatal(err)
	}
	_, _, err := tryWrite(d, "INSERT INTO gone VALUES (1)")
	wantKind(t, err, source.ErrInvalid)
	if d.Schema() != after {
		t.Fatal("a dry run reloaded the schema")
	}
}

package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // somebody else, who writes to the same file

	"edgecache/source"
)

// stranger opens the file as another program would.
func stranger(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func do(t *testing.T, db *sql.DB, sql string) {
	t.Helper()
	if _, err := db.Exec(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// lookNow is one round of polling.
func lookNow(d *DB) {
	s := <-d.writer.free
	d.look(s)
	d.writer.put(s)
}

func listening(h *heard) func(*Options) {
	return func(o *Options) { o.OnForeignWrite = h.note }
}

func TestForeignWriteIsNoticed(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h))
	other := stranger(t, d.path)
	lookNow(d)
	do(t, other, "PRAGMA user_version")
	do(t, other, "BEGIN; UPDATE t SET x = 0; ROLLBACK")
	lookNow(d)
	if h.count() != 0 {
		t.Fatalf("told of nothing: %v", h.last())
	}
	do(t, other, "UPDATE t SET x = 0")
	lookNow(d)
	lookNow(d)
	if h.count() != 1 || h.last().Everything == "" || h.last().SchemaChanged || h.last().Source != "main" {
		t.Fatalf("%d told", h.count())
	}
}

// Our own writes are no foreign ones, through checkpoints and resets of the log.
func TestOwnWritesAreNotForeign(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h))
	s := <-d.writer.free
	if _, err := s.c.number("PRAGMA wal_autocheckpoint = 20"); err != nil {
		t.Fatal(err)
	}
	d.writer.put(s)
	for i := range 24 {
		mustWrite(t, d, "INSERT INTO t "+endless+"SELECT NULL, i FROM n LIMIT 3000", "DELETE FROM t WHERE id > 2")
		_ = sum(t, d)
		if i%8 == 0 {
			lookNow(d)
			mustWrite(t, d, "CREATE TABLE IF NOT EXISTS extra (a)")
		}
	}
	lookNow(d)
	if h.count() != 0 {
		t.Fatalf("%d told, last %v", h.count(), h.last())
	}
}

// A write tells of foreign changes after it has the lock and before its own
// statements run, with the schema up to date.
func TestForeignWriteIsNoticedByAWrite(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h))
	other := stranger(t, d.path)
	do(t, other, "ALTER TABLE t ADD COLUMN y DEFAULT 1")
	before := 0
	d.seams.afterStatement = func(int) { before = h.count() }
	ws, _ := mustWrite(t, d, "UPDATE t SET x = 1 WHERE id = 1")
	if before != 1 || !h.last().SchemaChanged || len(d.Schema().Table("t").Columns) != 3 {
		t.Fatalf("told %d times before the statements", before)
	}
	if got := ws.String(); got != "UPDATE t (1, 10, 1) -> (1, 1, 1)\n" {
		t.Fatal(got)
	}
	lookNow(d)
	if h.count() != 1 {
		t.Fatalf("told %d times", h.count())
	}
}

// Describe may learn of a new schema first; the change is told all the same.
func TestForeignDDLSeenByDescribeFirst(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h))
	do(t, stranger(t, d.path), "CREATE TABLE fresh (a)")
	desc, err := d.Describe(context.Background(), "SELECT a FROM FRESH")
	if err != nil || len(desc.Reads["fresh"]) != 1 || d.Schema().Table("fresh") == nil {
		t.Fatal(desc, err)
	}
	lookNow(d)
	if h.count() != 1 || !h.last().SchemaChanged {
		t.Fatalf("told %d times", h.count())
	}
}

// The poller finds changes by itself.
func TestPolling(t *testing.T) {
	h := &heard{}
	told := make(chan struct{}, 1)
	d := openTest(t, accounts, func(o *Options) {
		o.PollInterval = time.Millisecond
		o.OnForeignWrite = func(ws *source.WriteSet) {
			h.note(ws)
			told <- struct{}{}
		}
	})
	do(t, stranger(t, d.path), "UPDATE t SET x = 0")
	<-told
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if h.count() != 1 {
		t.Fatalf("told %d times", h.count())
	}
}

// copyOf makes another database file with one row.
func copyOf(t *testing.T, x string) string {
	path := filepath.Join(t.TempDir(), "new.db")
	db := stranger(t, path)
	do(t, db, "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, extra)")
	do(t, db, "INSERT INTO t VALUES (1, "+x+", NULL)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// replace puts another file at the path of the database, as a restore does.
func replace(t *testing.T, d *DB, x string) {
	t.Helper()
	for _, ext := range []string{"-wal", "-shm"} {
		if err := os.Remove(d.path + ext); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Rename(copyOf(t, x), d.path); err != nil {
		t.Fatal(err)
	}
}

func TestFileReplaced(t *testing.T) {
	for _, how := range []string{"poll", "write"} {
		t.Run(how, func(t *testing.T) {
			h := &heard{}
			d := openTest(t, accounts, listening(h))
			_ = sum(t, d)
			replace(t, d, "5")
			if how == "poll" {
				lookNow(d)
			} else {
				ws, _ := mustWrite(t, d, "UPDATE t SET x = x + 1")
				if got := ws.String(); got != "UPDATE t (1, 5, NULL) -> (1, 6, NULL)\n" {
					t.Fatal(got)
				}
			}
			if h.count() != 1 || !strings.Contains(h.last().Everything, "replaced") || !h.last().SchemaChanged {
				t.Fatalf("told %d times", h.count())
			}
			if got := sum(t, d); got != 5 && got != 6 {
				t.Fatalf("readers still see %d", got)
			}
			if d.Schema().Table("t").Column("extra") != 2 {
				t.Fatal("the schema is the old file's")
			}
			usable(t, d)
		})
	}
}

// While the file is gone everything fails, and comes back with it.
func TestFileGone(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h))
	away := d.path + ".away"
	if err := os.Rename(d.path, away); err != nil {
		t.Fatal(err)
	}
	lookNow(d)
	_, err := query(d, "SELECT 1")
	wantKind(t, err, source.ErrUnavailable)
	_, err = d.Describe(context.Background(), "SELECT 1")
	wantKind(t, err, source.ErrUnavailable)
	res, err := d.Write(context.Background(), sqls("UPDATE t SET x = 1"), nil)
	wantKind(t, err, source.ErrUnavailable)
	wantOutcome(t, res, source.OutcomeRolledBack)
	wantKind(t, d.Ping(context.Background()), source.ErrUnavailable)
	if err := os.WriteFile(d.path, []byte("this is no database, it is a text of some length"), 0o600); err != nil {
		t.Fatal(err)
	}
	lookNow(d)
	_, err = query(d, "SELECT 1")
	wantKind(t, err, source.ErrUnavailable)
	if h.count() != 0 {
		t.Fatalf("told %v", h.last())
	}
	if err := os.Rename(away, d.path); err != nil {
		t.Fatal(err)
	}
	lookNow(d)
	if got := sum(t, d); got != 30 {
		t.Fatal(got)
	}
	if err := d.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	usable(t, d)
}

// A handle that has the file open could read on. Nobody looks for the file here.
func TestQueryNoticesDeletedFile(t *testing.T) {
	d := openTest(t, accounts)
	if got := sum(t, d); got != 30 {
		t.Fatal(got)
	}
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	_, err := query(d, "SELECT 1")
	wantKind(t, err, source.ErrUnavailable)
}

// A handle remembers the schema; Describe must not believe its memory. The
// writing handle notices first here, so that the catalog is current already.
func TestForeignViewChangeSeenByDescribe(t *testing.T) {
	d := openTest(t, accounts+"; CREATE TABLE u (y); CREATE VIEW v AS SELECT x AS n FROM t", listening(&heard{}))
	reads := func() map[string][]string {
		desc, err := d.Describe(context.Background(), "SELECT n FROM v")
		if err != nil {
			t.Fatal(err)
		}
		return desc.Reads
	}
	if r := reads(); r["t"] == nil || r["u"] != nil {
		t.Fatalf("at first: %v", r)
	}
	other := stranger(t, d.path)
	do(t, other, "DROP VIEW v")
	do(t, other, "CREATE VIEW v AS SELECT y AS n FROM u")
	lookNow(d)
	if r := reads(); r["u"] == nil || r["t"] != nil {
		t.Fatalf("after the view was replaced: %v", r)
	}
}

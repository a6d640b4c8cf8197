package sqlite

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgecache/source"
)

const stamped = "CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER); INSERT INTO t VALUES (1, 1), (2, 2)"

// closeStamped writes something, so that there is a log to be checkpointed and
// files that are young, and closes.
func closeStamped(t *testing.T, d *DB) string {
	t.Helper()
	if _, err := d.Write(t.Context(), []source.Statement{{SQL: "UPDATE t SET x = x + 1"}}, func(*source.WriteSet) {}); err != nil {
		t.Fatal(err)
	}
	stamp, err := d.CloseStamped(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stamp
}

// TestStampTellsOfEveryWrite: whatever somebody does to the file after it was
// closed shows, at once and also when the modification time is put back, and
// what writes nothing does not show.
func TestStampTellsOfEveryWrite(t *testing.T) {
	same := map[string]func(t *testing.T, path string){
		"nothing": func(*testing.T, string) {},
		"opened and closed by ourselves": func(t *testing.T, path string) {
			d, err := Open(t.Context(), Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			_ = d.Close()
		},
		"read": func(t *testing.T, path string) {
			by(t, path, "SELECT sum(x) FROM t")
		},
		"a write rolled back": func(t *testing.T, path string) {
			by(t, path, "BEGIN; UPDATE t SET x = 0; ROLLBACK")
		},
		"a write of no rows": func(t *testing.T, path string) {
			by(t, path, "UPDATE t SET x = 0 WHERE id = 99")
		},
	}
	other := map[string]func(t *testing.T, path string){
		"a write":         func(t *testing.T, path string) { by(t, path, "UPDATE t SET x = 0") },
		"DDL":             func(t *testing.T, path string) { by(t, path, "CREATE VIEW v AS SELECT 1") },
		"a write, undone": func(t *testing.T, path string) { by(t, path, "UPDATE t SET x = x + 1; UPDATE t SET x = x - 1") },
		"a write left in the log": func(t *testing.T, path string) {
			db := stranger(t, path)
			do(t, db, "UPDATE t SET x = 0") // and stays open
		},
		"the time put back": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			by(t, path, "UPDATE t SET x = 0")
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"another journal": func(t *testing.T, path string) { by(t, path, "PRAGMA journal_mode = DELETE; UPDATE t SET x = 0") },
		"a copy in its place": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			info, _ := os.Stat(path)
			if err := os.WriteFile(path+".new", data, 0o600); err != nil {
				t.Fatal(err)
			}
			_ = os.Chtimes(path+".new", info.ModTime(), info.ModTime())
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		},
		"written over with the same bytes": func(t *testing.T, path string) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a journal to be played back": func(t *testing.T, path string) {
			if err := os.WriteFile(path+"-journal", []byte("hot"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, path string) { _ = os.Remove(path) },
	}
	for name, act := range same {
		d := openTest(t, stamped)
		stamp := closeStamped(t, d)
		act(t, d.path)
		if now := StampOf(d.path); stamp == "" || now != stamp {
			t.Errorf("%s: %q, then %q", name, stamp, now)
		}
	}
	for name, act := range other {
		d := openTest(t, stamped)
		stamp := closeStamped(t, d)
		act(t, d.path)
		if now := StampOf(d.path); stamp == "" || now == stamp {
			t.Errorf("%s: %q, then %q", name, stamp, now)
		}
	}
}

// by runs statements as another program, and leaves.
func by(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	do(t, db, statements)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStampAfterManyTicks writes as soon after closing as can be, many times:
// no write bears the times of the stamp.
func TestStampAfterManyTicks(t *testing.T) {
	d := openTest(t, stamped)
	for range 200 {
		stamp := closeStamped(t, d)
		if stamp == "" {
			t.Fatal("no stamp")
		}
		f, err := os.OpenFile(d.path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		var b [1]byte
		if _, err = f.ReadAt(b[:], 500); err == nil {
			_, err = f.WriteAt(b[:], 500) // the same byte, and the same length
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if StampOf(d.path) == stamp {
			t.Fatal("a write right after closing does not show")
		}
		if d, err = Open(t.Context(), Options{Path: d.path, PollInterval: -1}); err != nil {
			t.Fatal(err)
		}
	}
	_ = d.Close()
}

// TestNoStampWithoutKnowledge: what was written by others is told before there
// is a stamp; and where it cannot be known, there is none.
func TestNoStampWithoutKnowledge(t *testing.T) {
	h := &heard{}
	d := openTest(t, stamped, listening(h))
	by(t, d.path, "UPDATE t SET x = 7")
	if stamp := closeStamped(t, d); stamp == "" || h.count() != 1 {
		t.Errorf("%q, %d told", stamp, h.count())
	}

	h = &heard{}
	d = openTest(t, stamped, listening(h))
	by(t, d.path, "UPDATE t SET x = 7")
	if stamp, err := d.CloseStamped(t.Context()); stamp == "" || err != nil || h.count() != 1 {
		t.Errorf("without a write of our own: %q %v, %d told", stamp, err, h.count())
	}

	d = openTest(t, stamped)
	writer := stranger(t, d.path)
	do(t, writer, "BEGIN IMMEDIATE")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if stamp, err := d.CloseStamped(ctx); stamp != "" || err != nil {
		t.Errorf("while somebody writes: %q %v", stamp, err)
	}

	d = openTest(t, stamped)
	reader := stranger(t, d.path)
	do(t, reader, "BEGIN; SELECT * FROM t")
	if stamp := closeStamped(t, d); stamp != "" {
		t.Errorf("with a log that is young and that a reader keeps: %q", stamp)
	}
}

// TestYoungFilesAreDistrusted, where their times cannot be set.
func TestYoungFilesAreDistrusted(t *testing.T) {
	now := time.Now()
	old, young := now.Add(-3*time.Second).UnixNano(), now.Add(-time.Second).UnixNano()
	for _, c := range []struct {
		modified, changed int64
		want              bool
	}{{old, old, false}, {young, old, true}, {old, young, true}, {now.Add(time.Hour).UnixNano(), old, true}} {
		f := file{size: 1, modified: c.modified, changed: c.changed}
		if f.younger(now, stampAge) != c.want {
			t.Errorf("%+v", c)
		}
	}
	if s := StampOf(":memory:") + StampOf(t.TempDir()) + StampOf(filepath.Join(t.TempDir(), "none")); strings.Contains(s, "db") {
		t.Error(s)
	}
}

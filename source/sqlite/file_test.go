package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// other makes a whole database file with one row, in the journal mode given.
func other(t *testing.T, x, mode string) string {
	t.Helper()
	path := copyOf(t, x)
	db := stranger(t, path)
	do(t, db, "PRAGMA journal_mode = "+mode)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func withoutLog(t *testing.T, path string) {
	t.Helper()
	for _, ext := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + ext); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// Every way to put another database at the path is noticed by one look, whatever
// its journal mode, and told of once; readers, the schema and writes follow.
func TestAnotherFileIsNoticed(t *testing.T) {
	ways := map[string]func(t *testing.T, path, next string){
		"moved over": func(t *testing.T, path, next string) {
			withoutLog(t, path)
			if err := os.Rename(next, path); err != nil {
				t.Fatal(err)
			}
		},
		"deleted and made anew": func(t *testing.T, path, next string) {
			withoutLog(t, path)
			text, err := os.ReadFile(next)
			if err == nil {
				err = os.Remove(path)
			}
			if err == nil {
				err = os.WriteFile(path, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		"symlink switched": func(t *testing.T, path, next string) {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(next, link); err != nil {
				t.Fatal(err)
			}
			withoutLog(t, path)
			if err := os.Rename(link, path); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, way := range ways {
		for _, mode := range []string{"WAL", "DELETE"} {
			t.Run(name+", "+mode, func(t *testing.T) {
				h := &heard{}
				d := openTest(t, accounts, listening(h))
				mustWrite(t, d, "UPDATE t SET x = 12 WHERE id = 1")
				_ = sum(t, d)
				way(t, d.path, other(t, "7", mode))
				lookNow(d)
				lookNow(d)
				if h.count() != 1 || !strings.Contains(h.last().Everything, "replaced") || !h.last().SchemaChanged {
					t.Fatalf("told %d times", h.count())
				}
				if got := sum(t, d); got != 7 || d.Schema().Table("t").Column("extra") != 2 {
					t.Errorf("readers see %d", got)
				}
				usable(t, d)
				lookNow(d)
				if h.count() != 1 {
					t.Errorf("told %d times after a write", h.count())
				}
			})
		}
	}
}

// A file that was cut off, or written over where it lies, keeps its inode and
// says nothing through SQLite.
func TestFileWrittenInPlaceIsNoticed(t *testing.T) {
	open := func(t *testing.T) (*DB, *heard) {
		h := &heard{}
		d := openTest(t, accounts, listening(h))
		_ = sum(t, d)
		lookNow(d)
		if h.count() != 0 {
			t.Fatal("told of nothing")
		}
		return d, h
	}
	t.Run("truncated", func(t *testing.T) {
		d, h := open(t)
		if err := os.Truncate(d.path, 0); err != nil {
			t.Fatal(err)
		}
		lookNow(d)
		if h.count() != 1 || !h.last().SchemaChanged || d.Schema().Table("t") != nil {
			t.Errorf("told %d times, of %v", h.count(), d.Schema().Table("t"))
		}
		if _, err := query(d, "SELECT x FROM t"); err == nil {
			t.Error("the rows are still there")
		}
	})
	t.Run("written over", func(t *testing.T) {
		d, h := open(t)
		text, err := os.ReadFile(other(t, "7", "WAL"))
		if err == nil {
			err = os.WriteFile(d.path, text, 0o600)
		}
		if err == nil { // another tick of the file system's clock
			err = os.Chtimes(d.path, time.Time{}, time.Now().Add(time.Second))
		}
		if err != nil {
			t.Fatal(err)
		}
		lookNow(d)
		if h.count() != 1 || !strings.Contains(h.last().Everything, "without SQLite") {
			t.Errorf("told %d times", h.count())
		}
		lookNow(d)
		if h.count() != 1 {
			t.Error("told twice")
		}
	})
	t.Run("checkpointed by somebody else", func(t *testing.T) {
		d, h := open(t)
		mustWrite(t, d, "UPDATE t SET x = 12 WHERE id = 1")
		do(t, stranger(t, d.path), "PRAGMA wal_checkpoint(TRUNCATE)")
		lookNow(d)
		if h.count() > 1 { // it need not be told of, for nothing changed
			t.Errorf("told %d times", h.count())
		}
		if got := sum(t, d); got != 32 {
			t.Error(got)
		}
		usable(t, d)
	})
}

// A file that is replaced while a write runs is told of at once, and again when
// the new one has been opened: reads begin on it before.
func TestFileReplacedDuringAWrite(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts, listening(h))
	_ = sum(t, d)
	d.seams.beforeEnd = func() {
		replace(t, d, "5")
		d.glance()
		d.glance()
		if h.count() != 1 || !strings.Contains(h.last().Everything, "replaced") {
			t.Errorf("told %d times", h.count())
		}
		if got := sum(t, d); got != 5 {
			t.Errorf("readers see %d", got)
		}
		d.seams.beforeEnd = nil
	}
	_, _ = d.Write(context.Background(), sqls("UPDATE t SET x = 1"), nil) // to a file that nobody will see again
	lookNow(d)
	if h.count() != 2 || !h.last().SchemaChanged {
		t.Errorf("told %d times", h.count())
	}
	usable(t, d)
}

// A database that others keep a rollback journal for is switched to WAL; while
// we have it open nobody switches it back.
func TestRollbackJournal(t *testing.T) {
	path := other(t, "7", "DELETE")
	h := &heard{}
	before := stranger(t, path)
	do(t, before, "SELECT count(*) FROM t")
	d, err := Open(context.Background(), Options{Path: path, PollInterval: -1, Name: "main", OnForeignWrite: h.note})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	do(t, before, "UPDATE t SET x = 8")
	lookNow(d)
	if h.count() != 1 || sum(t, d) != 8 {
		t.Errorf("told %d times", h.count())
	}
	if _, err := stranger(t, path).Exec("PRAGMA journal_mode = DELETE"); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("switched back: %v", err)
	}
	do(t, before, "UPDATE t SET x = 9")
	lookNow(d)
	if h.count() != 2 || sum(t, d) != 9 {
		t.Errorf("told %d times", h.count())
	}
}

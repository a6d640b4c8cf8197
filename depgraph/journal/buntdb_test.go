package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/buntdb"
)

// TestBuntdbOpensIt: the file is a database of buntdb, and what buntdb writes
// into it, also when it shrinks it, is read here.
func TestBuntdbOpensIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	f, _ := open(t, path)
	var b Batch
	want := sample(&b)
	if err := f.Append(&b); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	db, err := buntdb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *buntdb.Tx) error {
		for k, v := range want {
			got, err := tx.Get(k)
			if err != nil || got[sumBytes:] != v {
				t.Errorf("%s: %q %v", k, got, err)
			}
		}
		_, err := tx.Delete("b")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Shrink(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f, found := open(t, path)
	if got := contents(t, f, found); len(got) != 2 || got["a"] != "three" || found.Damage != nil {
		t.Errorf("%v %v", got, found.Damage)
	}
}

// TestBuntdbBelievesItsFile reproduces what Scan walls off: on a raw database
// a damaged length panics, and a file that was cut off is cut off further
// without a word.
func TestBuntdbBelievesItsFile(t *testing.T) {
	opens := func(data string) (panicked any, err error) {
		path := filepath.Join(t.TempDir(), "raw")
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		defer func() { panicked = recover() }()
		db, err := buntdb.Open(path)
		if err == nil {
			_ = db.Close()
		}
		if info, _ := os.Stat(path); info.Size() != int64(len(data)) {
			t.Logf("%d bytes became %d", len(data), info.Size())
		}
		return nil, err
	}
	if p, _ := opens("*1\r\n$1\r\ns\r\n"); p == nil {
		t.Error("buntdb no longer panics on a short command; say so in the package's comment")
	}
	if p, _ := opens("*2\r\n$3\r\ndel\r\n$9223372036854775807\r\n"); p == nil {
		t.Error("buntdb no longer panics on an endless length; say so in the package's comment")
	}
	whole := "*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n"
	if p, err := opens(whole + whole[:len(whole)-3]); err != nil || p != nil {
		t.Errorf("buntdb no longer accepts a torn file: %v %v; say so in the package's comment", err, p)
	}
	if _, d := Scan(strings.NewReader("*1\r\n$1\r\ns\r\n"), 11); d == nil {
		t.Error("Scan takes it")
	}
}

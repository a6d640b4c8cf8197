package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/source"
)

func TestOpenRefused(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, init string
		kind       source.ErrorKind
		text       string
	}{
		{"", "", source.ErrInvalid, "in-memory"},
		{":memory:", "", source.ErrInvalid, "in-memory"},
		{"file::memory:", "", source.ErrInvalid, "in-memory"},
		{"file:x.db?mode=memory", "", source.ErrInvalid, "in-memory"},
		{"file:x.db?cache=shared", "", source.ErrInvalid, "shared cache"},
		{"file:x.db?immutable=1", "", source.ErrInvalid, "immutable"},
		{"file://elsewhere/x.db", "", source.ErrInvalid, "local file"},
		{filepath.Join(dir, "absent.db"), "", source.ErrUnavailable, "unable to open"},
		{filepath.Join(dir, "no", "dir.db"), "SELECT 1", source.ErrUnavailable, "unable to open"},
		{dir, "SELECT 1", source.ErrUnavailable, "directory"},
		{garbage, "", source.ErrUnavailable, "not a database"},
		{filepath.Join(dir, "bad.db"), "CREATE TABLE a (x); CREATE TABEL b (x)", source.ErrInvalid,
			`init script, statement 2: near "TABEL": syntax error`},
	} {
		_, err := Open(context.Background(), Options{Path: c.path, Init: c.init})
		wantKind(t, err, c.kind)
		if !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %q", c.path, err)
		}
	}
}

// A script that failed leaves a database that is empty: the next one runs.
func TestInitIsAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	open := func(script string) (*DB, error) {
		return Open(context.Background(), Options{Path: "file:" + path + "?mode=rwc", Init: script, PollInterval: -1})
	}
	_, err := open("PRAGMA page_size = 512; BEGIN; CREATE TABLE a (x); COMMIT; INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)")
	wantKind(t, err, source.ErrInvalid)
	d, err := open("CREATE TABLE b (x); INSERT INTO b VALUES ('first')")
	if err != nil {
		t.Fatal(err)
	}
	if d.Schema().Table("a") != nil || d.Schema().Table("b") == nil {
		t.Fatal("half of the first script is left")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = open("CREATE TABLE b (x); INSERT INTO b VALUES ('second')"); err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if rows := readAll(t, d, "SELECT x FROM b"); len(rows) != 1 || rows[0][0].AsText() != "first" {
		t.Fatal(rows)
	}
}

func TestOpenEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(context.Background(), Options{Path: path, Init: "CREATE TABLE a (x)", PollInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Schema().Table("a") == nil {
		t.Fatal("the script was not run")
	}
}

// What must hold on every handle.
func TestSettings(t *testing.T) {
	d := openTest(t, accounts)
	if _, err := query(d, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*slots{"reader": d.readers, "writer": d.writer, "describer": d.describer} {
		s := <-p.free
		c, err := p.handle(s)
		if err != nil {
			t.Fatal(err)
		}
		for pragma, want := range map[string]string{
			"journal_mode": "'wal'", "foreign_keys": "1", "recursive_triggers": "0",
			"read_uncommitted": "0", "writable_schema": "0",
		} {
			rows, err := c.rows("PRAGMA " + pragma)
			if err != nil || rows[0][0].String() != want {
				t.Errorf("%s: %s is %v (%v), want %s", name, pragma, rows, err, want)
			}
		}
		only, err := c.number("PRAGMA query_only")
		if err != nil || (only == 1) != (name != "writer") {
			t.Errorf("%s: query_only %d", name, only)
		}
		like, err := c.number("SELECT 'a' LIKE 'A'")
		if err != nil || like != 1 {
			t.Errorf("%s: LIKE heeds case", name)
		}
		p.put(s)
	}
}

// Text compares otherwise in a UTF-16 database; it is read right all the same.
func TestUTF16(t *testing.T) {
	d := openTest(t, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE a (x TEXT, y COLLATE NOCASE); INSERT INTO a VALUES ('ä€', 'b')")
	if c := d.Schema().Table("a").Columns[0].Collation; c != source.CollationUnknown {
		t.Fatal(c)
	}
	ws, _ := mustWrite(t, d, "UPDATE a SET x = x || '𝄞' || char(0) || '!'")
	if got := printable(ws.String()); got != "UPDATE a ('ä€', 'b') -> ('ä€𝄞␀!', 'b')\n" {
		t.Fatal(got)
	}
	if got := printable(readAll(t, d, "SELECT x FROM a")[0].String()); got != "('ä€𝄞␀!')" {
		t.Fatal(got)
	}
}

package sqlite

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"edgecache/source"
)

// heard collects what OnForeignWrite is told.
type heard struct {
	mu   sync.Mutex
	sets []*source.WriteSet
}

func (h *heard) note(ws *source.WriteSet) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sets = append(h.sets, ws)
}

func (h *heard) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sets)
}

func (h *heard) last() *source.WriteSet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sets[len(h.sets)-1]
}

// openTest opens a new database made by the script. Nothing polls: tests that
// want to, look themselves.
func openTest(t testing.TB, script string, change ...func(*Options)) *DB {
	t.Helper()
	o := Options{
		Path: filepath.Join(t.TempDir(), "test.db"), Init: script,
		Readers: 2, PollInterval: -1, Name: "main",
	}
	for _, f := range change {
		f(&o)
	}
	d, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open: %v (%v)", err, cause(err))
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// cause digs out what an error wraps.
func cause(err error) error {
	if e, ok := err.(*source.Error); ok {
		return e.Err
	}
	return nil
}

// parts cuts a script into statements.
func parts(t testing.TB, script string) []source.Statement {
	t.Helper()
	c, err := openConn(filepath.Join(t.TempDir(), "parts.db"), true, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var out []source.Statement
	for !onlyBlank(script) {
		rest := script
		// Only the form matters, so a text that ends at ';' outside of a
		// trigger body is a statement.
		l := lexer{sql: script}
		depth := 0
		for tok := l.next(); tok.kind != tokenEnd; tok = l.next() {
			switch {
			case l.is(tok, "BEGIN"), l.is(tok, "CASE"):
				depth++
			case l.is(tok, "END"):
				depth--
			}
			if depth == 0 && l.punct(tok, ';') {
				break
			}
		}
		out = append(out, source.Statement{SQL: strings.TrimSuffix(strings.TrimSpace(rest[:l.pos]), ";")})
		script = rest[l.pos:]
	}
	return out
}

// readAll reads a table ordered by all columns, and the rowid where there is one.
func readAll(t testing.TB, d *DB, sql string) []source.Row {
	t.Helper()
	res, err := d.Query(context.Background(), source.Statement{SQL: sql}, source.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return res.Rows
}

// mustWrite writes and returns what beforeCommit was shown.
func mustWrite(t testing.TB, d *DB, sqls ...string) (*source.WriteSet, *source.WriteResult) {
	t.Helper()
	ws, res, err := tryWrite(d, sqls...)
	if err != nil {
		t.Fatalf("write %q: %v", sqls, err)
	}
	return ws, res
}

func tryWrite(d *DB, sqls ...string) (ws *source.WriteSet, res *source.WriteResult, err error) {
	var sts []source.Statement
	for _, s := range sqls {
		sts = append(sts, source.Statement{SQL: s})
	}
	res, err = d.Write(context.Background(), sts, func(w *source.WriteSet) { ws = w })
	return ws, res, err
}

// printable shows NUL bytes in golden files.
func printable(s string) string { return strings.ReplaceAll(s, "\x00", "␀") }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

package sqlite

import (
	"context"
	"strings"
	"testing"
	"time"

	"edgecache/source"
)

func query(d *DB, sql string, args ...source.Value) (*source.Result, error) {
	return d.Query(context.Background(), source.Statement{SQL: sql, Args: args}, source.Limits{})
}

func printRows(res *source.Result) string {
	var out []string
	for _, r := range res.Rows {
		out = append(out, r.String())
	}
	return strings.Join(out, " ")
}

// Columns declared as dates give the stored value, whatever it is, and in the
// order that SQLite gives.
func TestDatesStayText(t *testing.T) {
	d := openTest(t, `CREATE TABLE e (id INTEGER PRIMARY KEY, d DATE, dt DATETIME, ts TIMESTAMP, b BOOLEAN);
		INSERT INTO e VALUES
		(1, '2024-01-02T03:04:05Z', '2024-01-02', 'not a date', 1),
		(2, '2024-01-02', '2024-01-02 03:04:05+02:00', 1700000000, 'true'),
		(3, 20240102, '', 1.5, NULL),
		(4, x'3230', '2024-01-02 03:04:05.000', ' 2024-01-02', 0)`)
	for _, c := range []struct{ sql, want string }{
		{"SELECT d, dt, ts, b FROM e ORDER BY id",
			`('2024-01-02T03:04:05Z', '2024-01-02', 'not a date', 1) ` +
				`('2024-01-02', '2024-01-02 03:04:05+02:00', 1700000000, 'true') ` +
				`(20240102, '', 1.5, NULL) (x'3230', '2024-01-02 03:04:05.000', ' 2024-01-02', 0)`},
		{"SELECT d FROM e ORDER BY d", "(20240102) ('2024-01-02') ('2024-01-02T03:04:05Z') (x'3230')"},
		{"SELECT d FROM e ORDER BY d DESC LIMIT 2", "(x'3230') ('2024-01-02T03:04:05Z')"},
		{"SELECT DISTINCT dt FROM e WHERE dt > '2024' ORDER BY dt",
			"('') ('2024-01-02') ('2024-01-02 03:04:05+02:00') ('2024-01-02 03:04:05.000')"},
		{"SELECT d FROM e WHERE id = 2 UNION SELECT dt FROM e WHERE id < 3 ORDER BY 1",
			"('2024-01-02') ('2024-01-02 03:04:05+02:00')"},
		{"SELECT max(dt), min(ts) FROM e", "('2024-01-02 03:04:05.000', 1.5)"},
	} {
		res, err := query(d, c.sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := printRows(res); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestQueryLimits(t *testing.T) {
	d := openTest(t, accounts)
	ctx := context.Background()
	for _, c := range []struct {
		lim source.Limits
		ok  bool
	}{
		{source.Limits{}, true},
		{source.Limits{Rows: 2}, true}, {source.Limits{Rows: 1}, false},
		{source.Limits{Bytes: 32}, true}, {source.Limits{Bytes: 31}, false},
	} {
		res, err := d.Query(ctx, source.Statement{SQL: "SELECT * FROM t"}, c.lim)
		if c.ok {
			if err != nil || len(res.Rows) != 2 {
				t.Errorf("%+v: %v", c.lim, err)
			}
			continue
		}
		wantKind(t, err, source.ErrTooLarge)
	}
	// The snapshot of a refused answer is let go: a checkpoint gets through.
	mustWrite(t, d, "UPDATE t SET x = 3")
	s := <-d.writer.free
	defer d.writer.put(s)
	rows, err := s.c.rows("PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil || rows[0][0].AsInt() != 0 {
		t.Fatalf("checkpoint %v, %v", rows, err)
	}
}

func TestQueryErrors(t *testing.T) {
	d := openTest(t, accounts)
	for _, c := range []struct {
		sql  string
		args []source.Value
		kind source.ErrorKind
		text string
	}{
		{"SELECT nme FROM t", nil, source.ErrInvalid, "no such column: nme"},
		{"SELECT 1 LIMIT ?", []source.Value{source.Null()}, source.ErrInvalid, "datatype mismatch"},
		{"SELECT ?", nil, source.ErrInvalid, "the statement takes 1 arguments, 0 are given"},
		{"DELETE FROM t", nil, source.ErrInvalid, "a query must be one SELECT that writes nothing"},
		{"DELETE FROM t RETURNING id", nil, source.ErrInvalid, "a query must be one SELECT that writes nothing"},
		{"SELECT 1; SELECT 2", nil, source.ErrInvalid, "the SQL text holds more than one statement"},
		{"", nil, source.ErrInvalid, "the SQL text holds no statement"},
		{"SELECT '\x00'", nil, source.ErrInvalid, "the SQL text contains a NUL byte"},
		{"PRAGMA query_only = OFF", nil, source.ErrInvalid, "PRAGMA query_only is not allowed here"},
		{"PRAGMA table_info(t)", nil, source.ErrInvalid, "a query must be one SELECT that writes nothing"},
		{"PRAGMA main.schema_version", nil, source.ErrInvalid, "PRAGMA schema_version is not allowed here"},
		{"BEGIN", nil, source.ErrInvalid, ""},
		{"EXPLAIN SELECT 1", nil, source.ErrInvalid, "a query must be one SELECT that writes nothing"},
		{"SELECT abs(-9223372036854775807 - 1)", nil, source.ErrInternal, "the statement failed: integer overflow"},
		{"SELECT abs(? - 1)", []source.Value{source.Int(-9223372036854775807)}, source.ErrInternal, "the statement failed: integer overflow"},
		{"SELECT sum(9223372036854775807) FROM t WHERE id > ?", []source.Value{source.Int(0)}, source.ErrInternal, "the statement failed: integer overflow"},
		{"SELECT x FROM t WHERE x LIKE ?", []source.Value{source.Text(strings.Repeat("%", 60_000))}, source.ErrInvalid, "LIKE or GLOB pattern too complex"},
		{"SELECT json_extract('{}', ?)", []source.Value{source.Text("x")}, source.ErrInvalid, "bad JSON path: 'x'"},
		{"SELECT json_extract('{}', 'x')", nil, source.ErrInternal, "the statement failed: bad JSON path: 'x'"},
		{"SELECT randomblob(?)", []source.Value{source.Int(2_000_000_000)}, source.ErrInvalid, ""},
		{"SELECT randomblob(2000000000)", nil, source.ErrTooLarge, ""},
		{"SELECT load_extension('/tmp/x')", nil, source.ErrInvalid, "the function load_extension is not allowed here: SQLite refuses it whenever it is called"},
		{"SELECT LOAD_EXTENSION('/tmp/x', 'y') FROM t WHERE 0", nil, source.ErrInvalid, "the function load_extension is not allowed here: SQLite refuses it whenever it is called"},
	} {
		_, err := query(d, c.sql, c.args...)
		wantKind(t, err, c.kind)
		if c.text != "" && err.Error() != c.text {
			t.Errorf("%s: %q, want %q", c.sql, err, c.text)
		}
	}
}

// A query that takes too long is stopped, and its handle serves the next one.
func TestQueryStopped(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.Readers = 1; o.StatementTimeout = 30 * time.Millisecond })
	for range 3 {
		_, err := query(d, endless+"SELECT count(*) FROM n")
		wantKind(t, err, source.ErrTimeout)
		if got := sum(t, d); got != 30 {
			t.Fatalf("sum %d", got)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := d.Query(ctx, source.Statement{SQL: "SELECT 1"}, source.Limits{})
	wantKind(t, err, source.ErrTimeout)
}

// Who finds all readers taken waits no longer than it may.
func TestQueryWithoutReaders(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.Readers = 1; o.StatementTimeout = 20 * time.Millisecond })
	s := <-d.readers.free
	_, err := query(d, "SELECT 1")
	wantKind(t, err, source.ErrBusy)
	d.readers.put(s)
	if _, err := query(d, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
}

// Prepared statements follow the schema, also in what they return.
func TestQueryAfterSchemaChange(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.Readers = 1 })
	if res, _ := query(d, "SELECT * FROM t"); len(res.Columns) != 2 {
		t.Fatal(res.Columns)
	}
	mustWrite(t, d, "ALTER TABLE t ADD COLUMN y DEFAULT 7")
	res, err := query(d, "SELECT * FROM t")
	if err != nil || len(res.Columns) != 3 || res.Rows[0].String() != "(1, 10, 7)" {
		t.Fatal(res, err)
	}
	mustWrite(t, d, "DROP TABLE t")
	_, err = query(d, "SELECT * FROM t")
	wantKind(t, err, source.ErrInternal) // no argument could make it right
}

// More texts than the cache holds: the oldest are prepared anew.
func TestStatementCacheIsBounded(t *testing.T) {
	d := openTest(t, accounts, func(o *Options) { o.Readers = 1 })
	for i := range 2*maxCachedStatements + 5 {
		if _, err := query(d, "SELECT "+itoa(int64(i))); err != nil {
			t.Fatal(err)
		}
	}
	s := <-d.readers.free
	defer d.readers.put(s)
	if n := len(s.c.cache.byText); n != maxCachedStatements || s.c.cache.order.Len() != n {
		t.Fatalf("%d statements kept", n)
	}
}

func TestCloseStopsWhatRuns(t *testing.T) {
	d := openTest(t, accounts)
	started := make(chan struct{})
	done := make(chan error)
	go func() {
		close(started)
		_, err := query(d, endless+"SELECT count(*) FROM n")
		done <- err
	}()
	<-started
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	err := <-done
	if k := source.KindOf(err); k != source.ErrTimeout && k != source.ErrUnavailable {
		t.Fatal(err)
	}
	_, err = query(d, "SELECT 1")
	wantKind(t, err, source.ErrUnavailable)
	_, err = d.Write(context.Background(), sqls("UPDATE t SET x = 1"), nil)
	wantKind(t, err, source.ErrUnavailable)
	_, err = d.Describe(context.Background(), "SELECT 1")
	wantKind(t, err, source.ErrUnavailable)
}

package sqlite

import (
	"container/list"
	"fmt"
	"strings"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// largeArgument is the size in bytes from which a bound argument is let go as
// soon as its statement ends, instead of when the next one takes its place.
const largeArgument = 64 << 10

// stmt is one prepared statement of one handle.
type stmt struct {
	c     *conn
	p     uintptr
	key   string // in the cache
	verb  verb
	print *footprint // what it touches, by the authorizer
	large []int32    // parameters holding large arguments
}

// prepare compiles exactly one statement and records what it touches.
func (c *conn) prepare(sql string) (*stmt, error) {
	if strings.IndexByte(sql, 0) >= 0 {
		return nil, invalid("the SQL text contains a NUL byte")
	}
	c.reading, c.refusal = newFootprint(), ""
	defer func() { c.reading = nil }()
	p, tail, err := c.compile(sql)
	if err != nil {
		return nil, err
	}
	s := &stmt{c: c, p: p, verb: verbOf(sql), print: c.reading}
	if p == 0 {
		return nil, invalid("the SQL text holds no statement")
	}
	if !onlyBlank(tail) {
		s.finalize()
		return nil, invalid("the SQL text holds more than one statement")
	}
	return s, nil
}

// compile prepares the first statement of sql and returns the text behind it.
// The statement is 0 when there was none.
func (c *conn) compile(sql string) (p uintptr, tail string, err error) {
	z, err := libc.CString(sql)
	if err != nil {
		return 0, "", &sqlError{code: sqlite3.SQLITE_NOMEM, msg: "out of memory"}
	}
	defer libc.Xfree(c.tls, z)
	word := unsafe.Sizeof(uintptr(0))
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, z, int32(len(sql)+1),
		sqlite3.SQLITE_PREPARE_PERSISTENT, c.scratch, c.scratch+word)
	if rc != sqlite3.SQLITE_OK {
		if c.refusal != "" {
			return 0, "", invalid("%s", c.refusal)
		}
		return 0, "", c.failure(rc)
	}
	return deref(c.scratch), sql[deref(c.scratch+word)-z:], nil
}

func (s *stmt) finalize() {
	if s.p != 0 {
		sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
		s.p = 0
	}
}

// params is how many arguments the statement takes.
func (s *stmt) params() int { return int(sqlite3.Xsqlite3_bind_parameter_count(s.c.tls, s.p)) }

// readonly is SQLite's own word for it: it writes no database file directly.
func (s *stmt) readonly() bool { return sqlite3.Xsqlite3_stmt_readonly(s.c.tls, s.p) != 0 }

// bind sets all arguments.
func (s *stmt) bind(args []source.Value) error {
	if n := s.params(); n != len(args) {
		return invalid("the statement takes %d arguments, %d are given", n, len(args))
	}
	for i, v := range args {
		if v.IsUnknown() {
			return invalid("argument %d has no known value", i+1)
		}
		if rc := s.bindOne(int32(i+1), v); rc != sqlite3.SQLITE_OK {
			return s.c.failure(rc)
		}
	}
	return nil
}

func (s *stmt) bindOne(i int32, v source.Value) int32 {
	tls := s.c.tls
	switch v.Kind() {
	case source.KindInt:
		return sqlite3.Xsqlite3_bind_int64(tls, s.p, i, v.AsInt())
	case source.KindFloat:
		return sqlite3.Xsqlite3_bind_double(tls, s.p, i, v.AsFloat())
	case source.KindNull:
		return sqlite3.Xsqlite3_bind_null(tls, s.p, i)
	}
	n := v.Len()
	z := libc.Xmalloc(tls, types.Size_t(n+1))
	if z == 0 {
		return sqlite3.SQLITE_NOMEM
	}
	memory := unsafe.Slice(*(**byte)(unsafe.Pointer(&z)), n+1)
	copy(memory, v.AsText())
	memory[n] = 0
	if n >= largeArgument {
		s.large = append(s.large, i)
	}
	// SQLite frees the memory itself, also when binding fails.
	free := funcPointer(libc.Xfree)
	if v.Kind() == source.KindText {
		return sqlite3.Xsqlite3_bind_text64(tls, s.p, i, z, uint64(n), free, sqlite3.SQLITE_UTF8)
	}
	return sqlite3.Xsqlite3_bind_blob64(tls, s.p, i, z, uint64(n), free)
}

// step advances to the next row; false means that the statement has ended.
func (s *stmt) step() (bool, error) {
	switch rc := sqlite3.Xsqlite3_step(s.c.tls, s.p); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		e := s.c.failure(rc)
		e.executing, e.withArgs = true, s.params() > 0
		return false, e
	}
}

// reset ends the execution, and with it the read transaction of a SELECT.
// Arguments stay bound, for unbinding a small integer can make SQLite plan the
// statement anew; only large ones are let go.
func (s *stmt) reset() {
	sqlite3.Xsqlite3_reset(s.c.tls, s.p)
	for _, i := range s.large {
		sqlite3.Xsqlite3_bind_null(s.c.tls, s.p, i)
	}
	s.large = s.large[:0]
}

// columns is how many columns a row has; it may change when the first step
// meets a changed schema.
func (s *stmt) columns() int { return int(sqlite3.Xsqlite3_column_count(s.c.tls, s.p)) }

func (s *stmt) columnName(i int) string {
	return text(sqlite3.Xsqlite3_column_name(s.c.tls, s.p, int32(i)))
}

// column reads one value of the current row with its class and all its bytes.
// The declared type of the column has no say, as it would have in
// database/sql: a DATE is the text that was stored.
func (s *stmt) column(i int) source.Value {
	tls, p, n := s.c.tls, s.p, int32(i)
	switch sqlite3.Xsqlite3_column_type(tls, p, n) {
	case sqlite3.SQLITE_INTEGER:
		return source.Int(sqlite3.Xsqlite3_column_int64(tls, p, n))
	case sqlite3.SQLITE_FLOAT:
		return source.Float(sqlite3.Xsqlite3_column_double(tls, p, n))
	case sqlite3.SQLITE_TEXT:
		z := sqlite3.Xsqlite3_column_text(tls, p, n)
		return source.Text(bytesAt(z, sqlite3.Xsqlite3_column_bytes(tls, p, n)))
	case sqlite3.SQLITE_BLOB:
		z := sqlite3.Xsqlite3_column_blob(tls, p, n)
		return source.Blob([]byte(bytesAt(z, sqlite3.Xsqlite3_column_bytes(tls, p, n))))
	}
	return source.Null()
}

// bytesAt copies n bytes from outside of Go's memory.
func bytesAt(z uintptr, n int32) string {
	if z == 0 || n <= 0 {
		return ""
	}
	return string(unsafe.Slice(*(**byte)(unsafe.Pointer(&z)), n))
}

// rows runs one of our own statements and returns all its rows.
func (c *conn) rows(sql string, args ...source.Value) (out []source.Row, err error) {
	err = c.asOwner(func() error {
		s, err := c.cached(sql)
		if err != nil {
			return err
		}
		defer s.reset()
		if err := s.bind(args); err != nil {
			return err
		}
		for {
			more, err := s.step()
			if err != nil || !more {
				return err
			}
			row := make(source.Row, s.columns())
			for i := range row {
				row[i] = s.column(i)
			}
			out = append(out, row)
		}
	})
	return out, err
}

// number runs one of our own statements that gives one integer.
func (c *conn) number(sql string) (int64, error) {
	rows, err := c.rows(sql)
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 || rows[0][0].Kind() != source.KindInt {
		return 0, fmt.Errorf("sqlite: %s gave no number", sql)
	}
	return rows[0][0].AsInt(), nil
}

// cached prepares sql, or finds it prepared.
func (c *conn) cached(sql string) (*stmt, error) {
	key := sql
	if c.trusted {
		key = "\x00" + sql // a caller's same text must meet the policy
	}
	if s := c.cache.get(key); s != nil {
		return s, nil
	}
	s, err := c.prepare(sql)
	if err != nil {
		return nil, err
	}
	s.key = key
	c.cache.put(s)
	return s, nil
}

// statements keeps prepared statements by text, least recently used last.
type statements struct {
	limit  int
	byText map[string]*list.Element
	order  *list.List
}

func newStatements(limit int) *statements {
	return &statements{limit: limit, byText: map[string]*list.Element{}, order: list.New()}
}

func (c *statements) get(key string) *stmt {
	e := c.byText[key]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*stmt)
}

func (c *statements) put(s *stmt) {
	c.byText[s.key] = c.order.PushFront(s)
	if c.order.Len() > c.limit {
		last := c.order.Remove(c.order.Back()).(*stmt)
		delete(c.byText, last.key)
		last.finalize()
	}
}

// clear finalizes all; none may be running.
func (c *statements) clear() {
	for e := c.order.Front(); e != nil; e = e.Next() {
		e.Value.(*stmt).finalize()
	}
	c.order.Init()
	clear(c.byText)
}

package sqlite

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxCachedStatements bounds the prepared statements that one handle keeps;
// past it the statement that was used longest ago is finalized.
const maxCachedStatements = 256

// conn is one SQLite handle. It belongs to one goroutine at a time, whoever
// took it from its slot; only interrupt may come from another.
type conn struct {
	tls     *libc.TLS
	db      uintptr
	id      uintptr // what SQLite's callbacks are given to find us
	scratch uintptr // two words for out parameters

	// The call under way.
	ctx       context.Context // ends waits for locks
	cancelled atomic.Bool     // ends running statements
	busyLimit time.Duration
	busySince time.Time

	trusted bool        // our own statements run: the authorizer allows everything
	reading *footprint  // what the statement being prepared touches, nil otherwise
	refusal string      // why the authorizer refused the statement being prepared
	images  *collector  // where row images go, nil while nobody asks
	cache   *statements // prepared statements by text
}

// handles finds a conn from the number that SQLite hands back to callbacks. A
// Go pointer must not be kept in memory that Go does not manage.
var handles = struct {
	sync.RWMutex
	m    map[uintptr]*conn
	last uintptr
}{m: map[uintptr]*conn{}}

func handle(id uintptr) *conn {
	handles.RLock()
	defer handles.RUnlock()
	return handles.m[id]
}

// openConn opens the file, which must exist unless create is set, and
// installs the callbacks. They stay for the life of the handle: the truncate
// optimisation of DELETE, for one, is decided when a statement is prepared,
// by whether there is a pre-update hook.
func openConn(path string, create bool, busyLimit time.Duration) (*conn, error) {
	c := &conn{
		tls: libc.NewTLS(), ctx: context.Background(),
		busyLimit: busyLimit, trusted: true, cache: newStatements(maxCachedStatements),
	}
	c.scratch = libc.Xmalloc(c.tls, 16)
	name, err := libc.CString(path)
	if err != nil || c.scratch == 0 {
		c.close()
		return nil, &sqlError{code: sqlite3.SQLITE_NOMEM, msg: "out of memory"}
	}
	defer libc.Xfree(c.tls, name)
	flags := int32(sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_PRIVATECACHE)
	if create {
		flags |= sqlite3.SQLITE_OPEN_CREATE
	}
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, c.scratch, flags, 0)
	c.db = deref(c.scratch)
	if rc != sqlite3.SQLITE_OK {
		err := c.failure(rc)
		c.close()
		return nil, err
	}
	if err := c.configure(); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// configure sets what must hold before the first statement is prepared.
func (c *conn) configure() error {
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	for _, option := range []struct{ op, on int32 }{
		// "x" is always a name: the fallback to a string makes a misspelt
		// column a constant.
		{sqlite3.SQLITE_DBCONFIG_DQS_DDL, 0},
		{sqlite3.SQLITE_DBCONFIG_DQS_DML, 0},
		// Nobody edits sqlite_schema or shadow tables behind the hooks.
		{sqlite3.SQLITE_DBCONFIG_DEFENSIVE, 1},
		{sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY, 1},
	} {
		if rc := c.option(option.op, option.on); rc != sqlite3.SQLITE_OK {
			return c.failure(rc)
		}
	}
	handles.Lock()
	handles.last++
	c.id = handles.last
	handles.m[c.id] = c
	handles.Unlock()
	sqlite3.Xsqlite3_busy_handler(c.tls, c.db, funcPointer(onBusy), c.id)
	sqlite3.Xsqlite3_progress_handler(c.tls, c.db, 1000, funcPointer(onProgress), c.id)
	sqlite3.Xsqlite3_preupdate_hook(c.tls, c.db, funcPointer(onPreUpdate), c.id)
	sqlite3.Xsqlite3_set_authorizer(c.tls, c.db, funcPointer(onAuthorize), c.id)
	return nil
}

// option sets one of the handle's switches.
func (c *conn) option(op, on int32) (rc int32) {
	va := libc.NewVaList(on, uintptr(0))
	defer libc.Xfree(c.tls, va)
	return sqlite3.Xsqlite3_db_config(c.tls, c.db, op, va)
}

// leaveLog makes close leave the log as it is.
func (c *conn) leaveLog() {
	if c.db != 0 {
		c.option(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1) // cannot fail for a switch that there is
	}
}

// close releases the handle; an open transaction is rolled back by SQLite.
func (c *conn) close() {
	c.cache.clear()
	if c.db != 0 {
		sqlite3.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	handles.Lock()
	delete(handles.m, c.id)
	handles.Unlock()
	if c.scratch != 0 {
		libc.Xfree(c.tls, c.scratch)
		c.scratch = 0
	}
	c.tls.Close()
}

// guard lets ctx end what the handle does until the returned function is
// called, which must be before the handle is given back.
func (c *conn) guard(ctx context.Context) (release func()) {
	c.ctx = ctx
	if ctx.Done() == nil {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.cancelled.Store(true)
		c.interrupt()
		close(fired)
	})
	return func() {
		if !stop() {
			<-fired // else the interrupt might hit a later call
		}
		c.cancelled.Store(false)
		c.ctx = context.Background()
	}
}

// interrupt stops the statements that run now. It uses a thread state of its
// own, because the handle's is in use by the goroutine that runs them.
func (c *conn) interrupt() {
	tls := libc.NewTLS()
	sqlite3.Xsqlite3_interrupt(tls, c.db)
	tls.Close()
}

// autocommit tells that no transaction is open.
func (c *conn) autocommit() bool { return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) != 0 }

// asOwner runs f without the authorizer's policy: for our own statements.
func (c *conn) asOwner(f func() error) error {
	was := c.trusted
	c.trusted = true
	defer func() { c.trusted = was }()
	return f()
}

// exec runs one of our own statements to its end.
func (c *conn) exec(sql string) error {
	_, err := c.rows(sql)
	return err
}

// failure describes the last error of the handle.
func (c *conn) failure(rc int32) *sqlError {
	e := &sqlError{code: rc, msg: libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))}
	if c.db != 0 {
		ext := sqlite3.Xsqlite3_extended_errcode(c.tls, c.db)
		if ext&0xff == rc&0xff {
			e.code = ext
			e.msg = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
		}
	}
	return e
}

// sqlError is an error as SQLite told it.
type sqlError struct {
	code int32 // extended
	msg  string
	// executing tells that the statement had been prepared and ran; withArgs
	// that it had arguments.
	executing, withArgs bool
}

func (e *sqlError) Error() string  { return fmt.Sprintf("sqlite: %s (%d)", e.msg, e.code) }
func (e *sqlError) primary() int32 { return e.code & 0xff }

// deref reads the word at an address outside of Go's memory.
func deref(p uintptr) uintptr { return **(**uintptr)(unsafe.Pointer(&p)) }

// clearWord writes zero there.
func clearWord(p uintptr) { **(**uintptr)(unsafe.Pointer(&p)) = 0 }

// funcPointer is the address by which transpiled C calls a Go function. The
// function must be declared at package level, so that it never moves.
func funcPointer[T any](f T) uintptr {
	return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f}))
}

// text reads a C string; a null pointer is "".
func text(p uintptr) string {
	if p == 0 {
		return ""
	}
	return libc.GoString(p)
}

// quoteName makes a SQL name of any text.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

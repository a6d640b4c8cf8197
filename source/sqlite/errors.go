package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"

	"edgecache/source"
)

// invalid is an error of the caller's SQL or arguments.
func invalid(format string, args ...any) *source.Error {
	return &source.Error{Kind: source.ErrInvalid, Message: fmt.Sprintf(format, args...)}
}

// unavailable is an error of the database file or of its surroundings.
func unavailable(err error, format string, args ...any) *source.Error {
	return &source.Error{Kind: source.ErrUnavailable, Message: fmt.Sprintf(format, args...), Err: err}
}

// wrap makes a *source.Error of any error. When ctx has ended, that is the
// reason, whatever SQLite calls it.
func wrap(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *source.Error
	if errors.As(err, &known) {
		return known
	}
	if ctx.Err() != nil {
		return ended(ctx, err)
	}
	var e *sqlError
	if !errors.As(err, &e) {
		return &source.Error{Kind: source.ErrInternal, Message: "internal error of the database driver", Err: err}
	}
	kind, message := classify(e)
	return &source.Error{Kind: kind, Message: message, Err: err}
}

// ended tells why ctx ended.
func ended(ctx context.Context, err error) *source.Error {
	message := "the request was cancelled"
	if cause := context.Cause(ctx); errors.Is(cause, context.DeadlineExceeded) {
		message = "the database took longer than allowed"
	}
	if err == nil {
		err = ctx.Err()
	}
	return &source.Error{Kind: source.ErrTimeout, Message: message, Err: err}
}

// classify maps a result code. Only messages about the statement, the schema
// and constraints are passed on: those about files could name a path.
func classify(e *sqlError) (source.ErrorKind, string) {
	switch e.primary() {
	case sqlite3.SQLITE_CONSTRAINT:
		return source.ErrConstraint, e.msg
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return source.ErrBusy, lockedMessage
	case sqlite3.SQLITE_SCHEMA:
		return source.ErrBusy, "the database schema keeps changing"
	case sqlite3.SQLITE_INTERRUPT:
		return source.ErrTimeout, "the statement was interrupted"
	case sqlite3.SQLITE_TOOBIG:
		if e.executing && !e.withArgs {
			return source.ErrTooLarge, "a text or blob is larger than the database allows"
		}
		return source.ErrInvalid, "a text or blob is larger than the database allows"
	case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_AUTH:
		if e.executing && !e.byArgument() {
			return source.ErrInternal, "the statement failed: " + e.msg
		}
		return source.ErrInvalid, e.msg
	case sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE:
		return source.ErrInvalid, e.msg
	case sqlite3.SQLITE_FULL:
		return source.ErrUnavailable, "the database or its disk is full"
	case sqlite3.SQLITE_CANTOPEN:
		return source.ErrUnavailable, "unable to open the database file"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return source.ErrUnavailable, "the database file cannot be written"
	case sqlite3.SQLITE_NOTADB:
		return source.ErrUnavailable, "the file is not a database"
	case sqlite3.SQLITE_CORRUPT:
		return source.ErrUnavailable, "the database file is damaged"
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS:
		return source.ErrUnavailable, "the database file cannot be read or written"
	case sqlite3.SQLITE_NOMEM:
		return source.ErrUnavailable, "the database is out of memory"
	}
	return source.ErrInternal, "internal error of the database driver"
}

// byArgument tells whether a running statement failed for the text of a
// pattern, a path or a search, which is most likely what the caller gave. The
// same code stands for trouble that is nobody's argument, such as a sum that
// overflows, so what is not listed is the statement's own.
func (e *sqlError) byArgument() bool {
	if !e.withArgs {
		return false
	}
	for _, prefix := range []string{"LIKE or GLOB pattern too complex", "fts5: ", "malformed MATCH expression", "bad JSON path", "JSON path error"} {
		if strings.HasPrefix(e.msg, prefix) {
			return true
		}
	}
	return false
}

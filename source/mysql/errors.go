package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	driverpkg "github.com/go-sql-driver/mysql"

	"edgecache/source"
)

// invalid is an error of the caller's SQL, arguments or configuration.
func invalid(format string, args ...any) *source.Error {
	return &source.Error{Kind: source.ErrInvalid, Message: fmt.Sprintf(format, args...)}
}

// unavailable is an error of the server or of the way to it.
func unavailable(err error, format string, args ...any) *source.Error {
	return &source.Error{Kind: source.ErrUnavailable, Message: fmt.Sprintf(format, args...), Err: err}
}

func tooLarge(format string, args ...any) *source.Error {
	return &source.Error{Kind: source.ErrTooLarge, Message: fmt.Sprintf(format, args...)}
}

func oversize(err error, message string) *source.Error {
	return &source.Error{Kind: source.ErrOversize, Message: message, Err: err}
}

// wrap makes a *source.Error of any error. When ctx has ended, that is the
// reason, whatever the driver calls it.
func wrap(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *source.Error
	if errors.As(err, &known) {
		return known
	}
	var answer *driverpkg.MySQLError
	if errors.As(err, &answer) {
		kind, message := classify(answer)
		return &source.Error{Kind: kind, Message: message, Err: err}
	}
	if ctx.Err() != nil {
		return ended(ctx, err)
	}
	var dial net.Error
	switch {
	case errors.Is(err, driverpkg.ErrPktTooLarge):
		return oversize(err, packetMessage)
	case errors.Is(err, driverpkg.ErrNoTLS):
		return unavailable(err, "the DSN demands TLS and the server does not offer it")
	case errors.Is(err, driverpkg.ErrCleartextPassword), errors.Is(err, driverpkg.ErrNativePassword),
		errors.Is(err, driverpkg.ErrOldPassword), errors.Is(err, driverpkg.ErrUnknownPlugin):
		return unavailable(err, "the server asks for a way to log in that the DSN does not allow")
	case errors.As(err, &dial), errors.Is(err, driver.ErrBadConn), errors.Is(err, driverpkg.ErrInvalidConn),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return unavailable(err, "the connection to the database was refused or lost")
	}
	return &source.Error{Kind: source.ErrInternal, Message: "internal error of the database driver", Err: err}
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

// numberOf is the server's error number, 0 when the server did not answer.
func numberOf(err error) uint16 {
	var e *driverpkg.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

const packetMessage = "the statement with its arguments is larger than max_allowed_packet"

// fixed are the answers whose message we word ourselves: theirs name users and
// hosts, or help nobody.
var fixed = map[uint16]struct {
	kind    source.ErrorKind
	message string
}{
	1045: {source.ErrUnavailable, "the database refuses the user or the password of the DSN"},
	1698: {source.ErrUnavailable, "the database refuses the user or the password of the DSN"},
	1049: {source.ErrUnavailable, "the database that the DSN names does not exist"},
	1046: {source.ErrUnavailable, "the DSN names no database"},
	1130: {source.ErrUnavailable, "the database server refuses connections from this host"},
	1129: {source.ErrUnavailable, "the database server blocks this host after many connection errors: FLUSH HOSTS unblocks it"},
	1040: {source.ErrUnavailable, "the database server has no free connection (max_connections)"},
	1203: {source.ErrUnavailable, "the user of the DSN has no free connection (max_user_connections)"},
	1226: {source.ErrUnavailable, "the user of the DSN has used up a limit of its account"},
	1461: {source.ErrUnavailable, "the database server holds too many prepared statements (max_prepared_stmt_count)"},
	1053: {source.ErrUnavailable, "the database server shuts down"},
	1927: {source.ErrUnavailable, "the connection was killed"},
	4031: {source.ErrUnavailable, "the database server closed an idle connection"},
	1153: {source.ErrOversize, packetMessage},
	1301: {source.ErrOversize, "a value is larger than max_allowed_packet"},
	1205: {source.ErrBusy, "a row is locked by somebody else"},
	3572: {source.ErrBusy, "a row is locked by somebody else"},
	1213: {source.ErrBusy, "a deadlock with another transaction: this one was rolled back"},
	1020: {source.ErrBusy, "a row was changed by somebody else meanwhile"},
	9007: {source.ErrBusy, "a write conflict with another transaction (TiDB)"},
	8022: {source.ErrBusy, "a write conflict with another transaction (TiDB)"},
	8028: {source.ErrBusy, "the schema changed during the transaction (TiDB)"},
	1969: {source.ErrTimeout, "the database took longer than allowed"},
	3024: {source.ErrTimeout, "the database took longer than allowed"},
	1317: {source.ErrTimeout, "the statement was interrupted"},
	1290: {source.ErrUnavailable, "the database server is read-only"},
	1836: {source.ErrUnavailable, "the database server is read-only"},
	1792: {source.ErrInvalid, "a query must not write"},
	1021: {source.ErrUnavailable, "the disk of the database is full"},
	1114: {source.ErrUnavailable, "a table is full"},
	1037: {source.ErrUnavailable, "the database server is out of memory"},
	1038: {source.ErrUnavailable, "the database server is out of memory"},
	1041: {source.ErrUnavailable, "the database server is out of memory"},
	1047: {source.ErrUnavailable, "the cluster node is not ready"},
	1665: {source.ErrUnavailable, "binlog_format=STATEMENT does not allow READ COMMITTED: set it to ROW or MIXED"},
}

// constraints are the answers that mean that the data refuse the write.
var constraints = map[uint16]bool{
	1022: true, 1048: true, 1062: true, 1169: true, 1216: true, 1217: true, 1364: true, 1406: true, 1264: true,
	1265: true, 1292: true, 1366: true, 1367: true, 1451: true, 1452: true, 1557: true, 1586: true, 1690: true,
	1761: true, 1762: true, 1859: true, 1365: true, 1411: true, 1416: true, 1644: true, 3140: true, 3819: true,
	4025: true,
}

// classify maps an answer of the server.
func classify(e *driverpkg.MySQLError) (source.ErrorKind, string) {
	if f, ok := fixed[e.Number]; ok {
		return f.kind, f.message
	}
	if m, ok := missingPrivilege(e); ok {
		return source.ErrUnavailable, m
	}
	if constraints[e.Number] {
		return source.ErrConstraint, e.Message
	}
	// Class 42 is syntax and access, 22 data, 0A not supported, 23 constraints.
	switch string(e.SQLState[:2]) {
	case "42", "0A", "22":
		return source.ErrInvalid, e.Message
	case "23":
		return source.ErrConstraint, e.Message
	case "08":
		return source.ErrUnavailable, "the connection to the database was refused or lost"
	}
	return source.ErrInvalid, e.Message
}

var (
	deniedOnTable  = regexp.MustCompile("^([A-Z][A-Z, ]*) command denied to user .* for table [`']?([^`'.]+)[`']?(?:\\.[`']?([^`']+)[`']?)?$")
	deniedOnColumn = regexp.MustCompile("^([A-Z][A-Z, ]*) command denied to user .* for column '([^']*)' in table '([^']*)'$")
	neededGlobally = regexp.MustCompile(`the ([A-Z_, ]+) privilege`)
	deniedDatabase = regexp.MustCompile(`to database '([^']*)'$`)
	deniedRoutine  = regexp.MustCompile(`^([a-zA-Z ]+) command denied to user .* for routine '([^']*)'$`)
)

// missingPrivilege names what is missing and the GRANT that mends it.
func missingPrivilege(e *driverpkg.MySQLError) (string, bool) {
	grant := func(what, on string) (string, bool) {
		return fmt.Sprintf("a privilege is missing: GRANT %s ON %s TO the user of the DSN mends it", what, on), true
	}
	switch e.Number {
	case 1142:
		if m := deniedOnTable.FindStringSubmatch(e.Message); m != nil {
			if m[3] != "" {
				return grant(m[1], quoteName(m[2])+"."+quoteName(m[3]))
			}
			return grant(m[1], quoteName(m[2]))
		}
	case 1143:
		if m := deniedOnColumn.FindStringSubmatch(e.Message); m != nil {
			return grant(m[1]+" ("+quoteName(m[2])+")", quoteName(m[3]))
		}
	case 1227:
		if m := neededGlobally.FindStringSubmatch(e.Message); m != nil {
			first, _, _ := strings.Cut(m[1], ",")
			return grant(strings.TrimSpace(first), "*.*")
		}
	case 1044:
		if m := deniedDatabase.FindStringSubmatch(e.Message); m != nil {
			return grant("SELECT, INSERT, UPDATE, DELETE", quoteName(m[1])+".*")
		}
	case 1370:
		if m := deniedRoutine.FindStringSubmatch(e.Message); m != nil {
			return grant(strings.ToUpper(m[1]), "the routine "+m[2])
		}
	case 1095:
		return "a connection of another user cannot be killed", true
	default:
		return "", false
	}
	return "a privilege is missing to the user of the DSN", true
}

// quoteName makes a SQL name of any text.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

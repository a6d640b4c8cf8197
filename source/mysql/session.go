package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	driverpkg "github.com/go-sql-driver/mysql"

	"edgecache/source"
)

// maxPrepared bounds the prepared statements of a session; the server has a
// limit over all sessions (max_prepared_stmt_count). Past it all are closed.
const maxPrepared = 100

// packetRoom is what goes with a text into a packet.
const packetRoom = 64

// session is one connection with everything pinned. It speaks to the driver
// itself and not through database/sql, which retries, pools and converts on
// its own: here a statement is sent once, and its connection is known.
//
// A session is used by one goroutine at a time.
type session struct {
	c     driver.Conn
	stmts map[string]driver.Stmt
	// id and host identify the session on the server, host with the port of
	// our end: an id alone may be somebody else's after a restart.
	id     int64
	host   string
	packet int  // the longest text that the server takes
	broken bool // nothing can be sent any more
	trips  int  // how often something was sent and waited for
}

// connect opens a session and pins it.
func (d *DB) connect(ctx context.Context, r role) (*session, error) {
	c, err := d.connector.Connect(ctx)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	s := &session{c: c, stmts: map[string]driver.Stmt{}}
	if err := d.introduce(ctx, s, r); err != nil {
		s.close()
		return nil, wrap(ctx, err)
	}
	return s, nil
}

func (d *DB) introduce(ctx context.Context, s *session, r role) error {
	who, err := s.texts(ctx, "SELECT VERSION(), @@version_comment, CONNECTION_ID(), @@max_allowed_packet")
	if err != nil {
		return err
	}
	v := serverOf(who[0][0], who[0][1])
	d.server.Store(v) // a server may be upgraded under us
	for _, pin := range d.pins(v, r) {
		if _, err := s.run(ctx, pin); err != nil {
			return err
		}
	}
	s.id, s.packet = number(who[0][2]), int(number(who[0][3]))
	if r != roleControl {
		at, err := s.texts(ctx, "SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = "+who[0][2])
		if err != nil {
			return err
		}
		if len(at) == 1 {
			s.host = at[0][0]
		}
	}
	if r == roleWriter { // last, for it makes of every statement a transaction that stays open
		_, err = s.run(ctx, "SET autocommit = 0")
	}
	return err
}

func (s *session) close() {
	s.broken = true
	_ = s.c.Close()
}

// alive tells, without a round trip, that the server has not hung up.
func (s *session) alive(ctx context.Context) bool {
	if v, ok := s.c.(driver.Validator); ok && !v.IsValid() {
		return false
	}
	if r, ok := s.c.(driver.SessionResetter); ok && r.ResetSession(ctx) != nil {
		return false
	}
	return true
}

// note looks at what an error says about the session.
func (s *session) note(err error) error {
	var answer *driverpkg.MySQLError
	if err == nil || errors.As(err, &answer) && !endsSession(answer.Number) {
		return err
	}
	var known *source.Error
	if !errors.As(err, &known) && !errors.Is(err, driverpkg.ErrPktTooLarge) { // which is told before anything is sent
		s.broken = true
	}
	return err
}

// endsSession names the answers after which the server hangs up.
func endsSession(number uint16) bool {
	switch number {
	case 1053, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1927, 3169, 4031, 1080:
		return true
	}
	return false
}

// run sends a text without arguments; results are thrown away.
func (s *session) run(ctx context.Context, sql string) (driver.Result, error) {
	s.trips++
	res, err := s.c.(driver.ExecerContext).ExecContext(ctx, sql, nil)
	return res, s.note(err)
}

// texts sends a text without arguments and reads all rows as texts; NULL is "".
func (s *session) texts(ctx context.Context, sql string) ([][]string, error) {
	s.trips++
	rows, err := s.c.(driver.QueryerContext).QueryContext(ctx, sql, nil)
	if err != nil {
		return nil, s.note(err)
	}
	var out [][]string
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		if err = rows.Next(dest); err != nil {
			break
		}
		row := make([]string, len(dest))
		for i, v := range dest {
			switch v := v.(type) {
			case nil:
			case []byte:
				row[i] = string(v)
			default:
				row[i] = fmt.Sprint(v)
			}
		}
		out = append(out, row)
	}
	if closing := rows.Close(); errors.Is(err, io.EOF) {
		err = closing
	}
	return out, s.note(err)
}

// variables reads system variables; those that the server does not have are
// absent.
func (s *session) variables(ctx context.Context, names ...string) (map[string]string, error) {
	rows, err := s.texts(ctx, "SHOW VARIABLES WHERE Variable_name IN ('"+strings.Join(names, "', '")+"')")
	out := map[string]string{}
	for _, r := range rows {
		out[strings.ToLower(r[0])] = r[1]
	}
	return out, err
}

// prepare returns the prepared form of a text, from the cache where it is.
func (s *session) prepare(ctx context.Context, sql string) (driver.Stmt, error) {
	if st := s.stmts[sql]; st != nil {
		return st, nil
	}
	if len(s.stmts) >= maxPrepared {
		s.forget()
	}
	if len(sql)+packetRoom > s.packet { // the driver would call it a lost connection
		return nil, oversize(nil, packetMessage)
	}
	s.trips++
	st, err := s.c.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	if err != nil {
		return nil, s.note(err)
	}
	s.stmts[sql] = st
	return st, nil
}

// forget closes the prepared statements.
func (s *session) forget() {
	for _, st := range s.stmts {
		_ = st.Close()
	}
	clear(s.stmts)
}

// exec prepares and executes a statement whose rows, if any, nobody wants.
func (s *session) exec(ctx context.Context, sql string, args []source.Value) (driver.Result, error) {
	st, named, err := s.bind(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	s.trips++
	res, err := st.(driver.StmtExecContext).ExecContext(ctx, named)
	return res, s.note(err)
}

// query prepares and executes a statement and gives its rows to each, one by
// one, until it says stop or errs.
func (s *session) query(ctx context.Context, sql string, args []source.Value, head func(names []string), each func(source.Row) error) error {
	return s.queryTyped(ctx, sql, args, func(names, _ []string) {
		if head != nil {
			head(names)
		}
	}, each)
}

// queryTyped is query with the columns' types as the driver names them.
func (s *session) queryTyped(ctx context.Context, sql string, args []source.Value, head func(names, types []string), each func(source.Row) error) error {
	st, named, err := s.bind(ctx, sql, args)
	if err != nil {
		return err
	}
	s.trips++
	rows, err := st.(driver.StmtQueryContext).QueryContext(ctx, named)
	if err != nil {
		return s.note(err)
	}
	names := rows.Columns()
	types := typesOf(rows, len(names))
	head(names, types)
	kinds := make([]kind, len(types))
	for i := range types {
		kinds[i] = kindNamed(types[i])
	}
	dest := make([]driver.Value, len(names))
	for {
		if err = rows.Next(dest); err != nil {
			break
		}
		row := make(source.Row, len(dest))
		for i, v := range dest {
			row[i] = decode(v, kinds[i])
		}
		if err = each(row); err != nil {
			break
		}
	}
	// Close reads the rest, so that the session can be used again.
	if closing := rows.Close(); errors.Is(err, io.EOF) || closing != nil && err == nil {
		err = closing
	} else if closing != nil {
		_ = s.note(closing)
	}
	return s.note(err)
}

// bind prepares and converts the arguments.
func (s *session) bind(ctx context.Context, sql string, args []source.Value) (driver.Stmt, []driver.NamedValue, error) {
	st, err := s.prepare(ctx, sql)
	if err != nil {
		return nil, nil, err
	}
	if n := st.NumInput(); n != len(args) {
		return nil, nil, invalid("the statement has %d placeholders and was given %d arguments", n, len(args))
	}
	named := make([]driver.NamedValue, len(args))
	for i, a := range args {
		if a.IsUnknown() {
			return nil, nil, invalid("argument %d has no value", i+1)
		}
		if a.Len()+packetRoom > s.packet {
			return nil, nil, oversize(nil, packetMessage)
		}
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: argument(a)}
	}
	return st, named, nil
}

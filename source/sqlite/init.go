package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"edgecache/source"
)

// initialize runs Options.Init when the database is absent or holds no schema.
//
// All of it is one transaction, so that a script that fails or a process that
// dies leaves a database that is still empty, and the next start tries again.
// The script's own BEGIN and COMMIT are passed over, as a dump has them;
// PRAGMAs before its first other statement run before the transaction, where
// encoding and page_size still take effect.
func (d *DB) initialize(ctx context.Context) error {
	info, err := os.Stat(d.path)
	switch {
	case err == nil && info.IsDir():
		return unavailable(nil, "unable to open the database: it is a directory")
	case err == nil && (info.Size() > 0 && d.o.Init == ""):
		return nil
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return d.absent(err)
	case err != nil && d.o.Init == "":
		return unavailable(err, "unable to open the database: the file does not exist, and no init script is given")
	}
	c, err := openConn(d.path, true, d.o.BusyTimeout)
	if err != nil {
		return err
	}
	defer c.close()
	defer c.guard(ctx)()
	if empty, err := c.isEmpty(); err != nil || !empty {
		return err
	}
	if err := c.runScript(d.o.Init); err != nil {
		if !c.autocommit() {
			_ = c.exec("ROLLBACK") // closing does it as well
		}
		return err
	}
	return nil
}

func (c *conn) isEmpty() (bool, error) {
	n, err := c.number("SELECT count(*) FROM main.sqlite_schema")
	return n == 0, err
}

// runScript runs a script in one transaction, unless somebody else has filled
// the database meanwhile.
func (c *conn) runScript(script string) error {
	begun := false
	for n := 1; !onlyBlank(script); n++ {
		v := verbOf(script)
		if !begun && v != "PRAGMA" {
			if err := c.exec("BEGIN IMMEDIATE"); err != nil {
				return err
			}
			begun = true
			if empty, err := c.isEmpty(); err != nil || !empty {
				return errors.Join(err, c.exec("ROLLBACK"))
			}
		}
		rest, err := c.runFirst(script, v)
		if err != nil {
			return scriptError(n, err)
		}
		script = rest
	}
	if !begun {
		return nil
	}
	return c.exec("COMMIT")
}

// runFirst runs the first statement of a script and returns the rest.
func (c *conn) runFirst(script string, v verb) (string, error) {
	p, rest, err := c.compile(script)
	if err != nil {
		return "", err
	}
	s := &stmt{c: c, p: p}
	defer s.finalize()
	switch v {
	case "BEGIN", "COMMIT", "END":
		return rest, nil
	}
	if p == 0 {
		return rest, nil
	}
	for {
		if more, err := s.step(); err != nil || !more {
			return rest, err
		}
	}
}

// scriptError says which statement of the init script failed.
func scriptError(n int, err error) error {
	var e *sqlError
	if !errors.As(err, &e) {
		return err
	}
	kind, message := classify(e)
	return &source.Error{Kind: kind, Message: fmt.Sprintf("init script, statement %d: %s", n, message), Err: err}
}

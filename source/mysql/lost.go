package mysql

import (
	"context"
	"fmt"
	"time"

	"edgecache/source"
)

// A session whose connection is lost may go on executing what it was sent, and
// even commit, seconds after we turned away:
//
//	1 COMMIT is sent, and waits in the server
//	2 our deadline passes; the connection is closed
//	3 a reader fills the cache with the row as it was
//	4 the server commits
//
// So the write stays open, and with it the suspension of what it may change,
// until the session is killed and cannot be found any more: what it was to
// commit is then committed, and nothing comes after.

// pause is the time between two looks for a lost session.
const (
	firstPause  = 2 * time.Millisecond
	longPause   = 250 * time.Millisecond
	lookTimeout = 5 * time.Second
)

// layToRest kills a session and waits until it is gone, at most ProofTimeout.
// Past that the search goes on behind the scenes; when tell is set, its end is
// told as Everything.
func (d *DB) layToRest(s *session, tell bool) bool {
	ctx, cancel := context.WithTimeout(d.life, d.o.ProofTimeout)
	defer cancel()
	d.counters.killed.Add(1)
	if d.prove(ctx, s) {
		return true
	}
	d.counters.unproven.Add(1)
	d.o.Log.Error("a lost session may still be alive", "source", d.o.Name, "session", s.id)
	if !tell || d.life.Err() != nil {
		return false
	}
	select {
	case d.lost <- struct{}{}:
	default: // so many are searched for that one more changes nothing: each tells Everything
		return false
	}
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		defer func() { <-d.lost }()
		if d.prove(d.life, s) {
			d.o.OnForeignWrite(&source.WriteSet{Source: d.o.Name, Everything: "a lost session has ended"})
		}
	}()
	return false
}

// prove kills and looks until the session is gone or ctx ends.
func (d *DB) prove(ctx context.Context, s *session) bool {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		gone := false
		look, cancel := context.WithTimeout(ctx, lookTimeout)
		err := d.withControl(look, func(c *session) error {
			var err error
			gone, err = d.gone(look, c, s)
			return err
		})
		cancel()
		if err != nil {
			gone = false
			d.o.Log.Debug("a lost session could not be looked for", "source", d.o.Name, "error", wrap(look, err))
		}
		if f := d.seams.prove; f != nil {
			f(s, gone)
		}
		if gone {
			return true
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return false
		case <-wait.C:
		}
	}
}

// gone kills the session where it is still listed, and tells whether it was
// absent from the process list and from the engine's transactions. It is the
// same session only when our end of the connection is the same: after a
// restart of the server its number may be somebody else's.
//
// The process list is the proof: a session leaves it after its transaction has
// ended. The engine's table is the belt, for its rows may be a tenth of a second
// old, or older when somebody reads it all the time.
func (d *DB) gone(ctx context.Context, c, s *session) (bool, error) {
	listed, err := c.texts(ctx, fmt.Sprintf(
		"SELECT ID FROM information_schema.PROCESSLIST WHERE ID = %d AND HOST = '%s'", s.id, escape(s.host)))
	if err != nil {
		return false, err
	}
	if len(listed) > 0 {
		_, err := c.run(ctx, fmt.Sprintf("KILL %d", s.id))
		if n := numberOf(err); n == 1094 { // it went by itself; look again
			err = nil
		}
		return false, err
	}
	running := "SELECT trx_id FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = %d"
	if d.Flavour() == TiDB {
		running = "SELECT ID FROM information_schema.CLUSTER_TIDB_TRX WHERE SESSION_ID = %d"
	}
	open, err := c.texts(ctx, fmt.Sprintf(running, s.id))
	if numberOf(err) == 1227 {
		return true, nil // without PROCESS the list alone must do
	}
	return len(open) == 0, err
}

// escape makes a text fit for single quotes; hosts hold nothing that needs it.
func escape(s string) string {
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != '\'' && s[i] != '\\' {
			out = append(out, s[i])
		}
	}
	return string(out)
}

// abandon ends a session whose read was given up, so that the server does not
// go on for nobody. Nobody waits for it.
func (d *DB) abandon(s *session) {
	if d.life.Err() != nil {
		return
	}
	select {
	case d.lost <- struct{}{}:
	default:
		return // the server's own limit on statements ends it
	}
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		defer func() { <-d.lost }()
		ctx, cancel := context.WithTimeout(d.life, lookTimeout)
		defer cancel()
		_ = d.prove(ctx, s)
	}()
}

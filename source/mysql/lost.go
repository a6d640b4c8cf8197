package mysql

import (
	"context"
	"fmt"
	"sync"
	"time"
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
// commit is then committed, and nothing comes after. There is no time after
// which we give up: a server that cannot be reached may still have clients
// that it can reach.

// Times between two looks for a lost session: while its write waits, and behind
// the scenes.
const (
	firstPause  = 2 * time.Millisecond
	longPause   = 250 * time.Millisecond
	patience    = 5 * time.Second
	lookTimeout = 5 * time.Second
)

// maxLost bounds the lost sessions of writes that are searched for. Past it no
// write begins, so that none can be lost: there are never more than maxLost and
// one for each writing session.
const maxLost = 64

// maxGivenUp bounds the given-up reads that are ended at a time.
const maxGivenUp = 64

// lostSessions are the sessions of writes that may still be alive.
type lostSessions struct {
	mu     sync.Mutex
	since  map[*session]time.Time
	notice notice
}

// refuse tells why no write may begin; nil when one may.
func (l *lostSessions) refuse() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.since) < maxLost {
		return nil
	}
	return unavailable(nil, "%d earlier writes were lost and may still take effect; none is begun until the server tells what became of them", len(l.since))
}

func (l *lostSessions) add(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since == nil {
		l.since = map[*session]time.Time{}
	}
	l.since[s] = time.Now()
}

func (l *lostSessions) remove(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.since, s)
}

// reading counts them and tells the age of the oldest.
func (l *lostSessions) reading() (open int64, oldest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.since {
		oldest = max(oldest, time.Since(at))
	}
	return int64(len(l.since)), oldest
}

// due tells whether it is time for a line in the log.
func (l *lostSessions) due() bool { return l.notice.due() }

// layToRest kills a session and waits until it is gone, at most ProofTimeout;
// it then returns nil. Past that the search goes on behind the scenes until it
// succeeds or the database is closed, and the channel is closed when it did.
func (d *DB) layToRest(s *session) (ended <-chan struct{}) {
	ctx, cancel := context.WithTimeout(d.life, d.o.ProofTimeout)
	defer cancel()
	d.counters.killed.Add(1)
	d.lost.add(s)
	if d.prove(ctx, s, longPause) {
		d.lost.remove(s)
		return nil
	}
	d.counters.unproven.Add(1)
	end := make(chan struct{})
	if d.life.Err() != nil {
		return end // never closed: nobody looks any more
	}
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		if d.prove(d.life, s, patience) {
			d.lost.remove(s)
			d.o.Log.Info("a lost session has ended", "source", d.o.Name, "session", s.id)
			close(end)
		}
	}()
	return end
}

// prove kills and looks until the session is gone or ctx ends, less and less
// often.
func (d *DB) prove(ctx context.Context, s *session, longest time.Duration) bool {
	for pause := firstPause; ; pause = min(2*pause, longest) {
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
		if open, oldest := d.lost.reading(); oldest > d.o.ProofTimeout && d.lost.due() {
			d.o.Log.Error("lost writes may still take effect; what they may change is read through",
				"source", d.o.Name, "open", open, "oldest", oldest.Round(time.Second))
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
	where := fmt.Sprintf("ID = %d", s.id)
	if s.host != "" {
		where += " AND HOST = '" + escape(s.host) + "'"
	}
	listed, err := c.texts(ctx, "SELECT ID FROM information_schema.PROCESSLIST WHERE "+where)
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
	case d.reads <- struct{}{}:
	default:
		return // the server's own limit on statements ends it
	}
	d.background.Add(1)
	go func() {
		defer d.background.Done()
		defer func() { <-d.reads }()
		ctx, cancel := context.WithTimeout(d.life, lookTimeout)
		defer cancel()
		_ = d.prove(ctx, s, longPause)
	}()
}

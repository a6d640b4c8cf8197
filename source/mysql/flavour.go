package mysql

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Flavour is whose server it is.
type Flavour uint8

const (
	UnknownFlavour Flavour = iota
	MySQL
	MariaDB
	TiDB
)

func (f Flavour) String() string { return [...]string{"unknown", "MySQL", "MariaDB", "TiDB"}[f] }

// server is what a session found at the other end.
type server struct {
	Flavour Flavour
	Version string // as the server prints it
}

// serverOf reads the version and its comment: "10.11.19-MariaDB-log",
// "8.0.36", "5.7.25-TiDB-v7.5.0", "8.0.11-TiDB-v7.5.0".
func serverOf(version, comment string) *server {
	s := &server{Flavour: MySQL, Version: version}
	both := strings.ToLower(version + " " + comment)
	switch {
	case strings.Contains(both, "mariadb"):
		s.Flavour = MariaDB
	case strings.Contains(both, "tidb"):
		s.Flavour = TiDB
	}
	return s
}

// Flavour tells whose server it is.
func (d *DB) Flavour() Flavour { return d.server.Load().Flavour }

// Version is the server's version as it prints it.
func (d *DB) Version() string { return d.server.Load().Version }

// About is what `check` tells of a server.
type About struct {
	Flavour      Flavour
	Release      string // the version's numbers
	CharacterSet string // of the database, where its tables name none
}

// About asks the server.
func (d *DB) About(ctx context.Context) (About, error) {
	a := About{}
	err := d.withControl(ctx, func(s *session) error {
		rows, err := s.texts(ctx, "SELECT @@character_set_database")
		if err == nil && len(rows) == 1 {
			a.CharacterSet = rows[0][0]
		}
		return err
	})
	v := d.server.Load()
	a.Flavour, a.Release = v.Flavour, v.release()
	return a, wrap(ctx, err)
}

// release is the version without what builders add: 10.11.19 of
// "5.5.5-10.11.19-MariaDB-log", 7.5.0 of "8.0.11-TiDB-v7.5.0".
func (s *server) release() string {
	text := s.Version
	switch s.Flavour {
	case MariaDB: // older clients refused versions that do not begin with 5
		text = strings.TrimPrefix(text, "5.5.5-")
	case TiDB:
		if _, own, ok := strings.Cut(text, "TiDB-v"); ok {
			text = own
		}
	}
	numbers, _, _ := strings.Cut(text, "-")
	return numbers
}

// timeout is the assignment that limits a session's statements.
func (s *server) timeout(limit time.Duration) string {
	if s.Flavour == MariaDB {
		return fmt.Sprintf("max_statement_time = %.3f", max(limit.Seconds(), 0.001))
	}
	return fmt.Sprintf("max_execution_time = %d", max(limit.Milliseconds(), 1))
}

// wholeSeconds rounds up; the server knows no shorter lock waits.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(int(max(math.Ceil(d.Seconds()), 1)))
}

// StrictReason tells why `strict` cannot be kept before this server, or "" when
// it can. What cannot be found out is a reason.
func (d *DB) StrictReason(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, catalogTimeout)
	defer cancel()
	reason := ""
	err := d.withControl(ctx, func(s *session) error {
		var err error
		reason, err = d.strictReason(ctx, s)
		return err
	})
	if err != nil {
		return "the server could not be asked: " + wrap(ctx, err).Error()
	}
	return reason
}

func (d *DB) strictReason(ctx context.Context, s *session) (string, error) {
	level, err := d.isolation(ctx, s)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(level, "REPEATABLE") && level != "SERIALIZABLE" {
		return "sessions are held to the isolation level " + level + ": REPEATABLE READ is needed for reads", nil
	}
	vars, err := s.variables(ctx, "read_only", "super_read_only", "wsrep_on", "wsrep_sync_wait", "tidb_replica_read")
	if err != nil {
		return "", err
	}
	switch {
	case on(vars["read_only"]) || on(vars["super_read_only"]):
		return "the server is read-only, as replicas are: point the DSN at the primary", nil
	case vars["tidb_replica_read"] != "" && vars["tidb_replica_read"] != "leader":
		return "TiDB reads from followers (tidb_replica_read): leader is needed", nil
	}
	if on(vars["wsrep_on"]) {
		if wait, _ := strconv.Atoi(vars["wsrep_sync_wait"]); wait&1 == 0 {
			return "the server is a node of a Galera cluster without causal reads: set wsrep_sync_wait to 1 or more", nil
		}
	}
	return d.replicaReason(ctx, s)
}

func on(v string) bool { return v == "1" || strings.EqualFold(v, "ON") }

// replicaReason looks for replication into this server.
func (d *DB) replicaReason(ctx context.Context, s *session) (string, error) {
	ask := "SHOW ALL SLAVES STATUS"
	switch d.Flavour() {
	case TiDB:
		return "", nil
	case MySQL:
		ask = "SHOW REPLICA STATUS"
	}
	rows, err := s.texts(ctx, ask)
	if numberOf(err) == 1064 { // before MySQL 8.0.22
		rows, err = s.texts(ctx, "SHOW SLAVE STATUS")
	}
	if err != nil {
		if numberOf(err) == 1227 {
			// Without the privilege nobody can say; a replica that is written
			// to directly is read-only as a rule, which was asked above.
			d.o.Log.Warn("whether the server is a replica cannot be asked", "source", d.o.Name, "mend", replicaGrant(d.Flavour()))
			return "", nil
		}
		return "", err
	}
	if len(rows) > 0 {
		return "the server replicates from another one: point the DSN at the primary", nil
	}
	return "", nil
}

func replicaGrant(f Flavour) string {
	if f == MariaDB {
		return "GRANT REPLICA MONITOR ON *.* TO the user of the DSN"
	}
	return "GRANT REPLICATION CLIENT ON *.* TO the user of the DSN"
}

// isolation is the level that the session really has.
func (d *DB) isolation(ctx context.Context, s *session) (string, error) {
	vars, err := s.variables(ctx, "transaction_isolation", "tx_isolation")
	if err != nil {
		return "", err
	}
	level := vars["transaction_isolation"]
	if level == "" {
		level = vars["tx_isolation"]
	}
	return strings.ToUpper(strings.ReplaceAll(level, "-", " ")), nil
}

package mysql

import (
	"database/sql/driver"
	"strings"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"
)

// connectorOf reads the DSN and forces what exactness needs: rows matched are
// counted, times stay text, nothing is spliced into SQL, one statement a call.
// The driver's own error is not passed on, for it may quote the DSN.
func connectorOf(dsn string) (driver.Connector, string, error) {
	cfg, err := driverpkg.ParseDSN(dsn)
	if err != nil {
		return nil, "", invalid("the DSN cannot be read: it must look like user:password@tcp(host:3306)/database")
	}
	if cfg.DBName == "" {
		return nil, "", invalid("the DSN names no database: it must look like user:password@tcp(host:3306)/database")
	}
	cfg.ClientFoundRows = true
	cfg.ParseTime = false
	cfg.InterpolateParams = false
	cfg.MultiStatements = false
	cfg.AllowAllFiles = false
	cfg.ColumnsWithAlias = false
	cfg.RejectReadOnly = false
	cfg.CheckConnLiveness = true
	cfg.MaxAllowedPacket = 0 // the server's: past its own it hangs up
	cfg.Loc = time.UTC
	cfg.Collation = pinnedCollation
	cfg.Logger = &driverpkg.NopLogger{} // its lines name addresses
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultDialTimeout
	}
	_ = cfg.Apply(driverpkg.Charset("utf8mb4", pinnedCollation))
	connector, err := driverpkg.NewConnector(cfg)
	if err != nil {
		return nil, "", invalid("the DSN cannot be used: its TLS, key or collation settings are wrong")
	}
	return connector, cfg.DBName, nil
}

// pinnedCollation is that of literals and arguments, which decides where no
// column does. All three servers have it.
const pinnedCollation = "utf8mb4_general_ci"

// PinnedSQLMode is the SQL mode of every session. Strict, so that what is
// stored is what was given or an error. Without ANSI_QUOTES, PIPES_AS_CONCAT
// and NO_BACKSLASH_ESCAPES, so that texts read as parsers read them by default.
// Without NO_ZERO_DATE, so that zero dates that are there can be compared.
const PinnedSQLMode = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// role is what a session is for.
type role uint8

const (
	roleReader role = iota
	roleWriter
	roleControl
)

// pins are the statements that make a new session ours, whatever the DSN or
// the server's global variables say.
func (d *DB) pins(v *server, r role) []string {
	set := []string{
		"sql_mode = '" + PinnedSQLMode + "'",
		"time_zone = '+00:00'",
		"autocommit = 1",
		"sql_safe_updates = 0",
		"sql_select_limit = 18446744073709551615",
		"sql_auto_is_null = 0",
		"foreign_key_checks = 1",
		"unique_checks = 1",
		"div_precision_increment = 4",
		"lc_time_names = 'en_US'",
	}
	if v.Flavour == TiDB {
		// The rest it has in name only, or not at all. Pessimistic, so that FOR
		// UPDATE locks.
		set = append(set[:4], "foreign_key_checks = 1", "tidb_txn_mode = 'pessimistic'")
	} else {
		// max_sort_length: rows that agree so far count as equal in ORDER BY, and
		// whoever knows where an answer ends must know how far.
		set = append(set, "completion_type = NO_CHAIN", "max_sort_length = 1024")
	}
	level := "REPEATABLE READ"
	access := "READ ONLY"
	switch {
	case r == roleWriter:
		level, access = "READ COMMITTED", "READ WRITE"
		set = append(set, "innodb_lock_wait_timeout = "+wholeSeconds(d.o.LockTimeout))
	case r == roleControl:
		access = "READ WRITE" // KILL is no read
	}
	if d.o.StatementTimeout > 0 && r != roleControl {
		set = append(set, v.timeout(d.o.StatementTimeout))
	}
	out := []string{"SET " + strings.Join(set, ", "), "SET SESSION TRANSACTION ISOLATION LEVEL " + level}
	if v.Flavour != TiDB { // TiDB has no read-only sessions without a switch of its own
		out = append(out, "SET SESSION TRANSACTION "+access)
	}
	return out
}

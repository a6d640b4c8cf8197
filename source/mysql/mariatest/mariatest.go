// Package mariatest gives tests a MariaDB server.
//
// Get is the one server that the tests of all packages share while they run:
// package mariadb tells how it comes and goes. It has a temporary folder, a free
// loopback port and small buffers. A test makes databases of its own on it, and
// leaves its global variables alone. Own is a server of this process alone,
// for what would disturb the others: restarts, global variables, locks on
// everything.
//
// Where there is no mariadbd and none can be installed, both skip the test with
// one line. EDGECACHE_TEST_DSN names a server for Get to use instead (a
// go-sql-driver DSN of a user that may do everything, any database name in it);
// it is neither started nor stopped.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }
package mariatest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	driverpkg "github.com/go-sql-driver/mysql"

	"edgecache/source/mysql/mariadb"
)

// Server is a MariaDB server that tests make databases on.
type Server struct {
	cfg     *driverpkg.Config
	admin   *sql.DB
	private *mariadb.Server // nil: shared with others
}

// place is one server of this process, made when it is first asked for.
type place struct {
	once    sync.Once
	server  *Server
	missing string // why there is none
}

var (
	common, own place
	lease       *mariadb.Lease
	leaseOnce   sync.Once
	leaseErr    error
	serial      atomic.Int64
)

// Get returns the server that all packages share, or skips the test.
func Get(t testing.TB) *Server {
	t.Helper()
	return common.get(t, func() (*Server, error) {
		if dsn := os.Getenv("EDGECACHE_TEST_DSN"); dsn != "" {
			cfg, err := driverpkg.ParseDSN(dsn)
			if err != nil {
				return nil, fmt.Errorf("EDGECACHE_TEST_DSN cannot be read")
			}
			return connect(cfg, nil)
		}
		if err := join(); err != nil {
			return nil, err
		}
		return connect(lease.Config(), nil)
	})
}

// Own returns the server of this process alone, running and with the variables
// that it starts with, or skips the test.
func Own(t testing.TB) *Server {
	t.Helper()
	s := own.get(t, func() (*Server, error) {
		if err := join(); err != nil {
			return nil, err
		}
		p, err := lease.Own()
		if err != nil {
			return nil, err
		}
		return connect(p.Config(), p)
	})
	select {
	case <-s.private.Done():
		s.Start(t)
	default:
	}
	return s
}

func join() error {
	leaseOnce.Do(func() { lease, leaseErr = mariadb.Join() })
	return leaseErr
}

func (p *place) get(t testing.TB, start func() (*Server, error)) *Server {
	t.Helper()
	p.once.Do(func() {
		var err error
		if p.server, err = start(); err != nil {
			p.missing = "no MariaDB: " + err.Error()
		}
	})
	if p.missing != "" {
		t.Skip(p.missing)
	}
	return p.server
}

// Main runs the tests of a package and lets go of the servers.
func Main(m *testing.M) int {
	mariadb.Keep()
	code := m.Run()
	for _, s := range []*Server{common.server, own.server} {
		if s != nil {
			_ = s.admin.Close()
			if s.private != nil {
				_ = s.private.Remove()
			}
		}
	}
	if lease != nil {
		lease.Leave()
	}
	return code
}

func connect(cfg *driverpkg.Config, private *mariadb.Server) (*Server, error) {
	s := &Server{cfg: cfg, private: private}
	s.cfg.Logger = &driverpkg.NopLogger{}
	cfg = s.cfg.Clone()
	cfg.DBName, cfg.MultiStatements = "", true
	connector, err := driverpkg.NewConnector(cfg) // of the config, not its DSN: that would lose the logger
	if err != nil {
		return nil, err
	}
	s.admin = sql.OpenDB(connector)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return s, s.admin.PingContext(ctx)
}

// Admin is a pool of connections that may do everything, without a database.
func (s *Server) Admin() *sql.DB { return s.admin }

// Database makes a new database with the statements of a script, and drops it
// at the end of the test. It returns the DSN.
func (s *Server) Database(t testing.TB, script string) string {
	t.Helper()
	name := fmt.Sprintf("t%d_%d", os.Getpid(), serial.Add(1))
	s.Exec(t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	t.Cleanup(func() { _, _ = s.admin.Exec("DROP DATABASE IF EXISTS " + name) })
	c, err := s.admin.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.ExecContext(context.Background(), "USE "+name); err != nil {
		t.Fatal(err)
	}
	for _, st := range mariadb.Split(script) {
		if _, err := c.ExecContext(context.Background(), st); err != nil {
			t.Fatalf("%s: %v", st, err)
		}
	}
	return s.DSN(name, "", "")
}

// DSN is that of a database, for the server's own user or another one.
func (s *Server) DSN(database, user, password string) string {
	cfg := s.cfg.Clone()
	cfg.DBName = database
	if user != "" {
		cfg.User, cfg.Passwd = user, password
	}
	return cfg.FormatDSN()
}

// Exec runs statements as administrator.
func (s *Server) Exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, st := range statements {
		if _, err := s.admin.Exec(st); err != nil {
			t.Fatalf("%s: %v", st, err)
		}
	}
}

// Open opens a pool on a database, for what a test does behind the product's
// back.
func (s *Server) Open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Kill ends a server of Own at once, Start starts it again on the same data and
// port, with the given flags.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.private == nil {
		t.Fatal("only a server of mariatest.Own may be killed")
	}
	s.private.Kill()
	s.admin.SetMaxIdleConns(0) // which are dead
	s.admin.SetMaxIdleConns(2)
}

func (s *Server) Start(t testing.TB, flags ...string) {
	t.Helper()
	if err := s.private.Run(flags...); err != nil {
		t.Fatal(err)
	}
}

// Restart kills a server of Own and starts it again.
func (s *Server) Restart(t testing.TB, flags ...string) {
	t.Helper()
	s.Kill(t)
	s.Start(t, flags...)
}

// Global sets a global variable of a server of Own until the end of the test.
func (s *Server) Global(t testing.TB, name, value string) {
	t.Helper()
	if s.private == nil {
		t.Fatal("only a server of mariatest.Own may have its variables set")
	}
	var before string
	if err := s.admin.QueryRow("SELECT @@GLOBAL." + name).Scan(&before); err != nil {
		t.Fatal(err)
	}
	if strings.Trim(before, "0123456789.") != "" || before == "" {
		before = "'" + before + "'"
	}
	s.Exec(t, "SET GLOBAL "+name+" = "+value)
	t.Cleanup(func() { _, _ = s.admin.Exec("SET GLOBAL " + name + " = " + before) })
}

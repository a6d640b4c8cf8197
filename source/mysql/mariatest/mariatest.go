// Package mariatest gives tests a MariaDB server of their own.
//
// Get starts one private server for the test process: temporary folder, free
// loopback port, small buffers, no fsync. It uses mariadbd where it is found,
// else installs Debian's mariadb-server where it may (root and apt-get), else
// skips the test with one line. EDGECACHE_TEST_DSN names a server to use
// instead (a go-sql-driver DSN of a user that may do everything, any database
// name in it); it is then neither started, restarted nor stopped.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }
//
// which stops the server by its own process id. When the test process dies,
// the kernel kills the server.
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
)

// Server is a MariaDB server that tests may do anything to.
type Server struct {
	cfg     *driverpkg.Config
	admin   *sql.DB
	process *process // nil: not ours
}

var (
	once    sync.Once
	shared  *Server
	missing string // why there is none
	serial  atomic.Int64
)

// Get returns the server of this test process, starting it when it is first
// asked for, or skips the test.
func Get(t testing.TB) *Server {
	t.Helper()
	once.Do(func() { shared, missing = start() })
	if shared == nil {
		t.Skip(missing)
	}
	return shared
}

// Main runs the tests of a package and stops the server that they started.
func Main(m *testing.M) int {
	code := m.Run()
	if shared != nil {
		shared.close()
	}
	return code
}

// start finds or makes a server; the text says why there is none.
func start() (*Server, string) {
	s := &Server{}
	if dsn := os.Getenv("EDGECACHE_TEST_DSN"); dsn != "" {
		cfg, err := driverpkg.ParseDSN(dsn)
		if err != nil {
			return nil, "EDGECACHE_TEST_DSN cannot be read"
		}
		s.cfg = cfg
	} else {
		p, why := launch()
		if p == nil {
			return nil, "no MariaDB: " + why
		}
		s.process = p
		s.cfg = driverpkg.NewConfig()
		s.cfg.User, s.cfg.Net, s.cfg.Addr = "root", "tcp", p.addr
	}
	s.cfg.Logger = &driverpkg.NopLogger{}
	cfg := s.cfg.Clone()
	cfg.DBName, cfg.MultiStatements = "", true
	connector, err := driverpkg.NewConnector(cfg) // of the config, not its DSN: that would lose the logger
	if err != nil {
		s.close()
		return nil, "no MariaDB: " + err.Error()
	}
	s.admin = sql.OpenDB(connector)
	if err := s.answer(); err != nil {
		s.close()
		return nil, "no MariaDB: the server does not answer: " + err.Error()
	}
	return s, ""
}

// answer waits until the server takes connections.
func (s *Server) answer() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		err := s.admin.PingContext(ctx)
		if err == nil || s.process == nil {
			return err
		}
		select {
		case <-s.process.done:
			return fmt.Errorf("mariadbd ended: %s", s.process.tail())
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) close() {
	if s.admin != nil {
		_ = s.admin.Close()
	}
	if s.process != nil {
		s.process.stop()
	}
}

// Admin is a pool of connections that may do everything, without a database.
func (s *Server) Admin() *sql.DB { return s.admin }

// Database makes a new database with the statements of a script, and drops it
// at the end of the test. It returns the DSN.
func (s *Server) Database(t testing.TB, script string) string {
	t.Helper()
	name := fmt.Sprintf("t%d_%d", os.Getpid(), serial.Add(1))
	s.Exec(t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	t.Cleanup(func() { _, _ = s.admin.Exec("DROP DATABASE " + name) })
	c, err := s.admin.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.ExecContext(context.Background(), "USE "+name); err != nil {
		t.Fatal(err)
	}
	for _, st := range Split(script) {
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

// Restart kills the server and starts it again on the same data and port. The
// test is skipped when the server is not ours.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if s.process == nil {
		t.Skip("the server of EDGECACHE_TEST_DSN is not restarted")
	}
	if err := s.process.restart(); err != nil {
		t.Fatal(err)
	}
	if err := s.answer(); err != nil {
		t.Fatal(err)
	}
}

// Split cuts a script into statements at each line that ends in a semicolon;
// a statement of several with BEGIN ... END ends at END;.
func Split(script string) []string {
	var out []string
	var b strings.Builder
	block := false
	for _, line := range strings.Split(script, "\n") {
		trimmed := strings.TrimSpace(line)
		b.WriteString(line + "\n")
		if strings.HasSuffix(strings.ToUpper(trimmed), "BEGIN") {
			block = true
		}
		if block && strings.ToUpper(trimmed) != "END;" || !strings.HasSuffix(trimmed, ";") {
			continue
		}
		block = false
		out = append(out, strings.TrimSuffix(strings.TrimSpace(b.String()), ";"))
		b.Reset()
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		out = append(out, rest)
	}
	return out
}

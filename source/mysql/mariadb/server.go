package mariadb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// Server is a private mariadbd. Its methods are not for several goroutines at
// once, but for Done and Config.
type Server struct {
	binary, dir string
	port        int
	password    string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// stopTimeout is what an orderly shutdown may take.
const stopTimeout = 20 * time.Second

// startTimeout is what a start may take, with the recovery after a kill.
const startTimeout = 60 * time.Second

// Start makes a database server in dir, which must be absent or empty, and
// starts it. Flags are added to its own.
func Start(dir string, flags ...string) (*Server, error) {
	binary, err := Find()
	if err != nil {
		return nil, err
	}
	// The server changes to its data folder.
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o700); err != nil {
		return nil, err
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	s := &Server{binary: binary, dir: dir, password: hex.EncodeToString(secret)}
	install := exec.Command("mariadb-install-db", append(s.base(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force", logFileSize)...)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, gist(out))
	}
	if err := os.WriteFile(s.file("init.sql"), []byte(s.accounts()), 0o600); err != nil {
		return nil, err
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	return s, s.Run(flags...)
}

const logFileSize = "--innodb-log-file-size=16M"

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// accounts leaves one account, that of Config.
func (s *Server) accounts() string {
	return "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '" + s.password + "';\n" +
		"GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n" +
		"DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> '127.0.0.1' OR User = '';\n" +
		"FLUSH PRIVILEGES;\n"
}

// base are the flags that both programs take.
func (s *Server) base() []string {
	// A folder for temporary files of its own: a server that starts deletes
	// those of others in a common one.
	flags := []string{"--no-defaults", "--datadir=" + s.file("data"), "--tmpdir=" + s.file("tmp")}
	if os.Getuid() == 0 {
		flags = append(flags, "--user=root") // mariadbd refuses to be root unasked
	}
	return flags
}

// Run starts the server again, on the same data and port, and returns when it
// takes connections. Without flags it runs with its defaults.
func (s *Server) Run(flags ...string) error {
	args := append(s.base(),
		"--socket=s", "--pid-file=pid", "--port="+strconv.Itoa(s.port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--init-file="+s.file("init.sql"), "--server-id=1", "--log-bin=bin", "--binlog-format=ROW", "--binlog-row-image=FULL",
		"--binlog-row-metadata=FULL", "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync",
		"--innodb-buffer-pool-size=32M", logFileSize, "--innodb-buffer-pool-dump-at-shutdown=0", "--key-buffer-size=1M",
		"--aria-pagecache-buffer-size=1M", "--performance-schema=0", "--log-bin-trust-function-creators=1",
		"--max-connections=300", "--local-infile=0", "--secure-file-priv="+s.file("data"))
	if err := s.spawn(append(args, flags...)); err != nil {
		return err
	}
	err := s.answer()
	if err != nil {
		s.Kill()
	}
	return err
}

// spawn starts the process. It is started and awaited by a goroutine that keeps
// its thread, because the kernel's signal at our death is one at the death of
// the thread that started it.
func (s *Server) spawn(args []string) error {
	log, err := os.OpenFile(s.file("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd, done := exec.Command(s.binary, args...), make(chan struct{})
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithUs()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer func() { _ = log.Close() }()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.done = cmd, done
	return nil
}

// answer waits until the server takes connections.
func (s *Server) answer() error {
	for end := time.Now().Add(startTimeout); ; {
		err := ping(s.Config())
		if err == nil {
			return nil
		}
		select {
		case <-s.Done():
			text, _ := os.ReadFile(s.file("log"))
			return fmt.Errorf("mariadbd ended: %s", gist(text))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return fmt.Errorf("mariadbd does not answer: %w", err)
		}
	}
}

// ping logs in.
func ping(c *driver.Config) error {
	connector, err := driver.NewConnector(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := connector.Connect(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Config is how to log in, with no database.
func (s *Server) Config() *driver.Config {
	return config(net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), s.password)
}

func config(addr, password string) *driver.Config {
	c := driver.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr = "root", password, "tcp", addr
	c.Logger = &driver.NopLogger{}
	return c
}

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// Stop shuts the server down; what it holds can be used again.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server at once.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

// end sends a signal to the server's own process and waits for its end.
func (s *Server) end(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig)
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// Remove kills the server and removes its folder.
func (s *Server) Remove() error {
	s.Kill()
	return os.RemoveAll(s.dir)
}

// freePort asks the system for a port that is free now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

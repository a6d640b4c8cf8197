package mariatest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// process is a private mariadbd.
type process struct {
	binary, dir, addr string
	port              int
	cmd               *exec.Cmd
	done              chan struct{} // closed when it has ended
}

// launch makes a data folder and starts a server on it.
func launch() (*process, string) {
	binary, why := find()
	if binary == "" {
		return nil, why
	}
	dir, err := os.MkdirTemp("", "edgecache-mariadb-")
	if err != nil {
		return nil, err.Error()
	}
	p := &process{binary: binary, dir: dir}
	install := exec.Command("mariadb-install-db", append(p.base(),
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--force")...)
	if out, err := install.CombinedOutput(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Sprintf("mariadb-install-db: %v: %s", err, lastLine(out))
	}
	if p.port, err = freePort(); err == nil {
		p.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))
		err = p.run()
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err.Error()
	}
	return p, ""
}

// base are the flags that both programs take.
func (p *process) base() []string {
	flags := []string{"--no-defaults", "--datadir=" + filepath.Join(p.dir, "data")}
	if os.Getuid() == 0 {
		flags = append(flags, "--user=root") // mariadbd refuses to be root unasked
	}
	return flags
}

// run starts the server. It is started and awaited by a goroutine that keeps
// its thread, because the kernel's signal at our death is one at the death of
// the thread that started it.
func (p *process) run() error {
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	p.cmd = exec.Command(p.binary, append(p.base(),
		"--socket="+filepath.Join(p.dir, "s"), "--pid-file="+filepath.Join(p.dir, "pid"),
		"--port="+strconv.Itoa(p.port), "--bind-address=127.0.0.1", "--skip-name-resolve",
		"--server-id=1", "--log-bin="+filepath.Join(p.dir, "data", "bin"), "--binlog-format=ROW",
		"--binlog-row-image=FULL", "--binlog-row-metadata=FULL", "--sync-binlog=0",
		"--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=32M",
		"--innodb-log-file-size=16M", "--innodb-buffer-pool-dump-at-shutdown=0", "--key-buffer-size=1M",
		"--aria-pagecache-buffer-size=1M", "--performance-schema=0", "--log-bin-trust-function-creators=1", "--max-connections=200", "--local-infile=0")...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithUs()
	p.done = make(chan struct{})
	started := make(chan error)
	go func(cmd *exec.Cmd, done chan struct{}) {
		runtime.LockOSThread()
		defer func() { _ = log.Close() }()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}(p.cmd, p.done)
	return <-started
}

// stop ends the server and removes its folder.
func (p *process) stop() {
	p.kill(syscall.SIGTERM)
	_ = os.RemoveAll(p.dir)
}

// kill sends a signal to the server's own process and waits for its end.
func (p *process) kill(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) restart() error {
	p.kill(syscall.SIGKILL)
	return p.run()
}

// tail is the end of the server's log.
func (p *process) tail() string {
	text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
	return lastLine(text)
}

func lastLine(text []byte) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
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

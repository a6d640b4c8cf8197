package mariadb

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// memberVariable makes this program a member of the share in the folder that it
// names, until its standard input ends.
const memberVariable = "EDGECACHE_TEST_MEMBER"

func TestMain(m *testing.M) {
	Keep()
	if at := os.Getenv(memberVariable); at != "" {
		member(share(at))
		return
	}
	os.Exit(m.Run())
}

// member joins and prints how to log in.
func member(s share) {
	l, err := s.join()
	if err != nil {
		fmt.Println("no:", err)
		return
	}
	fmt.Println(l.Config().FormatDSN())
	if len(os.Args) > 1 { // and starts a server of its own
		if _, err := l.Own(); err != nil {
			fmt.Println("no:", err)
			return
		}
		fmt.Println("own")
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// joined is a process that joined.
type joined struct {
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Scanner
}

func startMember(t *testing.T, s share, args ...string) *joined {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), memberVariable+"="+string(s))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &joined{cmd, in, bufio.NewScanner(out)}
}

func (j *joined) line(t *testing.T) string {
	t.Helper()
	if !j.out.Scan() || strings.HasPrefix(j.out.Text(), "no:") {
		t.Fatal(j.out.Text(), j.out.Err())
	}
	return j.out.Text()
}

// servers lists the processes that work in a folder.
func servers(t *testing.T, s share) []string {
	t.Helper()
	var out []string
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, l := range lines {
		if text, err := os.ReadFile(l); err == nil && strings.Contains(string(text), string(s)) {
			out = append(out, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return out
}

func gone(t *testing.T, s share) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err = os.Lstat(string(s)); err != nil && len(servers(t, s)) == 0 {
			return
		}
	}
	t.Fatalf("%s is still there: %v, %v", s, err, servers(t, s))
}

// TestShare goes through the numbered lines of the package's comment: several
// processes, one server, nothing left however they die.
func TestShare(t *testing.T) {
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
	s := share(filepath.Join(t.TempDir(), "share"))
	a, b := startMember(t, s), startMember(t, s) // at the same time
	dsn := a.line(t)
	if other := b.line(t); other != dsn {
		t.Errorf("%s and %s", dsn, other)
	}
	c := startMember(t, s, "own")
	if other := c.line(t); other != dsn {
		t.Errorf("%s and %s", dsn, other)
	}
	c.line(t)
	if n := len(servers(t, s)); n != 2 {
		t.Errorf("%d servers: %v", n, servers(t, s))
	}
	for _, j := range []*joined{a, c} { // c takes its own server along
		_ = j.cmd.Process.Kill()
		_ = j.cmd.Wait()
	}
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Ping(); err != nil {
		t.Errorf("the server went with one of those that share it: %v", err)
	}
	// 6: who joins while the last leaves has a server, old or new.
	_ = b.in.Close()
	d := startMember(t, s)
	db, err = sql.Open("mysql", d.line(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Ping(); err != nil {
		t.Error(err)
	}
	_ = b.cmd.Wait()
	_ = d.in.Close()
	_ = d.cmd.Wait()
	gone(t, s)
}

// TestShareSurvivesAKeeperThatIsKilled: its server dies with it, and who joins
// next starts another.
func TestShareSurvivesAKeeperThatIsKilled(t *testing.T) {
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
	s := share(filepath.Join(t.TempDir(), "share"))
	a := startMember(t, s)
	dsn := a.line(t)
	keepers, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, k := range keepers {
		if text, err := os.ReadFile(k); err == nil && strings.Contains(string(text), keeperVariable+"="+string(s)) &&
			len(servers(t, s)) > 0 {
			var pid int
			if _, err := fmt.Sscanf(k, "/proc/%d/", &pid); err != nil {
				t.Fatal(err)
			}
			if exe, _ := os.Readlink(filepath.Join(filepath.Dir(k), "exe")); exe == os.Args[0] {
				p, _ := os.FindProcess(pid)
				_ = p.Kill()
			}
		}
	}
	b := startMember(t, s)
	if other := b.line(t); other == dsn {
		t.Error("the same server")
	}
	for _, j := range []*joined{a, b} {
		_ = j.in.Close()
		_ = j.cmd.Wait()
	}
	gone(t, s)
}

// TestHold: a lease alone starts nothing and leaves nothing.
func TestHold(t *testing.T) {
	s := share(filepath.Join(t.TempDir(), "share"))
	door, lease, err := s.enter()
	if err != nil {
		t.Skip(err)
	}
	door.drop()
	if n := len(servers(t, s)); n != 0 {
		t.Error(servers(t, s))
	}
	(&Lease{share: s, lease: lease}).Leave()
	gone(t, s)
}

// TestShareOfAnotherUser: a folder that others can write to is not trusted.
func TestShareOfAnotherUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, _, err := share(dir).enter(); err == nil || !strings.Contains(err.Error(), "not a folder of this user alone") {
		t.Error(err)
	}
}

// TestServerIsNotOpen: nobody logs in without the password.
func TestServerIsNotOpen(t *testing.T) {
	if _, err := Find(); err != nil {
		t.Skip(err)
	}
	s, err := Start(filepath.Join(t.TempDir(), "server"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
	}()
	c := s.Config()
	c.Passwd = ""
	connector, err := driver.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := connector.Connect(context.Background()); err == nil {
		_ = conn.Close()
		t.Error("logged in without a password")
	}
	s.Stop()
	if err := s.Run("--max-connections=7"); err != nil {
		t.Error(err)
	}
}

//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package mariadb

import (
	"errors"
	"os"
	"syscall"
)

// How a lock is taken.
const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
	atOnce    = syscall.LOCK_NB // or not at all
)

// lock is a lock on a file, which the kernel drops when the process dies.
type lock struct{ f *os.File }

// errHeld says that somebody else holds the lock.
var errHeld = errors.New("locked by another process")

// lockFile makes the file where it is absent and locks it.
func lockFile(path string, how int) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		l := &lock{f}
		if err := l.take(how); err != nil {
			l.drop()
			return nil, err
		}
		// Who held it before may have removed the file: then there is another
		// one by that name, or none, and this lock keeps nobody out.
		here, err := f.Stat()
		if there, e := os.Stat(path); err == nil && e == nil && os.SameFile(here, there) {
			return l, nil
		}
		l.drop()
		if _, err := os.Stat(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
}

// take locks an open file, in place of the lock that it has.
func (l *lock) take(how int) error {
	for {
		err := syscall.Flock(int(l.f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		default:
			return err
		}
	}
}

func (l *lock) drop() { _ = l.f.Close() }

// Claim is a file that this process alone holds, until it dies or lets go.
type Claim struct{ l *lock }

// ClaimFile makes the file where it is absent, or says that another process
// holds it.
func ClaimFile(path string) (*Claim, error) {
	l, err := lockFile(path, exclusive|atOnce)
	return &Claim{l}, err
}

// Release lets go.
func (c *Claim) Release() { c.l.drop() }

// ours tells whether a folder belongs to us alone.
func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && info.IsDir() && info.Mode().Perm()&0o077 == 0
}

// apart makes a process that the terminal's signals do not reach.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func keepFromChildren(fd int) { syscall.CloseOnExec(fd) }

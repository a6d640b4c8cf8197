//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package mariadb

import (
	"errors"
	"os"
	"syscall"
)

// Without file locks no server can be shared, and none is started.
const (
	shared = iota
	exclusive
	atOnce
)

type lock struct{ f *os.File }

var errHeld = errors.New("this system has no file locks")

func lockFile(string, int) (*lock, error) { return nil, errHeld }
func (l *lock) take(int) error            { return errHeld }
func (l *lock) drop()                     {}

// Claim is a file that this process alone holds, until it dies or lets go.
type Claim struct{}

// ClaimFile makes the file where it is absent, or says that another process
// holds it.
func ClaimFile(string) (*Claim, error) { return nil, errHeld }

// Release lets go.
func (c *Claim) Release() {}

func ours(os.FileInfo) bool       { return false }
func apart() *syscall.SysProcAttr { return nil }
func keepFromChildren(int)        {}

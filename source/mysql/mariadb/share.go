package mariadb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/go-sql-driver/mysql"
)

// Lease is this process's share of the server. It ends with the process, or
// with Leave.
type Lease struct {
	share share
	lease *lock
	at    record
	own   atomic.Int64
}

// share is the folder that all processes of one user meet in.
type share string

func meetingPlace() share {
	return share(filepath.Join(os.TempDir(), "edgecache-mariadb-"+strconv.Itoa(os.Getuid())))
}

// The files of a share. Locks: door, held to join or to tear down; lease, held
// shared by who uses the server; keeper, held by the keeper for its life.
func (s share) door() string   { return filepath.Join(string(s), "door") }
func (s share) lease() string  { return filepath.Join(string(s), "lease") }
func (s share) keeper() string { return filepath.Join(string(s), "keeper") }
func (s share) record() string { return filepath.Join(string(s), "record") }
func (s share) server() string { return filepath.Join(string(s), "server") }

// record is what the keeper writes down once the server answers, or cannot.
type record struct {
	Addr, Password string
	Trouble        string // why there is no server
}

// Join makes this process one of those that share a server, and starts the
// server when it is the first. The program must call Keep when it begins.
func Join() (*Lease, error) { return meetingPlace().join() }

func (s share) join() (*Lease, error) {
	if _, err := Find(); err != nil {
		return nil, err
	}
	door, lease, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer door.drop()
	l := &Lease{share: s, lease: lease}
	if l.at, err = s.keptServer(); err == nil && l.at.Trouble != "" {
		err = errors.New(l.at.Trouble)
	}
	if err != nil {
		l.lease.drop()
		return nil, err
	}
	return l, nil
}

// Hold keeps a shared server from ending between those that use it, without
// starting one.
func Hold() (*Lease, error) {
	s := meetingPlace()
	door, lease, err := s.enter()
	if err != nil {
		return nil, err
	}
	door.drop()
	return &Lease{share: s, lease: lease}, nil
}

// enter locks the door and takes a lease.
func (s share) enter() (door, lease *lock, err error) {
	for door == nil {
		if err := os.Mkdir(string(s), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, nil, err
		}
		info, err := os.Lstat(string(s))
		if err == nil && !ours(info) {
			return nil, nil, fmt.Errorf("%s is not a folder of this user alone: remove it", s)
		}
		door, err = lockFile(s.door(), exclusive)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // else it was torn down just now
			return nil, nil, err
		}
	}
	if lease, err = lockFile(s.lease(), shared); err != nil {
		door.drop()
	}
	return door, lease, err
}

// keptServer finds the server, or has one started. The door is ours.
func (s share) keptServer() (record, error) {
	started := false
	for end := time.Now().Add(2 * startTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		free, err := lockFile(s.keeper(), exclusive|atOnce)
		switch {
		case err == nil && started:
			free.drop()
			return record{}, errors.New("the process that keeps the server ended before it began")
		case err == nil: // no keeper; what is here was left by one that was killed
			started = true
			err = s.startKeeper(free)
			free.drop()
			if err != nil {
				return record{}, err
			}
		case !errors.Is(err, errHeld):
			return record{}, err
		}
		// A record of a keeper that is dying this moment leads nowhere.
		text, err := os.ReadFile(s.record())
		if err != nil {
			continue
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return record{}, err
		}
		if r.Trouble != "" || ping(config(r.Addr, r.Password)) == nil {
			return r, nil
		}
	}
	return record{}, errors.New("the process that keeps the server does not get it started")
}

// keeperVariable tells a process that it is a keeper, and where.
const keeperVariable = "EDGECACHE_MARIADB_KEEPER"

// keeperLock is the file that a keeper is born with.
const keeperLock = 3

// startKeeper starts this program a second time, as the keeper. It inherits
// the lock, so there is no moment at which there is a keeper and no lock.
func (s share) startKeeper(l *lock) error {
	if err := s.sweep(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GOCOVERDIR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, keeperVariable+"="+string(s))
	cmd.Dir = string(s)
	cmd.ExtraFiles = []*os.File{l.f}
	cmd.SysProcAttr = apart()
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

// sweep removes all but the locks.
func (s share) sweep() error {
	files, err := os.ReadDir(string(s))
	left, _ := filepath.Glob(string(s) + "-gone-*") // by one who was killed at it
	for _, path := range left {
		err = errors.Join(err, removeAll(path))
	}
	for _, f := range files {
		switch path := filepath.Join(string(s), f.Name()); path {
		case s.door(), s.lease(), s.keeper():
		default:
			err = errors.Join(err, removeAll(path))
		}
	}
	return err
}

// Config is how to log in to the server, with no database.
func (l *Lease) Config() *driver.Config { return config(l.at.Addr, l.at.Password) }

// Own starts a server for this process alone, in a folder that is removed with
// the shared one at the latest.
func (l *Lease) Own(flags ...string) (*Server, error) {
	return Start(filepath.Join(string(l.share), fmt.Sprintf("own-%d-%d", os.Getpid(), l.own.Add(1))), flags...)
}

// Leave gives the lease back and, when it was the last, waits until the server
// has ended and its folder is gone.
func (l *Lease) Leave() {
	l.lease.drop()
	for end := time.Now().Add(stopTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if l.share.deserted() {
			return
		}
	}
}

// deserted tells whether the folder is gone, or in use by others; one without a
// keeper is removed.
func (s share) deserted() bool {
	if _, err := os.Lstat(string(s)); err != nil {
		return true
	}
	door, err := lockFile(s.door(), exclusive|atOnce)
	if err != nil {
		return false
	}
	defer door.drop()
	lease, err := lockFile(s.lease(), exclusive|atOnce)
	if err != nil {
		return true // others use it
	}
	lease.drop()
	keeper, err := lockFile(s.keeper(), exclusive|atOnce)
	if err != nil {
		return false // it is about to end
	}
	defer keeper.drop()
	return s.remove() == nil
}

// remove takes the folder away in one step, and then apart. Taken apart where it
// stands, it would have a moment without a door, in which somebody who comes in
// makes another one and loses what he makes next.
func (s share) remove() error {
	gone := fmt.Sprintf("%s-gone-%d", s, os.Getpid())
	if err := os.Rename(string(s), gone); err != nil {
		return err
	}
	return removeAll(gone)
}

// removeAll removes a folder that processes which were just killed may still
// write into.
func removeAll(path string) (err error) {
	for range 100 {
		if err = os.RemoveAll(path); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

package mariadb

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// maxRevivals bounds how often a shared server that died is started again.
const maxRevivals = 10

// Keep turns this process into the keeper of a shared server when it was
// started as one, and then does not return. Every program that calls Join
// calls it first.
func Keep() {
	at := os.Getenv(keeperVariable)
	if at == "" {
		return
	}
	keepFromChildren(keeperLock)
	share(at).keep()
	os.Exit(0)
}

// keep owns the server until nobody has a lease any more.
func (s share) keep() {
	server, err := Start(s.server())
	s.tell(server, err)
	alone := make(chan *lock)
	go s.watch(alone)
	for n := 0; ; n++ {
		var died <-chan struct{}
		if err == nil && n <= maxRevivals {
			died = server.Done()
		}
		select {
		case door := <-alone:
			if err == nil {
				server.Kill()
			}
			_ = s.remove() // with the door: who waits at it begins anew
			if door != nil {
				door.drop()
			}
			return
		case <-died: // somebody killed it
			_ = server.Run()
		}
	}
}

// tell writes down how to reach the server, all at once.
func (s share) tell(server *Server, err error) {
	r := record{}
	if err != nil {
		r.Trouble = err.Error()
	} else {
		c := server.Config()
		r.Addr, r.Password = c.Addr, c.Passwd
	}
	text, err := json.Marshal(r)
	if err != nil {
		return
	}
	tmp := filepath.Join(string(s), "record.tmp")
	if os.WriteFile(tmp, text, 0o600) == nil {
		_ = os.Rename(tmp, s.record())
	}
}

// watch hands over the door, locked, once nobody holds a lease and so nobody
// can take one. It hands over nil when somebody removed the folder.
func (s share) watch(alone chan<- *lock) {
	for {
		lease, err := lockFile(s.lease(), exclusive) // waits until all are gone
		if err == nil {
			lease.drop()
		}
		door, err := lockFile(s.door(), exclusive)
		if err != nil {
			alone <- nil
			return
		}
		if lease, err := lockFile(s.lease(), exclusive|atOnce); err == nil {
			lease.drop()
			alone <- door
			return
		}
		door.drop() // somebody came between
	}
}

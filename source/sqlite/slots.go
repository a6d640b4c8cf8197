package sqlite

import (
	"context"

	"edgecache/source"
)

// slot holds one handle, or none yet. Who took the slot owns the handle.
type slot struct {
	c          *conn
	generation int64 // of the file that c has open
	catalog    int64 // version of the schema that c's prepared statements were read by
}

// drop closes the handle; the next use opens another.
func (s *slot) drop() {
	if s.c != nil {
		s.c.close()
		s.c = nil
	}
}

// abandon closes a handle on a file that is not ours any more. The last handle
// to go would bring the log home; but what is in the log belongs to a database
// that was there before, and the file may hold another.
func (s *slot) abandon() {
	if s.c != nil {
		s.c.leaveLog()
		s.drop()
	}
}

// slots is a bounded set of handles. Who finds none free waits, as long as the
// context allows.
type slots struct {
	d     *DB
	setup string // run on each new handle
	free  chan *slot
	size  int
}

func (d *DB) newSlots(n int, setup string) *slots {
	s := &slots{d: d, setup: setup, free: make(chan *slot, n), size: n}
	for range n {
		s.free <- &slot{}
	}
	return s
}

// take waits for a free slot.
func (p *slots) take(ctx context.Context) (*slot, error) {
	if p.d.life.Err() != nil {
		return nil, unavailable(nil, "the database is closed")
	}
	if ctx.Err() != nil {
		return nil, ended(ctx, nil)
	}
	select {
	case s := <-p.free:
		return s, nil
	case <-p.d.life.Done():
		return nil, unavailable(nil, "the database is closed")
	case <-ctx.Done():
		return nil, &source.Error{
			Kind: source.ErrBusy, Message: "no database connection became free in time", Err: ctx.Err(),
		}
	}
}

func (p *slots) put(s *slot) { p.free <- s }

// handle returns the slot's handle, opened anew when the file was replaced.
func (p *slots) handle(s *slot) (*conn, error) {
	generation := p.d.generation.Load()
	if s.c != nil && s.generation == generation {
		return s.c, nil
	}
	s.abandon()
	c, err := openConn(p.d.path, false, p.d.o.BusyTimeout)
	if err != nil {
		return nil, err
	}
	if p.setup != "" {
		if err := c.exec(p.setup); err != nil {
			c.close()
			return nil, err
		}
	}
	c.trusted = false
	s.c, s.generation, s.catalog = c, generation, 0
	return c, nil
}

// dropIdle closes the handles that nobody uses now. Each holds a lock for as long
// as it is open, which a file that has to be switched to WAL waits for.
func (p *slots) dropIdle() {
	for range p.size {
		select {
		case s := <-p.free:
			s.abandon()
			p.free <- s
		default:
			return
		}
	}
}

// fresh forgets the handle's prepared statements when the schema was reloaded
// since: what they touch was read by the old one.
func (s *slot) fresh(version int64) {
	if s.catalog != version {
		s.c.cache.clear()
		s.catalog = version
	}
}

// closeAll waits for all slots and closes their handles.
func (p *slots) closeAll() {
	for range p.size {
		(<-p.free).drop()
	}
}

// Capacity is how many reads and how many writes run at once; more wait.
func (d *DB) Capacity() (reads, writes int) { return d.readers.size, d.writer.size }

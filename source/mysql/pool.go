package mysql

import (
	"context"

	"edgecache/source"
)

// slot holds one session, or none yet. Who took the slot owns the session.
type slot struct{ s *session }

// drop closes the session; the next use opens another.
func (sl *slot) drop() {
	if sl.s != nil {
		sl.s.close()
		sl.s = nil
	}
}

// pool is a bounded set of sessions of one role. Who finds none free waits, as
// long as the context allows.
type pool struct {
	d    *DB
	role role
	free chan *slot
	size int
}

func (d *DB) newPool(n int, r role) *pool {
	p := &pool{d: d, role: r, free: make(chan *slot, n), size: n}
	for range n {
		p.free <- &slot{}
	}
	return p
}

// take waits for a free slot.
func (p *pool) take(ctx context.Context) (*slot, error) {
	if p.d.life.Err() != nil {
		return nil, unavailable(nil, "the database is closed")
	}
	if ctx.Err() != nil {
		return nil, ended(ctx, nil)
	}
	select {
	case sl := <-p.free:
		return sl, nil
	case <-p.d.life.Done():
		return nil, unavailable(nil, "the database is closed")
	case <-ctx.Done():
		return nil, &source.Error{
			Kind: source.ErrBusy, Message: "no database connection became free in time", Err: ctx.Err(),
		}
	}
}

// put gives the slot back; a session that broke is closed first.
func (p *pool) put(sl *slot) {
	if sl.s != nil && sl.s.broken {
		sl.drop()
	}
	p.free <- sl
}

// ready makes sure that the slot has a session that was alive just now.
func (p *pool) ready(ctx context.Context, sl *slot) error {
	if sl.s != nil && (sl.s.broken || !sl.s.alive(ctx)) {
		sl.drop()
	}
	if sl.s != nil {
		return nil
	}
	s, err := p.d.connect(ctx, p.role)
	if err != nil {
		return err
	}
	sl.s = s
	return nil
}

// closeAll waits for all slots and closes their sessions.
func (p *pool) closeAll() {
	for range p.size {
		(<-p.free).drop()
	}
}

// withControl runs f with the control session, once more on a new one when the
// old one turns out to be dead.
func (d *DB) withControl(ctx context.Context, f func(s *session) error) error {
	sl, err := d.control.take(ctx)
	if err != nil {
		return err
	}
	defer d.control.put(sl)
	for again := true; ; again = false {
		used := sl.s != nil
		if err := d.control.ready(ctx, sl); err != nil {
			return err
		}
		err := f(sl.s)
		if again && used && sl.s.broken && ctx.Err() == nil {
			sl.drop()
			continue
		}
		return err
	}
}

// Capacity is how many reads and how many writes run at once; more wait.
func (d *DB) Capacity() (reads, writes int) { return d.readers.size, d.writers.size }

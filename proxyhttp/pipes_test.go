package proxyhttp

import (
	"log/slog"
	"net"
	"sync"
)

var discard = slog.New(slog.DiscardHandler)

// pipes is a network in memory, whose deadlines follow the clock of a bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// dial returns the client's end, which learns when the server hangs up without
// reading anything.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	closed := make(chan struct{})
	p.conns <- &hangsUp{Conn: server, closed: closed}
	return &dialled{client, closed}
}

type dialled struct {
	net.Conn
	closed chan struct{}
}

type hangsUp struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (h *hangsUp) Close() error {
	h.once.Do(func() { close(h.closed) })
	return h.Conn.Close()
}

package mariatest

import (
	"bytes"
	"net"
	"sync"
	"testing"

	driverpkg "github.com/go-sql-driver/mysql"
)

// Wire stands between a client and a server, and can be cut: a connection that
// is lost to the client lives on for the server, which is what makes an outcome
// unknown.
type Wire struct {
	to     string
	listen net.Listener

	mu    sync.Mutex
	down  bool // new connections are refused
	pairs map[*pair]bool
	trap  []byte        // of a client: cut when it is said
	hold  bool          // and keep what was said from the server
	shut  chan struct{} // closed when the trap has shut
	done  sync.WaitGroup
}

// pair is one connection, as the client and as the server see it.
type pair struct {
	client, server net.Conn
	lost           bool   // to the client
	held           []byte // what the server was not told
}

// Wire gives a DSN that leads to the same database through a wire.
func (s *Server) Wire(t testing.TB, dsn string) (*Wire, string) {
	t.Helper()
	cfg, err := driverpkg.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &Wire{to: cfg.Addr, listen: l, pairs: map[*pair]bool{}}
	cfg.Addr = l.Addr().String()
	w.done.Add(1)
	go w.accept()
	t.Cleanup(func() {
		_ = l.Close()
		w.Hang()
		w.done.Wait()
	})
	return w, cfg.FormatDSN()
}

func (w *Wire) accept() {
	defer w.done.Done()
	for {
		c, err := w.listen.Accept()
		if err != nil {
			return
		}
		if !w.join(c) {
			_ = c.Close()
		}
	}
}

// join connects a client, unless the wire is cut.
func (w *Wire) join(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return false
	}
	s, err := net.Dial("tcp", w.to)
	if err != nil {
		return false
	}
	p := &pair{client: c, server: s}
	w.pairs[p] = true
	w.done.Add(2)
	go w.pump(p, p.server, p.client)
	go w.pump(p, p.client, p.server)
	return true
}

// pump carries what one end says to the other.
func (w *Wire) pump(p *pair, to, from net.Conn) {
	defer w.done.Done()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if said := w.filter(p, to == p.server, buf[:n]); len(said) > 0 {
			_, _ = to.Write(said)
		}
		if err != nil {
			w.end(p)
			return
		}
	}
}

// filter looks at what one end says, and shuts the trap.
func (w *Wire) filter(p *pair, byClient bool, said []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if byClient && w.trap != nil && bytes.Contains(said, w.trap) {
		if w.hold {
			p.held, said = bytes.Clone(said), nil
		}
		w.trap = nil
		w.cut()
		close(w.shut)
	}
	return said
}

// end closes a connection, but for the server's end of one that was cut.
func (w *Wire) end(p *pair) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !p.lost {
		_ = p.client.Close()
		_ = p.server.Close()
		delete(w.pairs, p)
	}
}

func (w *Wire) cut() {
	w.down = true
	for p := range w.pairs {
		p.lost = true
		_ = p.client.Close()
	}
}

// Cut loses all connections to the client, and takes no new ones.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut()
}

// CutAt cuts the wire as soon as a client says the text. With hold the server is
// not told until Deliver, else it is told and its answer is lost. The channel is
// closed when it has happened.
func (w *Wire) CutAt(text string, hold bool) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trap, w.hold, w.shut = []byte(text), hold, make(chan struct{})
	return w.shut
}

// Deliver tells the server what it was not told.
func (w *Wire) Deliver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pairs {
		_, _ = p.server.Write(p.held)
		p.held = nil
	}
}

// Mend takes new connections again. Those that were cut stay so.
func (w *Wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = false
}

// Hang ends every connection that is left.
func (w *Wire) Hang() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.pairs {
		_ = p.client.Close()
		_ = p.server.Close()
		delete(w.pairs, p)
	}
}

package rehydrate

import (
	"context"
	"sync"
	"sync/atomic"

	"edgecache/depgraph"
	"edgecache/sqlparse"
)

// world is a database of one row, whose value is the number of writes that
// have committed, and a graph that knows one entry. It keeps one token, that
// of the latest flight, so it serves one lane: there at most one flight has a
// token that matters.
type world struct {
	mu        sync.Mutex
	published int
	open      int
	committed int
	token     int  // published at the latest Token
	dirty     bool // a write was open at the latest Token
	stored    *depgraph.Entry
	calls     []string // Token, Lookup, Read, Install in order

	// Negative controls.
	blindQuiet, blindInstall bool
	// afterQuiet, when set, is called with Quiet's verdict before it returns.
	afterQuiet func(quiet bool)

	reads atomic.Int64
}

var tmpl = &depgraph.Template{Endpoint: "e"}

func (w *world) Token() depgraph.Token {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token, w.dirty = w.published, w.open > 0
	w.calls = append(w.calls, "token")
	var t depgraph.Token
	return t
}

func (w *world) Quiet(depgraph.Token, *depgraph.Template, sqlparse.Args) bool {
	w.mu.Lock()
	quiet := w.blindQuiet || w.quietLocked()
	hook := w.afterQuiet
	w.mu.Unlock()
	if hook != nil {
		hook(quiet)
	}
	return quiet
}

func (w *world) quietLocked() bool { return w.published == w.token && !w.dirty }

func (w *world) Install(_ depgraph.Token, e *depgraph.Entry) depgraph.InstallOutcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, "install")
	if !w.blindInstall && !w.quietLocked() {
		return depgraph.Overtaken
	}
	w.stored = e
	return depgraph.Installed
}

// The steps of a write, each one atomic. It is answered after the last.
func (w *world) publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.published++
	w.open++
	w.stored = nil
}

func (w *world) commit() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.committed++
}

func (w *world) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open--
	w.stored = nil
}

func (w *world) write() {
	w.publish()
	w.commit()
	w.settle()
}

func (w *world) cached() *depgraph.Entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stored
}

// snapshot reads the row as it is now.
func (w *world) snapshot(key string) *depgraph.Entry {
	w.reads.Add(1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, "read")
	return &depgraph.Entry{Key: key, Template: tmpl, Payload: w.committed}
}

// job reads at once; with a gate, it takes its snapshot, and then waits for
// the gate before it returns.
func (w *world) job(key string, gate <-chan struct{}) Job {
	return Job{Key: key, Template: tmpl, Read: func(ctx context.Context) (*depgraph.Entry, error) {
		e := w.snapshot(key)
		if gate == nil {
			return e, nil
		}
		select {
		case <-gate:
			return e, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}
}

// get is one client: its answer can be asked for once it has one.
type get struct {
	done chan struct{}
	out  Filled
	err  error
}

func (g *get) answered() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// value is the row that the client was answered with; -1 without an answer.
func (g *get) value() int {
	if !g.answered() || g.err != nil {
		return -1
	}
	return g.out.Entry.Payload.(int)
}

func start(ctx context.Context, f *Filler, j Job) *get {
	g := &get{done: make(chan struct{})}
	go func() {
		defer close(g.done)
		g.out, g.err = f.Fill(ctx, j)
	}()
	return g
}

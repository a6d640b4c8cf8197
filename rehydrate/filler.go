package rehydrate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"edgecache/depgraph"
	"edgecache/sqlparse"
)

var (
	// ErrBusy says that as many flights as allowed are under way or waiting.
	// The source was not asked; asking again later may work.
	ErrBusy = errors.New("the source is busy: too many reads are under way")
	// ErrClosed says that the Filler takes no more fills.
	ErrClosed = errors.New("shutting down: no more reads are started")
)

// PanicError is what waiters get when reading or installing panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("internal error while filling: %v", e.Value) }

// Graph is what a fill needs of the dependency graph.
type Graph interface {
	// Token marks a position in the order of published writes.
	Token() depgraph.Token
	// Quiet tells that no write that could touch the instance was published
	// since the token, or was or is open since then.
	Quiet(depgraph.Token, *depgraph.Template, sqlparse.Args) bool
	// Install stores the entry unless a write may have overtaken the token.
	Install(depgraph.Token, *depgraph.Entry) depgraph.InstallOutcome
}

// Job says what to fill and how.
type Job struct {
	// Key covers Args and everything else that the answer depends on: two
	// jobs of one Template with the same Key are the same question (I6).
	Key      string
	Template *depgraph.Template
	Args     sqlparse.Args
	// Read asks the source in a snapshot taken after the call, and renders.
	// It does not install. It must return soon after ctx is done. The ctx is
	// the flight's own: no client's deadline or departure is in it.
	Read func(ctx context.Context) (*depgraph.Entry, error)
	// Enter, when not nil, waits for leave to ask the source, in the place of the
	// Filler's own slots; an error ends the flight. What it returns gives the
	// leave back: it is called when the flight has landed, and may have been
	// called by Read before. Enter is called before the token is taken: a fill
	// that had to wait is not overtaken by what was written meanwhile.
	Enter func(ctx context.Context) (leave func(), err error)
	// Lookup, when not nil, is asked right before Read for an entry that may
	// be served now: another flight may have landed between the caller's miss
	// and this fill. It returns nil when there is none.
	Lookup func() *depgraph.Entry
	// Anew demands a source read that begins after this call, as a request
	// with Cache-Control: no-cache does. Such a job joins no flight that may
	// already be reading, and starts one that skips Lookup.
	Anew bool
}

// Filled is an answered fill. The entry is shared with everybody aboard and
// with the graph: it must not be changed.
type Filled struct {
	Entry *depgraph.Entry
	// Install tells whether the entry was stored. The entry answers this fill
	// rightly also when it was not.
	Install depgraph.InstallOutcome
	// Joined tells that somebody else's source read was shared: that of the
	// flight joined, or of the one whose entry Lookup found.
	Joined bool
}

// FillOptions are the bounds of a Filler; zero values get defaults.
type FillOptions struct {
	// Timeout bounds one flight, from the start of its wait for a free slot to
	// the end of its read. Default 30 s.
	Timeout time.Duration
	// MaxFlights bounds the source reads under way at once, of jobs that have no
	// Enter of their own. Default 64.
	MaxFlights int
	// MaxQueued bounds the flights that wait, for a slot, in Enter, or for the
	// flight before them; together with MaxFlights it bounds all flights, and
	// the next is refused with ErrBusy. Default 16 × MaxFlights.
	MaxQueued int
}

func (o FillOptions) withDefaults() FillOptions {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxFlights <= 0 {
		o.MaxFlights = 64
	}
	if o.MaxQueued <= 0 {
		o.MaxQueued = 16 * o.MaxFlights
	}
	return o
}

// FillStats counts a Filler's work. Fills = Started + Joined + Busy + Closed,
// and Started = Landed + Flights.
type FillStats struct {
	Fills   int64 // calls of Fill by clients that were still there
	Started int64 // fills that made a flight of their own
	Joined  int64 // fills that shared one
	Waited  int64 // of both: fills that had to wait for the next flight
	Busy    int64 // refused with ErrBusy
	Closed  int64 // refused with ErrClosed
	Landed  int64 // flights that ended
	Reads   int64 // source reads begun
	Failed  int64 // flights that ended with an error, panics and timeouts included
	Panics  int64
	Left    int64 // clients that went away before their flight landed
	Flights int64 // now: reading or waiting
}

// Filler turns fills into flights. Its methods may be called from many
// goroutines.
type Filler struct {
	graph Graph
	opts  FillOptions
	slots chan struct{} // one element for each read under way

	base   context.Context // parent of every flight's context
	cancel context.CancelFunc

	mu      sync.Mutex
	lanes   map[lane]*flight // the first flight of each lane; the next hangs on it
	closed  bool
	drained chan struct{} // closed when closed and no flight is left
	stats   FillStats
}

// lane is where flights follow one another. The template is part of it: after
// a mapping is replaced, the same key is another question.
type lane struct {
	template *depgraph.Template
	key      string
}

// NewFiller makes a Filler that installs into g.
func NewFiller(g Graph, o FillOptions) *Filler {
	o = o.withDefaults()
	f := &Filler{
		graph:   g,
		opts:    o,
		slots:   make(chan struct{}, o.MaxFlights),
		lanes:   map[lane]*flight{},
		drained: make(chan struct{}),
	}
	f.base, f.cancel = context.WithCancel(context.Background())
	return f
}

// Fill answers j from the source, sharing the read with others where that is
// safe. When ctx ends first the caller leaves alone; the flight goes on.
func (f *Filler) Fill(ctx context.Context, j Job) (Filled, error) {
	if ctx.Err() != nil {
		return Filled{}, context.Cause(ctx)
	}
	fl, joined, err := f.board(j)
	if err != nil {
		return Filled{}, err
	}
	select {
	case <-fl.done:
	case <-ctx.Done():
		f.count(func(s *FillStats) { s.Left++ })
		return Filled{}, context.Cause(ctx)
	}
	out := fl.filled
	out.Joined = out.Joined || joined
	return out, fl.err
}

// Stats returns a consistent snapshot of the counters.
func (f *Filler) Stats() FillStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

func (f *Filler) count(add func(*FillStats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	add(&f.stats)
}

// Close refuses new fills and waits until the last flight has landed. When ctx
// ends first, the flights' contexts are cancelled and the error says so; the
// reads then end as soon as the source lets them.
func (f *Filler) Close(ctx context.Context) error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		if f.stats.Flights == 0 {
			close(f.drained)
		}
	}
	f.mu.Unlock()
	defer f.cancel()
	select {
	case <-f.drained:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("reads were still under way: %w", context.Cause(ctx))
	}
}

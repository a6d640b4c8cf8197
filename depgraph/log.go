package depgraph

import "edgecache/sqlparse"

// The write protocol's bookkeeping (DESIGN.md section 7). Time is Graph.clock,
// a counter that moves when a write is published and when it settles.
//
//	write:  Publish             clock+1; into the open set; affected suspended
//	        COMMIT
//	        Settle(committed)   clock+1; from the open set to the log; affected go
//	        Settle(rolled back) clock+1; from the open set; affected resume
//	fill:   tok := Token()      the clock
//	        read from the source, in a new snapshot
//	        Install(tok, e)     refused if a write that touches e was open at
//	                            any moment since tok
//
// "Open at any moment since tok" is the whole rule. A write that was published
// since tok was, and so was one that was published before and had not settled;
// both are exactly those that are open now or settled after tok. So a token is
// one number and the log is ordered by settlement. A write that settled before
// tok was visible to every snapshot since. One that rolled back changed nothing
// that a fill can have read.
//
// The interleavings that this defends against. R fills, W writes what R reads.
// Each is forced in interleaving_test.go under its number.
//
//	1  late fill
//	     R token, R reads old, W publishes, W commits, W settles, R installs
//	     -> Overtaken: W settled after the token
//	2  suspended between read and install
//	     R token, R reads old, W publishes, R installs, W commits, W settles
//	     -> Overtaken: W is open
//	3  crossing flight
//	     W publishes, R token, R reads old, W commits, W settles, R installs
//	     -> Overtaken: W was open when the token was taken. A position alone,
//	        without what was open at it, would let R install
//	4  waiter joins a flight while a write starts
//	     R1 token, R1 reads old, W publishes, commits, settles and is answered,
//	     R2 asks and may join R1
//	     -> Quiet(R1's token) is false: R2 must start a read of its own
//	5  two writers settle in the opposite order of their commits
//	     W1 publishes, W2 publishes, W1 commits, W2 commits, W2 settles,
//	     R token, R reads, R installs, W1 settles
//	     -> Overtaken while W1 is open; what both suspended stays suspended
//	        until the second has settled
//	6  eviction while a write is open
//	     W publishes (e suspended), e is evicted, W rolls back
//	     -> e stays gone; its suspension ends nowhere
//	7  re-registration during a fill
//	     R token with template T, T is unregistered, T' registered, R installs
//	     -> Unregistered: e's read set is T's, and nobody looks it up any more
//	8  rollback of one of two
//	     W1, W2 publish (e suspended twice), W1 rolls back
//	     -> e stays suspended; W2 rolls back -> e is fresh; W2 commits -> e goes
//	9  reader between commit and settle
//	     W publishes, W commits, R1 reads through and sees new, R2 gets
//	     -> suspended: R2 may not see what R1 no longer saw
//	10 purge during a fill
//	     R token, R reads old, somebody else writes, a purge says so, R installs
//	     -> Overtaken: a purge is a write that is settled when it is published
//	11 a wide write settles while a reader looks
//	     R loads e, W publishes wide, commits, settles (e gone, then the
//	     template's count down), R decides
//	     -> R reads the template's count first (Entry.State)

// Token is the moment before a fill asked the source. The zero Token is from
// before all time, and installs nothing.
type Token struct{ at uint64 }

// event is what a fill can be overtaken by.
type event interface {
	// mayTouch tells whether an instance may be affected. e is nil when only
	// template and arguments are known.
	mayTouch(g *Graph, t *Template, args sqlparse.Args, e *Entry) bool
}

// settled is an event of the past.
type settled struct {
	at    uint64
	what  event
	bytes int64
}

// log holds the latest settled events, oldest first, bounded by count and
// bytes. A token from before the oldest that left is Outdated.
type log struct {
	ring    []settled
	start   int
	n       int
	bytes   int64
	floor   uint64 // tokens below it are outdated
	trimmed int64
}

func newLog(length int) *log { return &log{ring: make([]settled, length), floor: 1} }

func (l *log) add(s settled) {
	if l.n == len(l.ring) {
		l.trim()
	}
	l.ring[(l.start+l.n)%len(l.ring)] = s
	l.n++
	l.bytes += s.bytes
	for l.bytes > maxLogBytes && l.n > 0 {
		l.trim()
	}
}

// trim lets the oldest event go. A fill whose token is not older than it can
// not have been touched by it, so the event's own time is the new floor.
func (l *log) trim() {
	old := &l.ring[l.start]
	l.floor = old.at
	l.bytes -= old.bytes
	*old = settled{}
	l.start = (l.start + 1) % len(l.ring)
	l.n--
	l.trimmed++
}

// since calls fn for the events after tok, newest first, until it returns true.
func (l *log) since(tok Token, fn func(event) bool) bool {
	for i := l.n - 1; i >= 0; i-- {
		s := &l.ring[(l.start+i)%len(l.ring)]
		if s.at <= tok.at {
			return false
		}
		if fn(s.what) {
			return true
		}
	}
	return false
}

// overtaken tells whether an event that may touch the instance was open since
// tok. REQUIRES: g.mu.
func (g *Graph) overtaken(tok Token, t *Template, args sqlparse.Args, e *Entry) bool {
	if g.sabotage.NoTokens {
		return false
	}
	for in := range g.open {
		if in.mayTouch(g, t, args, e) {
			return true
		}
	}
	return g.log.since(tok, func(ev event) bool { return ev.mayTouch(g, t, args, e) })
}

// Token is taken before the source is asked. It must come before the source's
// snapshot: a later one would hide the writes in between.
func (g *Graph) Token() Token {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Token{g.clock}
}

// Quiet tells that no write that could touch the instance was open at any
// moment since tok. Only then may somebody who asks now be given the answer of
// a fill that started at tok.
func (g *Graph) Quiet(tok Token, t *Template, args sqlparse.Args) bool {
	if g.sabotage.JoinAny {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.regs[t] != nil && tok.at >= g.log.floor && !g.overtaken(tok, t, args, nil)
}

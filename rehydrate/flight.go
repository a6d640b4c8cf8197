package rehydrate

import (
	"context"
	"errors"
	"runtime/debug"

	"edgecache/depgraph"
)

// # Interleavings
//
// R is a source read, W a write: execute, publish, commit, settle, answer. A
// flight takes its token, then its snapshot, then installs. Time runs down.
//
// (1) The crossing flight. Without Quiet, GET c would be answered from before
// a write that was answered before it came (I1).
//
//  1. GET a starts flight 1: token p, snapshot without W
//  2. W is published at p+1, commits, settles, is answered
//  3. GET c arrives; flight 1 is still under way
//  4. Quiet(p) is false: c does not join, it makes flight 2 wait
//  5. flight 1 lands: Install(p) says Overtaken, a gets the old answer, which
//     is right, since a came before W was answered
//  6. flight 2 starts: token p+1, snapshot with W; c gets the new answer
//
// (2) The late fill. Without the token, step 4 would store an answer from
// before W after W has dropped everything that it touches (I5).
//
//  1. GET a starts flight 1: token p, snapshot without W
//  2. W is published at p+1, commits, settles, is answered
//  3. the read of flight 1 returns
//  4. Install(p): W is in the log after p, so nothing is stored
//
// (3) A follower joins while a write is being published. Quiet and Publish are
// each atomic in the graph, so one comes first.
//
//   - Quiet first: the follower had arrived before W was published, hence
//     before W was answered, and before anybody could read W's rows. An answer
//     from before W is right for it.
//   - Publish first: Quiet is false, and the follower waits for flight 2.
//
// (4) The open write. W is published before flight 1 takes its token, and
// commits after flight 1 took its snapshot. Quiet is false since W was open at
// the token, so whoever comes after W's answer does not join; Install says
// Overtaken for the same reason.
//
// (5) The flight that lands between a client's look at the lane and its
// decision. If Quiet was true, the answer is right, landed or not. If Quiet
// was false, another flight heads the lane or none does: another one took, or
// will take, its token after flight 1 landed, which was after the client
// arrived, so it is joined without asking.
//
// (6) The lookup. A flight takes its token before it looks for a landed entry.
// Were it the other way round, W could drop that entry in between, be answered,
// and GET c would still join the flight as one without a token.

// flight is one source read for everybody who asked for its key meanwhile.
type flight struct {
	job Job

	// Guarded by Filler.mu.
	next     *flight // waits for this one to land; nil when nobody needs it
	airborne bool    // token is taken; who joins now must ask Quiet
	token    depgraph.Token

	// Written by the flight alone, before done is closed; read only after.
	filled Filled
	err    error
	done   chan struct{}
}

func (fl *flight) lane() lane { return lane{fl.job.Template, fl.job.Key} }

// board finds the flight that answers j, starting one where needed. joined
// tells that it is somebody else's.
func (f *Filler) board(j Job) (fl *flight, joined bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Fills++
	if f.closed {
		f.stats.Closed++
		return nil, false, ErrClosed
	}
	head := f.lanes[lane{j.Template, j.Key}]
	switch {
	case head == nil:
		return f.startLocked(j)
	case !head.airborne:
		return f.joinLocked(head, j)
	case !j.Anew && f.quietUnlocked(head, j):
		return f.joinLocked(head, j)
	}
	// Quiet was asked without the lock: the lane may have moved on, which is
	// interleaving (5).
	switch now := f.lanes[lane{j.Template, j.Key}]; {
	case now == nil && f.closed:
		f.stats.Closed++
		return nil, false, ErrClosed
	case now == nil:
		return f.startLocked(j)
	case now != head:
		return f.joinLocked(now, j)
	case now.next != nil:
		f.stats.Waited++
		return f.joinLocked(now.next, j)
	default:
		return f.followLocked(now, j)
	}
}

// quietUnlocked asks the graph without holding mu, since the graph may take
// as long as its log is. REQUIRES: mu is held and head is airborne.
func (f *Filler) quietUnlocked(head *flight, j Job) bool {
	token := head.token
	f.mu.Unlock()
	defer f.mu.Lock()
	return f.graph.Quiet(token, j.Template, j.Args)
}

// joinLocked takes j aboard. A demand for a new read binds a flight that has
// not begun; board brings it to no other.
func (f *Filler) joinLocked(fl *flight, j Job) (*flight, bool, error) {
	f.stats.Joined++
	if j.Anew && !fl.airborne {
		fl.job.Anew = true
	}
	return fl, true, nil
}

// startLocked makes a flight on a free lane and lets it go.
func (f *Filler) startLocked(j Job) (*flight, bool, error) {
	fl, err := f.newLocked(j)
	if err != nil {
		return nil, false, err
	}
	f.lanes[fl.lane()] = fl
	go f.fly(fl)
	return fl, false, nil
}

// followLocked makes the flight that starts when head has landed.
func (f *Filler) followLocked(head *flight, j Job) (*flight, bool, error) {
	fl, err := f.newLocked(j)
	if err != nil {
		return nil, false, err
	}
	f.stats.Waited++
	head.next = fl
	return fl, false, nil
}

func (f *Filler) newLocked(j Job) (*flight, error) {
	if f.stats.Flights >= int64(f.opts.MaxFlights+f.opts.MaxQueued) {
		f.stats.Busy++
		return nil, ErrBusy
	}
	f.stats.Started++
	f.stats.Flights++
	return &flight{job: j, done: make(chan struct{})}, nil
}

// errVanished stands until a flight has a better answer: it is what waiters
// get when Read ends its goroutine instead of returning.
var errVanished = errors.New("internal error while filling: the read never returned")

// fly runs one flight to its landing, whatever Read does.
func (f *Filler) fly(fl *flight) {
	ctx, cancel := context.WithTimeout(f.base, f.opts.Timeout)
	defer cancel()
	fl.err = errVanished
	defer f.land(fl)
	defer func() {
		if p := recover(); p != nil {
			fl.filled, fl.err = Filled{}, &PanicError{Value: p, Stack: debug.Stack()}
		}
	}()
	enter := fl.job.Enter
	if enter == nil {
		enter = f.enter
	}
	leave, err := enter(ctx)
	if err != nil {
		fl.err = err
		return
	}
	defer leave()
	fl.filled, fl.err = f.ask(ctx, fl)
}

// enter waits for a slot.
func (f *Filler) enter(ctx context.Context) (leave func(), err error) {
	select {
	case f.slots <- struct{}{}:
		return func() { <-f.slots }, nil
	case <-ctx.Done():
		return nil, ErrBusy
	}
}

// ask takes the token, then the answer, then installs, in that order (I5).
func (f *Filler) ask(ctx context.Context, fl *flight) (Filled, error) {
	token, anew := f.takeToken(fl)
	if fl.job.Lookup != nil && !anew {
		if e := fl.job.Lookup(); e != nil {
			return Filled{Entry: e, Install: depgraph.Installed, Joined: true}, nil
		}
	}
	f.count(func(s *FillStats) { s.Reads++ })
	e, err := fl.job.Read(ctx)
	switch {
	case err != nil:
		return Filled{}, err
	case e == nil:
		return Filled{}, errors.New("internal error while filling: the read gave neither an entry nor an error")
	case e.Key != fl.job.Key || e.Template != fl.job.Template:
		return Filled{}, errors.New("internal error while filling: the read gave the entry of another key")
	}
	return Filled{Entry: e, Install: f.graph.Install(token, e)}, nil
}

// takeToken closes the flight to those who would join without asking Quiet.
// The token is taken under mu: whoever joined without asking had arrived
// before it, and so before the snapshot.
func (f *Filler) takeToken(fl *flight) (token depgraph.Token, anew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.token, fl.airborne = f.graph.Token(), true
	return fl.token, fl.job.Anew
}

// land frees the lane for the next flight and answers everybody aboard.
func (f *Filler) land(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.next != nil {
		f.lanes[fl.lane()] = fl.next
		go f.fly(fl.next)
	} else {
		delete(f.lanes, fl.lane())
	}
	f.stats.Landed++
	f.stats.Flights--
	if fl.err != nil {
		f.stats.Failed++
		if _, ok := fl.err.(*PanicError); ok {
			f.stats.Panics++
		}
	}
	if f.closed && f.stats.Flights == 0 {
		close(f.drained)
	}
	close(fl.done)
}

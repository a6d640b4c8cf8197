package depgraph

import (
	"testing"

	"edgecache/source"
)

// stage is a graph with two templates, and a database of one row whose value
// is a version number: what a fill reads is the version at that moment.
type stage struct {
	t       *testing.T
	g       *Graph
	byID    *Template
	version int
}

const lane, ada = "UPDATE users (1, 'Lane', 30) -> (1, 'Ada', 30)", "UPDATE users (1, 'Ada', 30) -> (1, 'Zoe', 30)"

func newStage(t *testing.T, s Sabotage) *stage {
	t.Helper()
	g, err := New(Options{Sabotage: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Audit(); err != nil {
			t.Error(err)
		}
		g.Close()
	})
	st := &stage{t: t, g: g, byID: tmpl("users.get", "users where id = 0")}
	if err := g.Register(st.byID); err != nil {
		t.Fatal(err)
	}
	return st
}

const key1 = "/users.get?1"

// read is the source's answer for user 1 at this moment, not yet installed.
func (s *stage) read() *Entry {
	e := entry(s.byID, "1")
	e.Payload = s.version
	return e
}

func (s *stage) install(tok Token, e *Entry, want InstallOutcome) {
	s.t.Helper()
	if got := s.g.Install(tok, e); got != want {
		s.t.Errorf("install: %s, want %s", got, want)
	}
}

// fill is token, read and install in one go.
func (s *stage) fill() { s.t.Helper(); s.install(s.g.Token(), s.read(), Installed) }

func (s *stage) expect(want State) {
	s.t.Helper()
	e, got := s.g.Get(key1)
	if got != want {
		s.t.Errorf("get: %s, want %s", got, want)
	}
	if got == StateFresh && e.Payload != s.version {
		s.t.Errorf("get serves version %v of %d", e.Payload, s.version)
	}
}

func (s *stage) commit(i *Intent) { s.version++; i.Settle(source.OutcomeCommitted) }

// The names carry the numbers of log.go.

func lateFill(s *stage, want InstallOutcome) {
	tok := s.g.Token()
	e := s.read()
	w := s.g.Publish(write(lane))
	s.commit(w)
	s.install(tok, e, want)
}

func TestInterleaving1LateFill(t *testing.T) {
	s := newStage(t, Sabotage{})
	lateFill(s, Overtaken)
	s.expect(StateAbsent)
	s.fill()
	s.expect(StateFresh)
}

func TestInterleaving2SuspendedBetweenReadAndInstall(t *testing.T) {
	s := newStage(t, Sabotage{})
	tok := s.g.Token()
	e := s.read()
	w := s.g.Publish(write(lane))
	s.install(tok, e, Overtaken)
	s.commit(w)
	s.expect(StateAbsent)
}

func TestInterleaving3CrossingFlight(t *testing.T) {
	for _, outcome := range []source.Outcome{source.OutcomeCommitted, source.OutcomeUnknown} {
		s := newStage(t, Sabotage{})
		w := s.g.Publish(write(lane))
		tok := s.g.Token()
		e := s.read()
		s.version++
		w.Settle(outcome)
		s.install(tok, e, Overtaken)
		s.fill()
		s.expect(StateFresh)
	}
}

// A write that was open and rolled back changed nothing that the fill read.
func TestInterleaving3CrossingFlightRolledBack(t *testing.T) {
	s := newStage(t, Sabotage{})
	w := s.g.Publish(write(lane))
	tok := s.g.Token()
	e := s.read()
	s.install(tok, e, Overtaken) // it cannot be known yet
	w.Settle(source.OutcomeRolledBack)
	s.install(tok, s.read(), Installed)
	s.expect(StateFresh)
}

func TestInterleaving4WaiterJoinsAFlight(t *testing.T) {
	s := newStage(t, Sabotage{})
	args := arguments("1")
	tok := s.g.Token()
	if !s.g.Quiet(tok, s.byID, args) {
		t.Error("nothing was written, and the flight may not be joined")
	}
	w := s.g.Publish(write(lane))
	if s.g.Quiet(tok, s.byID, args) {
		t.Error("a flight from before an open write may be joined")
	}
	if !s.g.Quiet(tok, s.byID, arguments("2")) {
		t.Error("a flight that the write cannot touch may not be joined")
	}
	if s.g.Quiet(s.g.Token(), s.byID, args) {
		t.Error("a flight from within an open write may be joined")
	}
	s.commit(w)
	if s.g.Quiet(tok, s.byID, args) {
		t.Error("a flight from before a settled write may be joined")
	}
	if !s.g.Quiet(s.g.Token(), s.byID, args) {
		t.Error("a flight from after the write may not be joined")
	}
	if s.g.Quiet(s.g.Token(), tmpl("users.get", "users"), args) {
		t.Error("a flight of an unregistered template may be joined")
	}
}

func TestInterleaving5SettledInTheOppositeOrder(t *testing.T) {
	s := newStage(t, Sabotage{})
	s.fill()
	w1, w2 := s.g.Publish(write(lane)), s.g.Publish(write(ada))
	s.expect(StateSuspended)
	if got := w2.Settle(source.OutcomeCommitted); len(got) != 1 {
		t.Errorf("the second write drops %d entries", len(got))
	}
	s.version = 2
	tok := s.g.Token()
	e := s.read()
	s.install(tok, e, Overtaken)
	if got := w1.Settle(source.OutcomeCommitted); len(got) != 0 {
		t.Errorf("the first write drops %d entries, once more", len(got))
	}
	s.install(tok, s.read(), Overtaken) // w1 was open when the token was taken
	s.fill()
	s.expect(StateFresh)
}

func TestInterleaving6EvictedWhileOpen(t *testing.T) {
	s := newStage(t, Sabotage{})
	for _, o := range []source.Outcome{source.OutcomeRolledBack, source.OutcomeCommitted} {
		s.fill()
		w := s.g.Publish(write(lane))
		s.g.mu.Lock()
		s.g.remove([]*Entry{s.g.shelf.peek(key1)}, "evicted", causeEvicted) // as tidy does
		s.g.mu.Unlock()
		s.expect(StateAbsent)
		if got := w.Settle(o); len(got) != 0 {
			t.Errorf("%s: %d entries dropped that were gone", o, len(got))
		}
		s.expect(StateAbsent)
	}
}

func TestInterleaving6PurgedWhileOpen(t *testing.T) {
	s := newStage(t, Sabotage{})
	s.fill()
	e, _ := s.g.Get(key1)
	w := s.g.Publish(write(lane))
	s.g.Purge(Filter{All: true})
	w.Settle(source.OutcomeRolledBack)
	s.expect(StateAbsent)
	s.install(s.g.Token(), e, Failed) // the very entry is not resurrected either
	s.expect(StateAbsent)
}

func TestInterleaving7ReRegistration(t *testing.T) {
	s := newStage(t, Sabotage{})
	tok := s.g.Token()
	e := s.read()
	s.g.Unregister("users.get")
	s.byID = tmpl("users.get", "users where id = 0 and age >= 0")
	if err := s.g.Register(s.byID); err != nil {
		t.Fatal(err)
	}
	s.install(tok, e, Unregistered)
	s.expect(StateAbsent)
}

// The same template comes back while a wide write is open, which suspended the
// registration before.
func TestInterleaving7SameTemplateComesBack(t *testing.T) {
	s := newStage(t, Sabotage{})
	w := s.g.Publish(write("WHOLE users: TRUNCATE"))
	s.g.Unregister("users.get")
	if err := s.g.Register(s.byID); err != nil {
		t.Fatal(err)
	}
	tok := s.g.Token()
	e := s.read()
	s.install(tok, e, Overtaken)
	s.commit(w)
	s.install(tok, s.read(), Overtaken)
	s.fill()
	s.expect(StateFresh)
}

func TestInterleaving8RollbackOfOneOfTwo(t *testing.T) {
	for _, second := range []string{ada, "WHOLE users: TRUNCATE", "EVERYTHING: CALL p()"} {
		s := newStage(t, Sabotage{})
		s.fill()
		w1, w2 := s.g.Publish(write(lane)), s.g.Publish(write(second))
		w1.Settle(source.OutcomeRolledBack)
		s.expect(StateSuspended)
		w2.Settle(source.OutcomeRolledBack)
		s.expect(StateFresh)

		w1, w2 = s.g.Publish(write(lane)), s.g.Publish(write(second))
		w1.Settle(source.OutcomeRolledBack)
		s.commit(w2)
		s.expect(StateAbsent)
	}
}

// goBackInTime is interleaving 9: it returns what the two readers saw.
func goBackInTime(s *stage) (first, second any) {
	s.fill()
	w := s.g.Publish(write(lane))
	s.version++ // COMMIT; not settled yet
	first = s.read().Payload
	second = first
	if e, state := s.g.Get(key1); state == StateFresh {
		second = e.Payload
	}
	w.Settle(source.OutcomeCommitted)
	return first, second
}

func TestInterleaving9ReaderBetweenCommitAndSettle(t *testing.T) {
	if first, second := goBackInTime(newStage(t, Sabotage{})); first != second {
		t.Errorf("a reader saw %v, a later one %v", first, second)
	}
}

func TestInterleaving10PurgeDuringAFill(t *testing.T) {
	record := Record{"users", "1"}
	for name, f := range map[string]Filter{
		"all": {All: true}, "key": {Key: key1}, "url": {URL: key1}, "endpoint": {Endpoint: "users.get"},
		"table": {Table: "USERS"}, "source": {Source: "main"}, "record": {Record: &record},
	} {
		s := newStage(t, Sabotage{})
		tok := s.g.Token()
		e := s.read()
		e.Records = []Record{{"users", "1"}}
		s.version++ // written elsewhere
		s.g.Purge(f)
		if s.g.Quiet(tok, s.byID, e.Args) {
			t.Errorf("%s: a flight from before the purge may be joined", name)
		}
		s.install(tok, e, Overtaken)
		s.g.Purge(Filter{Key: "/other"})
		s.fill()
		s.expect(StateFresh)
	}
}

// Interleaving 11 at its seams: the template's count goes down only after its
// entries are gone, whatever is seen in between.
func TestInterleaving11WideSettle(t *testing.T) {
	s := newStage(t, Sabotage{})
	s.fill()
	e, _ := s.g.Get(key1)
	r := e.reg
	w := s.g.Publish(write("WHOLE users: TRUNCATE"))
	if r.wide.Load() != 1 || e.state.Load() != 0 {
		t.Errorf("a wide write suspends one by one")
	}
	seen := StateFresh
	s.g.store.fault = func(string) error { seen = e.State(); return nil } // inside Settle
	s.commit(w)
	s.g.store.fault = nil
	if seen == StateFresh {
		t.Error("an entry is fresh while a wide write that dropped it settles")
	}
	if r.wide.Load() != 0 || e.State() != StateAbsent {
		t.Error("the entry is not gone, or its template still suspended")
	}
}

func TestSettleOnlyOnce(t *testing.T) {
	s := newStage(t, Sabotage{})
	s.fill()
	w := s.g.Publish(write(lane))
	w.Settle(source.OutcomeRolledBack)
	s.expect(StateFresh)
	if got := w.Settle(source.OutcomeCommitted); got != nil {
		t.Errorf("the second settle drops %v", got)
	}
	s.expect(StateFresh)
	if n := s.g.Stats().SettledAgain; n != 1 {
		t.Errorf("%d second settles counted", n)
	}
}

// The zero values of what could be forgotten err on the safe side.
func TestZeroValuesWiden(t *testing.T) {
	s := newStage(t, Sabotage{})
	s.install(Token{}, s.read(), Outdated)
	s.fill()
	w := s.g.Publish(nil)
	s.expect(StateSuspended)
	var outcome source.Outcome
	if got := w.Settle(outcome); len(got) != 1 {
		t.Errorf("a forgotten outcome drops %d entries", len(got))
	}
	if o := s.g.Install(s.g.Token(), nil); o != Unregistered {
		t.Errorf("no entry: %s", o)
	}
}

// Negative controls: each anomaly appears once its mitigation is off.

func TestWithoutTokensALateFillInstalls(t *testing.T) {
	s := newStage(t, Sabotage{NoTokens: true})
	lateFill(s, Installed)
	if e, state := s.g.Get(key1); state != StateFresh || e.Payload == s.version {
		t.Errorf("no stale answer without tokens: %s", state)
	}
}

func TestWithoutSuspensionAReaderGoesBackInTime(t *testing.T) {
	if first, second := goBackInTime(newStage(t, Sabotage{NoSuspension: true})); first == second {
		t.Errorf("both readers saw %v without suspension", first)
	}
}

// What slipped in while a write was open, here for want of tokens, goes when it
// settles, and is told.
func TestAffectedOutsideSuspensionIsDroppedAndTold(t *testing.T) {
	s := newStage(t, Sabotage{NoTokens: true})
	w := s.g.Publish(write(lane))
	s.fill()
	if got := w.Settle(source.OutcomeCommitted); len(got) != 1 {
		t.Errorf("%d entries dropped", len(got))
	}
	s.expect(StateAbsent)
	if n := s.g.Stats().Alarms; n != 1 {
		t.Errorf("%d alarms", n)
	}
}

package depgraph

import (
	"math/rand/v2"
	"testing"
	"time"

	"edgecache/source"
)

// eventualStage is a stage whose template of one user is Eventual, beside a
// strict one over the same table, with a clock that a test moves.
func eventualStage(t *testing.T, keep time.Duration) (s *stage, strict *Template, pass func(time.Duration)) {
	t.Helper()
	now := time.Unix(1_900_000_000, 0)
	g, err := New(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Audit(); err != nil {
			t.Error(err)
		}
		g.Close()
	})
	s = &stage{t: t, g: g, byID: tmpl("users.get", "users where id = 0")}
	s.byID.Eventual, s.byID.KeepStale = true, keep
	strict = tmpl("users.strict", "users where id = 0")
	for _, tm := range []*Template{s.byID, strict} {
		if err := g.Register(tm); err != nil {
			t.Fatal(err)
		}
	}
	return s, strict, func(d time.Duration) { now = now.Add(d) }
}

// asks is a read whose moment is known.
func (s *stage) asks() *Entry {
	e := s.read()
	e.Asked, e.Stored, e.Expires = s.g.now(), s.g.now(), s.g.now().Add(time.Hour)
	return e
}

// stale demands the version that may be shown, and how old it is; -1: none.
func (s *stage) stale(version int, age time.Duration) {
	s.t.Helper()
	got, ok := s.g.Stale(s.byID, key1)
	switch {
	case !ok && version >= 0:
		s.t.Errorf("nothing may be shown, want version %d", version)
	case ok && version < 0:
		s.t.Errorf("version %v may be shown", got.Payload)
	case ok && (got.Payload != version || s.g.now().Sub(got.Since) != age):
		s.t.Errorf("version %v, outdated for %s; want %d for %s", got.Payload, s.g.now().Sub(got.Since), version, age)
	}
}

// TestEventualServesUntilTheWriteSettles, whole templates and single entries,
// beside a strict one that is suspended.
func TestEventualServesUntilTheWriteSettles(t *testing.T) {
	for name, ws := range map[string]*source.WriteSet{"row": write(lane), "whole": {Source: "main", Everything: "unknown"}} {
		for _, o := range []source.Outcome{source.OutcomeCommitted, source.OutcomeUnknown, source.OutcomeRolledBack} {
			s, strict, _ := eventualStage(t, 0)
			s.fill()
			other := entry(strict, "1")
			if got := s.g.Install(s.g.Token(), other); got != Installed {
				t.Fatal(got)
			}
			w := s.g.Publish(ws)
			s.expect(StateFresh)
			if _, state := s.g.Get(other.Key); state != StateSuspended {
				t.Errorf("%s: the strict entry is %s", name, state)
			}
			if w.Affected() != 2 || s.g.Stats().Suspended != 1 {
				t.Errorf("%s: %d affected, %d suspended", name, w.Affected(), s.g.Stats().Suspended)
			}
			w.Settle(o)
			if o == source.OutcomeRolledBack {
				s.expect(StateFresh)
			} else {
				s.expect(StateAbsent)
			}
			s.stale(-1, 0)
		}
	}
}

// TestLoseEndsWhatWasLeftInService, while the write stays open and fills of it
// are refused.
func TestLoseEndsWhatWasLeftInService(t *testing.T) {
	for name, ws := range map[string]*source.WriteSet{"row": write(lane), "whole": {Source: "main", Everything: "unknown"}} {
		s, _, pass := eventualStage(t, time.Minute)
		s.fill()
		w := s.g.Publish(ws)
		pass(time.Second)
		if n := len(w.Lose()); n != 1 {
			t.Errorf("%s: %d lost", name, n)
		}
		s.expect(StateStale)
		s.stale(0, time.Second) // from the publishing on
		s.install(s.g.Token(), s.asks(), Overtaken)
		s.expect(StateStale)
		s.commit(w)
		s.fill()
		s.expect(StateFresh)
		if w.Lose() != nil {
			t.Error("a settled write lost something")
		}
	}
}

func TestStaleBodies(t *testing.T) {
	s, _, pass := eventualStage(t, time.Minute)
	s.install(s.g.Token(), s.asks(), Installed)
	s.stale(-1, 0) // it is fresh
	w := s.g.Publish(write(lane))
	pass(10 * time.Second)
	s.commit(w)
	s.expect(StateStale)
	s.stale(0, 10*time.Second)
	pass(49 * time.Second)
	s.stale(0, 59*time.Second)
	pass(time.Second)
	s.stale(-1, 0)
	if n := s.g.Stats().StaleBodies; n != 0 {
		t.Errorf("%d bodies are kept for nobody", n)
	}

	s.install(s.g.Token(), s.asks(), Installed)
	pass(time.Hour + time.Second) // its lifetime
	s.expect(StateStale)
	s.stale(1, time.Second)
	w = s.g.Publish(write(lane))
	s.commit(w)
	s.stale(1, time.Second) // its age ended it, not the write
	s.install(s.g.Token(), s.asks(), Installed)
	s.stale(-1, 0)
}

// TestRefusedFillKeepsOrder: who asked anew was answered from after the write;
// nobody gets what is from before it, though the write is still open.
func TestRefusedFillKeepsOrder(t *testing.T) {
	s, _, pass := eventualStage(t, time.Minute)
	s.fill()
	w := s.g.Publish(write(lane))
	s.version++ // committed
	tok := s.g.Token()
	e := s.asks()
	pass(time.Second)
	s.install(tok, e, Overtaken)
	s.expect(StateStale)
	s.stale(1, time.Second)
	w.Settle(source.OutcomeCommitted)
	s.stale(1, time.Second)
	s.install(Token{}, s.asks(), Outdated) // it tells nothing: not even that is shown
	s.stale(1, time.Second)                // for it began before what is there
}

// TestPurgeTakesStaleBodies, those of fills under way too.
func TestPurgeTakesStaleBodies(t *testing.T) {
	for _, f := range []Filter{
		{All: true}, {Endpoint: "users.get"}, {Table: "USERS"}, {Key: key1}, {URL: key1},
		{Record: &Record{"users", "99"}}, // which rows were in it is forgotten
	} {
		s, _, _ := eventualStage(t, time.Minute)
		s.install(s.g.Token(), s.asks(), Installed)
		w := s.g.Publish(write(lane))
		s.commit(w)
		s.stale(0, 0)
		tok := s.g.Token()
		e := s.asks()
		s.g.Purge(f)
		s.stale(-1, 0)
		if f.Record == nil {
			s.install(tok, e, Overtaken)
			s.stale(-1, 0)
		}
	}
	s, _, _ := eventualStage(t, time.Minute)
	s.install(s.g.Token(), s.asks(), Installed)
	s.commit(s.g.Publish(write(lane)))
	for _, f := range []Filter{{Endpoint: "other"}, {Table: "orders"}, {Key: "x"}, {Record: &Record{"orders", "1"}}} {
		s.g.Purge(f)
		s.stale(0, 0)
	}
	s.g.Unregister("users.get")
	s.stale(-1, 0)
}

// TestStaleBodiesAreBounded: the oldest make room, and entries get less.
func TestStaleBodiesAreBounded(t *testing.T) {
	const max = 1 << 20
	g, err := New(Options{MaxBytes: max})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	tm := tmpl("users.get", "users where id = 0")
	tm.Eventual, tm.KeepStale = true, time.Hour
	if err := g.Register(tm); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		e := entry(tm, string(rune('A'+i)))
		e.Size, e.Payload, e.Asked = 10<<10, i, time.Now()
		if o := g.Install(g.Token(), e); o != Installed {
			t.Fatal(o)
		}
		g.Publish(&source.WriteSet{Source: "main", Everything: "unknown"}).Settle(source.OutcomeCommitted)
		if s := g.Stats(); s.StaleBytes > max/staleFraction || s.Bytes+s.StaleBytes > max {
			t.Fatalf("%d bytes of bodies beside %d of entries", s.StaleBytes, s.Bytes)
		}
	}
	s := g.Stats()
	if s.StaleBodies != 12 || s.StaleBuried != 28 {
		t.Errorf("%d bodies, %d made room", s.StaleBodies, s.StaleBuried)
	}
	e := entry(tm, "big")
	e.Size, e.Payload = 100<<10, 1
	for range 12 {
		g.Install(g.Token(), entry(tm, "small"))
	}
	if got := g.shelf.cache.GetMaximum(); got != max-max/entryFraction-max/staleFraction {
		t.Errorf("entries may take %d", got)
	}
}

// TestEventualPromises plays random steps on one key, with up to three writes
// open at once and one fill at a time, as flights of one key are, and holds E1
// to E4. A version is right from its own commit to the next.
func TestEventualPromises(t *testing.T) {
	const keep = 20 * time.Second
	shown, refused := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 5))
		s, _, pass := eventualStage(t, keep)
		type open struct {
			i         *Intent
			committed int // the version that it made; 0: not yet
		}
		var (
			writes  []*open
			wrongAt = map[int]time.Time{} // when a version was followed by the next
			seen    int                   // the newest version that anybody was given
			floor   int                   // what settled writes made
			fill    *Entry
			tok     Token
		)
		given := func(what string, v int) {
			if v < seen {
				t.Fatalf("seed %d: %s gives version %d after %d", seed, what, v, seen)
			}
			seen = v
		}
		for step := range 60 {
			switch n := r.IntN(12); {
			case n < 2 && len(writes) < 3:
				writes = append(writes, &open{i: s.g.Publish(write(lane))})
			case n < 4 && len(writes) > 0:
				w := writes[r.IntN(len(writes))]
				if w.committed == 0 {
					wrongAt[s.version] = s.g.now()
					s.version++
					w.committed = s.version
				}
			case n < 6 && len(writes) > 0:
				at := r.IntN(len(writes))
				w := writes[at]
				if r.IntN(4) == 0 {
					w.i.Lose()
					floor = max(floor, w.committed)
					continue
				}
				writes = append(writes[:at], writes[at+1:]...)
				switch {
				case w.committed > 0:
					w.i.Settle(source.OutcomeCommitted)
					floor = max(floor, w.committed)
				case r.IntN(2) == 0:
					w.i.Settle(source.OutcomeRolledBack)
				default:
					w.i.Settle(source.OutcomeUnknown)
				}
			case n == 6 && fill == nil:
				tok = s.g.Token()
				fill = s.asks()
				fill.Expires = fill.Stored.Add(15 * time.Second)
			case n == 7 && fill != nil:
				if s.g.Install(tok, fill) != Installed {
					refused++
				}
				given("a fill", fill.Payload.(int))
				fill = nil
			case n == 8:
				pass(time.Duration(r.IntN(8)) * time.Second)
			case n == 9 && r.IntN(4) == 0:
				s.g.Purge(Filter{Table: "users"})
				if _, ok := s.g.Stale(s.byID, key1); ok {
					t.Fatalf("seed %d step %d: E4", seed, step)
				}
			}
			e, state := s.g.Get(key1)
			if state == StateSuspended {
				t.Fatalf("seed %d: suspended", seed)
			}
			if state == StateFresh {
				given("a hit", e.Payload.(int))
				if v := e.Payload.(int); v < floor {
					t.Fatalf("seed %d step %d: E3: a hit gives version %d, and %d has settled", seed, step, v, floor)
				}
			} else if st, ok := s.g.Stale(s.byID, key1); ok {
				shown++
				v := st.Payload.(int)
				given("stale", v)
				if wrong, ok := wrongAt[v]; ok && wrong.Before(st.Since) || s.g.now().Sub(st.Since) >= keep {
					t.Fatalf("seed %d step %d: E2: version %d was not right at %s", seed, step, v, st.Since)
				}
			}
		}
	}
	if shown < 1000 || refused < 200 {
		t.Errorf("%d stale answers, %d refused fills: too few to tell", shown, refused)
	}
}

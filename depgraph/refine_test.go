package depgraph

import (
	"errors"
	"fmt"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

// What sqlparse compiles fits.
var (
	_ Holder    = (*sqlparse.Occurrence)(nil)
	_ Completer = (*sqlparse.Occurrence)(nil)
)

// joinedOcc may be affected by every row, but for those whose lookup finds no
// partners.
type joinedOcc struct{ fakeOcc }

func (*joinedOcc) Confined(sqlparse.Args, *sqlparse.Held) sqlparse.Region {
	return sqlparse.Everything()
}

func (*joinedOcc) Spared(_ sqlparse.Args, _ *sqlparse.Held, p *sqlparse.Partners, _ *source.Change, _, _ bool) string {
	if p != nil {
		return string(RuleJoin)
	}
	return ""
}

func (*joinedOcc) Completion(c *source.Change) (source.Statement, bool) {
	return source.Statement{SQL: "partners of ?", Args: c.After[:1]}, true
}

func (*joinedOcc) Complete(rows []source.Row) *sqlparse.Partners {
	if len(rows) > 0 {
		return nil
	}
	return &sqlparse.Partners{}
}

// lonely finds no partners, and counts.
func lonely(asked *int) Lookup {
	return func(source.Statement) ([]source.Row, error) { *asked++; return nil, nil }
}

func newJoinStage(t *testing.T) *stage {
	s := newStage(t, Sabotage{})
	s.byID = &Template{Endpoint: "users.get", Variant: "join", Source: "main", Occurrences: []Occurrence{
		&joinedOcc{fakeOcc{table: "users", alias: "users", names: []string{"id", "name", "age"}}},
	}}
	if err := s.g.Register(s.byID); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRefineResumesWhatALookupSpares(t *testing.T) {
	s := newJoinStage(t)
	s.fill()
	w := s.g.Publish(write(lane))
	s.expect(StateSuspended)
	asked := 0
	w.Refine(lonely(&asked))
	s.expect(StateFresh)
	if asked != 1 || w.Affected() != 0 || w.Spared()[RuleJoin] != 1 {
		t.Errorf("asked %d, affected %d, spared %v", asked, w.Affected(), w.Spared())
	}
	if dropped := w.Settle(source.OutcomeCommitted); len(dropped) != 0 {
		t.Errorf("dropped %v", dropped)
	}
	s.expect(StateFresh)
	st := s.g.Stats()
	if st.Affected != 0 || st.SparedBy[RuleJoin] != 1 || st.Lookups != 1 {
		t.Errorf("%+v", st)
	}
}

// A fill that ends while the write is open, or after it, is held against the
// same partners.
func TestRefinedFillInstalls(t *testing.T) {
	for _, end := range []bool{false, true} {
		s := newJoinStage(t)
		tok := s.g.Token()
		e := s.read()
		w := s.g.Publish(write(lane))
		asked := 0
		w.Refine(lonely(&asked)) // nothing is affected yet, so nothing is asked
		s.fillAgainst(t, w, tok, e, end, Overtaken)
		if asked != 0 {
			t.Errorf("asked %d", asked)
		}

		s = newJoinStage(t)
		s.fill()
		tok = s.g.Token()
		e = s.read()
		w = s.g.Publish(write(lane))
		w.Refine(lonely(&asked))
		s.fillAgainst(t, w, tok, e, end, Installed)
	}
}

func (s *stage) fillAgainst(t *testing.T, w *Intent, tok Token, e *Entry, end bool, want InstallOutcome) {
	t.Helper()
	if end {
		w.Settle(source.OutcomeCommitted)
	}
	s.install(tok, e, want)
	w.Settle(source.OutcomeCommitted)
}

// What was spared by a lookup is no longer the write's; another write that
// suspends the entry keeps it suspended.
func TestRefineLeavesOtherSuspensions(t *testing.T) {
	s := newJoinStage(t)
	s.fill()
	other := s.g.Publish(write(ada))
	w := s.g.Publish(write(lane))
	asked := 0
	w.Refine(lonely(&asked))
	s.expect(StateSuspended)
	w.Settle(source.OutcomeCommitted)
	s.expect(StateSuspended)
	other.Settle(source.OutcomeRolledBack)
	s.expect(StateFresh)
}

func TestRefineErrsToAffected(t *testing.T) {
	lookups := map[string]Lookup{
		"an error":   func(source.Statement) ([]source.Row, error) { return nil, errors.New("interrupted") },
		"partners":   func(source.Statement) ([]source.Row, error) { return []source.Row{{source.Int(1)}}, nil },
		"no answers": nil,
	}
	for name, look := range lookups {
		t.Run(name, func(t *testing.T) {
			s := newJoinStage(t)
			s.fill()
			w := s.g.Publish(write(lane))
			if look != nil {
				w.Refine(look)
			}
			s.expect(StateSuspended)
			s.commit(w)
			s.expect(StateAbsent)
		})
	}
}

// A write of many rows asks no more questions than its bound; what it did not
// ask about stays affected.
func TestRefineIsBounded(t *testing.T) {
	s := newJoinStage(t)
	s.fill()
	ws := &source.WriteSet{Source: "main"}
	for i := range maxLookups + 5 {
		ws.Changes = append(ws.Changes, source.Change{Table: "users", Op: source.OpInsert,
			After: source.Row{source.Int(int64(i)), source.Text(fmt.Sprint(i)), source.Null()}})
	}
	w := s.g.Publish(ws)
	asked := 0
	w.Refine(lonely(&asked))
	if asked > maxLookups {
		t.Errorf("asked %d", asked)
	}
	s.expect(StateSuspended)
	s.commit(w)
	s.expect(StateAbsent)
}

// alone is a joinedOcc without a question to ask.
type alone struct{ joinedOcc }

func (*alone) Completion(*source.Change) (source.Statement, bool) { return source.Statement{}, false }

// Templates without a question leave the bound to those that have one.
func TestRefineAsksWhoCanBeAsked(t *testing.T) {
	s := newJoinStage(t)
	for n := range maxLookups + 1 {
		other := &Template{Endpoint: fmt.Sprintf("a%02d", n), Source: "main", Occurrences: []Occurrence{
			&alone{joinedOcc{fakeOcc{table: "users", alias: "users", names: []string{"id", "name", "age"}}}},
		}}
		if err := s.g.Register(other); err != nil {
			t.Fatal(err)
		}
		s.install(s.g.Token(), entry(other, "1"), Installed)
	}
	s.fill()
	w := s.g.Publish(write(lane))
	before := w.d.bytes
	asked := 0
	w.Refine(lonely(&asked))
	s.expect(StateFresh)
	if asked != 1 || w.Affected() != maxLookups+1 {
		t.Errorf("asked %d, affected %d", asked, w.Affected())
	}
	if w.d.bytes <= before {
		t.Error("the partners are not counted")
	}
	w.Settle(source.OutcomeCommitted)
}

// What Refine judges again is bounded by entries times row changes.
func TestRefineHoldsTheLockForLittle(t *testing.T) {
	w := &Intent{affected: make([]*Entry, 3*maxRefined), d: &digest{rows: 100}}
	if n := w.refined(); n != maxRefined/100 {
		t.Errorf("%d entries of a write of 100 rows", n)
	}
	if w.d.rows = 0; w.refined() != maxRefined {
		t.Errorf("%d entries", w.refined())
	}
}

// Explain with a lookup says what Refine would do.
func TestExplainLooksUpToo(t *testing.T) {
	s := newJoinStage(t)
	s.fill()
	asked := 0
	x := s.g.Explain(write(lane), lonely(&asked))
	if asked != 1 || len(x.Entries) != 1 || x.Entries[0].Affected || x.Entries[0].Rule != RuleJoin {
		t.Errorf("asked %d: %+v", asked, x.Entries)
	}
	if x := s.g.Explain(write(lane), nil); !x.Entries[0].Affected {
		t.Errorf("without a lookup: %+v", x.Entries)
	}
	s.expect(StateFresh)
}

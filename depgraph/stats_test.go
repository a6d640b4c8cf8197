package depgraph

import (
	"testing"

	"edgecache/source"
)

// TestAffectedByOnlyGrows: what a lookup takes back before the write settles
// never was in AffectedBy, so that a reader who comes in between sees no count
// go down.
func TestAffectedByOnlyGrows(t *testing.T) {
	s := newJoinStage(t)
	s.fill()
	by := func(row, whole int64) {
		t.Helper()
		if got := s.g.Stats().AffectedBy; got[RuleRow] != row || got[RuleWhole] != whole {
			t.Errorf("%v, want %d by row and %d as a whole", got, row, whole)
		}
	}
	w := s.g.Publish(write(lane))
	by(0, 0)
	asked := 0
	w.Refine(lonely(&asked))
	w.Settle(source.OutcomeCommitted)
	by(0, 0)
	s.g.Publish(write(lane)).Settle(source.OutcomeRolledBack)
	by(1, 0)
	dropped := s.g.Publish(&source.WriteSet{Source: "main", Everything: "unknown"}).Settle(source.OutcomeUnknown)
	by(1, 1)
	if len(dropped) != 1 || dropped[0].Payload == nil {
		t.Errorf("dropped %+v, want one with its payload", dropped)
	}
}

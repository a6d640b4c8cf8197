package depgraph

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tidwall/buntdb"
)

// raw is a buntdb database as its own documentation would have it used.
func raw(t *testing.T) *buntdb.DB {
	t.Helper()
	db, err := buntdb.Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.CreateSpatialIndex("box", "box:*", buntdb.IndexRect); err != nil {
		t.Fatal(err)
	}
	return db
}

func rawSet(t *testing.T, db *buntdb.DB, key, value string, o *buntdb.SetOptions) {
	t.Helper()
	err := db.Update(func(tx *buntdb.Tx) error {
		_, _, err := tx.Set(key, value, o)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func rawSearch(t *testing.T, db *buntdb.DB, bounds string) (keys []string) {
	t.Helper()
	err := db.View(func(tx *buntdb.Tx) error {
		return tx.Intersects("box", bounds, func(key, _ string) bool {
			keys = append(keys, key)
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newStore(t *testing.T) *store {
	t.Helper()
	s, err := openStore()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return s
}

// refused shows that neither the codec nor the store takes the rectangle, and
// that nothing is left of the attempt.
func refused(t *testing.T, lo, hi []float64) {
	t.Helper()
	if _, err := encodeRect(lo, hi); !errors.Is(err, errRect) {
		t.Errorf("encodeRect(%v, %v): %v", lo, hi, err)
	}
	s := newStore(t)
	other := item{metaKey(idText(1)), ""}
	if err := s.apply(nil, []item{other, {rectKey(0, idText(1), 0), "[1],[2]"}}); !errors.Is(err, errRect) {
		t.Errorf("the store took a value that is no rectangle: %v", err)
	}
	err := s.view(func(r reader) error {
		return r.all(func(key, _ string) { t.Errorf("%s stayed after a refusal", key) })
	})
	if err != nil {
		t.Error(err)
	}
	err = s.view(func(r reader) error {
		_, err := r.search(0, lo, nil)
		return err
	})
	if len(lo) == 0 && !errors.Is(err, errRect) {
		t.Errorf("a search without sides: %v", err)
	}
}

// The six silent failures of FACTS.md. Each part "raw" fails on the day that
// buntdb no longer has the failure: then the door may be simpler.

func TestSilentFailure1StoredButNotIndexed(t *testing.T) {
	db := raw(t)
	rawSet(t, db, "box:none", "", nil)
	rawSet(t, db, "box:many", buntdb.Point(make([]float64, 21)...), nil)
	if got := rawSearch(t, db, "[0]"); len(got) != 0 {
		t.Errorf("raw: a search finds %v", got)
	}
	refused(t, nil, nil)
	refused(t, make([]float64, 21), make([]float64, 21))
	refused(t, []float64{1}, []float64{1, 2})
}

func TestSilentFailure2MalformedBoundsFindNothing(t *testing.T) {
	db := raw(t)
	rawSet(t, db, "box:a", "[0],[10]", nil)
	for _, bounds := range []string{"", "5", "[]"} {
		if got := rawSearch(t, db, bounds); len(got) != 0 {
			t.Errorf("raw: bounds %q find %v", bounds, got)
		}
	}
	s := newStore(t)
	for _, point := range [][]float64{nil, {}, {1, 2, 3, 4}, {math.NaN()}} {
		err := s.view(func(r reader) error {
			_, err := r.search(0, point, nil)
			return err
		})
		if !errors.Is(err, errRect) {
			t.Errorf("a search at %v: %v", point, err)
		}
	}
}

func TestSilentFailure3BadNumbersAndInvertedIntervals(t *testing.T) {
	db := raw(t)
	rawSet(t, db, "box:bad", "[ten],[ten]", nil)
	if got := rawSearch(t, db, "[0]"); len(got) != 1 {
		t.Errorf("raw: a bad number is not at 0: %v", got)
	}
	rawSet(t, db, "box:inverted", "[30],[20]", nil)
	if got := rawSearch(t, db, "[25]"); len(got) != 1 {
		t.Errorf("raw: an inverted interval is not swapped: %v", got)
	}
	refused(t, []float64{30}, []float64{20})
}

func TestSilentFailure4NaN(t *testing.T) {
	db := raw(t)
	rawSet(t, db, "box:nan", "[NaN],[NaN]", nil)
	for i := 0; i < 100; i++ {
		rawSet(t, db, fmt.Sprintf("box:%d", i), fmt.Sprintf("[%d],[%d]", i, i+1), nil)
	}
	finds := func(bounds string) bool { return slices.Contains(rawSearch(t, db, bounds), "box:nan") }
	if !finds("[0],[1000]") || finds("[1],[2]") {
		t.Errorf("raw: the NaN box is found by %v and %v", finds("[0],[1000]"), finds("[1],[2]"))
	}
	refused(t, []float64{math.NaN()}, []float64{math.NaN()})
	refused(t, []float64{0}, []float64{math.NaN()})
	refused(t, []float64{math.Inf(-1)}, []float64{math.Inf(1)})
}

func TestSilentFailure5ExpiredItemsAreFound(t *testing.T) {
	db := raw(t)
	rawSet(t, db, "box:old", "[1],[2]", &buntdb.SetOptions{Expires: true, TTL: -time.Second})
	err := db.View(func(tx *buntdb.Tx) error {
		_, err := tx.Get("box:old")
		return err
	})
	if got := rawSearch(t, db, "[1]"); !errors.Is(err, buntdb.ErrNotFound) || len(got) != 1 {
		t.Errorf("raw: Get says %v, Intersects finds %v", err, got)
	}
	// Ours: an item has a key and a value, and no way to say that it expires.
	s := newStore(t)
	if err := s.apply(nil, []item{{metaKey(idText(1)), ""}}); err != nil {
		t.Fatal(err)
	}
	err = s.db.View(func(tx *buntdb.Tx) error {
		ttl, err := tx.TTL(metaKey(idText(1)))
		if ttl >= 0 {
			t.Errorf("an item expires in %v", ttl)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSilentFailure6SetWhileSearching(t *testing.T) {
	db := raw(t)
	rawSet(t, db, "box:a", "[1],[2]", nil)
	err := db.Update(func(tx *buntdb.Tx) (err error) {
		_ = tx.Intersects("box", "[1]", func(_, _ string) bool {
			_, _, err = tx.Set("box:b", "[1],[2]", nil)
			return false
		})
		return err
	})
	if err != nil {
		t.Errorf("raw: Set inside Intersects is refused: %v", err)
	}
	// Ours: whoever searches has a read transaction, in which a Set is refused.
	s := newStore(t)
	rect, _ := encodeRect([]float64{1}, []float64{2})
	if err := s.apply(nil, []item{{rectKey(0, idText(1), 0), rect}}); err != nil {
		t.Fatal(err)
	}
	err = s.view(func(r reader) error {
		_, _, err := r.tx.Set("m:x", "", nil)
		return err
	})
	if !errors.Is(err, buntdb.ErrTxNotWritable) {
		t.Errorf("a Set in a view: %v", err)
	}
}

// TestApplyIsOneStep: whatever fails, nothing happened.
func TestApplyIsOneStep(t *testing.T) {
	s := newStore(t)
	a, b := item{metaKey(idText(1)), "a"}, item{metaKey(idText(2)), "b"}
	if err := s.apply(nil, []item{a}); err != nil {
		t.Fatal(err)
	}
	state := func() (out string) {
		err := s.view(func(r reader) error {
			return r.all(func(key, value string) { out += key + "=" + value + " " })
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	before := state()
	if err := s.apply([]string{a.key, b.key}, nil); !errors.Is(err, buntdb.ErrNotFound) {
		t.Errorf("removing what is not there: %v", err)
	}
	if err := s.apply(nil, []item{b, {a.key, "other"}}); err == nil {
		t.Error("an item was overwritten")
	}
	for n := 0; n < 3; n++ {
		fails := n
		s.fault = func(op string) error {
			if fails--; fails < 0 {
				panic("fault in " + op)
			}
			return nil
		}
		if err := s.apply([]string{a.key}, []item{b}); err == nil {
			t.Errorf("a panic at step %d is no error", n)
		}
		s.fault = nil
		if got := state(); got != before {
			t.Errorf("after a panic at step %d: %s, was %s", n, got, before)
		}
	}
}

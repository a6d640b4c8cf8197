package depgraph

import (
	"math"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"

	"pgregory.net/rapid"
)

// values draws from all classes, and prefers the places where maps go wrong.
var values = rapid.OneOf(
	rapid.Just(source.Null()),
	rapid.Map(rapid.Int64(), source.Int),
	rapid.Map(rapid.SampledFrom([]int64{
		0, 1, -1, 1<<53 - 1, 1 << 53, 1<<53 + 1, -1<<53 - 1, math.MaxInt64, math.MinInt64,
	}), source.Int),
	rapid.Map(rapid.Float64(), source.Float),
	rapid.Map(rapid.SampledFrom([]float64{
		math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.SmallestNonzeroFloat64, math.MaxFloat64, 1 << 53,
	}), source.Float),
	rapid.Map(rapid.StringMatching(`[ab]{0,12}`), source.Text),
	rapid.Map(rapid.String(), source.Text),
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), source.Blob),
)

var collations = rapid.SampledFrom([]source.Collation{
	source.CollationBinary, source.CollationNoCase, source.CollationRTrim,
})

// TestCoordinateMonotone holds I3: the order of keys is kept, NULL is apart,
// and every coordinate is finite and exact.
func TestCoordinateMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := collations.Draw(t, "collation")
		a, okA := sqlparse.KeyOf(values.Draw(t, "a"), c)
		b, okB := sqlparse.KeyOf(values.Draw(t, "b"), c)
		if !okA || !okB {
			t.Skip("text that has no key under this collation")
		}
		checkMonotone(t, a, b)
	})
}

// TestCoordinateOfAnyKey holds the same for bytes that are the key of no value.
func TestCoordinateOfAnyKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 0, 12)
		checkMonotone(t, sqlparse.Key(bytes.Draw(t, "a")), sqlparse.Key(bytes.Draw(t, "b")))
	})
}

type failer interface{ Fatalf(string, ...any) }

func checkMonotone(t failer, a, b sqlparse.Key) {
	x, y := coordinateOf(a), coordinateOf(b)
	for _, f := range []float64{x, y} {
		if math.IsNaN(f) || f < minCoordinate || f > maxCoordinate || f != math.Trunc(f) {
			t.Fatalf("coordinate %v is out of range", f)
		}
	}
	switch {
	case a < b && x > y, a > b && x < y, a == b && x != y:
		t.Fatalf("keys %x %x have coordinates %v %v", a, b, x, y)
	}
}

func FuzzCoordinate(f *testing.F) {
	f.Add("\x02\x80", "\x02\x81")
	f.Add("\x01", "\x03abcdefgh")
	f.Fuzz(func(t *testing.T, a, b string) { checkMonotone(t, sqlparse.Key(a), sqlparse.Key(b)) })
}

// TestIntervalHoldsItsValues: a value inside a span has its coordinate inside
// the span's interval, whatever the cuts.
func TestIntervalHoldsItsValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := collations.Draw(t, "collation")
		cut := func(name string) sqlparse.Cut {
			k, _ := sqlparse.KeyOf(values.Draw(t, name), c)
			return rapid.SampledFrom([]sqlparse.Cut{
				sqlparse.BelowNull, sqlparse.AboveNull, sqlparse.AboveAll, sqlparse.Below(k), sqlparse.Above(k),
			}).Draw(t, name+" cut")
		}
		s := sqlparse.Span{Lo: cut("lo"), Hi: cut("hi")}
		k, _ := sqlparse.KeyOf(values.Draw(t, "value"), c)
		lo, hi := interval(s)
		if _, err := encodeRect([]float64{lo}, []float64{hi}); err != nil {
			t.Fatalf("%v: no interval: %v %v", s, lo, hi)
		}
		if x := coordinateOf(k); s.Contains(k) && (x < lo || x > hi) {
			t.Fatalf("%x is in %v but %v is not in %v to %v", k, s, x, lo, hi)
		}
	})
}

func TestNullIsApart(t *testing.T) {
	null := coordinateOf(key(source.Null()))
	if lo, _ := interval(sqlparse.Span{Lo: sqlparse.AboveNull, Hi: sqlparse.AboveAll}); lo <= null {
		t.Errorf("all but NULL begins at %v, NULL is at %v", lo, null)
	}
	if lowest := coordinateOf(key(source.Float(math.Inf(-1)))); lowest <= null {
		t.Errorf("-Inf is at %v, NULL at %v", lowest, null)
	}
}

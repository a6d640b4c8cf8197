package sqlparse

import (
	"testing"

	"edgecache/source"

	"pgregory.net/rapid"
)

// drawValue draws from few values of every class, so that they meet often.
func drawValue(t *rapid.T, name string) source.Value {
	return rapid.SampledFrom([]source.Value{
		source.Null(), source.Int(0), source.Int(1), source.Int(2), source.Float(1), source.Float(1.5),
		source.Int(1<<53 + 1), source.Float(1 << 53), source.Int(-1 << 63), source.Int(1<<63 - 1), source.Float(1 << 63),
		source.Float(-1e300), source.Text(""), source.Text("a"), source.Text("A"), source.Text("ab"), source.Text("b "),
		source.Text("b"), source.Text("\xff"), source.Blob(nil), source.Blob([]byte("a")),
	}).Draw(t, name)
}

var collations = []source.Collation{source.CollationBinary, source.CollationNoCase, source.CollationRTrim}

func drawKey(t *rapid.T, c source.Collation, name string) Key {
	k, ok := KeyOf(drawValue(t, name), c)
	if !ok {
		t.Fatal("a known value has a key")
	}
	return k
}

func drawSpans(t *rapid.T, name string) Spans {
	var in []Span
	for range rapid.IntRange(0, 4).Draw(t, name+" count") {
		cut := func() Cut {
			k := rapid.SampledFrom([]Cut{BelowNull, AboveNull, AboveAll, {}}).Draw(t, "edge")
			if k == (Cut{}) {
				k = Cut{drawKey(t, source.CollationBinary, "cut"), rapid.Bool().Draw(t, "above")}
			}
			return k
		}
		in = append(in, Span{cut(), cut()})
	}
	return normalize(in)
}

// TestSpansAlgebra compares union and intersection with membership, value by
// value, and holds the shape that lookups rely on.
func TestSpansAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSpans(t, "a"), drawSpans(t, "b")
		u, i := a.union(b), a.intersect(b)
		for _, s := range []Spans{a, u, i} {
			for n, sp := range s {
				if sp.Lo.Compare(sp.Hi) >= 0 || n > 0 && s[n-1].Hi.Compare(sp.Lo) >= 0 {
					t.Fatalf("not normal: %v", s)
				}
			}
		}
		k := drawKey(t, source.CollationBinary, "probe")
		if u.Contains(k) != (a.Contains(k) || b.Contains(k)) {
			t.Fatalf("%v in %v or %v, union %v", k, a, b, u)
		}
		if i.Contains(k) != (a.Contains(k) && b.Contains(k)) {
			t.Fatalf("%v in %v and %v, intersection %v", k, a, b, i)
		}
		naive := false
		for _, sp := range a {
			naive = naive || sp.Contains(k)
		}
		if naive != a.Contains(k) {
			t.Fatalf("search and scan differ on %v in %v", k, a)
		}
	})
}

func drawRegion(t *rapid.T, name string) Region {
	r := Nothing()
	for range rapid.IntRange(0, 3).Draw(t, name+" boxes") {
		box := Everything()
		for range rapid.IntRange(0, 3).Draw(t, name+" dims") {
			d := Dim{Column: rapid.IntRange(0, 2).Draw(t, "column"), Collation: rapid.SampledFrom(collations).Draw(t, "collation")}
			box, _ = intersectRegions(box, oneDim(d, drawSpans(t, "spans")))
		}
		r = uniteRegions(r, box)
	}
	return r
}

// TestRegionAlgebra compares the operations on regions with membership (I2).
func TestRegionAlgebra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRegion(t, "a"), drawRegion(t, "b")
		row := source.Row{drawValue(t, "x"), drawValue(t, "y"), drawValue(t, "z")}
		inA, inB := a.MayContain(row), b.MayContain(row)
		if got := uniteRegions(a, b).MayContain(row); got != (inA || inB) {
			t.Fatalf("union: %v, want %v or %v", got, inA, inB)
		}
		if i, ok := intersectRegions(a, b); ok && i.MayContain(row) != (inA && inB) {
			t.Fatalf("intersection: %v, want %v and %v", i.MayContain(row), inA, inB)
		}
		row[rapid.IntRange(0, 2).Draw(t, "unknown")] = source.Unknown()
		if (inA && !a.MayContain(row)) || (inB && !b.MayContain(row)) {
			t.Fatal("a value that is not known left a region")
		}
	})
}

// TestTruthTables holds the set-valued connectives against plain three-valued
// logic, applied to every member.
func TestTruthTables(t *testing.T) {
	order := map[truths]int{tFalse: 0, tNull: 1, tTrue: 2}
	single := []truths{tFalse, tNull, tTrue}
	for a := truths(1); a <= tAny; a++ {
		for b := truths(1); b <= tAny; b++ {
			var and, or truths
			for _, x := range single {
				for _, y := range single {
					if a&x == 0 || b&y == 0 {
						continue
					}
					lo, hi := x, y
					if order[lo] > order[hi] {
						lo, hi = hi, lo
					}
					and, or = and|lo, or|hi
				}
			}
			if a.and(b) != and || a.or(b) != or {
				t.Errorf("%03b, %03b: and %03b want %03b, or %03b want %03b", a, b, a.and(b), and, a.or(b), or)
			}
		}
	}
}

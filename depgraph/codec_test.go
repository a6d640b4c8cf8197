package depgraph

import (
	"math"
	"strings"
	"testing"

	"edgecache/sqlparse"

	"pgregory.net/rapid"
)

func TestIDsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.Uint64Range(0, 1<<48-1).Draw(t, "id")
		text := rapid.String().Draw(t, "text")
		for _, key := range []string{
			metaKey(idText(id)), tablePrefix(text) + idText(id), recordPrefix(Record{text, text}) + idText(id),
			unknownPrefix(text) + idText(id), equalPrefix(7) + word(text) + ":" + idText(id),
			coarsePrefix(3) + idText(id), rectKey(63, idText(id), 12),
		} {
			if got, ok := idOf(key); !ok || got != id {
				t.Fatalf("%q: %d, %v, want %d", key, got, ok, id)
			}
			if strings.ContainsAny(key, "*?[]\\;") {
				t.Fatalf("%q holds a character that means something to a pattern or a range", key)
			}
		}
	})
}

// TestEqualWordKeepsDimensionsApart: two lists of keys have one word only when
// they are equal (hashes aside).
func TestEqualWordKeepsDimensionsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) []sqlparse.Key {
			return rapid.SliceOfN(rapid.Map(rapid.StringMatching(`[ab\x00:]{0,3}`), func(s string) sqlparse.Key {
				return sqlparse.Key(s)
			}), 2, 2).Draw(t, name)
		}
		a, b := draw("a"), draw("b")
		same := a[0] == b[0] && a[1] == b[1]
		if (equalWord(a) == equalWord(b)) != same {
			t.Fatalf("%q and %q: %s, %s", a, b, equalWord(a), equalWord(b))
		}
	})
}

func TestLongWordsAreHashed(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	if w := word(long); len(w) > 64 || w == word(long+"x") {
		t.Errorf("a long word of %d characters: %s", len(w), w)
	}
}

func TestRectRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5).Draw(t, "dims")
		side := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(minCoordinate, maxCoordinate),
			rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, maxCoordinate})), n, n)
		lo, hi := side.Draw(t, "lo"), side.Draw(t, "hi")
		s, err := encodeRect(lo, hi)
		valid := n >= 1 && n <= maxDims
		for i := range lo {
			valid = valid && lo[i] >= minCoordinate && lo[i] <= hi[i] && hi[i] <= maxCoordinate
		}
		if (err == nil) != valid {
			t.Fatalf("%v %v: %v", lo, hi, err)
		}
		if err != nil {
			return
		}
		l, h := decodeRect(s)
		for i := range lo {
			if l[i] != lo[i] || h[i] != hi[i] {
				t.Fatalf("%v %v came back as %v %v", lo, hi, l, h)
			}
		}
	})
}

func FuzzCodec(f *testing.F) {
	f.Add("m:AAAAAAAA", "")
	f.Add("s01:AAAAAAAA.3", strings.Repeat("\x00", 32))
	f.Fuzz(func(t *testing.T, key, rect string) {
		if id, ok := idOf(key); ok && !strings.Contains(key, idText(id)) {
			t.Errorf("%q names %d", key, id)
		}
		lo, hi := decodeRect(rect)
		if s, err := encodeRect(lo, hi); err == nil && s != rect {
			t.Errorf("%x came back as %x", rect, s)
		}
	})
}

package bind

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"edgecache/source"
)

// TestDecimalKeepsValue holds against math/big that reading and printing a
// number change nothing of it.
func TestDecimalKeepsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		d, ok := parseDecimal(s)
		if !ok {
			t.Fatalf("%s is not read", s)
		}
		want, _ := new(big.Rat).SetString(s)
		got, ok := new(big.Rat).SetString(d.String())
		if !ok || want.Cmp(got) != 0 {
			t.Fatalf("%s is read as %s", s, d)
		}
		i, fits := d.int64()
		if fits != (want.IsInt() && want.Num().IsInt64()) || fits && want.Num().Int64() != i {
			t.Fatalf("%s as an integer: %d, %t", s, i, fits)
		}
		v, wrong := d.value()
		if wrong != "" {
			return
		}
		if v.Kind() == source.KindFloat && strconv.FormatFloat(v.AsFloat(), 'f', -1, 64) != d.String() {
			t.Fatalf("%s loses digits as %s", d, v)
		}
		if v.Kind() == source.KindText && v.AsText() != d.String() {
			t.Fatalf("%s becomes %s", d, v)
		}
	})
}

func TestDecimalRefuses(t *testing.T) {
	for _, s := range []string{"", "-", ".5", "5.", "1e", "1e+", "e5", "+5", " 5", "5 ", "0x1F", "1_0", "1e10000", "1e++5", "1e-+5", "1e5.0", "--5", "inf", "NaN", "1,5", "١"} {
		if d, ok := parseDecimal(s); ok {
			t.Errorf("%q is read as %s", s, d)
		}
	}
}

// TestBoundsAreExact compares every form of value with its bound through
// math/big.
func TestBoundsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{1,3})?`),
			rapid.SampledFrom([]string{"0.1", "9223372036854775807", "9223372036854775807.5", "-9223372036854775809", "9007199254740993", "1e30", "-1e400"}),
		).Draw(t, "bound")
		n := json.Number(text)
		b := newBound(&n)
		want, _ := new(big.Rat).SetString(text)
		i := rapid.OneOf(rapid.Int64Range(-1000, 1000), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64, 9007199254740993, 9007199254740992})).Draw(t, "integer")
		if got := b.compare(source.Int(i)); got != new(big.Rat).SetInt64(i).Cmp(want) {
			t.Fatalf("%d against %s: %d", i, text, got)
		}
		near, _ := want.Float64()
		f := rapid.OneOf(rapid.Float64Range(-1000, 1000), rapid.Just(near), rapid.Just(math.Nextafter(near, 0)), rapid.Just(math.Nextafter(near, 1e300))).Draw(t, "float")
		if math.IsInf(f, 0) {
			return
		}
		if got := b.compare(source.Float(f)); got != new(big.Rat).SetFloat64(f).Cmp(want) {
			t.Fatalf("%g against %s: %d", f, text, got)
		}
	})
}

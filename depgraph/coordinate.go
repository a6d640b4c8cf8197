package depgraph

import (
	"strings"

	"edgecache/sqlparse"
)

// A coordinate is the place of a sqlparse.Key on a line of float64: the class
// byte, then the first 50 bits of what follows it, as one integer below 2^53.
// So every coordinate is exact, finite and never NaN.
//
// INVARIANT (I3): the map is monotone. Keys are compared as bytes, and cutting
// a byte string off, or padding it with zeros, keeps the order, though not its
// strictness: keys that share a prefix share a coordinate. Both sides of an
// interval and the point looked up are cut off in the same direction, and
// intervals are closed, so a value inside a span is never outside its interval.
//
// NULL sits apart: nothing lies between its class and that of numbers, so a
// span that begins just above NULL may begin at the first number.
const (
	coordinateBits = 50
	classNumber    = 2
	classTop       = 8 // above every class byte in use; larger ones share it

	minCoordinate = 0.0
	maxCoordinate = float64(classTop << coordinateBits)
)

// coordinateOf maps a key to its coordinate. The empty key, which is below
// every value, is the smallest.
func coordinateOf(k sqlparse.Key) float64 {
	if k == "" {
		return minCoordinate
	}
	class := uint64(k[0])
	if class >= classTop {
		return maxCoordinate
	}
	var rest uint64
	for i := 1; i <= 8; i++ {
		rest <<= 8
		if i < len(k) {
			rest |= uint64(k[i])
		}
	}
	return float64(class<<coordinateBits | rest>>(64-coordinateBits))
}

// interval maps a span to the closed interval that holds the coordinates of
// all its values.
func interval(s sqlparse.Span) (lo, hi float64) {
	lo, hi = coordinateOf(s.Lo.Key), coordinateOf(s.Hi.Key)
	if s.Lo == sqlparse.AboveNull && hi > lo {
		lo = classNumber << coordinateBits
	}
	if lo > hi { // a span that was built upside down: widen, never lose
		return minCoordinate, maxCoordinate
	}
	return lo, hi
}

// hull is the interval that holds all spans of one dimension.
func hull(spans sqlparse.Spans) (lo, hi float64) {
	if len(spans) == 0 {
		return minCoordinate, maxCoordinate
	}
	lo, hi = interval(spans[0])
	for _, s := range spans[1:] {
		l, h := interval(s)
		lo, hi = min(lo, l), max(hi, h)
	}
	return lo, hi
}

// lower folds a table name as the database does.
func lower(name string) string { return strings.ToLower(name) }

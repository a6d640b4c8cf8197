package sqlparse

import (
	"sort"
	"strings"

	"edgecache/source"
)

// Cut is a place between values on the line of one dimension: just below the
// value at Key, or just above it. Cuts need no flags for open, closed or NULL:
//
//	below NULL < above NULL < below v < above v < above all
type Cut struct {
	Key   Key
	Above bool
}

var (
	BelowNull = Cut{Key: keyNull}
	AboveNull = Cut{Key: keyNull, Above: true}
	AboveAll  = Cut{Key: keyEnd}
)

// Below and Above are the cuts on either side of the value at k.
func Below(k Key) Cut { return Cut{Key: k} }
func Above(k Key) Cut { return Cut{Key: k, Above: true} }

// Compare orders cuts along the line.
func (c Cut) Compare(d Cut) int {
	if n := strings.Compare(string(c.Key), string(d.Key)); n != 0 {
		return n
	}
	switch {
	case c.Above == d.Above:
		return 0
	case d.Above:
		return -1
	}
	return 1
}

// Span is the stretch of values between two cuts. Its Lo is below its Hi.
type Span struct{ Lo, Hi Cut }

// IsPoint tells that the span holds the values of exactly one Key.
func (s Span) IsPoint() bool { return !s.Lo.Above && s.Hi.Above && s.Lo.Key == s.Hi.Key }

// Contains tells whether the value at k is in the span.
func (s Span) Contains(k Key) bool {
	return s.Lo.Compare(Below(k)) <= 0 && Above(k).Compare(s.Hi) <= 0
}

// Spans is a sorted list of spans that neither overlap nor touch.
type Spans []Span

// Contains tells whether the value at k is in one of the spans.
func (s Spans) Contains(k Key) bool {
	i := sort.Search(len(s), func(i int) bool { return Above(k).Compare(s[i].Hi) <= 0 })
	return i < len(s) && s[i].Contains(k)
}

// AllPoints tells that every span is a point.
func (s Spans) AllPoints() bool {
	for _, sp := range s {
		if !sp.IsPoint() {
			return false
		}
	}
	return true
}

// normalize sorts and merges; spans that hold nothing go.
func normalize(in []Span) Spans {
	out := make(Spans, 0, len(in))
	for _, s := range in {
		if s.Lo.Compare(s.Hi) < 0 {
			out = append(out, s)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Lo.Compare(out[j].Lo) < 0 })
	w := 0
	for _, s := range out {
		if w > 0 && s.Lo.Compare(out[w-1].Hi) <= 0 {
			if s.Hi.Compare(out[w-1].Hi) > 0 {
				out[w-1].Hi = s.Hi
			}
			continue
		}
		out[w] = s
		w++
	}
	return out[:w]
}

func (s Spans) union(t Spans) Spans { return normalize(append(append([]Span{}, s...), t...)) }

func (s Spans) intersect(t Spans) Spans {
	var out Spans
	for i, j := 0, 0; i < len(s) && j < len(t); {
		lo, hi := s[i].Lo, s[i].Hi
		if t[j].Lo.Compare(lo) > 0 {
			lo = t[j].Lo
		}
		if t[j].Hi.Compare(hi) < 0 {
			hi = t[j].Hi
		}
		if lo.Compare(hi) < 0 {
			out = append(out, Span{lo, hi})
		}
		if s[i].Hi.Compare(t[j].Hi) < 0 {
			i++
		} else {
			j++
		}
	}
	return out
}

// Dim is one axis: a column as one collation orders it. The same column under
// two collations makes two axes.
type Dim struct {
	Column    int
	Collation source.Collation
	// Weights are the collation's, where the server told them.
	Weights *source.Weights
}

// Key is the place of a value on the axis.
func (d Dim) Key(v source.Value) (k Key, ok bool) { return keyOn(v, d.line()) }

func (d Dim) line() line { return line{d.Collation, d.Weights} }

func (l line) dim(column int) Dim { return Dim{column, l.name, l.weights} }

func (d Dim) less(e Dim) bool {
	if d.Column != e.Column {
		return d.Column < e.Column
	}
	return d.Collation < e.Collation
}

// Bound confines one dimension to Spans.
type Bound struct {
	Dim   Dim
	Spans Spans
}

// Box is the conjunction of its bounds, sorted by Dim, at most one per Dim. A
// box without bounds is everything. A box is never empty.
type Box []Bound

// Region is a set of rows of one table that over-approximates a condition: the
// union of its boxes. No boxes is nothing; one box without bounds is everything.
type Region []Box

// Everything and Nothing are the top and the bottom of the lattice.
func Everything() Region { return Region{Box{}} }
func Nothing() Region    { return nil }

func (r Region) IsEverything() bool { return len(r) == 1 && len(r[0]) == 0 }
func (r Region) IsNothing() bool    { return len(r) == 0 }

// MayContain tells whether row can be in the region; a value whose place is
// not known can be anywhere.
func (r Region) MayContain(row source.Row) bool {
	for _, b := range r {
		if b.mayContain(row) {
			return true
		}
	}
	return false
}

func (b Box) mayContain(row source.Row) bool {
	for _, d := range b {
		if d.Dim.Column >= len(row) {
			continue
		}
		if k, ok := d.Dim.Key(row[d.Dim.Column]); ok && !d.Spans.Contains(k) {
			return false
		}
	}
	return true
}

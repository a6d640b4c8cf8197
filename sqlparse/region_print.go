package sqlparse

import (
	"encoding/binary"
	"math"
	"strings"

	"edgecache/source"
)

// Format prints the region in one line with the names of t's columns:
//
//	/city: ['Rome' - 'Rome'] /age: (NULL - 5) | /age: [9 - 9]
//
// A square bracket includes its end, a round one does not. Text under a
// folding collation prints folded, with the collation behind its column.
func (r Region) Format(t *source.Table) string {
	switch {
	case r.IsNothing():
		return "nothing"
	case r.IsEverything():
		return "everything"
	}
	var boxes []string
	for _, b := range r {
		var dims []string
		for _, d := range b {
			dims = append(dims, d.format(t))
		}
		boxes = append(boxes, strings.Join(dims, " "))
	}
	return strings.Join(boxes, " | ")
}

func (d Bound) format(t *source.Table) string {
	s := "/" + t.Columns[d.Dim.Column].Name
	if c := d.Dim.Collation; c != source.CollationBinary && !strings.HasPrefix(string(c), "#") {
		s += "@" + strings.ToLower(string(d.Dim.Collation))
	}
	s += ":"
	for _, sp := range d.Spans {
		s += " " + sp.format(d.Dim.line())
	}
	return s
}

// format prints the span between its cuts.
func (s Span) format(l line) string {
	lo, hi := "[", "]"
	if s.Lo.Above {
		lo = "("
	}
	if !s.Hi.Above {
		hi = ")"
	}
	return lo + s.Lo.Key.format(l) + " - " + s.Hi.Key.format(l) + hi
}

// format prints the value at the key on its line, with "end" for what is above
// all, and "blobs" for where blobs begin.
func (k Key) format(l line) string {
	if k == "" {
		return "?"
	}
	if s, ok := k.formatMySQL(l); ok {
		return s
	}
	switch rest := string(k[1:]); string(k[:1]) {
	case keyNull:
		return "NULL"
	case keyNumber:
		return numberString(rest)
	case keyText:
		return source.Text(rest).String()
	case keyBlob:
		if rest == "" {
			return "blobs"
		}
		return source.Blob([]byte(rest)).String()
	}
	return "end"
}

func numberString(s string) string {
	if len(s) != 10 {
		return "?"
	}
	bits := binary.BigEndian.Uint64([]byte(s))
	if bits>>63 == 1 {
		bits &^= 1 << 63
	} else {
		bits = ^bits
	}
	f := math.Float64frombits(bits)
	above := int64(binary.BigEndian.Uint16([]byte(s[8:])))
	if f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return source.Int(int64(f) + above).String()
	}
	return source.FormatFloat(f)
}

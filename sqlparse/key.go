package sqlparse

import (
	"encoding/binary"
	"math"
	"strings"

	"edgecache/source"
)

// Key is the place of a value on the line of all values of one collation:
// bytes that compare as the database orders the values. Values that the
// database calls equal under the collation have the same Key (1 and 1.0; 'a'
// and 'A' under NOCASE). The classes stand apart: NULL < numbers < text < blobs.
type Key string

const (
	keyNull   = "\x01"
	keyNumber = "\x02"
	keyText   = "\x03"
	keyBlob   = "\x04"
	keyEnd    = "\x05" // above every value
)

// KeyOf encodes v. ok is false where the place is not known: an Unknown value,
// or text under a collation that we do not know.
func KeyOf(v source.Value, c source.Collation) (k Key, ok bool) {
	return keyOn(v, line{name: c})
}

func keyOn(v source.Value, l line) (k Key, ok bool) {
	c := l.name
	switch c {
	case source.CollationBinary, source.CollationNoCase, source.CollationRTrim, source.CollationUnknown:
	default:
		return mysqlKey(v, l)
	}
	switch v.Kind() {
	case source.KindNull:
		return keyNull, true
	case source.KindInt:
		return intKey(v.AsInt()), true
	case source.KindFloat:
		return floatKey(v.AsFloat(), 0), true
	case source.KindText:
		folded, ok := fold(v.AsText(), c)
		return Key(keyText + folded), ok
	case source.KindBlob:
		return Key(keyBlob + string(v.AsBlob())), true
	}
	return "", false
}

// fold maps text to bytes that compare under memcmp as the texts do under c.
func fold(s string, c source.Collation) (string, bool) {
	switch c {
	case source.CollationBinary:
		return s, true
	case source.CollationNoCase:
		if i := strings.IndexByte(s, 0); i >= 0 {
			// NOCASE stops at a NUL that both texts have, then compares lengths.
			return string(binary.BigEndian.AppendUint64([]byte(asciiLower(s[:i+1])), uint64(len(s)))), true
		}
		return asciiLower(s), true
	case source.CollationRTrim:
		return strings.TrimRight(s, " "), true
	}
	return "", false
}

// asciiLower folds A to Z only, as SQLite's NOCASE and LIKE do.
func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// intKey places an integer exactly among all floats: the largest float that is
// not above it, then the distance to it. Between 2^53 and 2^63 neighbouring
// floats are at most 1024 apart, so the distance fits in two bytes.
func intKey(i int64) Key {
	f := float64(i)
	if f >= math.MaxInt64 || int64(f) > i {
		f = math.Nextafter(f, math.Inf(-1))
	}
	return floatKey(f, uint16(i-int64(f)))
}

func floatKey(f float64, above uint16) Key {
	if f == 0 {
		f = 0 // -0.0 and 0.0 are equal
	}
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	b := make([]byte, 0, 11)
	b = append(b, keyNumber...)
	b = binary.BigEndian.AppendUint64(b, bits)
	b = binary.BigEndian.AppendUint16(b, above)
	return Key(b)
}

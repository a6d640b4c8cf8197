package sqlite

import (
	"strings"

	"edgecache/source"
)

// affinityOf applies SQLite's rule to a declared type.
func affinityOf(declared string, strict bool) source.Affinity {
	t := upperASCII(declared)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(t, p) {
				return true
			}
		}
		return false
	}
	switch {
	case strict && t == "ANY": // stored as given, unlike ANY elsewhere
		return source.AffinityBlob
	case has("INT"):
		return source.AffinityInteger
	case has("CHAR", "CLOB", "TEXT"):
		return source.AffinityText
	case t == "" || has("BLOB"):
		return source.AffinityBlob
	case has("REAL", "FLOA", "DOUB"):
		return source.AffinityReal
	}
	return source.AffinityNumeric
}

// upperASCII folds as SQLite does: ASCII letters only.
func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// asStored gives the value that reading the column returns, for a value that
// an image shows: a REAL column keeps whole numbers as integers in the file,
// and an image may show them so.
func asStored(v source.Value, a source.Affinity) source.Value {
	if a == source.AffinityReal && v.Kind() == source.KindInt {
		return source.Float(float64(v.AsInt()))
	}
	return v
}

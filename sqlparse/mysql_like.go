package sqlparse

import (
	"strings"
	"unicode/utf8"

	"edgecache/source"
)

// likeMySQL matches a column with a pattern. LIKE goes character by character
// under the column's collation, so that contractions and expansions are not
// seen ('ß' is not like 'ss'), and it fills up nothing with blanks.
func (v *env) likeMySQL(e *expr) truths {
	x, p := v.value(e.args[0]), v.value(e.args[1])
	if x.IsNull() || p.IsNull() {
		return tNull
	}
	l, ok := likeLine(e)
	if !ok || x.Kind() != source.KindText || p.Kind() != source.KindText || !plainEscape(e.escape) {
		return tAny
	}
	if strings.HasSuffix(string(l.name), "bin") && outOfRange(x.AsText()) {
		return tAny
	}
	s, ok1 := classesOf(x.AsText(), l)
	pat, ok2 := patternOf(p.AsText(), e.escape, l)
	if !ok1 || !ok2 {
		return tAny
	}
	return truthOf(matches(s, pat))
}

// outOfRange tells of characters below the blank or outside the basic plane. An
// index under a binary collation that is asked for LIKE 'a%' is read from 'a'
// and blanks to 'a' and U+FFFF, and misses "a\t" and "a😀".
func outOfRange(s string) bool {
	for _, r := range s {
		if r < ' ' || r > 0xffff {
			return true
		}
	}
	return false
}

// likeLine is the collation of a text column against a constant pattern.
func likeLine(e *expr) (line, bool) {
	col := e.args[0]
	if col.op != opColumn || col.col.occ == nil || col.col.idx < 0 || !constant(e.args[1]) {
		return line{}, false
	}
	c := &col.col.occ.Table.Columns[col.col.idx]
	switch c.Family {
	case source.FamilyText, source.FamilyEnum, source.FamilySet:
	default:
		return line{}, false
	}
	l, ok := MySQL.columnLine(c)
	return l, ok && (l.weights == nil || l.weights.Like())
}

// A class stands for all characters that LIKE takes for the same; two more are
// the wildcards.
const (
	anyOne  = ^uint32(0)
	anyMany = anyOne - 1
)

// classOf is the class of a character on l.
func classOf(r rune, l line) (uint32, bool) {
	if l.weights != nil {
		return l.weights.Class(r)
	}
	c, ok := mysqlCollations[l.name]
	if !ok || r < 0 || r >= utf8.RuneSelf || r < ' ' || r > '~' {
		return 0, false
	}
	if c.folds && r >= 'A' && r <= 'Z' {
		r += 'a' - 'A'
	}
	return uint32(r), true
}

func classesOf(s string, l line) ([]uint32, bool) {
	out := make([]uint32, 0, len(s))
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		class, ok := classOf(r, l)
		if !ok || r == utf8.RuneError && n == 1 {
			return nil, false
		}
		out = append(out, class)
		i += n
	}
	return out, true
}

// patternOf reads a pattern. An escape that escapes nothing stands for itself,
// or does not: it is not read.
func patternOf(pat string, escape byte, l line) ([]uint32, bool) {
	out := make([]uint32, 0, len(pat))
	for i := 0; i < len(pat); {
		r, n := utf8.DecodeRuneInString(pat[i:])
		i += n
		switch {
		case escape != 0 && r == rune(escape):
			if i == len(pat) {
				return nil, false
			}
			r, n = utf8.DecodeRuneInString(pat[i:])
			i += n
		case r == '%':
			out = append(out, anyMany)
			continue
		case r == '_':
			out = append(out, anyOne)
			continue
		}
		class, ok := classOf(r, l)
		if !ok || r == utf8.RuneError && n == 1 {
			return nil, false
		}
		out = append(out, class)
	}
	return out, true
}

// matches is likeMatch over classes. It remembers only the last %, which
// suffices as % is the only wildcard of varying length.
func matches(s, pat []uint32) bool {
	si, pi, starP, starS := 0, 0, -1, 0
	for si < len(s) {
		switch {
		case pi < len(pat) && pat[pi] == anyMany:
			starP, starS = pi, si
			pi++
		case pi < len(pat) && (pat[pi] == anyOne || pat[pi] == s[si]):
			si++
			pi++
		case starP < 0:
			return false
		default:
			starS++
			si, pi = starS, starP+1
		}
	}
	for pi < len(pat) && pat[pi] == anyMany {
		pi++
	}
	return pi == len(pat)
}

// literalStart is the text that every match starts with, up to the first
// wildcard, and up to the first byte that is no character.
func literalStart(pat string, escape byte) string {
	var out []byte
	for i := 0; i < len(pat); {
		r, n := utf8.DecodeRuneInString(pat[i:])
		switch {
		case escape != 0 && r == rune(escape):
			if i += n; i == len(pat) {
				return string(out)
			}
			r, n = utf8.DecodeRuneInString(pat[i:])
		case r == '%' || r == '_':
			return string(out)
		}
		if r == utf8.RuneError && n == 1 {
			return string(out)
		}
		out = utf8.AppendRune(out, r)
		i += n
	}
	return string(out)
}

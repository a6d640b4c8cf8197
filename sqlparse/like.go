package sqlparse

import (
	"strings"
	"unicode/utf8"

	"edgecache/source"
)

// maxLikePattern is SQLITE_MAX_LIKE_PATTERN_LENGTH; longer ones are errors.
const maxLikePattern = 50000

func (v *env) like(e *expr) truths {
	if v.dialect == MySQL {
		return v.likeMySQL(e)
	}
	x, p := v.value(e.args[0]), v.value(e.args[1])
	if x.IsNull() || p.IsNull() {
		if likeNeverBlob(x) && likeNeverBlob(p) {
			return tNull
		}
		return tNull | tFalse // a blob makes LIKE false, even beside a NULL
	}
	s, ok1 := asText(x)
	pat, ok2 := asText(p)
	if !ok1 || !ok2 || !plainText(s) || !plainText(pat) || len(pat) > maxLikePattern || !plainEscape(e.escape) {
		return tAny
	}
	return truthOf(likeMatch(asciiLower(s), asciiLower(pat), e.escape))
}

// plainText is text that LIKE sees whole: it stops at a NUL and reads broken
// UTF-8 in its own way.
func plainText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func likeNeverBlob(x source.Value) bool {
	return !x.IsUnknown() && x.Kind() != source.KindBlob
}

// plainEscape leaves out letters, which folding would confuse, and the
// wildcards themselves.
func plainEscape(c byte) bool {
	return c < 0x80 && c != '%' && c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}

// likeMatch matches folded text with a folded pattern. It remembers only the
// last %, which suffices as % is the only wildcard of varying length.
func likeMatch(s, pat string, escape byte) bool {
	si, pi := 0, 0
	starP, starS := -1, 0
	for si < len(s) {
		if pi < len(pat) {
			switch c := pat[pi]; {
			case escape != 0 && c == escape:
				if pi+1 < len(pat) && sameRune(s[si:], pat[pi+1:]) {
					n := runeLen(pat[pi+1:])
					si, pi = si+n, pi+1+n
					continue
				}
			case c == '%':
				starP, starS = pi, si
				pi++
				continue
			case c == '_':
				si += runeLen(s[si:])
				pi++
				continue
			case c == s[si]:
				si++
				pi++
				continue
			}
		}
		if starP < 0 {
			return false
		}
		starS += runeLen(s[starS:])
		si, pi = starS, starP+1
	}
	for pi < len(pat) && pat[pi] == '%' {
		pi++
	}
	return pi == len(pat)
}

func runeLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func sameRune(s, t string) bool {
	n := runeLen(t)
	return len(s) >= n && s[:n] == t[:n]
}

// likePrefix is the literal text that every match starts with, up to the first
// wildcard or the first byte that is not plain ASCII.
func likePrefix(pat string, escape byte) string {
	var b []byte
	for i := 0; i < len(pat); i++ {
		c := pat[i]
		switch {
		case escape != 0 && c == escape:
			i++
			if i == len(pat) {
				return string(b)
			}
			c = pat[i]
		case c == '%' || c == '_':
			return string(b)
		}
		if c == 0 || c >= 0x80 {
			break
		}
		b = append(b, c)
	}
	return string(b)
}

// likeSpans holds every value that can match: text that starts with the
// prefix, and blobs, which LIKE may read as text.
func likeSpans(prefix string) Spans {
	lo := Key(keyText + prefix)
	blobs := Span{Below(keyBlob), AboveAll}
	return normalize([]Span{{Below(lo), Below(successor(lo))}, blobs})
}

// successor is the first Key above every Key that starts with k.
func successor(k Key) Key {
	b := []byte(k)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return Key(b[:i+1])
		}
	}
	return keyEnd
}

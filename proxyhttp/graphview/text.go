package graphview

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible prints what could not be seen, or could make other text seem to be
// something else: control characters, direction marks, invisible ones, and
// bytes that are no text.
func visible(s string) string {
	clean := func(r rune) bool { return r != utf8.RuneError && unicode.IsGraphic(r) }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case clean(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
		i += n
	}
	return b.String()
}

// cells is how wide a rune is in a fixed-width font: two for the scripts and
// pictures that are drawn in a square, none for marks upon other runes.
func cells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000):
		return 2
	}
	return 1
}

func width(s string) (n int) {
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// fit cuts s to n cells, an ellipsis included.
func fit(s string, n int) string {
	if width(s) <= n {
		return s
	}
	used := 0
	for i, r := range s {
		if used += cells(r); used > n-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// wrap breaks s at spaces into at most lines lines of n cells; what does not
// fit ends in an ellipsis. A word longer than a line is cut where the line
// ends.
func wrap(s string, n, lines int) []string {
	var out []string
	for s != "" {
		if len(out) == lines-1 || width(s) <= n {
			return append(out, fit(s, n))
		}
		end, space, used := 0, 0, 0
		for i, r := range s {
			if used += cells(r); used > n {
				break
			}
			end = i + utf8.RuneLen(r)
			if r == ' ' {
				space = end
			}
		}
		if end < len(s) && s[end] == ' ' {
			space = end
		}
		if space > 0 {
			end = space
		}
		if end == 0 {
			return append(out, "…") // a line is narrower than a rune
		}
		out = append(out, strings.TrimRight(s[:end], " "))
		s = strings.TrimLeft(s[end:], " ")
	}
	return out
}

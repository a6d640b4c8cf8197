package sqlparse

import (
	"strings"

	"edgecache/source"
)

// mysqlKey makes the key of a value on a line of MySQL's types: of what is
// stored in a column, or of a constant that meets found to compare there.
func mysqlKey(v source.Value, l line) (Key, bool) {
	if v.IsNull() {
		return keyNull, true
	}
	text := v.Kind() == source.KindText
	switch l {
	case lineDecimal:
		return exactKey(v)
	case lineDouble:
		return doubleKey(v)
	case lineBits:
		return bitsKey(v)
	case lineTime:
		if text {
			s, ok := canonicalTime(v.AsText())
			return Key(keyText + s), ok
		}
	case lineClock:
		if text {
			return clockKey(v.AsText())
		}
	case lineBytes:
		switch v.Kind() {
		case source.KindText:
			return Key(keyBlob + v.AsText()), true
		case source.KindBlob:
			return Key(keyBlob + string(v.AsBlob())), true
		}
	default:
		if text {
			s, ok := foldOn(v.AsText(), l)
			return Key(keyText + s), ok
		}
	}
	return "", false
}

// formatMySQL prints keys that are not the value itself: digits of a decimal,
// places of characters, times as numbers.
func (k Key) formatMySQL(l line) (string, bool) {
	class, rest := string(k[:1]), string(k[1:])
	switch {
	case class == keyNumber && (l == lineDecimal || l == lineBits):
		return formatDecimal(rest), true
	case class == keyNumber && l == lineClock:
		return formatClock(numberString(rest)), true
	case class == keyText && l != lineTime:
		if s, ok := textOn(rest, l); ok {
			return source.Text(s).String(), true
		}
	}
	return "", false
}

// formatClock puts the colons into HHMMSSffffff.
func formatClock(n string) string {
	digits, negative := strings.CutPrefix(n, "-")
	digits = strings.Repeat("0", max(0, 12-len(digits))) + digits
	at := len(digits)
	s := digits[:at-10] + ":" + digits[at-10:at-8] + ":" + digits[at-8:at-6] + "." + digits[at-6:]
	if negative {
		s = "-" + s
	}
	return source.Text(s).String()
}

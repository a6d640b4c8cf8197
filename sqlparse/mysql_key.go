package sqlparse

import (
	"encoding/binary"
	"fmt"
	"strings"

	"edgecache/source"
)

// A charRank maps a character to its place under a collation; 0 is "not
// known", and text that holds such a character has no key.
type charRank [128]byte

// mysqlCollation is how a collation of MySQL or MariaDB orders the texts that
// we have a key for: those of printable ASCII. What lies outside (accents,
// control characters, expansions) is Undecided by construction.
type mysqlCollation struct {
	rank   *charRank
	padded bool // trailing spaces do not count
	folds  bool // case does not count
}

var (
	rankBinary  = ranksOf(printable)
	rankGeneral = ranksFolded(printable)
	// rankUCA is the order of the Unicode collation algorithm's default table
	// at the first level. The accents ^ and ` are left out: they moved between
	// its versions.
	rankUCA = ranksFolded(" _-,;:!?.'\"()[]{}@*/\\&#%+<=>|~$0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
)

// printable is ASCII from the space to the tilde, in its own order.
var printable = func() string {
	var b []byte
	for c := byte(' '); c < 0x7f; c++ {
		b = append(b, c)
	}
	return string(b)
}()

// mysqlCollations lists the collations of which the order above was held
// against a live server. Language-specific ones, with their contractions, are
// left out.
var mysqlCollations = map[source.Collation]mysqlCollation{
	"utf8mb4_bin":           {rankBinary, true, false},
	"utf8mb3_bin":           {rankBinary, true, false},
	"latin1_bin":            {rankBinary, true, false},
	"ascii_bin":             {rankBinary, true, false},
	"utf8mb4_general_ci":    {rankGeneral, true, true},
	"utf8mb3_general_ci":    {rankGeneral, true, true},
	"latin1_swedish_ci":     {rankGeneral, true, true},
	"ascii_general_ci":      {rankGeneral, true, true},
	"utf8mb4_unicode_ci":    {rankUCA, true, true},
	"utf8mb3_unicode_ci":    {rankUCA, true, true},
	"utf8mb4_uca1400_ai_ci": {rankUCA, true, true},
	"utf8mb3_uca1400_ai_ci": {rankUCA, true, true},
}

func ranksOf(order string) *charRank {
	r := &charRank{}
	for i := range len(order) {
		r[order[i]] = byte(i + 1)
	}
	return r
}

// ranksFolded gives both cases of a letter the place of the capital.
func ranksFolded(order string) *charRank {
	r := ranksOf(order)
	for c := 'A'; c <= 'Z'; c++ {
		r[c+'a'-'A'] = r[c]
	}
	return r
}

// fold maps text to bytes that compare under memcmp as the texts do.
func (c mysqlCollation) fold(s string) (string, bool) {
	if c.padded {
		s = strings.TrimRight(s, " ")
	}
	b := make([]byte, len(s))
	for i := range len(s) {
		if s[i] >= 0x80 || c.rank[s[i]] == 0 {
			return "", false
		}
		b[i] = c.rank[s[i]]
	}
	return string(b), true
}

// mysqlKey makes the key of a value on a line of MySQL's types.
func mysqlKey(v source.Value, l line) (Key, bool) {
	if v.IsNull() {
		return keyNull, true
	}
	switch l {
	case lineDecimal:
		switch v.Kind() {
		case source.KindInt, source.KindUint, source.KindDecimal:
			return decimalKey(v.String())
		}
	case lineDouble:
		switch v.Kind() {
		case source.KindFloat:
			return floatKey(v.AsFloat(), 0), true
		case source.KindInt:
			return intKey(v.AsInt()), small(v.AsInt())
		}
	case lineTime:
		if v.Kind() == source.KindText {
			s, ok := canonicalTime(v.AsText())
			return Key(keyText + s), ok
		}
	default:
		if c, ok := mysqlCollations[l]; ok && v.Kind() == source.KindText {
			s, ok := c.fold(v.AsText())
			return Key(keyText + s), ok
		}
	}
	return "", false
}

// placeholder is what stands for an argument in the text. A decimal travels to
// MySQL as text, and text is compared with a number as a double; the cast makes
// the comparison exact.
func (d Dialect) placeholder(v source.Value) string {
	if d == MySQL && v.Kind() == source.KindDecimal {
		if p, s, ok := decimalSize(v.AsText()); ok {
			return fmt.Sprintf("CAST(? AS DECIMAL(%d,%d))", p, s)
		}
	}
	return "?"
}

// decimalSize is the smallest DECIMAL(precision, scale) that holds the digits,
// within the server's limits.
func decimalSize(digits string) (precision, scale int, ok bool) {
	whole, frac, _ := strings.Cut(strings.TrimPrefix(digits, "-"), ".")
	precision, scale = max(1, len(whole)+len(frac)), len(frac)
	return precision, scale, precision <= 65 && scale <= 30
}

// decimalKey orders decimal numbers exactly: sign, then magnitude, then
// digits, of which trailing zeros do not count. Negative numbers are written
// in complement, ended so that fewer digits come later.
func decimalKey(s string) (Key, bool) {
	negative := strings.HasPrefix(s, "-")
	whole, frac, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if len(whole)+len(frac) == 0 || len(whole)+len(frac) > 200 {
		return "", false
	}
	digits := whole + frac
	for i := range len(digits) {
		if !isDigit(digits[i]) {
			return "", false
		}
	}
	magnitude := len(whole)
	for strings.HasPrefix(digits, "0") {
		digits = digits[1:]
		magnitude--
	}
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return keyNumber + "\x80", true
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(magnitude+1000)) // magnitude is within ±200
	b = append(b, digits...)
	if !negative {
		return Key(keyNumber+"\xc0") + Key(b), true
	}
	for i := range b {
		b[i] = ^b[i]
	}
	return Key(keyNumber+"\x40") + Key(b) + "\xff", true
}

// canonicalTime writes a date or a date and time with all its places. Other
// spellings, which the server would accept, and dates with zeros are not ours
// to order.
func canonicalTime(s string) (string, bool) {
	const pattern = "0000-00-00 00:00:00.000000"
	switch {
	case len(s) == 10:
		s += pattern[10:]
	case len(s) == 19:
		s += pattern[19:]
	case len(s) > 20 && len(s) <= len(pattern):
		s += pattern[len(s):]
	default:
		return "", false
	}
	for i := range len(s) {
		if isDigit(pattern[i]) != isDigit(s[i]) || !isDigit(s[i]) && s[i] != pattern[i] {
			return "", false
		}
	}
	inside := s[5:7] >= "01" && s[5:7] <= "12" && s[8:10] >= "01" && s[8:10] <= "28" &&
		s[:4] >= "1000" && s[11:13] < "24" && s[14:16] < "60" && s[17:19] < "60"
	return s, inside || lateDay(s)
}

// lateDay accepts the days after the 28th that their month has.
func lateDay(s string) bool {
	if s[:4] < "1000" || s[11:13] >= "24" || s[14:16] >= "60" || s[17:19] >= "60" {
		return false
	}
	switch day := s[8:10]; s[5:7] {
	case "01", "03", "05", "07", "08", "10", "12":
		return day >= "29" && day <= "31"
	case "04", "06", "09", "11":
		return day >= "29" && day <= "30"
	}
	return false // the 29th of February is the calendar's to know
}

// formatMySQL prints keys that are not the value itself: digits of a decimal,
// places of characters.
func (k Key) formatMySQL(l line) (string, bool) {
	c, text := mysqlCollations[l]
	switch class, rest := string(k[:1]), string(k[1:]); {
	case text && class == keyText:
		b := make([]byte, len(rest))
		for i := range len(rest) {
			for ch := range c.rank {
				if c.rank[ch] == rest[i] {
					b[i] = byte(ch)
					break // of two cases the capital
				}
			}
		}
		return source.Text(string(b)).String(), true
	case l == lineDecimal && class == keyNumber:
		return formatDecimal(rest), true
	}
	return "", false
}

func formatDecimal(key string) string {
	if len(key) < 4 {
		return "0"
	}
	b, sign := []byte(key[1:]), ""
	if key[0] == 0x40 {
		sign, b = "-", b[:len(b)-1]
		for i := range b {
			b[i] = ^b[i]
		}
	}
	magnitude, digits := int(binary.BigEndian.Uint16(b))-1000, string(b[2:])
	switch {
	case magnitude <= 0:
		return sign + "0." + strings.Repeat("0", -magnitude) + digits
	case magnitude >= len(digits):
		return sign + digits + strings.Repeat("0", magnitude-len(digits))
	}
	return sign + digits[:magnitude] + "." + digits[magnitude:]
}

package bind

import (
	"strconv"
	"strings"

	"edgecache/source"
)

// decimal is a number with all its digits: digits × 10^exp, without zeros at
// either end of digits. Zero has no digits.
type decimal struct {
	neg    bool
	digits string
	exp    int
}

// maxDigits bounds what a decimal prints as; maxExp what is read at all.
const (
	maxDigits = 128
	maxExp    = 9999
)

// parseDecimal reads -?digits[.digits][(e|E)[+-]digits]. Leading zeros are
// allowed in URLs; signs, spaces and other notations (0x1F, 1_000, inf) not.
func parseDecimal(s string) (d decimal, ok bool) {
	if len(s) > MaxNameBytes*4 {
		return d, false
	}
	rest := s
	if d.neg = strings.HasPrefix(rest, "-"); d.neg {
		rest = rest[1:]
	}
	whole := leadingDigits(rest)
	if whole == "" {
		return d, false
	}
	rest = rest[len(whole):]
	digits := whole
	if strings.HasPrefix(rest, ".") {
		frac := leadingDigits(rest[1:])
		if frac == "" {
			return d, false
		}
		rest = rest[1+len(frac):]
		digits, d.exp = whole+frac, -len(frac)
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		exp := strings.TrimPrefix(rest[1:], "+")
		n, err := strconv.Atoi(exp)
		if err != nil || n > maxExp || n < -maxExp || strings.HasPrefix(exp, "+") {
			return d, false
		}
		d.exp += n
		rest = ""
	}
	if rest != "" {
		return d, false
	}
	trimmed := strings.TrimRight(digits, "0")
	d.exp += len(digits) - len(trimmed)
	if d.digits = strings.TrimLeft(trimmed, "0"); d.digits == "" {
		return decimal{}, true
	}
	return d, true
}

func leadingDigits(s string) string {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n]
}

func (d decimal) integral() bool { return d.exp >= 0 }

// int64 returns an integral d where it fits.
func (d decimal) int64() (int64, bool) {
	if d.exp < 0 || len(d.digits)+d.exp > 19 {
		return 0, false
	}
	if d.digits == "" {
		return 0, true
	}
	u, err := strconv.ParseUint(d.digits, 10, 64)
	if err != nil {
		return 0, false
	}
	for range d.exp {
		u *= 10 // at most 19 digits in all: no overflow
	}
	switch {
	case d.neg && u <= 1<<63:
		return -int64(u), true
	case !d.neg && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}

// String prints d without an exponent, leading or trailing zeros.
func (d decimal) String() string {
	if d.digits == "" {
		return "0"
	}
	var b strings.Builder
	if d.neg {
		b.WriteByte('-')
	}
	switch point := len(d.digits) + d.exp; {
	case d.exp >= 0:
		b.WriteString(d.digits + strings.Repeat("0", d.exp))
	case point > 0:
		b.WriteString(d.digits[:point] + "." + d.digits[point:])
	default:
		b.WriteString("0." + strings.Repeat("0", -point) + d.digits)
	}
	return b.String()
}

// value is the value that keeps all digits: an integer, a float that prints as
// the very same digits, or text.
func (d decimal) value() (v source.Value, wrong string) {
	if len(d.digits)+max(d.exp, -d.exp) > maxDigits {
		return v, tooLong
	}
	if i, ok := d.int64(); ok {
		return source.Int(i), ""
	}
	s := d.String()
	if f, err := strconv.ParseFloat(s, 64); err == nil && strconv.FormatFloat(f, 'f', -1, 64) == s {
		return source.Float(f), ""
	}
	return source.Text(s), ""
}

package sqlparse

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"edgecache/source"
)

// maxDigits is how many decimal digits a double carries exactly: two numbers of
// as many digits are in the same order as the doubles next to them, so that it
// does not matter whether the server compares them as decimals or as doubles.
const maxDigits = 15

// numeral is a number written in digits, with a sign and a point if need be,
// and short enough to be compared as a double or as a decimal alike. What else
// texts may hold (blanks, signs, exponents, a prefix that is a number) is the
// server's to read.
func numeral(s string) (digits string, ok bool) {
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if whole == "" || point && frac == "" || len(s) > 64 {
		return "", false
	}
	for _, part := range []string{whole, frac} {
		for i := range len(part) {
			if !isDigit(part[i]) {
				return "", false
			}
		}
	}
	return s, len(strings.TrimLeft(whole, "0"))+len(strings.TrimRight(frac, "0")) <= maxDigits
}

// numeralOf is the numeral of a constant.
func numeralOf(v source.Value) (digits string, ok bool) {
	switch v.Kind() {
	case source.KindInt, source.KindUint, source.KindDecimal:
		return numeral(v.String())
	case source.KindFloat:
		// The shortest digits that name this double and no other.
		return numeral(strconv.FormatFloat(v.AsFloat(), 'f', -1, 64))
	case source.KindText:
		return numeral(v.AsText())
	}
	return "", false
}

// exactKey is the key of a number on lineDecimal.
func exactKey(v source.Value) (Key, bool) {
	switch v.Kind() {
	case source.KindInt, source.KindUint, source.KindDecimal:
		return decimalKey(v.String())
	}
	digits, ok := numeralOf(v)
	if !ok {
		return "", false
	}
	return decimalKey(digits)
}

// doubleKey is the key of a number on lineDouble.
func doubleKey(v source.Value) (Key, bool) {
	switch v.Kind() {
	case source.KindFloat:
		return floatKey(v.AsFloat(), 0), true
	case source.KindInt:
		return intKey(v.AsInt()), small(v.AsInt())
	}
	digits, ok := numeralOf(v)
	if !ok {
		return "", false
	}
	f, err := strconv.ParseFloat(digits, 64)
	return floatKey(f, 0), err == nil
}

// zeroKey is 0 on lineDecimal and lineBits.
const zeroKey = Key(keyNumber + "\x80")

// bitsKey is the key of a BIT, which is read as its bytes.
func bitsKey(v source.Value) (Key, bool) {
	if v.Kind() != source.KindBlob {
		return exactKey(v)
	}
	b := v.AsBlob()
	if len(b) > 8 {
		return "", false
	}
	var word [8]byte
	copy(word[8-len(b):], b)
	return decimalKey(strconv.FormatUint(binary.BigEndian.Uint64(word[:]), 10))
}

// precision is the first number of a type: 10 of "decimal(10,2) unsigned".
func precision(declType string) (int, bool) {
	_, rest, _ := strings.Cut(declType, "(")
	n, err := strconv.Atoi(leadingDigits(rest))
	return n, err == nil
}

// places is how many digits a type keeps behind the point: 2 of
// "decimal(10,2)", 6 of "datetime(6)", none of "time".
func places(declType string) int {
	_, rest, _ := strings.Cut(declType, "(")
	if _, scale, ok := strings.Cut(rest, ","); ok || strings.HasPrefix(declType, "decimal") {
		rest = scale
	}
	n, _ := strconv.Atoi(leadingDigits(rest))
	return n
}

func leadingDigits(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }

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
		return zeroKey, true
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

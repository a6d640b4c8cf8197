package bind

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"edgecache/source"
)

// rule is how one value is read.
type rule uint8

const (
	ruleAny     rule = iota // text from URLs; JSON keeps its type
	ruleString              // text
	ruleGlob                // text, translated to a LIKE pattern
	ruleInt                 // an exact 64-bit integer
	ruleFloat               // a finite float
	ruleDecimal             // all digits
	ruleExact               // a DECIMAL column: all digits, bound as a decimal
	ruleNumber              // a NUMERIC column: an integer if it is one, else a float
	ruleLoose               // a NUMERIC column of dates and such: a number if it looks like one, else text
	ruleFlag                // a BOOLEAN column: true, false or a number
	ruleBool                // declared bool
)

// String says what a value must be.
func (r rule) String() string {
	return [...]string{"a text, number or boolean", "a text", "a text", "an integer", "a number", "a decimal number", "a decimal number", "a number",
		"a text or a number", "true, false or a number", "true or false"}[r]
}

// numeric tells whether min and max have a meaning.
func (r rule) numeric() bool { return r >= ruleInt && r <= ruleNumber }

const (
	notUTF8   = "must be valid UTF-8"
	hasNUL    = "must not hold a NUL byte"
	intRange  = "must be in the range of 64-bit integers"
	tooLong   = "must be a number of at most 128 digits"
	notFinite = "must be in the range of floats"
)

func checkText(s string) string {
	if !utf8.ValidString(s) {
		return notUTF8
	}
	if strings.IndexByte(s, 0) >= 0 {
		return hasNUL
	}
	return ""
}

// text reads text. wrong says what the value must be.
func (r rule) text(s string) (v source.Value, wrong string) {
	switch r {
	case ruleAny, ruleString:
		return source.Text(s), checkText(s)
	case ruleGlob:
		return source.Text(like(s)), checkText(s)
	case ruleBool, ruleFlag:
		switch s {
		case "true", "1":
			return source.Int(1), ""
		case "false", "0":
			return source.Int(0), ""
		}
		if r == ruleBool {
			return v, "must be true or false"
		}
	}
	d, ok := parseDecimal(s)
	if !ok {
		if r == ruleLoose {
			return source.Text(s), checkText(s)
		}
		return v, "must be " + r.String()
	}
	return r.number(d, s)
}

// number reads a number, which is d and was written as s.
func (r rule) number(d decimal, s string) (v source.Value, wrong string) {
	switch r {
	case ruleFloat:
		return float(s)
	case ruleDecimal:
		return d.value()
	case ruleExact:
		if v, wrong = d.value(); wrong == "" && v.Kind() != source.KindInt {
			v = source.Decimal(d.String())
		}
		return v, wrong
	}
	if d.integral() {
		if i, ok := d.int64(); ok {
			return source.Int(i), ""
		}
		// Rounding such a number to a float would lose digits in silence.
		if r == ruleInt || strings.Trim(s, "-0123456789") == "" {
			return v, intRange
		}
	} else if r == ruleInt {
		return v, "must be an integer"
	}
	return float(s)
}

func float(s string) (v source.Value, wrong string) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return v, notFinite
	}
	if f == 0 {
		f = 0 // one zero, not two
	}
	return source.Float(f), ""
}

// json reads a JSON value other than null.
func (r rule) json(v any) (out source.Value, wrong string) {
	switch v := v.(type) {
	case string:
		if len(v) > MaxBodyBytes {
			return out, "must have at most " + itoa(MaxBodyBytes) + " bytes"
		}
		return r.text(v)
	case json.Number:
		return r.jsonNumber(string(v))
	case float64:
		return r.jsonNumber(strconv.FormatFloat(v, 'g', -1, 64))
	case bool:
		return r.jsonBool(v)
	}
	return out, "must be " + r.String()
}

func (r rule) jsonNumber(s string) (v source.Value, wrong string) {
	d, ok := parseDecimal(s)
	if !ok {
		return v, "must be " + r.String()
	}
	switch r {
	case ruleString, ruleGlob, ruleBool:
		return r.text(s)
	case ruleAny:
		// A JSON number is an integer by its spelling: 1.0 stays a float.
		if strings.ContainsAny(s, ".eE") {
			return float(s)
		}
		return ruleInt.number(d, s)
	}
	return r.number(d, s)
}

func (r rule) jsonBool(b bool) (v source.Value, wrong string) {
	i := int64(0)
	if b {
		i = 1
	}
	switch r {
	case ruleString, ruleGlob:
		return source.Text(strconv.FormatBool(b)), ""
	case ruleFloat:
		return source.Float(float64(i)), ""
	}
	return source.Int(i), ""
}

// jsonText is the text of a JSON scalar, for choices.
func jsonText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return string(v), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// like translates a glob to a LIKE pattern whose escape character is a
// backslash: * is any text, ? any character, and what is special to LIKE
// stands for itself.
func like(glob string) string {
	if !strings.ContainsAny(glob, `*?%_\`) {
		return glob
	}
	b := make([]byte, 0, len(glob)+8)
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b = append(b, '%')
		case '?':
			b = append(b, '_')
		case '%', '_', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

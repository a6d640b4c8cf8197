package proxyhttp

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"edgecache/source"
)

// renderer writes rows as JSON objects. Keys are the output names in the
// order of the SELECT, rendered once.
type renderer struct {
	columns []string
	keys    [][]byte // {"id":  ,"name":
}

func newRenderer(columns []string) *renderer {
	r := &renderer{columns: columns, keys: make([][]byte, len(columns))}
	for i, c := range columns {
		lead := byte(',')
		if i == 0 {
			lead = '{'
		}
		r.keys[i] = append(appendString([]byte{lead}, c), ':')
	}
	return r
}

// fits tells whether the renderer was made for these columns. The columns of
// SELECT * move with the schema, between a change of it and its noticing.
func (r *renderer) fits(columns []string) bool {
	if len(columns) != len(r.columns) {
		return false
	}
	for i := range columns {
		if columns[i] != r.columns[i] {
			return false
		}
	}
	return true
}

// many renders all rows as an array of objects.
func (r *renderer) many(rows []source.Row) []byte {
	if len(rows) == 0 {
		return []byte("[]\n")
	}
	b := make([]byte, 0, 64*len(rows))
	for i, row := range rows {
		if i == 0 {
			b = append(b, '[')
		} else {
			b = append(b, ',')
		}
		b = r.object(b, row)
	}
	return append(b, "]\n"...)
}

// one renders a single row as an object.
func (r *renderer) one(row source.Row) []byte {
	return append(r.object(make([]byte, 0, 128), row), '\n')
}

func (r *renderer) object(b []byte, row source.Row) []byte {
	if len(r.keys) == 0 {
		return append(b, "{}"...)
	}
	for i := range r.keys {
		b = append(b, r.keys[i]...)
		if i < len(row) {
			b = appendValue(b, row[i])
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, '}')
}

// appendValue writes one value: numbers as numbers with all their digits,
// text as a string, BLOBs as base64, NULL as null.
func appendValue(b []byte, v source.Value) []byte {
	switch v.Kind() {
	case source.KindInt:
		return strconv.AppendInt(b, v.AsInt(), 10)
	case source.KindFloat:
		return append(b, source.FormatFloat(v.AsFloat())...)
	case source.KindText:
		return appendString(b, v.AsText())
	case source.KindUint:
		return strconv.AppendUint(b, v.AsUint(), 10)
	case source.KindDecimal:
		return append(b, v.AsText()...)
	case source.KindBlob:
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, v.AsBlob())
		return append(b, '"')
	}
	return append(b, "null"...)
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string. HTML is not escaped; bytes that are not
// UTF-8, which JSON cannot carry, become U+FFFD; U+2028 and U+2029 are escaped
// as encoding/json does.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			start = i + n
		case r == '\u2028' || r == '\u2029':
			b = append(b, s[start:i]...)
			b = append(b, `\u202`...)
			b = append(b, hexDigits[r&0xf])
			start = i + n
		}
		i += n
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

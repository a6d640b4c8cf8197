package source

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
)

// Kind is the storage class of a Value. Its order is SQLite's order between
// classes: NULL, numbers, text, blobs.
type Kind uint8

const (
	// KindUnknown marks a value that exists but could not be read exactly.
	// It is the zero Kind, so a forgotten value widens instead of matching.
	KindUnknown Kind = iota
	KindNull
	KindInt
	KindFloat
	KindText
	KindBlob
	// KindUint is an integer of a type without sign, whatever its size; only
	// databases that have such types give it.
	KindUint
	// KindDecimal is an exact decimal: its digits as the database prints them,
	// scale included, so 1.0 and 1.00 are two Values.
	KindDecimal
)

func (k Kind) String() string {
	return [...]string{"unknown", "null", "integer", "real", "text", "blob", "unsigned", "decimal"}[k]
}

// Value is one value of the database, with the type it is stored as.
//
// Two Values are == exactly when they have the same class and the same bytes
// (never by collation or by numeric equality: 1 and 1.0 differ). The zero
// Value is Unknown, and Unknown is equal to nothing for the purposes of
// matching: callers must test IsUnknown before they conclude that two images
// are the same.
type Value struct {
	kind Kind
	n    uint64
	s    string
}

func Unknown() Value        { return Value{} }
func Null() Value           { return Value{kind: KindNull} }
func Int(i int64) Value     { return Value{kind: KindInt, n: uint64(i)} }
func Float(f float64) Value { return Value{kind: KindFloat, n: math.Float64bits(f)} }
func Text(s string) Value   { return Value{kind: KindText, s: s} }
func Blob(b []byte) Value   { return Value{kind: KindBlob, s: string(b)} }
func Uint(u uint64) Value   { return Value{kind: KindUint, n: u} }

// Decimal takes the digits as the database prints them: "-12.50".
func Decimal(digits string) Value { return Value{kind: KindDecimal, s: digits} }

func (v Value) Kind() Kind      { return v.kind }
func (v Value) IsUnknown() bool { return v.kind == KindUnknown }
func (v Value) IsNull() bool    { return v.kind == KindNull }

// AsInt, AsUint, AsFloat, AsText (also a decimal's digits) and AsBlob return
// the payload of a Value of that Kind; on another Kind the result has no meaning.
func (v Value) AsInt() int64     { return int64(v.n) }
func (v Value) AsUint() uint64   { return v.n }
func (v Value) AsFloat() float64 { return math.Float64frombits(v.n) }
func (v Value) AsText() string   { return v.s }
func (v Value) AsBlob() []byte   { return []byte(v.s) }

// Len is the number of payload bytes that the value holds beyond its header.
func (v Value) Len() int { return len(v.s) }

// Any converts to what database/sql takes as an argument.
func (v Value) Any() any {
	switch v.kind {
	case KindInt:
		return v.AsInt()
	case KindFloat:
		return v.AsFloat()
	case KindUint:
		return v.n
	case KindText, KindDecimal:
		return v.s
	case KindBlob:
		return []byte(v.s)
	}
	return nil
}

// String prints the value as a SQL literal; unknown prints as "?".
func (v Value) String() string {
	switch v.kind {
	case KindNull:
		return "NULL"
	case KindInt:
		return strconv.FormatInt(v.AsInt(), 10)
	case KindUint:
		return strconv.FormatUint(v.n, 10)
	case KindDecimal:
		return v.s
	case KindFloat:
		return FormatFloat(v.AsFloat())
	case KindText:
		return "'" + strings.ReplaceAll(v.s, "'", "''") + "'"
	case KindBlob:
		return "x'" + hex.EncodeToString([]byte(v.s)) + "'"
	}
	return "?"
}

// FormatFloat prints a REAL so that it is read back as the same REAL: the
// shortest digits that identify it, always with a point or an exponent.
// Infinities, which SQL and JSON cannot spell, print as a number out of range.
func FormatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "9e999"
	case math.IsInf(f, -1):
		return "-9e999"
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	s := strconv.FormatFloat(f, format, -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// Row holds the values of one row in its table's column order.
type Row []Value

func (r Row) String() string {
	if r == nil {
		return "-"
	}
	parts := make([]string, len(r))
	for i, v := range r {
		parts[i] = v.String()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

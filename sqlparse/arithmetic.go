package sqlparse

import (
	"math"
	"strconv"

	"edgecache/source"
)

// arithmetic covers integers without overflow and floats; text operands,
// which SQLite reads by their numeric prefix, stay Unknown.
func arithmetic(o op, x, y source.Value) source.Value {
	if x.IsUnknown() || y.IsUnknown() {
		return source.Unknown()
	}
	if x.IsNull() || y.IsNull() {
		return source.Null()
	}
	if x.Kind() == source.KindInt && y.Kind() == source.KindInt {
		return intArithmetic(o, x.AsInt(), y.AsInt())
	}
	a, ok1 := asFloat(x)
	b, ok2 := asFloat(y)
	if !ok1 || !ok2 {
		return source.Unknown()
	}
	var f float64
	switch o {
	case opAdd:
		f = a + b
	case opSub:
		f = a - b
	case opMul:
		f = a * b
	case opDiv:
		if b == 0 {
			return source.Null()
		}
		f = a / b
	default:
		return source.Unknown()
	}
	if math.IsNaN(f) {
		return source.Null()
	}
	return source.Float(f)
}

func asFloat(x source.Value) (float64, bool) {
	switch x.Kind() {
	case source.KindInt:
		return float64(x.AsInt()), true
	case source.KindFloat:
		return x.AsFloat(), true
	}
	return 0, false
}

func bothInt(x, y source.Value) bool {
	return x.Kind() == source.KindInt && y.Kind() == source.KindInt
}

// small integers cannot overflow under one operation.
func small(i int64) bool { return i > -1<<31 && i < 1<<31 }

func intArithmetic(o op, a, b int64) source.Value {
	if !small(a) || !small(b) {
		return source.Unknown()
	}
	switch o {
	case opAdd:
		return source.Int(a + b)
	case opSub:
		return source.Int(a - b)
	case opMul:
		return source.Int(a * b)
	}
	if b == 0 {
		return source.Null()
	}
	if o == opDiv {
		return source.Int(a / b)
	}
	return source.Int(a % b)
}

func (v *env) concat(e *expr) source.Value {
	out, null := "", false
	for _, a := range e.args {
		x := v.value(a)
		s, ok := asText(x)
		switch {
		case x.IsNull():
			null = true
		case !ok:
			return source.Unknown()
		}
		out += s
	}
	if null {
		return source.Null()
	}
	return source.Text(out)
}

// asText converts where SQLite's conversion is beyond doubt; how it prints a
// float depends on its version.
func asText(x source.Value) (string, bool) {
	switch x.Kind() {
	case source.KindText:
		return x.AsText(), true
	case source.KindInt:
		return strconv.FormatInt(x.AsInt(), 10), true
	}
	return "", false
}

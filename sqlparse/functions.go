package sqlparse

import (
	"strings"
	"unicode/utf8"

	"edgecache/source"
)

// deterministic lists SQLite's functions whose value depends on nothing but
// their arguments or, for aggregates and window functions, the rows that they
// are given. Every other function makes an answer uncacheable. Date and time
// functions are left out on purpose: date(c) is today's date where c holds
// the text 'now'.
var deterministic = words(`
	abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely
	lower ltrim max min nullif octet_length printf quote replace round rtrim sign soundex substr substring
	trim typeof unhex unicode unistr unlikely upper zeroblob -> ->>
	acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi
	pow power radians sin sinh sqrt tan tanh trunc
	avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc
	row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
	json json_array json_array_length json_error_position json_extract json_group_array json_group_object
	json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type
	json_valid jsonb jsonb_array jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert
	jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set`)

// rowLocalTables lists table-valued functions that depend on nothing but
// their arguments.
var rowLocalTables = words(`json_each json_tree`)

// aggregates are the functions that fold several rows into one.
var aggregates = words(`avg count group_concat string_agg sum total median percentile percentile_cont
	percentile_disc json_group_array json_group_object jsonb_group_array jsonb_group_object`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// callValue evaluates the few functions whose result is beyond doubt.
func (v *env) callValue(e *expr) source.Value {
	if e.star || e.distinct {
		return source.Unknown()
	}
	switch name := strings.ToLower(e.name); name {
	case "coalesce", "ifnull":
		for _, a := range e.args {
			if x := v.value(a); !x.IsNull() {
				return x // Unknown stays Unknown: it may be NULL
			}
		}
		return source.Null()
	case "lower", "upper", "length", "abs":
		if len(e.args) == 1 {
			return simpleCall(name, v.value(e.args[0]))
		}
	}
	return source.Unknown()
}

func simpleCall(name string, x source.Value) source.Value {
	if x.IsNull() || x.IsUnknown() {
		return x
	}
	if name == "abs" {
		switch {
		case x.Kind() == source.KindInt && small(x.AsInt()) && x.AsInt() < 0:
			return source.Int(-x.AsInt())
		case x.Kind() == source.KindInt && x.AsInt() >= 0:
			return x
		}
		return source.Unknown()
	}
	s, ok := asText(x)
	if !ok || !plainText(s) {
		return source.Unknown()
	}
	switch name {
	case "lower":
		return source.Text(asciiLower(s))
	case "upper":
		return source.Text(asciiUpper(s))
	}
	return source.Int(int64(utf8.RuneCountInString(s)))
}

func asciiUpper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}

package bind

import (
	"slices"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// listOf reads ?ids=1,2 and ?ids=1&ids=2 alike: every comma separates, also
// in text, and a list that is the empty text is empty. Spaces around numbers
// are dropped, those of text are kept.
func (p *param) listOf(first string, more []string) (sqlparse.Arg, string) {
	count := 1 + strings.Count(first, ",")
	for _, s := range more {
		count += 1 + strings.Count(s, ",")
	}
	if count > p.maxList {
		return sqlparse.Arg{}, p.tooMany(count)
	}
	if first == "" && len(more) == 0 {
		return sqlparse.Arg{IsList: true}, ""
	}
	values := make([]source.Value, 0, count)
	for i := -1; i < len(more); i++ {
		rest := first
		if i >= 0 {
			rest = more[i]
		}
		if len(rest) > MaxValueBytes {
			return sqlparse.Arg{}, "has more than " + itoa(MaxValueBytes) + " bytes"
		}
		for found := true; found; {
			var element string
			element, rest, found = strings.Cut(rest, ",")
			if p.rule != ruleAny && p.rule != ruleString {
				element = strings.Trim(element, " ")
			}
			v, wrong := p.rule.text(element)
			if wrong != "" {
				return sqlparse.Arg{}, p.must("has a value that "+wrong, quoted(element))
			}
			values = append(values, v)
		}
	}
	return setOf(values), ""
}

func (p *param) listOfJSON(v any) (sqlparse.Arg, string) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	if len(items) > p.maxList {
		return sqlparse.Arg{}, p.tooMany(len(items))
	}
	values := make([]source.Value, 0, len(items))
	for _, item := range items {
		// NULL in a list makes NOT IN select nothing, which nobody means.
		if item == nil {
			return sqlparse.Arg{}, "must not hold null"
		}
		v, wrong := p.rule.json(item)
		if wrong != "" {
			return sqlparse.Arg{}, p.must("has a value that "+wrong, shown(item))
		}
		values = append(values, v)
	}
	return setOf(values), ""
}

func (p *param) tooMany(count int) string {
	return "must have at most " + itoa(p.maxList) + " values, not " + itoa(count)
}

// setOf sorts the values and drops repeats: what IN (...) selects depends on
// neither. Arguments and key are made from the same sorted list.
func setOf(values []source.Value) sqlparse.Arg {
	if len(values) == 0 {
		return sqlparse.Arg{IsList: true}
	}
	slices.SortFunc(values, compareValues)
	return sqlparse.Arg{List: slices.Compact(values), IsList: true}
}

// compareValues orders values by kind, then by payload: some total order in
// which only identical values are equal.
func compareValues(a, b source.Value) int {
	if a.Kind() != b.Kind() {
		return int(a.Kind()) - int(b.Kind())
	}
	switch a.Kind() {
	case source.KindInt:
		return compare(a.AsInt(), b.AsInt())
	case source.KindFloat:
		return compare(a.AsFloat(), b.AsFloat())
	}
	return strings.Compare(a.AsText(), b.AsText())
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

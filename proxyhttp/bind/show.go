package bind

import (
	"encoding/json"
	"strconv"

	"edgecache/source"
)

const maxShown = 64

func itoa(n int) string { return strconv.Itoa(n) }

// shorten cuts text to 64 characters' room at a character's edge.
func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := 0
	for i := range s {
		if i > maxShown-3 {
			break
		}
		cut = i
	}
	return s[:cut] + "…"
}

func quoted(s string) string { return strconv.Quote(shorten(s)) }

// shown prints a JSON value for a sentence.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case string:
		return quoted(v)
	}
	if s, ok := jsonText(v); ok {
		return shorten(s)
	}
	return "a value of another kind"
}

// Display is the request's parameters after typing, for the debug graph.
func (b *Bound) Display() map[string]any {
	out := make(map[string]any, len(b.Args)+len(b.Choices))
	for i, a := range b.Args {
		name := b.binder.names[i]
		if !a.IsList {
			out[name] = display(a.Value)
			continue
		}
		list := make([]any, 0, len(a.List))
		for _, v := range a.List {
			list = append(list, display(v))
		}
		out[name] = list
	}
	for name, value := range b.Choices {
		out[name] = value
	}
	return out
}

func display(v source.Value) any {
	switch v.Kind() {
	case source.KindInt:
		return v.AsInt()
	case source.KindFloat:
		return json.Number(source.FormatFloat(v.AsFloat()))
	case source.KindDecimal:
		return json.Number(v.AsText())
	case source.KindText:
		return v.AsText()
	}
	return nil
}

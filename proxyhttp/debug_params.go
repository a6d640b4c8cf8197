package proxyhttp

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"edgecache/depgraph"
	"edgecache/source"
	"edgecache/sqlparse"
)

// displayParams prints what an entry was asked with, NULLs left out, from its
// arguments: what it was matched by, not what was typed.
func (s *Server) displayParams(v *depgraph.View) json.RawMessage {
	e := s.endpoint(v.Endpoint)
	if e == nil {
		return json.RawMessage("{}")
	}
	p := e.plan.Load()
	vr := p.variants[v.Variant]
	if vr == nil || len(vr.statements) == 0 || len(vr.statements[0].Params) != len(v.Args) {
		return json.RawMessage("{}")
	}
	b := []byte{'{'}
	add := func(name string, value func([]byte) []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = value(b)
	}
	for i, prm := range vr.statements[0].Params {
		arg := v.Args[i]
		if !arg.IsList && arg.Value.IsNull() {
			continue
		}
		add(prm.Name, func(b []byte) []byte { return appendArg(b, arg, p.globs[prm.Name]) })
	}
	chosen, err := url.ParseQuery(v.Variant)
	if err != nil {
		chosen = nil // the debug view goes without
	}
	for _, n := range slices.Sorted(maps.Keys(chosen)) {
		add(n, func(b []byte) []byte { return appendString(b, chosen.Get(n)) })
	}
	return append(b, '}')
}

func appendArg(b []byte, a sqlparse.Arg, glob bool) []byte {
	if !a.IsList {
		if glob && a.Value.Kind() == source.KindText {
			return appendString(b, globOf(a.Value.AsText()))
		}
		return appendValue(b, a.Value)
	}
	b = append(b, '[')
	for i, v := range a.List {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, v)
	}
	return append(b, ']')
}

// globOf turns a bound LIKE pattern back into the glob that was typed.
func globOf(like string) string {
	var b strings.Builder
	for i := 0; i < len(like); i++ {
		switch c := like[i]; {
		case c == '\\' && i+1 < len(like):
			i++
			b.WriteByte(like[i])
		case c == '%':
			b.WriteByte('*')
		case c == '_':
			b.WriteByte('?')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

package config

import (
	"reflect"
	"strings"
	"unicode"
)

// Equal tells that two endpoints mean the same, wherever they stand in a file.
// It errs on the side of no: 1 and 1.0 differ.
func (e *Endpoint) Equal(o *Endpoint) bool {
	return e == o || e != nil && o != nil && reflect.DeepEqual(e.unplaced(), o.unplaced())
}

// unplaced is a copy without lines, in which what is empty is nil.
func (e *Endpoint) unplaced() Endpoint {
	out := *e
	out.Line, out.LastLine, out.lines = 0, 0, nil
	out.Params = nil
	for name, p := range e.Params {
		if out.Params == nil {
			out.Params = map[string]*Param{}
		}
		q := *p
		q.Line = 0
		out.Params[name] = &q
	}
	v := reflect.ValueOf(&out).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.CanSet() && f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	return out
}

// Restart lists the keys in which next differs from c and that are looked at
// only when the process starts: everything but defaults and endpoints. A key
// that is added to the file's format later is one of them unless this function
// learns otherwise, which errs on the side of saying no.
func (c *Config) Restart(next *Config) []string {
	var out []string
	a, b := reflect.ValueOf(*c), reflect.ValueOf(*next)
	for i := range a.NumField() {
		switch name := a.Type().Field(i).Name; name {
		case "File", "Defaults", "Endpoints", "Sources":
		default:
			out = differ(out, keyName(name), a.Field(i), b.Field(i))
		}
	}
	for _, s := range c.Sources {
		if o := next.Source(s.Name); o == nil {
			out = append(out, "sources."+s.Name)
		} else {
			out = differ(out, "sources."+s.Name, reflect.ValueOf(*s), reflect.ValueOf(*o))
		}
	}
	for _, s := range next.Sources {
		if c.Source(s.Name) == nil {
			out = append(out, "sources."+s.Name)
		}
	}
	return out
}

// differ appends the keys below name whose values differ.
func differ(out []string, name string, a, b reflect.Value) []string {
	if a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil() {
		a, b = a.Elem(), b.Elem()
	}
	if a.Kind() != reflect.Struct {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			out = append(out, name)
		}
		return out
	}
	seen, hidden := len(out), false
	for i := range a.NumField() {
		f := a.Type().Field(i)
		switch {
		case f.Name == "Line" || f.Name == "LastLine":
		case !f.IsExported():
			hidden = true
		default:
			out = differ(out, name+"."+keyName(f.Name), a.Field(i), b.Field(i))
		}
	}
	if hidden && len(out) == seen && !reflect.DeepEqual(a.Interface(), b.Interface()) {
		out = append(out, name)
	}
	return out
}

// keyName spells a field as the file does: MaxMemory is max_memory, DSN dsn.
func keyName(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, c := range runes {
		if unicode.IsUpper(c) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

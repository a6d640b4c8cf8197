package bind

import (
	"fmt"
	"net/url"
	"sort"
	"strings"

	"edgecache/proxyhttp/config"
	"edgecache/sqlparse"
)

// MaxVariants bounds the combinations of choices that stand for SQL: each is
// compiled at start.
const MaxVariants = 256

// Variant is one combination of the choices that stand for SQL.
type Variant struct {
	Name      string            // canonical, "" when there are no such choices
	Choices   map[string]string // parameter to chosen value
	Fragments map[string]string // parameter to SQL text, as sqlparse.Substitute takes it
}

// Variants lists every combination, in a fixed order; one without choices when
// nothing stands for SQL.
func Variants(declared map[string]*config.Param) ([]Variant, error) {
	out := []Variant{{Choices: map[string]string{}, Fragments: map[string]string{}}}
	for _, name := range fragmentNames(declared) {
		choices := declared[name].Choices
		if len(out)*len(choices) > MaxVariants {
			return nil, fmt.Errorf("the choices that stand for SQL have more than %d combinations; declare fewer", MaxVariants)
		}
		next := make([]Variant, 0, len(out)*len(choices))
		for _, v := range out {
			for _, c := range choices {
				next = append(next, Variant{Choices: with(v.Choices, name, c.Value), Fragments: with(v.Fragments, name, c.Fragment)})
			}
		}
		out = next
	}
	for i := range out {
		out[i].Name = VariantName(out[i].Choices)
	}
	return out, nil
}

func with(m map[string]string, key, value string) map[string]string {
	out := make(map[string]string, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	out[key] = value
	return out
}

func fragmentNames(declared map[string]*config.Param) []string {
	var names []string
	for name, p := range declared {
		if p.HasFragments() {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// VariantName is the canonical text of a combination: sort=-price&unit=kg.
func VariantName(choices map[string]string) string {
	names := make([]string, 0, len(choices))
	for name := range choices {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + url.QueryEscape(choices[name]))
	}
	return b.String()
}

func (b *Binder) chosen(args sqlparse.Args) map[string]string {
	out := make(map[string]string, len(args)-len(b.names))
	for i := len(b.names); i < len(args); i++ {
		out[b.params[i].name] = args[i].Value.AsText()
	}
	return out
}

// Selector puts a Binder's arguments in the order of one template.
type Selector struct {
	order []int
	same  bool
}

// Selector finds each of a template's parameters among the Binder's.
func (b *Binder) Selector(params []sqlparse.Param) (Selector, error) {
	s := Selector{order: make([]int, len(params)), same: len(params) == len(b.names)}
	for i, p := range params {
		at := -1
		for j, name := range b.names {
			if name == p.Name {
				at = j
			}
		}
		if at < 0 {
			return s, fmt.Errorf("parameter %s is not bound by the endpoint", p.Name)
		}
		s.order[i] = at
		s.same = s.same && at == i
	}
	return s, nil
}

// Args returns the template's arguments. It shares args where the order is the
// same: neither may be changed.
func (s Selector) Args(args sqlparse.Args) sqlparse.Args {
	if s.same {
		return args
	}
	out := make(sqlparse.Args, len(s.order))
	for i, at := range s.order {
		out[i] = args[at]
	}
	return out
}

package bind

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"

	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/sqlparse"
)

// New resolves the parameters of an endpoint. names are those of all its
// statements, each once, in the order that Args are wanted in; params say
// what the analysis knows of them, and may name one several times. The errors
// are fit for the author of the endpoint, each a whole sentence.
func New(e Endpoint, names []string, params []sqlparse.Param) (*Binder, []error) {
	uses := merge(params)
	b := &Binder{prefix: url.QueryEscape(e.Name), vary: canonical(e.Vary)}
	var errs []error
	for _, name := range names {
		if d := e.Declared[name]; d != nil && d.HasFragments() {
			continue
		}
		p, err := resolve(e, name, uses[name])
		errs = append(errs, err...)
		b.params = append(b.params, p)
		b.names = append(b.names, name)
	}
	// Choices that stand for SQL decide the statement, so they are part of the
	// key whether or not names has them.
	for _, name := range fragmentNames(e.Declared) {
		p, err := resolve(e, name, use{})
		errs = append(errs, err...)
		b.params = append(b.params, p)
		b.choices = true
	}
	errs = append(errs, unused(e, b.params)...)
	if len(errs) > 0 {
		return nil, errs
	}
	b.byName = make([]int, len(b.params))
	for i := range b.byName {
		b.byName[i] = i
	}
	sort.Slice(b.byName, func(i, j int) bool { return b.params[b.byName[i]].name < b.params[b.byName[j]].name })
	return b, nil
}

// canonical spells header names as http.Header does, each once, in one order.
func canonical(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, http.CanonicalHeaderKey(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// use is all that is known of how the statements use one parameter.
type use struct {
	known bool // the analysis has seen it
	meets []sqlparse.ColumnRef
	limit bool
	list  bool
}

func merge(params []sqlparse.Param) map[string]use {
	out := make(map[string]use, len(params))
	for _, p := range params {
		u := out[p.Name]
		u.known = true
		u.meets = append(u.meets, p.Meets...)
		u.limit = u.limit || p.Limit
		u.list = u.list || p.List
		out[p.Name] = u
	}
	return out
}

// unused names declarations that no statement has: most are mistyped.
func unused(e Endpoint, params []*param) (errs []error) {
	has := map[string]bool{}
	for _, p := range params {
		has[p.name] = true
		if p.given != "" {
			has[p.given] = true
		}
	}
	var names []string
	for name := range e.Declared {
		if !has[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		errs = append(errs, fmt.Errorf("params declares %s, but no statement has :%s; correct one of the two, or take the declaration away", name, name))
	}
	return errs
}

func resolve(e Endpoint, name string, u use) (*param, []error) {
	if base, ok := sqlparse.GivenOf(name); ok {
		return companion(e, name, base, u), nil
	}
	d := e.Declared[name]
	if d == nil {
		d = &config.Param{}
	}
	inRoute := false
	for _, p := range e.PathParams {
		inRoute = inRoute || p == name
	}
	p := &param{
		name: name, place: placeOf(e, d, inRoute), claim: claimPath(name, d), header: http.CanonicalHeaderKey(config.HeaderName(name)),
		required: d.Required, limit: u.limit, list: d.Type == config.TypeList,
		fragment: d.HasFragments(), def: sqlparse.One(source.Null()),
	}
	p.bodyToo = p.place == inPath && e.Write
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("parameter "+name+" "+format, args...))
	}
	if d.In == config.InPath && !inRoute {
		fail("is declared in: path, but the route has no {%s}", name)
	}
	if err := p.resolveRule(d, u); err != nil {
		errs = append(errs, err)
	}
	if u.known && p.list != u.list {
		if p.list {
			fail("is declared a list, so it must stand alone in parentheses behind IN: IN (:%s)", name)
		} else {
			fail("is used as a list; declare it with type: list")
		}
	}
	if p.limit && p.rule != ruleInt {
		fail("is used as LIMIT or OFFSET, which takes an integer; declare it with type: int")
	}
	if err := p.resolveBounds(d); err != nil {
		errs = append(errs, err)
	}
	if p.choices == nil && d.Type == config.TypeChoice && len(errs) == 0 {
		fail("is of type choice and has no choices")
	}
	if len(errs) == 0 {
		if wrong := p.resolveDefault(d); wrong != "" {
			fail("has a default that cannot be used: it %s", wrong)
		}
	}
	// A choice that stands for SQL has no NULL to stand for, nor has a LIMIT.
	if (p.fragment || p.limit) && !d.HasDefault {
		p.required = true
	}
	return p, errs
}

// resolveRule finds how values are read. What is declared wins; a list or a
// choice says nothing of its values, which are read as the columns ask.
func (p *param) resolveRule(d *config.Param, u use) error {
	switch d.Type {
	case config.TypeInt:
		p.rule = ruleInt
	case config.TypeFloat:
		p.rule = ruleFloat
	case config.TypeDecimal:
		p.rule = ruleDecimal
		if r, err := u.rule(p.name); err == nil && r == ruleExact {
			p.rule = ruleExact
		}
	case config.TypeString:
		p.rule = ruleString
	case config.TypeBool:
		p.rule = ruleBool
	case config.TypeGlob:
		p.rule = ruleGlob
	case config.TypeList:
		p.rule, _ = u.rule(p.name)
	case config.TypeChoice:
		return p.resolveChoices(d, u)
	default:
		rule, err := u.rule(p.name)
		p.rule = rule
		return err
	}
	return nil
}

// resolveChoices converts the choices once. Values that meet a column are
// bound as its type; what does not convert could never be found in it.
func (p *param) resolveChoices(d *config.Param, u use) error {
	rule, err := u.rule(p.name)
	if err != nil || d.HasFragments() || rule == ruleAny {
		rule = ruleString
	}
	p.rule, p.choices = rule, make(map[string]source.Value, len(d.Choices))
	for _, c := range d.Choices {
		v, wrong := rule.text(c.Value)
		if wrong != "" {
			return fmt.Errorf("parameter %s has the choice %s, which %s like the column %s", p.name, quoted(c.Value), wrong, describe(u.meets[0]))
		}
		p.choices[c.Value] = v
	}
	return nil
}

// rule is how undeclared values are read.
func (u use) rule(name string) (rule, error) {
	if len(u.meets) == 0 {
		if u.limit {
			return ruleInt, nil
		}
		return ruleAny, nil
	}
	first := u.meets[0]
	out := ruleOf(first)
	for _, ref := range u.meets[1:] {
		if ruleOf(ref) != out {
			return ruleAny, fmt.Errorf("parameter %s meets %s and %s, whose types differ; declare its type under params", name, describe(first), describe(ref))
		}
	}
	if u.limit && out != ruleInt {
		return ruleAny, fmt.Errorf("parameter %s is used as LIMIT or OFFSET and meets %s, whose types differ; use two parameters", name, describe(first))
	}
	return out, nil
}

func describe(ref sqlparse.ColumnRef) string {
	if ref.Table == nil || ref.Column < 0 || ref.Column >= len(ref.Table.Columns) {
		return "a rowid (INTEGER)"
	}
	c := ref.Table.Columns[ref.Column]
	typ := c.DeclType
	if typ == "" {
		typ = "no type"
	}
	return ref.Table.Name + "." + c.Name + " (" + typ + ")"
}

// ruleOf reads values as the column's affinity does. SQLite gives NUMERIC
// affinity to every type name that it does not know, dates and booleans among
// them, so the name itself tells which columns hold only numbers.
func ruleOf(ref sqlparse.ColumnRef) rule {
	if ref.Table == nil || ref.Column < 0 || ref.Column >= len(ref.Table.Columns) {
		return ruleInt // a rowid
	}
	c := ref.Table.Columns[ref.Column]
	if c.Family != source.FamilyNone {
		return ruleOfFamily(c.Family)
	}
	switch c.Affinity {
	case source.AffinityInteger:
		return ruleInt
	case source.AffinityReal:
		return ruleFloat
	case source.AffinityText:
		return ruleString
	case source.AffinityNumeric:
		typ := strings.ToUpper(c.DeclType)
		switch {
		case strings.Contains(typ, "BOOL"):
			return ruleFlag
		case strings.Contains(typ, "DEC") || strings.Contains(typ, "NUM"):
			return ruleNumber
		}
		return ruleLoose
	}
	return ruleAny
}

// ruleOfFamily reads values as a column with a real type takes them.
func ruleOfFamily(f source.Family) rule {
	switch f {
	case source.FamilyInt, source.FamilyUint, source.FamilyYear:
		return ruleInt
	case source.FamilyDecimal:
		return ruleExact
	case source.FamilyFloat:
		return ruleFloat
	}
	return ruleString
}

func (p *param) resolveBounds(d *config.Param) error {
	if p.list {
		p.maxList = config.DefaultListMax
		if d.Max != nil {
			n, ok := parseDecimal(d.Max.String())
			i, fits := n.int64()
			if !ok || !fits || i < 1 || i > config.MaxListValues {
				return fmt.Errorf("parameter %s has a max that is no number of values from 1 to %d", p.name, config.MaxListValues)
			}
			p.maxList = int(i)
		}
		return nil
	}
	p.bounds = bounds{min: newBound(d.Min), max: newBound(d.Max)}
	if p.bounds != (bounds{}) && !p.rule.numeric() {
		return errors.New("parameter " + p.name + " has min or max, but is read as " + p.rule.String() + "; declare a type that is a number, or take them away")
	}
	return nil
}

// resolveDefault converts the default as a value from JSON would be.
func (p *param) resolveDefault(d *config.Param) (wrong string) {
	if !d.HasDefault {
		return ""
	}
	if d.Default == nil {
		return "is null"
	}
	arg, wrong := p.fromJSON(d.Default)
	if wrong == "" {
		p.def = arg
	}
	return wrong
}

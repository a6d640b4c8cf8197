package config

import (
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// HeaderName is the request header that a parameter declared `in: header`
// comes from: its own name, in which underscores stand for dashes.
func HeaderName(param string) string { return strings.ReplaceAll(param, "_", "-") }

func (s *section) params(e *Endpoint) map[string]*Param {
	n := s.value("params")
	if n == nil {
		return nil
	}
	if n.kind != kindMap {
		s.note(n.line, "params takes a map from parameter names to their keys, such as limit: {type: int, default: 20}, not %s", n.kind)
		return nil
	}
	if len(n.pairs) > MaxParams {
		s.note(n.line, "params declares %d parameters; at most %d are allowed", len(n.pairs), MaxParams)
		return nil
	}
	out := map[string]*Param{}
	for _, p := range n.pairs {
		if !s.r.step() {
			break
		}
		e.lines[lineKey("params", p.key)] = p.line
		if !isIdentifier(p.key) {
			s.note(p.line, "the parameter name %s must have letters, digits and underscores only, and not begin with a digit", quote(p.key))
			continue
		}
		ps := s.r.section(p.value, "parameter "+p.key, s.endpoint, paramTable)
		for _, k := range ps.n.pairs {
			e.lines[lineKey("params", p.key, k.key)] = k.line
		}
		out[p.key] = ps.param(e, p)
	}
	return out
}

func (s *section) param(e *Endpoint, at pair) *Param {
	p := &Param{Line: at.line, Required: s.boolean("required", false)}
	p.Type = s.oneOf("type", "", types...)
	p.In = s.oneOf("in", "", places...)
	s.place(p, e, at.key)
	if !s.typeBroken() {
		s.choices(p)
		s.bounds(p)
		s.defaultValue(p)
	}
	s.claim(p, e, at.key)
	return p
}

// typeBroken tells that the type was given wrongly: what depends on it is not
// judged, since every further sentence would follow from the first.
func (s *section) typeBroken() bool {
	n := s.n.get("type")
	return n != nil && n.kind != kindNull && s.oneOfQuiet(n) == ""
}

func (s *section) oneOfQuiet(n *node) string {
	if contains(types, n.text) {
		return n.text
	}
	return ""
}

// place checks where the parameter comes from against the route.
func (s *section) place(p *Param, e *Endpoint, name string) {
	line := s.line("in")
	inRoute := slices.Contains(e.PathParams(), name)
	switch {
	case e.Path == "" || p.In == "":
	case p.In == InPath && !inRoute:
		s.note(line, "parameter %s is declared in: path, but route %s has no {%s}", name, e.Route, name)
	case p.In != InPath && inRoute:
		s.note(line, "parameter %s is declared in: %s, but route %s has it in its path; rename one, or say in: path", name, p.In, e.Route)
	}
	if p.In == InBody && e.Method != "" && !e.IsWrite() {
		s.note(line, "parameter %s is declared in: body, but a GET has none; use query, path or header", name)
	}
	if p.In == InHeader {
		if wrong := checkHeader(HeaderName(name)); wrong != "" {
			s.note(line, "parameter %s is declared in: header, %s", name, wrong)
		}
	}
}

func (s *section) choices(p *Param) {
	n := s.value("choices")
	if p.Type != TypeChoice {
		if n != nil {
			s.note(s.line("choices"), "%s are only for type: choice", s.key("choices"))
		}
		return
	}
	if n == nil {
		if c := s.n.get("choices"); c == nil || c.kind != kindBroken {
			s.note(s.line("choices"), "%s is of type choice and lists no choices; write choices: [a, b], or a map from values to SQL", s.where)
		}
		return
	}
	if n.kind != kindList && n.kind != kindMap {
		s.wrong("choices", n, "a list of values, or a map from values to SQL")
		return
	}
	switch count := len(n.items) + len(n.pairs); {
	case count == 0:
		s.note(n.line, "%s is empty; write at least one", s.key("choices"))
	case count > MaxChoices:
		s.note(n.line, "%s has %d values; at most %d are allowed", s.key("choices"), count, MaxChoices)
		return
	}
	seen := map[string]bool{}
	for _, item := range n.items {
		switch {
		case !s.r.step():
			return
		case item.kind == kindBroken:
		case item.kind != kindString && item.kind != kindNumber && item.kind != kindBool:
			s.note(item.line, "a choice of %s is %s; write a single value", s.where, item.kind)
		case seen[item.text]:
			s.note(item.line, "%s lists the choice %s twice", s.where, item.show())
		default:
			seen[item.text] = true
			p.Choices = append(p.Choices, Choice{Value: item.text})
		}
	}
	for _, c := range n.pairs {
		switch {
		case !s.r.step():
			return
		case c.value.kind == kindBroken:
		case c.value.kind != kindString || strings.TrimSpace(c.value.text) == "":
			s.note(c.line, "the choice %s of %s must stand for SQL text; for plain values write a list", quote(c.key), s.where)
		default:
			p.Choices = append(p.Choices, Choice{Value: c.key, Fragment: c.value.text, HasFragment: true})
		}
	}
}

// number reads min or max, which must be a number of the parameter's type.
func (s *section) number(key string, p *Param) *json.Number {
	n := s.value(key)
	if n == nil {
		return nil
	}
	if n.kind != kindNumber && n.kind != kindString || !isNumber(n.text) {
		s.note(n.line, "%s takes a number in plain digits, not %s", s.key(key), n.show())
		return nil
	}
	if wrong := checkNumber(p.Type, n.text); wrong != "" {
		s.note(n.line, "%s is %s, %s", s.key(key), n.show(), wrong)
		return nil
	}
	out := json.Number(n.text)
	return &out
}

func (s *section) bounds(p *Param) {
	switch p.Type {
	case TypeInt, TypeFloat, TypeDecimal, "":
	case TypeList:
		s.listMax(p)
		return
	default:
		for _, key := range []string{"min", "max"} {
			if s.has(key) {
				s.note(s.line(key), "%s bounds numbers, and the type is %s; take it away", s.key(key), p.Type)
			}
		}
		return
	}
	p.Min, p.Max = s.number("min", p), s.number("max", p)
	if p.Min != nil && p.Max != nil && rat(*p.Min).Cmp(rat(*p.Max)) > 0 {
		s.note(s.line("min"), "%s is %s, which is more than max, %s", s.key("min"), s.n.get("min").show(), s.n.get("max").show())
		p.Min = nil
	}
}

func (s *section) listMax(p *Param) {
	if s.has("min") {
		s.note(s.line("min"), "%s bounds numbers, and the type is list; take it away", s.key("min"))
	}
	if p.Max = s.number("max", &Param{Type: TypeInt}); p.Max == nil {
		return
	}
	if r := rat(*p.Max); r.Cmp(big.NewRat(1, 1)) < 0 || r.Cmp(big.NewRat(MaxListValues, 1)) > 0 {
		s.note(s.line("max"), "%s is how many values the list takes, from 1 to %d", s.key("max"), MaxListValues)
		p.Max = nil
	}
}

func rat(n json.Number) *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// checkNumber says why a number does not fit a type, "" when it does.
func checkNumber(typ, text string) string {
	switch typ {
	case TypeInt:
		if r := rat(json.Number(text)); !r.IsInt() || !r.Num().IsInt64() {
			return "which is no 64-bit integer"
		}
	case TypeFloat:
		if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsInf(f, 0) {
			return "which is out of the range of a float"
		}
	}
	return ""
}

// defaultValue reads the default in the form that the type asks for.
func (s *section) defaultValue(p *Param) {
	n := s.value("default")
	if n == nil {
		return
	}
	if p.Required {
		s.note(s.line("default"), "%s is required, so its default would never be used; take one of the two away", s.where)
	}
	if p.Type == TypeList {
		p.Default, p.HasDefault = s.defaultList(p, n)
		return
	}
	v, wrong := scalarDefault(p.Type, n)
	if wrong == "" {
		wrong = outside(p, v)
	}
	if wrong != "" {
		s.note(n.line, "%s is %s, %s", s.key("default"), n.show(), wrong)
		return
	}
	p.Default, p.HasDefault = v, true
}

// scalarDefault converts a scalar to the type, "" taking any. Text counts as
// the number or truth that it spells, since what comes from the environment is
// always text; a number does not count as text, since 00501 would lose zeros.
func scalarDefault(typ string, n *node) (v any, wrong string) {
	switch n.kind {
	case kindNumber, kindString, kindBool:
	default:
		return nil, "and must be a single value"
	}
	if n.kind == kindNumber && typ != TypeChoice && !isNumber(n.text) {
		return nil, "which is no number in plain digits; put it in quotes if it is text"
	}
	switch typ {
	case TypeInt, TypeFloat, TypeDecimal:
		if n.kind == kindBool || !isNumber(n.text) {
			return nil, "which is no number, and the type is " + typ
		}
		return json.Number(n.text), checkNumber(typ, n.text)
	case TypeBool:
		switch n.text {
		case "true", "1":
			return true, ""
		case "false", "0":
			return false, ""
		}
		return nil, "which is neither true nor false"
	case TypeString, TypeGlob:
		if n.kind != kindString {
			return nil, "which is not text; put it in quotes"
		}
		return n.text, ""
	case TypeChoice:
		return n.text, ""
	}
	switch n.kind {
	case kindNumber:
		return json.Number(n.text), ""
	case kindBool:
		return n.text == "true", ""
	}
	return n.text, ""
}

// outside says which bound or list of choices a default breaks.
func outside(p *Param, v any) string {
	if num, ok := v.(json.Number); ok {
		switch r := rat(num); {
		case p.Min != nil && r.Cmp(rat(*p.Min)) < 0:
			return "which is less than min, " + p.Min.String()
		case p.Max != nil && r.Cmp(rat(*p.Max)) > 0:
			return "which is more than max, " + p.Max.String()
		}
	}
	if p.Type == TypeChoice && len(p.Choices) > 0 {
		for _, c := range p.Choices {
			if c.Value == v {
				return ""
			}
		}
		return "which is none of its choices"
	}
	return ""
}

func (s *section) defaultList(p *Param, n *node) (any, bool) {
	if n.kind != kindList {
		s.note(n.line, "%s must be a list, such as [1, 2], not %s", s.key("default"), n.kind)
		return nil, false
	}
	most := DefaultListMax
	if p.Max != nil {
		most = int(rat(*p.Max).Num().Int64())
	}
	if len(n.items) > most {
		s.note(n.line, "%s has %d values, and max is %d", s.key("default"), len(n.items), most)
		return nil, false
	}
	out := make([]any, 0, len(n.items))
	for _, item := range n.items {
		if !s.r.step() {
			return nil, false
		}
		v, wrong := scalarDefault("", item)
		if wrong != "" {
			if item.kind != kindBroken {
				s.note(item.line, "a value of %s is %s, %s", s.key("default"), item.show(), wrong)
			}
			return nil, false
		}
		out = append(out, v)
	}
	return out, true
}

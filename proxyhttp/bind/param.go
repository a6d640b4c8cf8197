package bind

import (
	"slices"
	"strings"

	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/sqlparse"
)

// place is where a parameter comes from.
type place uint8

const (
	inPath place = iota
	inQuery
	inBody
	inHeader
	inClaim
)

// where says where the parameter is expected.
func (p *param) where() string {
	switch p.place {
	case inHeader:
		return "as header " + p.header
	case inClaim:
		return "as claim " + p.claim
	}
	return [...]string{"in the path", "in the query string", "in the JSON body"}[p.place]
}

// param is one parameter, resolved.
type param struct {
	name   string
	place  place
	header string // canonical, for inHeader
	claim  string // dotted path, for inClaim
	rule   rule
	bounds bounds

	list    bool
	maxList int

	required bool
	limit    bool // NULL is an error in the database
	def      sqlparse.Arg

	// choices maps the allowed values to what is bound; fragment tells that
	// they stand for SQL instead.
	choices  map[string]source.Value
	fragment bool

	// bodyToo tells that a body may repeat a parameter of the path, as clients
	// do that send a whole object back, as long as both are the same.
	bodyToo bool

	// given names the parameter whose presence this one tells; "" for an
	// ordinary one.
	given string
}

// bind fetches and converts the parameter. wrong continues a sentence that
// begins with the parameter's name.
func (p *param) bind(r Request) (arg sqlparse.Arg, wrong string) {
	if p.given != "" {
		return p.presence(r), ""
	}
	if r.Anyone && (p.place == inHeader || p.place == inClaim) && !p.fragment {
		return sqlparse.One(source.Null()), ""
	}
	switch p.place {
	case inPath:
		text, ok := r.Path[p.name]
		if !ok {
			return p.absent()
		}
		arg, wrong = p.fromTexts(text, nil)
		if wrong == "" && p.bodyToo {
			wrong = p.sameInBody(arg, r.Body)
		}
		return arg, wrong
	case inQuery:
		return p.fromValues(r.Query[p.name])
	case inHeader:
		return p.fromValues(r.Header[p.header])
	case inClaim:
		v, ok := claimAt(r.Claims, p.claim)
		if !ok {
			return p.absent()
		}
		return p.fromJSON(v)
	}
	v, ok := r.Body[p.name]
	if !ok {
		return p.absent()
	}
	return p.fromJSON(v)
}

func (p *param) absent() (sqlparse.Arg, string) {
	if p.required {
		if p.limit {
			return sqlparse.Arg{}, "is required " + p.where() + ": it is a LIMIT or OFFSET, which cannot be NULL"
		}
		return sqlparse.Arg{}, "is required " + p.where()
	}
	return p.def, ""
}

func (p *param) fromValues(values []string) (sqlparse.Arg, string) {
	switch {
	case len(values) == 0:
		return p.absent()
	case len(values) > 1 && !p.list:
		return sqlparse.Arg{}, "is given " + itoa(len(values)) + " times " + p.where() + "; give it once"
	}
	return p.fromTexts(values[0], values[1:])
}

// fromTexts converts URL or header text; only lists have more than one.
func (p *param) fromTexts(first string, more []string) (sqlparse.Arg, string) {
	if p.list {
		return p.listOf(first, more)
	}
	if len(first) > MaxValueBytes {
		return sqlparse.Arg{}, "has more than " + itoa(MaxValueBytes) + " bytes"
	}
	v, wrong := p.text(first)
	if wrong != "" {
		return sqlparse.Arg{}, p.must(wrong, quoted(first))
	}
	return sqlparse.One(v), ""
}

// must ends a sentence with what was given. Headers and claims are not
// repeated: they may carry secrets, and the sentence goes into logs.
func (p *param) must(wrong, given string) string {
	if p.place == inHeader || p.place == inClaim {
		return wrong
	}
	if strings.HasPrefix(wrong, "must not") {
		return wrong + ", as " + given + " does"
	}
	return wrong + ", not " + given
}

// text converts one text. wrong says what it must be.
func (p *param) text(s string) (source.Value, string) {
	if p.choices != nil {
		if v, ok := p.choices[s]; ok {
			return v, ""
		}
		return source.Value{}, "must be one of " + p.choiceList()
	}
	v, wrong := p.rule.text(s)
	if wrong == "" {
		wrong = p.bounds.check(v)
	}
	return v, wrong
}

func (p *param) fromJSON(v any) (sqlparse.Arg, string) {
	if v == nil {
		if p.required || p.fragment || p.limit {
			return sqlparse.Arg{}, "must not be null"
		}
		return sqlparse.One(source.Null()), ""
	}
	if p.list {
		return p.listOfJSON(v)
	}
	value, wrong := p.json(v)
	if wrong != "" {
		return sqlparse.Arg{}, p.must(wrong, shown(v))
	}
	return sqlparse.One(value), ""
}

func (p *param) json(v any) (source.Value, string) {
	if p.choices != nil {
		text, ok := jsonText(v)
		if !ok {
			return source.Value{}, "must be one of " + p.choiceList()
		}
		return p.text(text)
	}
	value, wrong := p.rule.json(v)
	if wrong == "" {
		wrong = p.bounds.check(value)
	}
	return value, wrong
}

// sameInBody refuses a body that contradicts the path.
func (p *param) sameInBody(arg sqlparse.Arg, body map[string]any) string {
	v, ok := body[p.name]
	if !ok {
		return ""
	}
	const differs = "has another value in the JSON body than in the path; leave it out of the body"
	if p.list {
		return "is in the path; leave it out of the JSON body"
	}
	if v == nil {
		return differs
	}
	if value, wrong := p.json(v); wrong != "" || value != arg.Value {
		return differs
	}
	return ""
}

// choiceList prints the allowed values, the first few of many.
func (p *param) choiceList() string {
	const most = 12
	names := make([]string, 0, len(p.choices))
	for name := range p.choices {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and " + itoa(len(names)-most) + " more"
	}
	return strings.Join(names, ", ")
}

// placeOf resolves where a parameter comes from.
func placeOf(e Endpoint, d *config.Param, inRoute bool) place {
	declared := ""
	if d != nil {
		declared = d.In
	}
	switch {
	case declared == config.InPath || declared == "" && inRoute:
		return inPath
	case declared == config.InHeader:
		return inHeader
	case declared == config.InClaim:
		return inClaim
	case declared == config.InBody || declared == "" && e.Write:
		return inBody
	}
	return inQuery
}

package bind

// View describes one parameter to those who write requests: where it comes
// from and what it is read as. What is declared about it besides is in the
// configuration.
type View struct {
	Name   string
	In     string // path, query, body, header, claim
	Header string // the header's name, for those that come from one
	// Kind is what one value must be: any, string, integer, number, boolean,
	// scalar (a text or a number) or flag (true, false or a number).
	Kind     string
	List     bool
	MaxList  int
	Required bool
	// Nullable tells that a body may hold null.
	Nullable bool
}

// Views lists the parameters that a request can have, in the order of Names and
// then the choices that stand for SQL.
func (b *Binder) Views() []View {
	var out []View
	for _, p := range b.params {
		if p.given != "" {
			continue // told by the presence of another one
		}
		v := View{Name: p.name, In: p.place.String(), Kind: p.rule.kind(), List: p.list, MaxList: p.maxList,
			Required: p.required || p.place == inPath, Nullable: !p.required && !p.fragment && !p.limit}
		if p.place == inHeader {
			v.Header = p.header
		}
		out = append(out, v)
	}
	return out
}

func (p place) String() string {
	return [...]string{"path", "query", "body", "header", "claim"}[p]
}

func (r rule) kind() string {
	return [...]string{"any", "string", "string", "integer", "number", "number", "number", "number", "scalar", "flag", "boolean"}[r]
}

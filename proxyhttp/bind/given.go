package bind

import (
	"edgecache/source"
	"edgecache/sqlparse"
)

// companion resolves :base.given, which is found where base itself is.
func companion(e Endpoint, name, base string, u use) *param {
	inRoute := false
	for _, p := range e.PathParams {
		inRoute = inRoute || p == base
	}
	p, _ := resolve(e, base, use{}) // what is wrong with base is told with base
	return &param{
		name: name, given: base, place: placeOf(e, e.Declared[base], inRoute), header: p.header, claim: p.claim,
		rule: ruleInt, limit: u.limit, def: sqlparse.One(source.Int(0)),
	}
}

// presence is 1 when the request has the parameter, be it null.
func (p *param) presence(r Request) sqlparse.Arg {
	ok := false
	switch p.place {
	case inPath:
		_, ok = r.Path[p.given]
	case inQuery:
		ok = len(r.Query[p.given]) > 0
	case inHeader:
		ok = len(r.Header[p.header]) > 0
	case inClaim:
		_, ok = claimAt(r.Claims, p.claim)
	case inBody:
		_, ok = r.Body[p.given]
	}
	if ok {
		return sqlparse.One(source.Int(1))
	}
	return p.def
}

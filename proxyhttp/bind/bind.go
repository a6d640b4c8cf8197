// Package bind turns a request into the arguments of an endpoint's SQL and
// into the key of its response.
//
// New resolves every parameter once: where it comes from, what it is read as,
// its bounds and its default. Bind then goes through the resolved list: it
// fetches each value, converts it, and writes it into the arguments and into
// the key. It says everything that is wrong with a request at once.
//
// INVARIANT (I6): two requests with one Key have the same Args, the same
// Choices and the same vary headers. The key is written from the very values
// that are bound, each with its type and length, so whatever tells two
// arguments apart tells their keys apart. It errs on the side of more keys:
// 1 and 1.0 and '1' are three.
//
// A value is never changed to something near it. What does not convert
// exactly is a BadParam: integers beyond 64 bits, fractions for an integer,
// infinite floats, text that is not UTF-8 or holds a NUL byte.
//
// How values are read, by what is declared or, undeclared, by the column met:
//
//	type            URL text                     JSON
//	int, INTEGER    an exact integer             number or text that is one; true and false are 1 and 0
//	float, REAL     the nearest finite float     the same
//	NUMERIC column  an integer if it is one, else a float
//	DATE and such   a number if it looks like one, else text, as SQLite's NUMERIC affinity has it
//	BOOLEAN column  true, false or a number
//	decimal         all digits are kept          the same
//	string, TEXT    as it is                     text; a number, true and false become their JSON text
//	bool            true, false, 1, 0 as 1 and 0 the same
//	no column       text                         its own type; true and false are 1 and 0
//
// A decimal is an INTEGER where it is one, a REAL where a REAL has the very
// same digits, and else TEXT with canonical digits. SQLite compares such TEXT
// with a numeric column after converting it to the nearest REAL, and stores
// that in one; in a TEXT column all digits stay.
//
// An absent parameter is its default, else NULL. JSON null is NULL, whatever
// the default. Where that difference matters, as to a PATCH, the companion
// :name.given is 1 when the request has the parameter, null included, and 0
// when it has not; a default does not count as given.
//
// A claim comes from the verified token and from nowhere else: no path, query,
// header or body can stand in for it. It is part of the key as every parameter
// is, so two identities that the SQL can tell apart never share a response.
//
// The package parses no SQL and no HTTP: it is given decoded maps.
package bind

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"edgecache/proxyhttp/config"
	"edgecache/sqlparse"
)

// Limits of one request. Passing one is a BadParam.
const (
	MaxQueryParams = 1000
	MaxNameBytes   = 256
	MaxValueBytes  = 64 << 10 // of one value in the URL or a header
	MaxBodyBytes   = 1 << 20  // of one value in the body
)

// Endpoint is what New needs to know of an endpoint.
type Endpoint struct {
	Name       string
	PathParams []string
	Write      bool
	Declared   map[string]*config.Param
	Vary       []string // canonical header names, sorted
}

// For picks out of a configured endpoint what New needs.
func For(e *config.Endpoint) Endpoint {
	return Endpoint{Name: e.Name, PathParams: e.PathParams(), Write: e.IsWrite(), Declared: e.Params, Vary: e.Vary}
}

// Request is a decoded request. Body holds what encoding/json decodes with
// UseNumber; nil is the empty object.
type Request struct {
	Path   map[string]string
	Query  url.Values
	Header http.Header
	Body   map[string]any
	// Claims are those of the verified token; nil: there is none.
	Claims map[string]any
	// Anyone leaves headers and claims out: a URL alone tells nothing of them.
	// They are bound to NULL, required or not, and the key is of no use.
	Anyone bool
}

// Bound is a request after typing and defaults.
type Bound struct {
	// Args are in the order of Binder.Names. A list parameter that is absent
	// is a single NULL; one that is empty is a list of none.
	Args sqlparse.Args
	// Choices holds, for each choice that stands for SQL, the value chosen;
	// nil when the endpoint has none. Variant is its canonical text.
	Choices map[string]string
	Variant string
	// Key is the canonical name of the response.
	Key string

	binder *Binder
}

// BadParam is one thing that is wrong with a request. Name is the parameter,
// or "" for the request as a whole.
type BadParam struct {
	Name    string
	Message string
	// Claim tells that it is the request's identity that does not do, which no
	// other spelling of the request mends.
	Claim bool
}

// Binder binds the requests of one endpoint. It is immutable and may be used
// from many goroutines.
type Binder struct {
	params  []*param // the names in their order, then choices that stand for SQL
	names   []string // of the bound parameters
	byName  []int    // positions in params, sorted by name: the order of the key
	prefix  string   // how every key of the endpoint begins
	vary    []string
	choices bool
}

// Names lists the parameters that Bound.Args binds, in its order.
func (b *Binder) Names() []string { return b.names }

// Bind converts a request. It returns either what is bound, or everything that
// is wrong.
func (b *Binder) Bind(r Request) (*Bound, []BadParam) {
	bad := limits(r)
	out := &Bound{Args: make(sqlparse.Args, len(b.params)), binder: b}
	for i, p := range b.params {
		arg, wrong := p.bind(r)
		if wrong != "" {
			bad = append(bad, BadParam{Name: p.name, Message: "parameter " + p.name + " " + wrong, Claim: p.place == inClaim})
			continue
		}
		out.Args[i] = arg
	}
	bad = append(bad, b.limitVary(r)...)
	if len(bad) > 0 {
		return nil, bad
	}
	out.Key = b.key(out.Args, r.Header)
	if b.choices {
		out.Choices = b.chosen(out.Args)
		out.Variant = VariantName(out.Choices)
	}
	out.Args = out.Args[:len(b.names):len(b.names)]
	return out, nil
}

// limits checks the request as a whole, parameters that no SQL names included.
func limits(r Request) (bad []BadParam) {
	count := 0
	for name, values := range r.Query {
		count += len(values)
		if len(name) > MaxNameBytes {
			bad = append(bad, BadParam{Message: "the query string has a name of more than " + itoa(MaxNameBytes) + " bytes"})
		}
		for _, v := range values {
			if len(v) > MaxValueBytes {
				bad = append(bad, BadParam{Name: shorten(name), Message: "parameter " + shorten(name) + " has more than " + itoa(MaxValueBytes) + " bytes"})
				break
			}
		}
	}
	// Maps have no order, and an answer should not change by chance.
	slices.SortFunc(bad, func(a, b BadParam) int { return strings.Compare(a.Message, b.Message) })
	if count > MaxQueryParams {
		bad = append(bad, BadParam{Message: "the query string has more than " + itoa(MaxQueryParams) + " parameters"})
	}
	if len(r.Body) > MaxQueryParams {
		bad = append(bad, BadParam{Message: "the body has more than " + itoa(MaxQueryParams) + " keys"})
	}
	return bad
}

func (b *Binder) limitVary(r Request) (bad []BadParam) {
	for _, h := range b.vary {
		for _, v := range r.Header[h] {
			if len(v) > MaxValueBytes {
				bad = append(bad, BadParam{Name: h, Message: "header " + h + " has more than " + itoa(MaxValueBytes) + " bytes"})
				break
			}
		}
	}
	return bad
}

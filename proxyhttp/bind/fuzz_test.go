package bind

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"unicode/utf8"

	"edgecache/source"
)

func number(s string) json.Number { return json.Number(s) }

func fuzzRequest(query, body, header string) (Request, bool) {
	q, err := url.ParseQuery(query)
	if err != nil {
		return Request{}, false
	}
	r := Request{Query: q, Header: http.Header{"Accept": {header}}}
	if header == "" {
		r.Header = nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(body)))
	dec.UseNumber()
	if body != "" && dec.Decode(&r.Body) != nil {
		return Request{}, false
	}
	return r, true
}

// FuzzKey holds I6 on any two requests: their keys are equal exactly when all
// that is bound is, and what is bound can be read back from a key.
func FuzzKey(f *testing.F) {
	f.Add("q=1&lq=1,2", `{"s":"a","l":[1,"1"]}`, "", "lq=2&lq=1&q=1", `{"l":["1",1],"s":"a"}`, "")
	f.Add("", `{"dec":1.50,"n":"9007199254740993.5"}`, "de", "", `{"dec":"1.5"}`, "n")
	f.Add("q=t1:a", `{"i":1e3,"g":"*_%","sort":"y"}`, "1:x", "q=", `{"c":1,"r":-0.0,"a":null}`, "1")
	b := parseSpec(f, keySpec).binder(f)
	f.Fuzz(func(t *testing.T, q1, b1, h1, q2, b2, h2 string) {
		first, ok := fuzzRequest(q1, b1, h1)
		if !ok {
			return
		}
		x, bad := b.Bind(first)
		if bad != nil {
			for _, m := range bad {
				if m.Message == "" || !utf8.ValidString(m.Message) {
					t.Fatalf("a message that cannot be sent: %q", m.Message)
				}
			}
			return
		}
		decodes(t, b, x, first.Header)
		exact(t, x)
		second, ok := fuzzRequest(q2, b2, h2)
		if !ok {
			return
		}
		y, bad := b.Bind(second)
		if bad != nil {
			return
		}
		if same := identity(x, first.Header) == identity(y, second.Header); same != (x.Key == y.Key) {
			t.Fatalf("same=%t\n%s\n%s", same, x.Key, y.Key)
		}
	})
}

// exact holds that only text which the database can keep is bound.
func exact(t *testing.T, b *Bound) {
	t.Helper()
	for i, a := range b.Args {
		for _, v := range append(a.List, a.Value) {
			if v.Kind() == source.KindText && checkText(v.AsText()) != "" {
				t.Fatalf("%s is bound to %q", b.binder.names[i], v.AsText())
			}
			if v.IsUnknown() && !a.IsList {
				t.Fatalf("%s is bound to nothing", b.binder.names[i])
			}
		}
	}
}

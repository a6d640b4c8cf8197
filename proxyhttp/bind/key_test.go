package bind

import (
	"fmt"
	"math/rand"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"edgecache/source"
	"edgecache/sqlparse"
)

// keySpec has every rule, a list, both kinds of choice and two vary headers.
var keySpec = []string{
	"route POST /v1/x",
	"params {q: {in: query}, l: {type: list}, lq: {type: list, in: query}, g: {type: glob}, dec: {type: decimal}, c: {type: choice, choices: [a, b, \"1\"]}, sort: {type: choice, choices: {x: \"1\", y: \"2\"}, default: x}, def: {type: int, default: 1}, ten: {in: claim, claim: org.id}, roles: {in: claim, type: list}, lang: {in: header}}",
	"meets s s", "meets i i", "meets r r", "meets n n", "meets d d", "meets a", "meets q", "meets l list", "meets lq i list",
	"meets g s", "meets dec n", "meets c", "meets def i", "unseen sort",
	"meets ten", "meets roles list", "meets lang s", "unseen s.given", "unseen ten.given", "unseen lang.given",
	"vary Accept X-Tenant",
}

// identity prints what a Bound depends on with Go's own quoting: the naive twin
// of the key.
func identity(b *Bound, h http.Header) string {
	var out strings.Builder
	for _, a := range b.Args {
		fmt.Fprintf(&out, "%t %v %q ", a.IsList, a.Value.Kind(), a.Value.String())
		for _, v := range a.List {
			fmt.Fprintf(&out, "%v %q ", v.Kind(), v.String())
		}
	}
	fmt.Fprintf(&out, "%q %q %q", b.Choices, h["Accept"], h["X-Tenant"])
	return strings.ReplaceAll(out.String(), "[]string(nil)", "[]")
}

// texts has few values, many of which look like parts of keys.
var texts = rapid.SampledFrom([]string{"", "1", "1.0", "01", "a", "b", "x", "n", "null", "i1", "t1:a", "&i=i1", "t1:a&i=i1", "1,2", "2,1", "1,", ";Accept=n", "%", "*", "\\", "-0", "0", "é"})

// valuesOf draws values that a parameter takes, in every form that it takes
// them: most pairs of requests are then both good, and often the same.
func valuesOf(name string) *rapid.Generator[any] {
	words := rapid.Map(texts, func(s string) any { return s })
	numbers := rapid.Map(rapid.SampledFrom([]string{"1", "1.0", "0", "-0.0", "1e0", "2"}), func(s string) any { return number(s) })
	spelled := rapid.Map(rapid.SampledFrom([]string{"1", "1.0", "01", "0", "-0", "2"}), func(s string) any { return s })
	others := rapid.SampledFrom([]any{nil, true, false})
	switch name {
	case "i", "r", "n", "dec", "def":
		return rapid.OneOf(numbers, spelled, others)
	case "c":
		return rapid.SampledFrom([]any{nil, "a", "b", "1", number("1")})
	case "sort":
		return rapid.SampledFrom([]any{"x", "y"})
	}
	return rapid.OneOf(words, numbers, others)
}

func requests(t *rapid.T) Request {
	r := Request{Query: url.Values{}, Header: http.Header{}, Body: map[string]any{}}
	for _, name := range []string{"s", "i", "r", "n", "d", "a", "g", "dec", "c", "def", "sort", "utm"} {
		if rapid.Bool().Draw(t, name+" given") {
			r.Body[name] = valuesOf(name).Draw(t, name)
		}
	}
	if rapid.Bool().Draw(t, "l given") {
		r.Body["l"] = rapid.SliceOfN(valuesOf("l").Filter(func(v any) bool { return v != nil }), 0, 3).Draw(t, "l")
	}
	if rapid.Bool().Draw(t, "q given") {
		r.Query["q"] = []string{texts.Draw(t, "q")}
	}
	if rapid.Bool().Draw(t, "lq given") {
		r.Query["lq"] = rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "1,2", "2,1"}), 1, 3).Draw(t, "lq")
	}
	if rapid.Bool().Draw(t, "a token") {
		r.Claims = map[string]any{"sub": "x"}
		if rapid.Bool().Draw(t, "ten given") {
			r.Claims["org"] = map[string]any{"id": valuesOf("ten").Draw(t, "ten")}
		}
		if rapid.Bool().Draw(t, "roles given") {
			r.Claims["roles"] = rapid.SliceOfN(valuesOf("roles").Filter(func(v any) bool { return v != nil }), 0, 3).Draw(t, "roles")
		}
	}
	if rapid.Bool().Draw(t, "lang given") {
		r.Header["Lang"] = []string{texts.Draw(t, "lang")}
	}
	for _, h := range []string{"Accept", "X-Tenant", "Other"} {
		if n := rapid.IntRange(0, 2).Draw(t, h); n > 0 {
			r.Header[h] = rapid.SliceOfN(texts, n, n).Draw(t, h)
		}
	}
	return r
}

// TestKeyIsIdentity holds I6: keys are equal exactly when everything that is
// bound is. The second request differs from the first in one place, or not at
// all, or in all, since two random ones hardly ever meet.
func TestKeyIsIdentity(t *testing.T) {
	b := parseSpec(t, keySpec).binder(t)
	compared, equal := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		first := requests(t)
		for range 20 {
			second := differingIn(t, first, rapid.SampledFrom(places).Draw(t, "differs in"))
			x, badX := b.Bind(first)
			y, badY := b.Bind(second)
			if badX != nil || badY != nil {
				continue
			}
			same := identity(x, first.Header) == identity(y, second.Header)
			if same != (x.Key == y.Key) {
				t.Fatalf("same=%t\n%s\n%s\n%s\n%s", same, x.Key, y.Key, identity(x, first.Header), identity(y, second.Header))
			}
			decodes(t, b, y, second.Header)
			compared++
			if same {
				equal++
			}
		}
	})
	if compared < 1000 || equal < 100 || compared-equal < 100 {
		t.Errorf("%d pairs compared, %d of them equal: too few to tell", compared, equal)
	}
}

var places = []string{"", "s", "i", "r", "n", "d", "a", "l", "g", "dec", "c", "def", "sort", "query", "header", "claims", "all"}

func differingIn(t *rapid.T, first Request, place string) Request {
	second := requests(t)
	if place == "all" {
		return second
	}
	body := map[string]any{}
	for k, v := range first.Body {
		body[k] = v
	}
	if v, ok := second.Body[place]; ok {
		body[place] = v
	} else {
		delete(body, place)
	}
	second.Body = body
	if place != "query" {
		second.Query = first.Query
	}
	if place != "header" {
		second.Header = first.Header
	}
	if place != "claims" {
		second.Claims = first.Claims
	}
	return second
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// decodes holds that a plain key can be read back to exactly what was bound,
// which is the reason why no two things share one.
func decodes(t fataler, b *Binder, bound *Bound, h http.Header) {
	t.Helper()
	if len(bound.Key) > maxKey {
		if len(bound.Key) != maxKey+64 || bound.Key[keyHead] != '#' {
			t.Fatalf("a hashed key of %d bytes", len(bound.Key))
		}
		return
	}
	d := decoder{rest: bound.Key, args: map[string]sqlparse.Arg{}, headers: map[string][]string{}, choices: map[string]string{}}
	if err := d.run(b); err != nil {
		t.Fatalf("%v in %q", err, bound.Key)
	}
	for i, name := range b.names {
		want, got := bound.Args[i], d.args[name]
		if fmt.Sprint(want.List) != fmt.Sprint(got.List) || want.IsList != got.IsList || !want.IsList && want.Value != got.Value {
			t.Fatalf("%s is bound to %v and decoded as %v from %q", name, want, got, bound.Key)
		}
	}
	for name, want := range bound.Choices {
		if d.choices[name] != want {
			t.Fatalf("choice %s is %q and decoded as %q", name, want, d.choices[name])
		}
	}
	for _, name := range b.vary {
		if fmt.Sprintf("%q", d.headers[name]) != fmt.Sprintf("%q", h[name]) {
			t.Fatalf("header %s is %q and decoded as %q", name, h[name], d.headers[name])
		}
	}
}

// decoder reads a key back. It knows the format, but not how it was written.
type decoder struct {
	rest    string
	args    map[string]sqlparse.Arg
	choices map[string]string
	headers map[string][]string
}

func (d *decoder) run(b *Binder) error {
	d.rest = strings.TrimPrefix(d.rest, b.prefix)
	for d.rest != "" {
		separator := d.rest[0]
		name, rest, ok := strings.Cut(d.rest[1:], "=")
		if !ok {
			return fmt.Errorf("no name at %q", d.rest)
		}
		d.rest = rest
		switch {
		case separator == ';':
			d.headers[name] = d.header()
		case separator != '?' && separator != '&':
			return fmt.Errorf("no separator at %q", d.rest)
		case strings.HasPrefix(d.rest, "c"):
			d.rest = d.rest[1:]
			d.choices[name] = d.value().AsText()
		default:
			d.args[name] = d.arg()
		}
	}
	return nil
}

func (d *decoder) count() int {
	digits, rest, _ := strings.Cut(d.rest, ":")
	d.rest = rest
	n, _ := strconv.Atoi(digits)
	return n
}

func (d *decoder) text() string {
	n := min(d.count(), len(d.rest))
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) arg() sqlparse.Arg {
	if !strings.HasPrefix(d.rest, "l") {
		return sqlparse.One(d.value())
	}
	d.rest = d.rest[1:]
	out := sqlparse.Arg{IsList: true}
	for range d.count() {
		out.List = append(out.List, d.value())
		d.rest = strings.TrimPrefix(d.rest, ",")
	}
	return out
}

func (d *decoder) value() source.Value {
	if d.rest == "" {
		return source.Unknown()
	}
	tag := d.rest[0]
	d.rest = d.rest[1:]
	end := strings.IndexAny(d.rest, ",&;")
	if end < 0 {
		end = len(d.rest)
	}
	switch tag {
	case 'n':
		return source.Null()
	case 't':
		return source.Text(d.text())
	case 'i':
		i, _ := strconv.ParseInt(d.rest[:end], 10, 64)
		d.rest = d.rest[end:]
		return source.Int(i)
	case 'f':
		f, _ := strconv.ParseFloat(d.rest[:end], 64)
		d.rest = d.rest[end:]
		return source.Float(f)
	}
	return source.Unknown()
}

func (d *decoder) header() []string {
	tag := d.rest[0]
	d.rest = d.rest[1:]
	if tag == 'n' {
		return nil
	}
	var out []string
	for range d.count() {
		out = append(out, d.text())
	}
	return out
}

// TestKeyIsCanonical holds that order and unknown parameters make no new key,
// and that the order in which statements name parameters makes none either.
func TestKeyIsCanonical(t *testing.T) {
	b := parseSpec(t, []string{"meets b s", "meets a i"}).binder(t)
	turned := parseSpec(t, []string{"meets a i", "meets b s"}).binder(t)
	want := ""
	for _, q := range []string{"b=1&a=2", "a=2&b=1", "a=2&b=1&utm=x", "a=02&b=1", "utm=&b=1&a=2.0"} {
		values, err := url.ParseQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		for _, binder := range []*Binder{b, turned} {
			bound, bad := binder.Bind(Request{Query: values})
			if len(bad) > 0 {
				t.Fatal(bad)
			}
			if want == "" {
				want = bound.Key
			}
			if bound.Key != want {
				t.Errorf("%s: %s, want %s", q, bound.Key, want)
			}
		}
	}
	if want != "e?a=i2&b=t1:1" {
		t.Errorf("key %s", want)
	}
}

// TestEndpointNamesKeepApart holds that no name can look like another's key.
func TestEndpointNamesKeepApart(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"e", "e?a=n", "e%3Fa=n", "e;", "GET /v1/x", "GET+/v1/x", ""} {
		b, errs := New(Endpoint{Name: name}, []string{"a"}, nil)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		bound, _ := b.Bind(Request{})
		if other, ok := seen[bound.Key]; ok {
			t.Errorf("%q and %q share the key %s", name, other, bound.Key)
		}
		seen[bound.Key] = name
	}
}

// TestLongKeys holds that a key's length is bounded, and that long keys stay
// apart from each other and from every short one.
func TestLongKeys(t *testing.T) {
	b := parseSpec(t, []string{"meets s s"}).binder(t)
	seen := map[string]bool{}
	rng := rand.New(rand.NewSource(1))
	count := 0
	for _, n := range []int{900, 1000, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1020, 1023, 1024, 1025, 2000, 60000} {
		for range 20 {
			text := make([]byte, n)
			for i := range text {
				text[i] = 'a'
			}
			for range 3 { // the difference is anywhere, also far behind the head
				text[rng.Intn(n)] = byte('b' + rng.Intn(24))
			}
			bound, bad := b.Bind(Request{Query: url.Values{"s": {string(text)}}})
			if len(bad) > 0 {
				t.Fatal(bad)
			}
			if len(bound.Key) > maxKey+64 {
				t.Fatalf("%d bytes of text make a key of %d", n, len(bound.Key))
			}
			decodes(t, b, bound, nil)
			seen[bound.Key] = true
			count++
		}
	}
	if len(seen) < count-2 { // a random text may come twice
		t.Errorf("%d texts have %d keys", count, len(seen))
	}
	// The shortest key that is a hash, given again as text, is not that key.
	long, _ := b.Bind(Request{Query: url.Values{"s": {strings.Repeat("a", 2000)}}})
	again, _ := b.Bind(Request{Query: url.Values{"s": {long.Key[strings.Index(long.Key, ":")+1:]}}})
	if long.Key == again.Key {
		t.Error("a text that looks like a hashed key shares it")
	}
}

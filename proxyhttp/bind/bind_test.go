package bind

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/sqlparse"
)

// shop is the table that tests' parameters meet.
var shop = &source.Table{Name: "t", Columns: []source.Column{
	{Name: "i", DeclType: "INTEGER", Affinity: source.AffinityInteger},
	{Name: "r", DeclType: "REAL", Affinity: source.AffinityReal},
	{Name: "s", DeclType: "TEXT", Affinity: source.AffinityText},
	{Name: "n", DeclType: "DECIMAL(10,2)", Affinity: source.AffinityNumeric},
	{Name: "d", DeclType: "DATE", Affinity: source.AffinityNumeric},
	{Name: "f", DeclType: "BOOLEAN", Affinity: source.AffinityNumeric},
	{Name: "b", DeclType: "", Affinity: source.AffinityBlob},
}}

// spec builds a Binder from one line a thing:
//
//	endpoint PUT /v1/x/{id}
//	params <yaml of params, in flow style>
//	meets p t.i t.r limit list
//	vary Accept
type spec struct {
	route  string
	params string
	vary   []string
	names  []string
	uses   []sqlparse.Param
}

func parseSpec(t testing.TB, lines []string) spec {
	t.Helper()
	s := spec{route: "GET /v1/x", params: "{}"}
	for _, line := range lines {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "route":
			s.route = rest
		case "params":
			s.params = rest
		case "vary":
			s.vary = strings.Fields(rest)
		case "meets":
			f := strings.Fields(rest)
			p := sqlparse.Param{Name: f[0]}
			for _, what := range f[1:] {
				switch what {
				case "limit":
					p.Limit = true
				case "list":
					p.List = true
				case "rowid":
					p.Meets = append(p.Meets, sqlparse.ColumnRef{Table: shop, Column: -1})
				default:
					p.Meets = append(p.Meets, sqlparse.ColumnRef{Table: shop, Column: shop.Column(what)})
				}
			}
			s.uses = append(s.uses, p)
			s.names = append(s.names, p.Name)
		case "unseen": // a name that the analysis knows nothing of
			s.names = append(s.names, rest)
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	return s
}

// endpoint parses the spec's route and params as a file would have them. What
// the configuration refuses is thereby no case of this package.
func (s spec) endpoint(t testing.TB) Endpoint {
	t.Helper()
	c := &config.Config{Server: config.Server{Auth: &config.Auth{}}, Sources: []*config.Source{{Name: "main"}}, Defaults: config.Defaults{TTL: 1, Consistency: config.Strict, Rehydrate: config.Eager}}
	e, mistakes := config.ParseEndpoint([]byte("name: e\nsql: x\nroute: "+s.route+"\nparams: "+s.params+"\n"), c, nil)
	if len(mistakes) > 0 {
		t.Fatalf("the test's own endpoint is wrong: %v", mistakes)
	}
	e.Vary = s.vary
	return For(e)
}

func (s spec) binder(t testing.TB) *Binder {
	t.Helper()
	b, errs := New(s.endpoint(t), s.names, s.uses)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return b
}

// parseRequest reads "?a=1 {"json":1} path:id=5 Header:value".
func parseRequest(t testing.TB, line string) Request {
	t.Helper()
	r := Request{Path: map[string]string{}, Header: http.Header{}}
	for _, part := range strings.Split(line, " | ") {
		switch part = strings.TrimSpace(part); {
		case part == "":
		case part[0] == '?':
			q, err := url.ParseQuery(part[1:])
			if err != nil {
				t.Fatal(err)
			}
			r.Query = q
		case part[0] == '{', strings.HasPrefix(part, "claims:"):
			into := &r.Body
			if part[0] != '{' {
				into, part = &r.Claims, part[len("claims:"):]
			}
			dec := json.NewDecoder(strings.NewReader(part))
			dec.UseNumber()
			if err := dec.Decode(into); err != nil {
				t.Fatal(err)
			}
		case part == "anyone":
			r.Anyone = true
		case strings.HasPrefix(part, "path:"):
			name, value, _ := strings.Cut(part[5:], "=")
			r.Path[name] = value
		default:
			name, value, _ := strings.Cut(part, ":")
			r.Header.Add(name, strings.TrimSpace(value))
		}
	}
	return r
}

func printArgs(b *Binder, args sqlparse.Args) string {
	var parts []string
	for i, a := range args {
		text := a.Value.String()
		if a.IsList {
			text = source.Row(a.List).String()
		}
		parts = append(parts, b.names[i]+"="+text)
	}
	return strings.Join(parts, " ")
}

// TestGolden reads testdata/golden. "new" makes a Binder and prints its
// errors; "bind" binds one request a line with the last Binder made.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		var b *Binder
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "new":
				s := parseSpec(t, strings.Split(d.Input, "\n"))
				var errs []error
				if b, errs = New(s.endpoint(t), s.names, s.uses); len(errs) > 0 {
					var out strings.Builder
					for _, err := range errs {
						out.WriteString(err.Error() + "\n")
					}
					return out.String()
				}
				return "ok"
			case "bind":
				var out strings.Builder
				for _, line := range strings.Split(d.Input, "\n") {
					out.WriteString(bindLine(t, b, line))
				}
				return out.String()
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func bindLine(t *testing.T, b *Binder, line string) string {
	bound, bad := b.Bind(parseRequest(t, line))
	if len(bad) > 0 {
		var out strings.Builder
		for _, m := range bad {
			fmt.Fprintf(&out, "400 %s: %s\n", m.Name, m.Message)
		}
		return out.String()
	}
	text := printArgs(b, bound.Args)
	if bound.Variant != "" {
		text += " [" + bound.Variant + "]"
	}
	return text + "  <- " + bound.Key + "\n"
}

func TestLimits(t *testing.T) {
	b := parseSpec(t, []string{"meets s s", "meets ids i list", "params {ids: {type: list, max: 10000}}", "vary Accept"}).binder(t)
	many := url.Values{"x": make([]string, MaxQueryParams+1)}
	for name, c := range map[string]struct {
		r    Request
		want string
	}{
		"parameters":   {Request{Query: many}, "more than 1000 parameters"},
		"name":         {Request{Query: url.Values{strings.Repeat("n", MaxNameBytes+1): {""}}}, "name of more than 256 bytes"},
		"value":        {Request{Query: url.Values{"s": {strings.Repeat("v", MaxValueBytes+1)}}}, "parameter s has more than 65536 bytes"},
		"unused value": {Request{Query: url.Values{"utm": {strings.Repeat("v", MaxValueBytes+1)}}}, "parameter utm has more than 65536 bytes"},
		"vary":         {Request{Header: http.Header{"Accept": {strings.Repeat("v", MaxValueBytes+1)}}}, "header Accept has more than 65536 bytes"},
		"list":         {Request{Query: url.Values{"ids": {strings.Repeat("1,", 10000) + "1"}}}, "at most 10000 values, not 10001"},
	} {
		if _, bad := b.Bind(c.r); len(bad) == 0 || !strings.Contains(fmt.Sprint(bad), c.want) {
			t.Errorf("%s: %.300v", name, bad)
		}
	}
	if _, bad := b.Bind(Request{Query: url.Values{"s": {strings.Repeat("v", MaxValueBytes)}, "x": make([]string, 999)}}); len(bad) > 0 {
		t.Errorf("at the limits: %.300v", bad)
	}
	w := parseSpec(t, []string{"route POST /v1/x", "meets s s"}).binder(t)
	if _, bad := w.Bind(Request{Body: map[string]any{"s": strings.Repeat("v", MaxBodyBytes+1)}}); len(bad) != 1 || len(bad[0].Message) > 200 {
		t.Errorf("a body value that is too large: %.300v", bad)
	}
}

func TestBadText(t *testing.T) {
	b := parseSpec(t, []string{"meets s s", "meets a", "meets g s", "params {g: {type: glob}}"}).binder(t)
	for _, text := range []string{"\xff", "a\x00b", "ok\xc3"} {
		_, bad := b.Bind(Request{Query: url.Values{"s": {text}, "a": {text}, "g": {text}}})
		if len(bad) != 3 {
			t.Errorf("%q: %v", text, bad)
		}
	}
}

// TestMessagesAreShort holds that a sentence repeats at most 64 characters of
// what was given, and nothing of a header.
func TestMessagesAreShort(t *testing.T) {
	b := parseSpec(t, []string{"meets i i", "meets x_key i", "params {x_key: {in: header}}"}).binder(t)
	_, bad := b.Bind(Request{Query: url.Values{"i": {strings.Repeat("é", 1000)}}, Header: http.Header{"X-Key": {"s3cret"}}})
	if len(bad) != 2 {
		t.Fatal(bad)
	}
	if n := len([]rune(bad[0].Message)); n > 120 {
		t.Errorf("%d characters: %s", n, bad[0].Message)
	}
	if strings.Contains(bad[1].Message, "s3cret") {
		t.Errorf("a header's value is repeated: %s", bad[1].Message)
	}
}

func TestVariants(t *testing.T) {
	declared := map[string]*config.Param{
		"sort": {Type: config.TypeChoice, Choices: []config.Choice{{Value: "a", Fragment: "x", HasFragment: true}, {Value: "-a", Fragment: "x DESC", HasFragment: true}}},
		"dir":  {Type: config.TypeChoice, Choices: []config.Choice{{Value: "&=", Fragment: "y", HasFragment: true}}},
		"size": {Type: config.TypeChoice, Choices: []config.Choice{{Value: "L"}}},
	}
	vs, err := Variants(declared)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range vs {
		got = append(got, v.Name+" "+v.Fragments["sort"]+"/"+v.Fragments["dir"])
	}
	want := "dir=%26%3D&sort=a x/y; dir=%26%3D&sort=-a x DESC/y"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
	}
	if vs, err := Variants(nil); err != nil || len(vs) != 1 || vs[0].Name != "" {
		t.Errorf("without choices: %v %v", vs, err)
	}
	big := &config.Param{Type: config.TypeChoice}
	for i := range 17 {
		big.Choices = append(big.Choices, config.Choice{Value: fmt.Sprint(i), Fragment: "x", HasFragment: true})
	}
	if _, err := Variants(map[string]*config.Param{"a": big, "b": big}); err == nil {
		t.Error("289 combinations are accepted")
	}
}

func TestSelector(t *testing.T) {
	b := parseSpec(t, []string{"meets a i", "meets b i", "meets c i"}).binder(t)
	bound, bad := b.Bind(Request{Query: url.Values{"a": {"1"}, "b": {"2"}, "c": {"3"}}})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	s, err := b.Selector([]sqlparse.Param{{Name: "c"}, {Name: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Args(bound.Args); len(got) != 2 || got[0].Value != source.Int(3) || got[1].Value != source.Int(1) {
		t.Errorf("got %v", got)
	}
	if _, err := b.Selector([]sqlparse.Param{{Name: "z"}}); err == nil {
		t.Error("a parameter that nobody binds is accepted")
	}
}

func TestDisplay(t *testing.T) {
	b := parseSpec(t, []string{"meets limit limit", "meets r r", "meets s s", "meets ids i list", "unseen sort",
		"params {ids: {type: list}, sort: {type: choice, choices: {a: x}, default: a}}"}).binder(t)
	bound, bad := b.Bind(Request{Query: url.Values{"limit": {"10"}, "r": {"1"}, "ids": {"2,1"}}})
	if len(bad) > 0 {
		t.Fatal(bad)
	}
	got, err := json.Marshal(bound.Display())
	if want := `{"ids":[1,2],"limit":10,"r":1.0,"s":null,"sort":"a"}`; err != nil || string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	names := b.Names()
	if !sort.SliceIsSorted(b.byName, func(i, j int) bool { return b.params[b.byName[i]].name < b.params[b.byName[j]].name }) || len(names) != 4 {
		t.Errorf("names %v", names)
	}
}

package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decodeBase() *Config {
	return &Config{Sources: []*Source{{Name: "main", Driver: DriverSQLite}}, Defaults: Defaults{TTL: defaultTTL, Consistency: Strict, Rehydrate: Eager}}
}

// TestDecodeEndpoint holds what is said about bodies that are no endpoint.
func TestDecodeEndpoint(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"{\"route\":\"GET /a\",\n\t\"sql\":\"SELECT 1 \\/ 2\"}", ""},
		{`{"route":"GET /a","sql":"SELECT '${HOME}'","params":{"x":{"type":"int","default":20,"max":1e2}}}`, ""},
		{`{"route":"GET /a","sql":"s","origin":"file"}`, ""},
		{``, "line 1: not valid JSON: it ends too early"},
		{"{\n\"route\":", "line 2: not valid JSON: it ends too early"},
		{"{\"route\":\"GET /a\",\n\"sql\":\"s\"", "line 2: not valid JSON: it ends too early"},
		{"{\"route\":\"GET /a\",\n\"sql\":\"s\" x", "line 2: not valid JSON: invalid character 'x' after object key:value pair"},
		{`{"route":"GET /a","sql":"s"} {}`, "line 1: something follows the end of the JSON; send one object"},
		{`[]`, "line 1: endpoint #1: an endpoint takes a map of keys with at least route and sql, not a list"},
		{`null`, "line 1: endpoint #1: an endpoint takes a map of keys with at least route and sql, not nothing"},
		{"{\"route\":\"GET /a\",\n\"sql\":\"s\",\n\"sql\":\"t\"}", `line 3: "sql" is given twice, first on line 2; keep one of them`},
		{"{\"route\":\"GET /a\",\n\"sql\":\"s\",\n\"limit\":5,\n\"ttl\":true}", "line 3: endpoint GET /a: the endpoint has no key \"limit\"; |line 4: endpoint GET /a: ttl takes a duration"},
		{`{"name":null,"route":"GET /a","sql":"s\u0000"}`, "line 1: text must not hold a NUL byte"},
		{"{\"route\":\"\xff\"}", "line 1: this line is not UTF-8 text"},
		{strings.Repeat("[", 100), "line 1: the JSON nests deeper than 64 levels"},
		{"route: GET /a\nsql: s", "line 1: not valid JSON: invalid character 'r' looking for beginning of value"},
	} {
		e, ms := DecodeEndpoint([]byte(c.text), decodeBase(), Decode{Ignore: []string{"origin"}})
		if (e == nil) == (len(ms) == 0) {
			t.Errorf("%q: %v and %v", c.text, e, ms)
		}
		var want []string
		if c.want != "" {
			want = strings.Split(c.want, "|")
		}
		if len(ms) != len(want) {
			t.Errorf("%q: %v", c.text, ms)
			continue
		}
		for i := range ms {
			if !strings.HasPrefix(ms[i].String(), want[i]) {
				t.Errorf("%q: %s, want %s", c.text, ms[i], want[i])
			}
		}
	}
}

func TestDecodeNames(t *testing.T) {
	for _, c := range []struct{ text, name, want string }{
		{`{"route":"GET /a","sql":"s"}`, "", "GET /a"},
		{`{"route":"GET /a","sql":"s"}`, "b", "b"},
		{`{"route":"GET /a","sql":"s","name":null}`, "b", "b"},
		{`{"route":"GET /a","sql":"s","name":"c"}`, "b", "c"},
	} {
		e, ms := DecodeEndpoint([]byte(c.text), decodeBase(), Decode{Name: c.name})
		if len(ms) > 0 || e.Name != c.want {
			t.Errorf("%s with %q: %v %v", c.text, c.name, e, ms)
		}
	}
	if _, ms := DecodeEndpoint([]byte(`{"route":"GET /a","sql":"s"}`), decodeBase(), Decode{Name: "a\nb"}); len(ms) != 1 {
		t.Errorf("a name with a line break: %v", ms)
	}
	if e, ms := DecodeEndpoint([]byte("route: GET /a\nsql: s\norigin: file\n"), decodeBase(), Decode{YAML: true, Ignore: []string{"origin"}}); len(ms) > 0 || e.Name != "GET /a" {
		t.Errorf("YAML: %v %v", e, ms)
	}
}

// FuzzDecodeEndpoint holds that what is read without a mistake comes back the
// same from its JSON.
func FuzzDecodeEndpoint(f *testing.F) {
	f.Add([]byte(`{"route":"GET /a/{id}","sql":["s"],"params":{"id":{"type":"choice","choices":{"a":"x"}}},"cache":false,"ttl":"1h"}`))
	f.Add([]byte(`{"route":"POST /a","sql":["s","t"],"tags":["a"],"params":{"l":{"type":"list","default":[1,"2",true]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, ms := DecodeEndpoint(data, decodeBase(), Decode{})
		if len(ms) > 0 {
			return
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		back, ms := DecodeEndpoint(text, decodeBase(), Decode{})
		if len(ms) > 0 || !e.Equal(back) {
			t.Errorf("%s\n%v\n%s", text, ms, cmp.Diff(e.unplaced(), back.unplaced(), cmp.AllowUnexported(Endpoint{})))
		}
	})
}

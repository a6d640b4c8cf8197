package config

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds that no text makes reading panic or contradict itself: a
// file has either mistakes, each a sentence, or endpoints that parse back from
// their own JSON.
func FuzzParse(f *testing.F) {
	f.Add("sources: {main: {dsn: a}}\nendpoints:\n  - &a {route: \"GET /a/{id}\", sql: \"${HOST}\", params: {id: {type: int, min: 1, default: 2}}}\n  - <<: *a\n    route: PUT /a\n")
	f.Add("{\"sources\": {\"m\": {\"dsn\": \"x\"}},\n\t\"endpoints\": [{\"route\": \"GET /\", \"sql\": [\"s\"], \"params\": {\"s\": {\"type\": \"choice\", \"choices\": {\"a\": \"b\"}, \"default\": \"a\"}}}]}")
	f.Add("sources: {m: {dsn: x}}\nendpoints:\n- route: GET /x\n  sql: |\n    SELECT ${EMPTY:-1}\n  params: {l: {type: list, default: [1, 2.50, a, true], max: 5}}\n")
	f.Add("a: &a [*a]\n? !!str x\n: |-\n  y\n--- z")
	golden, err := os.ReadFile("testdata/golden/good")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(golden), "\nparse\n")[1:] {
		text, _, _ := strings.Cut(part, "\n----")
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, mistakes := Parse("/f.yaml", []byte(text), testEnv)
		for _, m := range mistakes {
			if m.Message == "" || m.Line < 0 || strings.ContainsAny(m.Message, "\n\x00") || !utf8.ValidString(m.String()) {
				t.Fatalf("no sentence: %q", m.String())
			}
			if m.Line > 1+strings.Count(text, "\n")+strings.Count(text, "\r") {
				t.Fatalf("line %d of fewer: %s", m.Line, m)
			}
		}
		if len(mistakes) == 0 {
			roundTrip(t, c)
			complete(t, c)
		}
	})
}

// complete holds what other rooms trust of a Config without mistakes.
func complete(t *testing.T, c *Config) {
	t.Helper()
	if len(c.Sources) == 0 || c.Store.MaxMemory <= 0 || c.Defaults.TTL <= 0 {
		t.Fatalf("incomplete: %+v", c)
	}
	for _, e := range c.Endpoints {
		if e.Name == "" || e.Path == "" || e.Method == "" || len(e.SQL) == 0 || e.TTL <= 0 || c.Source(e.Source) == nil || e.Result == "" || e.Line == 0 {
			t.Fatalf("incomplete: %+v", e)
		}
		for name, p := range e.Params {
			if p.Type == TypeChoice && len(p.Choices) == 0 || p.Required && p.HasDefault {
				t.Fatalf("parameter %s: %+v", name, p)
			}
			if _, err := json.Marshal(p); err != nil {
				t.Fatal(err)
			}
		}
	}
}

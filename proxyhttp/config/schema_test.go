package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/goccy/go-yaml"
	"github.com/pb33f/jsonschema/v6"
)

// compiled is the schema, itself held against the meta-schema of its dialect.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("edgecache.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("edgecache.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate reads YAML as an editor does.
func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(strings.TrimPrefix(text, "\ufeff")))
	if err != nil {
		return fmt.Errorf("no YAML: %w", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	return s.Validate(v)
}

// TestSchemaAgreesWithTheDecoder holds the schema against every golden file:
// what the decoder takes is valid, an unknown key is not.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	s := compiled(t)
	good, unknown := 0, 0
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "parse" {
				return d.Expected
			}
			_, mistakes := Parse("/etc/shop.yaml", []byte(d.Input), testEnv)
			switch err := validate(t, s, d.Input); {
			case len(mistakes) == 0:
				good++
				if err != nil {
					t.Errorf("%s: the decoder takes it, the schema does not: %v\n%s", d.Pos, err, d.Input)
				}
			case strings.Contains(d.Expected, " has no key "):
				unknown++
				if err == nil {
					t.Errorf("%s: an unknown key is valid:\n%s", d.Pos, d.Input)
				}
			}
			return d.Expected
		})
	})
	if good < 8 || unknown < 4 {
		t.Errorf("only %d good files and %d with an unknown key", good, unknown)
	}
}

func TestSchemaTakesTheDemo(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../../fixtures/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	const head = "sources: {main: {dsn: a.db}}\n"
	for _, text := range []string{
		"{}", "sources: {}\nserver: {port: 80}", "sources: {main: {driver: sqlite}}", head + "endpoints: {}", head + "endpoints: [{route: GET /a}]",
		head + "endpoints: [{route: GOT /a, sql: s}]", head + "endpoints: [{route: GET /a, sql: s, ttl: 5}]", head + "endpoints: [{route: GET /a, sql: s, ttl: soon}]",
		head + "endpoints: [{route: GET /a, sql: s, cache: maybe}]", head + "endpoints: [{route: GET /a, sql: s, params: {a-b: {}}}]",
		head + "endpoints: [{route: GET /a, sql: s, params: {a: {type: integer}}}]", head + "store: {max_memory: lots}", head + "server: {tls: {cert: a}}",
		head + "endpoints: [{route: GET /a, sql: s, limit: 5}]", head + "endpoints: [{route: GET /a, sql: s, params: {a: {maximum: 5}}}]", head + "server: {auth: {jwt: {jwks: a, algorithms: [HS256]}}}",
	} {
		if validate(t, s, text) == nil {
			t.Errorf("valid: %s", text)
		}
	}
}

// tables are all maps of a file, each with text that puts a key into it.
var tables = map[string]struct {
	table table
	text  string // %s is a key and its value
}{
	"file":       {fileTable, "%s"},
	"server":     {serverTable, "server: {%s}"},
	"admin":      {adminTable, "admin: {%s}"},
	"tls":        {tlsTable, "server: {tls: {%s}}"},
	"cors":       {corsTable, "server: {cors: {%s}}"},
	"auth":       {authTable, "server: {auth: {%s}}"},
	"token":      {tokenTable, "server: {auth: {tokens: [{%s}]}}"},
	"jwt":        {jwtTable, "server: {auth: {jwt: {%s}}}"},
	"store":      {storeTable, "store: {%s}"},
	"log":        {logTable, "log: {%s}"},
	"self_check": {selfCheckTable, "self_check: {%s}"},
	"source":     {sourceTable, "sources: {main: {%s}}"},
	"defaults":   {defaultsTable, "defaults: {%s}"},
	"endpoint":   {endpointTable, "endpoints: [{%s}]"},
	"param":      {paramTable, "endpoints: [{params: {x: {%s}}}]"},
}

// TestEveryKeyIsRead gives each key of each table a value that no key takes: a
// key that the decoder never asks for would be passed over in silence.
func TestEveryKeyIsRead(t *testing.T) {
	for name, c := range tables {
		for _, k := range c.table {
			text := fmt.Sprintf(c.text, k.name+": [[[]]]")
			if k.name == "choices" {
				text = strings.Replace(text, "choices", "type: choice, choices", 1)
			}
			if k.name == "claim" {
				text = strings.Replace(text, "claim", "in: claim, claim", 1)
			}
			if k.name == "default" {
				text = strings.Replace(text, "default", "type: int, default", 1)
			}
			if name == "token" && k.name == "claims" {
				text = strings.Replace(text, "claims", "token: a, claims", 1)
			}
			_, mistakes := Parse("f.yaml", []byte(text), nil)
			read := false
			for _, m := range mistakes {
				if strings.Contains(m.Message, " has no key ") {
					t.Errorf("%s: %s", name, m)
				}
				about := strings.Contains(m.Message, strings.TrimSuffix(k.name, "s"))
				read = read || about && !strings.Contains(m.Message, "missing")
			}
			if !read {
				t.Errorf("%s: nobody reads %s: %v", name, k.name, mistakes)
			}
		}
	}
}

// TestEveryKeyThatIsReadIsInATable looks at the source: a key that a getter asks
// for, and that no table has, could never be given.
func TestEveryKeyThatIsReadIsInATable(t *testing.T) {
	known := map[string]bool{}
	for _, c := range tables {
		for _, k := range c.table {
			known[k.name] = true
		}
	}
	getters := map[string]bool{"text": true, "texts": true, "oneOf": true, "boolean": true, "duration": true, "size": true, "count": true, "natural": true,
		"number": true, "value": true, "has": true, "headerNames": true, "bearer": true}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			lit, isLit := call.Args[0].(*ast.BasicLit)
			if !ok || !isLit || lit.Kind != token.STRING || !getters[sel.Sel.Name] {
				return true
			}
			if name, err := strconv.Unquote(lit.Value); err == nil {
				asked[name] = true
				if !known[name] {
					t.Errorf("%s asks for %q, which is in no table", file, name)
				}
			}
			return true
		})
	}
	if len(asked) < 40 {
		t.Errorf("only %d keys were found in the source", len(asked))
	}
}

// TestSchemaSaysEveryKey counts the properties of the printed schema.
func TestSchemaSaysEveryKey(t *testing.T) {
	var doc any
	if err := json.Unmarshal(Schema(), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if p, ok := v["properties"].(map[string]any); ok {
				for name, is := range p {
					got[name] = true
					if is.(map[string]any)["description"] == nil {
						t.Errorf("%s has no description", name)
					}
				}
			}
			for _, e := range v {
				walk(e)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(doc)
	for name, c := range tables {
		for _, k := range c.table {
			if !got[k.name] {
				t.Errorf("%s: the schema lacks %s", name, k.name)
			}
		}
	}
}

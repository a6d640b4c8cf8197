package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// testEnv is the environment that golden files see.
func testEnv(name string) (string, bool) {
	v, ok := map[string]string{
		"HOST": "127.0.0.1", "EMPTY": "", "SECRET": "hunter2", "TTL": "5m", "PAGE": "30", "NOPE": "hunter2 hunter2", "YES": "true",
	}[name]
	return v, ok
}

// TestGolden reads each file of testdata. "parse" prints the mistakes of its
// input, or, when it has none, the whole configuration with its defaults.
// "endpoint" does so for one endpoint as the control plane gets it.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "parse":
				c, mistakes := Parse("/etc/shop.yaml", []byte(d.Input), testEnv)
				if len(mistakes) > 0 {
					return printMistakes(mistakes)
				}
				roundTrip(t, c)
				return printConfig(c)
			case "endpoint":
				c := &Config{Sources: []*Source{{Name: "main", Driver: DriverSQLite}}, Defaults: Defaults{TTL: defaultTTL, Consistency: Strict, Rehydrate: Eager}}
				e, mistakes := ParseEndpoint([]byte(d.Input), c, nil)
				if len(mistakes) > 0 {
					return printMistakes(mistakes)
				}
				return printEndpoint(e)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

func printMistakes(ms []Mistake) string {
	var b strings.Builder
	for _, m := range ms {
		b.WriteString(m.String() + "\n")
	}
	return b.String()
}

func printConfig(c *Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server %s\nadmin %s token=%t\nstore %s %d\ndefaults %s %s %s\n", c.Server.Listen, c.Admin.Listen, c.Admin.Token != "",
		c.Store.Path, c.Store.MaxMemory, formatDuration(c.Defaults.TTL), c.Defaults.Consistency, c.Defaults.Rehydrate)
	b.WriteString(printServer(c))
	if l := (Log{LogText, LogInfo, Off, 1, false}); c.Log != l || c.SelfCheck.OneIn != DefaultSelfCheck {
		fmt.Fprintf(&b, "log %+v\nself-check %+v\n", c.Log, c.SelfCheck)
	}
	for _, s := range c.Sources {
		fmt.Fprintf(&b, "source %s:%d %s dsn=%s init=%s schema=%s unmapped=%s", s.Name, s.Line, s.Driver, s.DSN, s.Init, s.Schema, s.Unmapped)
		if s.Poll != 0 {
			fmt.Fprintf(&b, " poll=%s", s.Poll)
		}
		b.WriteByte('\n')
	}
	for _, e := range c.Endpoints {
		fmt.Fprintf(&b, "%d: %s", e.Line, printEndpoint(e))
	}
	return b.String()
}

func printEndpoint(e *Endpoint) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return err.Error()
	}
	return b.String()
}

// roundTrip holds that MarshalJSON and ParseEndpoint are each other's inverse.
func roundTrip(t *testing.T, c *Config) {
	t.Helper()
	for _, e := range c.Endpoints {
		data, err := json.Marshal(e)
		if err != nil {
			t.Errorf("%s: %v", e, err)
			continue
		}
		back, mistakes := ParseEndpoint(data, c, nil)
		if len(mistakes) > 0 {
			t.Errorf("%s does not parse back from %s: %v", e, data, mistakes)
			continue
		}
		opts := cmp.Options{cmpopts.IgnoreUnexported(Endpoint{}), cmpopts.IgnoreFields(Endpoint{}, "Line", "LastLine"), cmpopts.IgnoreFields(Param{}, "Line"), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(e, back, opts); diff != "" {
			t.Errorf("%s changed on its way through JSON:\n%s", e, diff)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, ms := Load(filepath.Join(dir, "none.yaml"), testEnv); len(ms) != 1 || !strings.Contains(ms[0].Message, "no such file") {
		t.Errorf("absent file: %v", ms)
	}
	if _, ms := Load(dir, testEnv); len(ms) != 1 || ms[0].Message == "" {
		t.Errorf("a folder: %v", ms)
	}
	file := filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(file, []byte("sources: {main: {dsn: shop.db}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, ms := Load(file, testEnv)
	if len(ms) > 0 || c.Sources[0].DSN != filepath.Join(dir, "shop.db") {
		t.Errorf("%v, %+v", ms, c.Sources)
	}
	if err := os.WriteFile(file, bytes.Repeat([]byte("#\n"), MaxFileBytes/2+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ms := Load(file, testEnv); len(ms) != 1 || !strings.Contains(ms[0].Message, "larger than 4 MiB") {
		t.Errorf("too large: %v", ms)
	}
}

func TestLineOf(t *testing.T) {
	c, ms := Parse("f.yaml", []byte(`sources: {main: {dsn: shop.db}}
endpoints:
  - route: POST /a
    sql:
      - INSERT INTO a VALUES (:x)
      - INSERT INTO b VALUES (:x)
    params:
      x: {type: int,
          min: 1}
`), testEnv)
	if len(ms) > 0 {
		t.Fatal(ms)
	}
	e := c.Endpoints[0]
	for want, path := range map[int][]string{3: {"route"}, 4: {"sql"}, 6: {"sql", "1"}, 8: {"params", "x"}, 9: {"params", "x", "min"}} {
		if got := e.LineOf(path...); got != want {
			t.Errorf("LineOf(%v) = %d, want %d", path, got, want)
		}
	}
	if got := e.LineOf("params", "y", "min"); got != 7 {
		t.Errorf("a parameter that is not there is on line %d, want its nearest parent's 7", got)
	}
	if got := e.LineOf("ttl"); got != 3 {
		t.Errorf("a key that is not there is on line %d, want the endpoint's 3", got)
	}
}

// TestSecretsStayUnseen puts a secret into every place that takes text, by
// itself and from the environment, and reads every mistake that follows.
func TestSecretsStayUnseen(t *testing.T) {
	direct := []string{
		"admin: {listen: \":8081\", token: \"hunter2 x\"}", "admin: {token: [hunter2]}", "admin: {token: {hunter2: 1}}", "admin: {token: *hunter2}", "admin: {token: !hunter2 x}",
		"sources: {a: {driver: http, dsn: \"hunter2\"}}", "sources: {a: {dsn: [hunter2]}}", "sources: {a: {dsn: {hunter2: x}}}", "sources: {a: hunter2}", "admin: hunter2",
		"admin:\n  token: \"hunter2", "admin:\n  token: hunter2: x", "admin: {token: {hunter2 {}}",
	}
	var texts []string
	for _, key := range []string{"server: {listen: %}", "admin: {listen: %}", "admin: {token: %}", "store: {path: %}", "store: {max_memory: %}", "defaults: {ttl: %}",
		"defaults: {consistency: %}", "defaults: {rehydrate: %}", "sources: {a: {driver: %}}", "sources: {a: {driver: http, dsn: %}}", "sources: {a: {unmapped: %}}", "sources: %", "endpoints: %"} {
		texts = append(texts, strings.ReplaceAll(key, "%", `"${NOPE}"`))
	}
	for _, key := range []string{"source", "sql", "params", "result", "ttl", "client_ttl", "consistency", "rehydrate", "stale_if_error", "cache", "vary", "depends_on", "records", "tags"} {
		texts = append(texts, "sources: {a: {dsn: x}, b: {dsn: x}}\nendpoints: [{route: GET /, "+key+": \"${NOPE}\"}]")
	}
	for _, key := range []string{"type", "in", "required", "default", "min", "max", "choices"} {
		for _, typ := range []string{"int", "bool", "choice, choices: [a]", "list"} {
			texts = append(texts, "sources: {a: {dsn: x}}\nendpoints: [{route: GET /, sql: s, params: {p: {"+key+": \"${NOPE}\", type: "+typ+"}}}]")
		}
	}
	for _, text := range append(direct, texts...) {
		_, mistakes := Parse("f.yaml", []byte(text), testEnv)
		if len(mistakes) == 0 {
			t.Errorf("%s has no mistake, so it shows nothing", text)
		}
		if strings.Contains(printMistakes(mistakes), "hunter2") {
			t.Errorf("%s prints its secret:\n%s", text, printMistakes(mistakes))
		}
	}
}

package config

import (
	"slices"
	"strings"
	"testing"
)

const differBase = `
server: {listen: "127.0.0.1:1"}
admin: {listen: "127.0.0.1:2", token: abc}
store: {path: x.db, max_memory: 1MiB}
sources: {main: {dsn: a.db}, other: {dsn: b.db, init: b.sql}}
defaults: {ttl: 1h}
endpoints:
  - {route: GET /a, source: main, sql: SELECT 1, params: {x: {type: int, default: 1}}, tags: [t]}
`

func parsed(t *testing.T, text string) *Config {
	t.Helper()
	c, ms := Parse("/etc/f.yaml", []byte(text), testEnv)
	if len(ms) > 0 {
		t.Fatal(ms)
	}
	return c
}

// TestRestart changes one thing of a file at a time.
func TestRestart(t *testing.T) {
	base := parsed(t, differBase)
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"ttl: 1h", "ttl: 2h", ""},
		{"route: GET /a", "route: GET /b", ""},
		{"server:", "# a line more\nserver:", ""},
		{"127.0.0.1:1", "127.0.0.1:3", "server.listen"},
		{"127.0.0.1:2", "127.0.0.1:3", "admin.listen"},
		{"token: abc", "token: abd", "admin.token"},
		{"path: x.db", "path: y.db", "store.path"},
		{"1MiB", "2MiB", "store.max_memory"},
		{"dsn: a.db", "dsn: c.db", "sources.main.dsn"},
		{"init: b.sql", "init: c.sql", "sources.other.init"},
		{", other: {dsn: b.db, init: b.sql}", "", "sources.other"},
		{"other:", "new: {dsn: n.db}, other:", "sources.new"},
		{"{main: {dsn: a.db}, other: {dsn: b.db, init: b.sql}}", "{other: {dsn: b.db, init: b.sql}, main: {dsn: a.db}}", ""},
	} {
		next := parsed(t, strings.Replace(differBase, c.old, c.new, 1))
		if got := strings.Join(base.Restart(next), " "); got != c.want {
			t.Errorf("%q to %q: got %q, want %q", c.old, c.new, got, c.want)
		}
	}
}

func TestEqual(t *testing.T) {
	base := parsed(t, differBase).Endpoints[0]
	for _, c := range []struct {
		old, new string
		same     bool
	}{
		{"", "", true},
		{"endpoints:", "\n\nendpoints:", true},
		{"tags: [t]}", "tags: [t], vary: [], depends_on: []}", true},
		{"ttl: 1h", "ttl: 2h", false}, // its own by default
		{"SELECT 1", "SELECT 2", false},
		{"default: 1", "default: 2", false},
		{"type: int", "type: float", false},
		{"[t]", "[u]", false},
		{"source: main", "source: other", false},
	} {
		e := parsed(t, strings.Replace(differBase, c.old, c.new, 1)).Endpoints[0]
		if got := base.Equal(e); got != c.same {
			t.Errorf("%q to %q: equal is %t", c.old, c.new, got)
		}
	}
	if !slices.Equal([]string{keyName("MaxMemory"), keyName("DSN"), keyName("TLS"), keyName("TrustedProxies"), keyName("JWKSFile")},
		[]string{"max_memory", "dsn", "tls", "trusted_proxies", "jwks_file"}) {
		t.Error("keys are spelled wrongly")
	}
}

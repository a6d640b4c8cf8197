package config

import (
	"fmt"
	"strings"
	"testing"
)

// printServer prints what the file says of the data plane beyond its address.
func printServer(c *Config) string {
	var b strings.Builder
	if t := c.Server.TLS; t != nil {
		fmt.Fprintf(&b, "tls %s %s\n", t.Cert, t.Key)
	}
	if t := c.Admin.TLS; t != nil {
		fmt.Fprintf(&b, "admin tls %s %s\n", t.Cert, t.Key)
	}
	if o := c.Server.CORS; o != nil {
		fmt.Fprintf(&b, "cors %v any=%t headers=%v expose=%v credentials=%t max_age=%s\n", o.Origins, o.AnyOrigin, o.Headers, o.Expose, o.Credentials, o.MaxAge)
	}
	if a := c.Server.Auth; a != nil {
		for _, t := range a.Tokens {
			fmt.Fprintf(&b, "token of %d bytes: %v\n", len(t.Token), t.Claims)
		}
		if j := a.JWT; j != nil {
			fmt.Fprintf(&b, "jwt %s url=%t issuer=%s audience=%v %v leeway=%s\n", j.JWKS, j.IsURL(), j.Issuer, j.Audience, j.Algorithms, j.Leeway)
		}
	}
	if p := c.Server.TrustedProxies; p != nil {
		fmt.Fprintf(&b, "trusted %v\n", p)
	}
	return b.String()
}

// A mistake in server.auth never repeats a token, wherever it stands.
func TestTokensAreNotPrinted(t *testing.T) {
	const secret = "hunter2hunter2"
	for _, auth := range []string{
		"{tokens: [" + secret + "]}", "{tokens: " + secret + "}", "{tokens: [{token: [" + secret + "]}]}",
		"{tokens: [{token: '" + secret + " x'}]}", "{tokens: [{token: " + secret + "}, {token: " + secret + "}]}",
		"{tokens: [{token: {a: " + secret + "}}]}", secret, "[" + secret + "]",
	} {
		_, mistakes := Parse("x.yaml", []byte("server: {auth: "+auth+"}\nsources: {main: {dsn: x}}\n"), nil)
		if len(mistakes) == 0 {
			t.Errorf("%s: no mistake", auth)
		}
		if said := printMistakes(mistakes); strings.Contains(said, "hunter2") {
			t.Errorf("%s: %s", auth, said)
		}
	}
}

// Registered endpoints keep who may ask them: what is said under server.auth
// is spelled out, and a file without it opens nothing that demands it.
func TestAuthOutlivesTheFile(t *testing.T) {
	with := &Config{Server: Server{Auth: &Auth{}}, Sources: []*Source{{Name: "main"}}, Defaults: Defaults{TTL: 1}}
	without := &Config{Sources: with.Sources, Defaults: with.Defaults}
	e, mistakes := ParseEndpoint([]byte(`{"route":"GET /x","sql":"SELECT 1"}`), with, nil)
	if len(mistakes) > 0 || e.Auth != AuthRequired {
		t.Fatalf("%v %v", e, mistakes)
	}
	text, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if _, mistakes := ParseEndpoint(text, without, nil); len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, "server.auth") {
		t.Errorf("%s: %v", text, mistakes)
	}
	open, mistakes := ParseEndpoint([]byte(`{"route":"GET /x","sql":"SELECT 1"}`), without, nil)
	if len(mistakes) > 0 || open.Auth != "" {
		t.Fatalf("%v %v", open, mistakes)
	}
	if text, err = open.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
	if closed, mistakes := ParseEndpoint(text, with, nil); len(mistakes) > 0 || closed.Auth != AuthRequired {
		t.Errorf("an endpoint that was registered before server.auth stays open: %s: %v", text, mistakes)
	}
}

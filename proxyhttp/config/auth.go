package config

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Limits of `server.auth`.
const (
	MaxTokens     = 256
	MaxTokenBytes = 8 << 10 // of any token, in the file or in a request
	maxLeeway     = 10 * time.Minute
	maxClaimDepth = 16
)

// Values of an endpoint's `auth`.
const (
	AuthRequired = "required"
	AuthOptional = "optional"
	AuthNone     = "none"
)

// Auth says whom the data plane believes. At least one of Tokens and JWT is set.
type Auth struct {
	Tokens []StaticToken
	JWT    *JWT // nil: none
	Line   int
}

// StaticToken is a token that the file knows, with the claims that it stands
// for. Numbers in them are json.Numbers.
type StaticToken struct {
	Token  string
	Claims map[string]any
}

// JWT says which JSON Web Tokens are believed.
type JWT struct {
	JWKS       string // an absolute file or a URL
	Issuer     string // "": any
	Audience   []string
	Algorithms []string
	Leeway     time.Duration
	Line       int
}

// IsURL tells whether the keys come from a URL and not from a file.
func (j *JWT) IsURL() bool { return strings.Contains(j.JWKS, "://") }

// Algorithms that can be allowed. All have a public key: with a shared secret
// whoever checks a token can also make one, and a public key that is taken for
// a secret is the oldest trick there is.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// defaultAlgorithms are allowed unless the file says otherwise.
var defaultAlgorithms = []string{"RS256", "ES256", "EdDSA"}

const defaultLeeway = 30 * time.Second

// auth reads server.auth; nil when there is none.
func (s *section) auth(dir string) *Auth {
	n := s.value("auth")
	if n == nil {
		return nil
	}
	a := s.r.section(n, "server.auth", "", authTable)
	out := &Auth{Line: n.line, Tokens: a.tokens(), JWT: a.jwt(dir)}
	if !a.has("tokens") && !a.has("jwt") && n.kind == kindMap {
		a.note(n.line, "server.auth believes nobody; give it tokens, or jwt with a jwks, or take it away")
	}
	return out
}

func (s *section) tokens() []StaticToken {
	n := s.value("tokens")
	if n == nil {
		return nil
	}
	if n.kind != kindList {
		s.wrong("tokens", n, "a list such as [{token: ${API_TOKEN}, claims: {tenant: a}}]")
		return nil
	}
	if len(n.items) > MaxTokens {
		s.note(n.line, "server.auth lists %d tokens; at most %d are allowed, for more use jwt", len(n.items), MaxTokens)
		return nil
	}
	var out []StaticToken
	seen := map[string]bool{}
	for i, item := range n.items {
		if !s.r.step() {
			return out
		}
		t := s.r.section(item, fmt.Sprintf("token %d of server.auth", i+1), "", tokenTable)
		if item.kind == kindMap && !t.has("token") {
			t.note(item.line, "token is missing; write token: ${NAME} and set NAME in the environment")
		}
		token := t.bearer("token")
		switch {
		case token == "":
		case seen[token]:
			t.note(t.line("token"), "%s is listed already; give each its own", t.where)
		default:
			seen[token] = true
			out = append(out, StaticToken{Token: token, Claims: t.claims()})
		}
	}
	return out
}

// bearer reads a secret that travels in an Authorization header.
func (s *section) bearer(key string) string {
	token := strings.TrimSpace(s.text(key, ""))
	switch {
	case len(token) > MaxTokenBytes:
		s.note(s.line(key), "%s has more than %d bytes", s.key(key), MaxTokenBytes)
		return ""
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		s.note(s.line(key), "%s must be printable ASCII without spaces, since it travels in a header", s.key(key))
		return ""
	}
	return token
}

func (s *section) claims() map[string]any {
	n := s.value("claims")
	if n == nil {
		return nil
	}
	if n.kind != kindMap {
		s.wrong("claims", n, "a map such as {tenant: a}")
		return nil
	}
	v, _ := s.plain(n, 0).(map[string]any)
	return v
}

// plain is a node as encoding/json would decode it.
func (s *section) plain(n *node, depth int) any {
	if depth > maxClaimDepth {
		s.note(n.line, "%s nest deeper than %d levels", s.key("claims"), maxClaimDepth)
		return nil
	}
	switch n.kind {
	case kindBool:
		return n.text == "true"
	case kindNumber:
		if !isNumber(n.text) {
			s.note(n.line, "%s hold %s, which is no number in plain digits; put it in quotes if it is text", s.key("claims"), n.show())
			return nil
		}
		return json.Number(n.text)
	case kindString:
		return n.text
	case kindList:
		out := make([]any, 0, len(n.items))
		for _, item := range n.items {
			if !s.r.step() {
				return out
			}
			out = append(out, s.plain(item, depth+1))
		}
		return out
	case kindMap:
		out := make(map[string]any, len(n.pairs))
		for _, p := range n.pairs {
			if !s.r.step() {
				return out
			}
			out[p.key] = s.plain(p.value, depth+1)
		}
		return out
	}
	return nil
}

func (s *section) jwt(dir string) *JWT {
	n := s.value("jwt")
	if n == nil {
		return nil
	}
	j := s.r.section(n, "server.auth.jwt", "", jwtTable)
	out := &JWT{
		Line: n.line, JWKS: j.jwks(dir), Issuer: j.text("issuer", ""), Audience: j.texts("audience", 16),
		Leeway: j.duration("leeway", defaultLeeway, 0), Algorithms: j.algorithms(),
	}
	if out.Leeway > maxLeeway {
		j.note(j.line("leeway"), "leeway of server.auth.jwt is %s; more than %s would keep tokens alive that have ended", j.n.get("leeway").show(), formatDuration(maxLeeway))
	}
	return out
}

// jwks checks where the keys come from: who can change them on their way can
// make tokens.
func (s *section) jwks(dir string) string {
	if !s.has("jwks") {
		s.note(s.n.line, "jwks is missing; give the file or the https URL of the issuer's keys")
		return ""
	}
	at := s.text("jwks", "")
	if !strings.Contains(at, "://") {
		return within(dir, at)
	}
	u, err := url.Parse(at)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		s.note(s.line("jwks"), "jwks of server.auth.jwt is neither a file nor an https URL")
	case u.Scheme == "http" && !IsLoopback(hostPort(u)):
		s.note(s.line("jwks"), "jwks of server.auth.jwt comes over http, where anybody on the way can put in keys of their own; use https")
	}
	return at
}

func hostPort(u *url.URL) string {
	if u.Port() == "" {
		return u.Host + ":80"
	}
	return u.Host
}

func (s *section) algorithms() []string {
	if !s.has("algorithms") {
		return slices.Clone(defaultAlgorithms)
	}
	var out []string
	for _, a := range s.texts("algorithms", len(algorithms)) {
		switch {
		case strings.EqualFold(a, "none"):
			s.note(s.line("algorithms"), "algorithm none has no signature, so anybody could make a token; take it away")
		case strings.HasPrefix(a, "HS"):
			s.note(s.line("algorithms"), "algorithm %s shares its secret with whoever checks it; use one with a public key: %s", s.shown("algorithms", a), strings.Join(algorithms, ", "))
		case !slices.Contains(algorithms, a):
			s.note(s.line("algorithms"), "there is no algorithm %s; %s", s.shown("algorithms", a), suggest(a, algorithms))
		default:
			out = append(out, a)
		}
	}
	return out
}

// endpointAuth reads an endpoint's `auth`. "" is what an endpoint has that
// says nothing in a file without server.auth: once the file has one, it is
// required there.
func (s *section) endpointAuth(c *Config) string {
	known := c.Server.Auth != nil
	def := ""
	if known {
		def = AuthRequired
	}
	auth := s.oneOf("auth", def, AuthRequired, AuthOptional, AuthNone)
	if !known && (auth == AuthRequired || auth == AuthOptional) {
		s.note(s.line("auth"), "auth is %s, and the file has no server.auth that could tell whom to believe", auth)
	}
	return auth
}

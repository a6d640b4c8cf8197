package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"edgecache/proxyhttp/config"
)

func TestEveryAllowedAlgorithm(t *testing.T) {
	i := newIssuer(t)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signs := []func(map[string]any) string{i.publish("r", jose.RS256, r), i.publish("e", jose.ES256, ecKey(t)), i.publish("d", jose.EdDSA, ed)}
	a := i.authenticator(&bytes.Buffer{})
	for n, s := range signs {
		id, refusal := ask(a, s(i.claims(map[string]any{"n": json.Number("9007199254740993")})))
		if refusal != nil || id.Claims["tenant"] != "a" || id.Claims["n"] != json.Number("9007199254740993") {
			t.Errorf("%d: %v %v", n, id, refusal)
		}
	}
	// A token that names no key is tried with each that fits its algorithm.
	if _, refusal := ask(a, sign(t, jose.EdDSA, "", ed, i.claims(nil))); refusal != nil {
		t.Errorf("without kid: %v", refusal)
	}
}

// What must be refused, each with its own words and none of the token's.
func TestRefusals(t *testing.T) {
	i := newIssuer(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := i.publish("k", jose.RS256, private)
	log := &bytes.Buffer{}
	a := i.authenticator(log, config.StaticToken{Token: "static-hunter2"})
	now := i.now().Unix()
	public, err := json.Marshal(jose.JSONWebKey{Key: private.Public(), KeyID: "k"})
	if err != nil {
		t.Fatal(err)
	}
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	payload, err := json.Marshal(i.claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	right := good(i.claims(nil))
	pieces := strings.Split(right, ".")
	for _, c := range []struct{ name, token, want string }{
		{"none", part(`{"alg":"none"}`) + "." + part(string(payload)) + ".", "algorithm that is not allowed"},
		{"None", part(`{"alg":"None","kid":"k"}`) + "." + part(string(payload)) + ".", "algorithm that is not allowed"},
		{"HS256 by the public key", sign(t, jose.HS256, "k", public, i.claims(nil)), "algorithm that is not allowed"},
		{"RS512", sign(t, jose.RS512, "k", private, i.claims(nil)), "algorithm that is not allowed"},
		{"ES256 by a stranger under kid k", sign(t, jose.ES256, "k", ecKey(t), i.claims(nil)), "key that the issuer does not publish"},
		{"RS256 by a stranger under kid k", sign(t, jose.RS256, "k", stranger, i.claims(nil)), "signature of the token is wrong"},
		{"unknown kid", sign(t, jose.RS256, "other", private, i.claims(nil)), "key that the issuer does not publish"},
		{"changed payload", pieces[0] + "." + part(strings.Replace(string(payload), `"a"`, `"b"`, 1)) + "." + pieces[2], "signature of the token is wrong"},
		{"no signature", pieces[0] + "." + pieces[1] + ".", "signature of the token is wrong"},
		{"expired", good(i.claims(map[string]any{"exp": now - 11})), "has expired"},
		{"no exp", good(i.claims(map[string]any{"exp": nil})), "no end (exp)"},
		{"not yet", good(i.claims(map[string]any{"nbf": now + 11})), "not valid yet"},
		{"other issuer", good(i.claims(map[string]any{"iss": "https://evil"})), "another issuer"},
		{"no issuer", good(i.claims(map[string]any{"iss": nil})), "another issuer"},
		{"other audience", good(i.claims(map[string]any{"aud": "bank"})), "another audience"},
		{"no audience", good(i.claims(map[string]any{"aud": nil})), "another audience"},
		{"exp is text", good(i.claims(map[string]any{"exp": "tomorrow"})), "claims are malformed"},
		{"garbage", "hunter2.hunter2.hunter2", "malformed"},
		{"five parts", "a.b.c.d.e", "malformed"},
		{"a static token's beginning", "static-hunter", "malformed"},
		{"long", strings.Repeat("x", config.MaxTokenBytes+1), "too long"},
		{"empty", "", "no token behind Bearer"},
	} {
		id, r := ask(a, c.token)
		if r == nil || id != nil {
			t.Errorf("%s: accepted", c.name)
			continue
		}
		if r.Status != 401 || r.Code != "invalid_token" || !strings.Contains(r.Description, c.want) {
			t.Errorf("%s: %d %s", c.name, r.Status, r.Challenge())
		}
		if strings.Contains(r.Challenge(), "hunter2") || strings.Count(r.Challenge(), `"`) != 6 {
			t.Errorf("%s: %s", c.name, r.Challenge())
		}
	}
	for token, claims := range map[string]map[string]any{"leeway after the end": {"exp": now - 9}, "leeway before": {"nbf": now + 9}, "audience as text": {"aud": "shop"}} {
		if _, r := ask(a, good(i.claims(claims))); r != nil {
			t.Errorf("%s: %v", token, r)
		}
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("a secret is in the log: %s", log)
	}
}

func TestHeaders(t *testing.T) {
	a, err := New(context.Background(), &config.Auth{Tokens: []config.StaticToken{
		{Token: "one", Claims: map[string]any{"tenant": "a"}}, {Token: "two", Claims: map[string]any{"tenant": "b"}}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, c := range []struct {
		values []string
		want   string
	}{
		{nil, "nobody"},
		{[]string{"Bearer one"}, "a"},
		{[]string{"bearer  two "}, "b"},
		{[]string{"Bearer three"}, "401 invalid_token"},
		{[]string{"Bearer"}, "401 invalid_token"},
		{[]string{"Basic b25lOg=="}, "401 "},
		{[]string{"one"}, "401 "},
		{[]string{""}, "401 "},
		{[]string{"Bearer one", "Bearer two"}, "400 invalid_request"},
	} {
		id, r := a.Identify(context.Background(), http.Header{"Authorization": c.values})
		got := "nobody"
		switch {
		case r != nil:
			got = fmt.Sprintf("%d %s", r.Status, r.Code)
		case id != nil:
			got = fmt.Sprint(id.Claims["tenant"])
		}
		if c.values == nil && got != "nobody" || got != c.want {
			t.Errorf("%q: %s, want %s", c.values, got, c.want)
		}
	}
	if s := a.Stats(); s.Accepted != 2 || s.Anonymous != 1 || s.Refused != 6 {
		t.Errorf("%+v", s)
	}
}

// A token costs one signature, until it ends; not a moment longer.
func TestVerifiedTokensAreRemembered(t *testing.T) {
	i := newIssuer(t)
	s := i.publish("k", jose.ES256, ecKey(t))
	a := i.authenticator(&bytes.Buffer{})
	token := s(i.claims(nil))
	for range 5 {
		if _, r := ask(a, token); r != nil {
			t.Fatal(r)
		}
	}
	if st := a.Stats(); st.Verified != 1 || st.Remembered != 4 || st.Accepted != 5 {
		t.Errorf("%+v", st)
	}
	i.advance(609 * time.Second)
	if _, r := ask(a, token); r != nil {
		t.Errorf("within the leeway: %v", r)
	}
	i.advance(time.Second)
	i.advance(time.Second)
	if _, r := ask(a, token); r == nil {
		t.Error("a remembered token outlives its end")
	}
}

func TestRememberedIsBounded(t *testing.T) {
	m := newRemembered(10)
	for n := range 100 {
		m.put([32]byte{byte(n)}, &verified{generation: int64(n)})
		if m.get([32]byte{0}) == nil {
			t.Fatalf("a token that is used all the time is forgotten at %d", n)
		}
		if len(m.young)+len(m.old) > 10 {
			t.Fatalf("%d are kept", len(m.young)+len(m.old))
		}
	}
	if m.get([32]byte{50}) != nil || m.forgotten.Load() == 0 {
		t.Errorf("%d forgotten", m.forgotten.Load())
	}
}

// An issuer that rotates its key is asked once for the new one, and never
// more often than the limit, whatever ids are made up.
func TestRotation(t *testing.T) {
	i := newIssuer(t)
	old := i.publish("1", jose.ES256, ecKey(t))
	a := i.authenticator(&bytes.Buffer{})
	token := old(i.claims(nil))
	if _, r := ask(a, token); r != nil {
		t.Fatal(r)
	}
	i.set(func() { i.keys = nil })
	fresh := i.publish("2", jose.ES256, ecKey(t))
	if _, r := ask(a, fresh(i.claims(nil))); r == nil {
		t.Error("the keys were asked for a moment ago")
	}
	i.advance(betweenFetches)
	if _, r := ask(a, fresh(i.claims(nil))); r != nil {
		t.Errorf("after the rotation: %v", r)
	}
	if _, r := ask(a, token); r == nil {
		t.Error("a key that was taken back still verifies, from memory")
	}
	before := i.fetches()
	for n := range 50 {
		_, _ = ask(a, sign(t, jose.ES256, fmt.Sprint("made-up-", n), ecKey(t), i.claims(nil)))
	}
	if n := i.fetches() - before; n != 0 {
		t.Errorf("%d fetches for made-up ids within the limit", n)
	}
	if st := a.Stats(); st.Limited < 50 || st.Keys != 1 {
		t.Errorf("%+v", st)
	}
	i.advance(betweenFetches)
	for n := range 50 {
		_, _ = ask(a, sign(t, jose.ES256, fmt.Sprint("made-up-", n), ecKey(t), i.claims(nil)))
	}
	if n := i.fetches() - before; n != 1 {
		t.Errorf("%d fetches for made-up ids after the limit, want 1", n)
	}
}

// While the issuer does not answer, the last known keys stay.
func TestIssuerDown(t *testing.T) {
	i := newIssuer(t)
	s := i.publish("k", jose.ES256, ecKey(t))
	log := &bytes.Buffer{}
	a := i.authenticator(log)
	i.set(func() { i.fails = true })
	i.advance(keysAge)
	if _, r := ask(a, s(i.claims(nil))); r != nil { // begins a fetch behind the scenes
		t.Errorf("with the issuer down: %v", r)
	}
	_, _ = ask(a, sign(t, jose.ES256, "other", ecKey(t), i.claims(nil))) // waits for it
	if _, r := ask(a, s(i.claims(map[string]any{"sub": "u2"}))); r != nil {
		t.Errorf("after a failed fetch: %v", r)
	}
	a.Close()
	if st := a.Stats(); st.Failures == 0 || st.Keys != 1 {
		t.Errorf("%+v", st)
	}
	if l := log.String(); !strings.Contains(l, "last known ones stay") || strings.Contains(l, "hunter2") {
		t.Errorf("the log: %s", l)
	}
}

// Requests with a new key share one fetch.
func TestFetchesAreShared(t *testing.T) {
	i := newIssuer(t)
	i.publish("1", jose.ES256, ecKey(t))
	a := i.authenticator(&bytes.Buffer{})
	fresh := i.publish("2", jose.ES256, ecKey(t))
	i.advance(betweenFetches)
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	i.set(func() { i.before = func() { entered <- struct{}{}; <-leave } })
	before := i.fetches()
	token := fresh(i.claims(nil))
	answers := make(chan *Refusal, 5)
	for range 5 {
		go func() { _, r := ask(a, token); answers <- r }()
	}
	<-entered
	close(leave)
	for range 5 {
		if r := <-answers; r != nil {
			t.Errorf("refused: %v", r)
		}
	}
	if n := i.fetches() - before; n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// Without keys at the start nobody could be let in, and the sentence says why
// without the URL's secrets.
func TestNoKeysAtStart(t *testing.T) {
	i := newIssuer(t)
	try := func(name, want string, cfg *config.JWT) {
		t.Helper()
		_, err := New(context.Background(), &config.Auth{JWT: cfg}, Options{Now: i.now})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	try("no keys", "none of the 0 keys there can verify", i.config())
	i.publish("s", jose.HS256, hmacKey{})
	try("a shared secret", "none of the 1 keys there can verify", i.config())
	i.set(func() { i.fails = true })
	try("an error", "500", i.config())
	i.server.Close()
	try("down", "refused", i.config())
	try("no file", "no such file", &config.JWT{JWKS: filepath.Join(t.TempDir(), "hunter2", "keys.json")})
	file := filepath.Join(t.TempDir(), "keys.json")
	for text, want := range map[string]string{"nonsense": "no JSON Web Key Set", `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`: "none of the 1 keys",
		`{"keys":[` + strings.Repeat("{},", maxKeys) + `{}]}`: "at most 64"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		try(text, want, &config.JWT{JWKS: file})
	}
}

// hmacKey publishes a shared secret as if it were a key.
type hmacKey struct{ crypto.Signer }

func (hmacKey) Public() crypto.PublicKey { return []byte("hunter2hunter2hunter2hunter2hunter2") }

// Keys from a file are read again when a token names one that is not there.
func TestKeyFile(t *testing.T) {
	i := newIssuer(t)
	file := filepath.Join(t.TempDir(), "keys.json")
	write := func() {
		data, err := json.Marshal(jose.JSONWebKeySet{Keys: i.keys})
		if err == nil {
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	first := i.publish("1", jose.ES256, ecKey(t))
	write()
	cfg := i.config()
	cfg.JWKS = file
	a, err := New(context.Background(), &config.Auth{JWT: cfg}, Options{Now: i.now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	second := i.publish("2", jose.ES256, ecKey(t))
	write()
	i.advance(betweenFetches)
	for n, s := range []func(map[string]any) string{first, second} {
		if _, r := ask(a, s(i.claims(nil))); r != nil {
			t.Errorf("key %d: %v", n+1, r)
		}
	}
}

func BenchmarkRemembered(b *testing.B) {
	m := newRemembered(maxRemembered)
	v := &verifier{cfg: &config.JWT{}, known: m, now: time.Now, keys: &keyring{now: time.Now}}
	v.keys.current.Store(&keySet{})
	v.keys.due.Store(time.Now().Add(time.Hour).UnixNano())
	a := &Authenticator{verifier: v}
	token := strings.Repeat("x", 800)
	h := http.Header{"Authorization": {"Bearer " + token}}
	m.put(sha256.Sum256([]byte(token)), &verified{identity: &Identity{}, until: time.Now().Add(time.Hour)})
	b.ReportAllocs()
	for b.Loop() {
		if _, r := a.Identify(context.Background(), h); r != nil {
			b.Fatal(r)
		}
	}
}

package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"edgecache/proxyhttp/config"
)

// issuer is a loopback server that publishes keys and signs tokens with them.
type issuer struct {
	t      *testing.T
	server *httptest.Server
	clock  atomic.Int64

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fails   bool
	fetched int
	before  func() // runs inside a fetch
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t}
	i.clock.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	i.server = httptest.NewServer(i)
	t.Cleanup(i.server.Close)
	return i
}

func (i *issuer) now() time.Time          { return time.Unix(0, i.clock.Load()) }
func (i *issuer) advance(d time.Duration) { i.clock.Add(int64(d)) }

func (i *issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	i.fetched++
	fails, before := i.fails, i.before
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: i.keys})
	i.mu.Unlock()
	if before != nil {
		before()
	}
	if err != nil || fails {
		http.Error(w, "no", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body)
}

func (i *issuer) set(f func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f()
}

func (i *issuer) fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetched
}

// publish makes a key, publishes its public half, and returns how to sign.
func (i *issuer) publish(id string, alg jose.SignatureAlgorithm, private crypto.Signer) func(claims map[string]any) string {
	i.set(func() {
		i.keys = append(i.keys, jose.JSONWebKey{Key: private.Public(), KeyID: id, Algorithm: string(alg), Use: "sig"})
	})
	return func(claims map[string]any) string { return sign(i.t, alg, id, private, claims) }
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, id string, key any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// claims are right ones, with changes; a nil takes one away.
func (i *issuer) claims(change map[string]any) map[string]any {
	now := i.now().Unix()
	out := map[string]any{"iss": "https://id", "aud": []string{"shop", "other"}, "sub": "u1", "exp": now + 600, "nbf": now - 5, "tenant": "a"}
	for k, v := range change {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

func (i *issuer) config() *config.JWT {
	return &config.JWT{JWKS: i.server.URL + "/jwks?secret=hunter2", Issuer: "https://id", Audience: []string{"shop"},
		Algorithms: []string{"RS256", "ES256", "EdDSA"}, Leeway: 10 * time.Second}
}

func (i *issuer) authenticator(log *bytes.Buffer, tokens ...config.StaticToken) *Authenticator {
	i.t.Helper()
	a, err := New(context.Background(), &config.Auth{Tokens: tokens, JWT: i.config()},
		Options{Now: i.now, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(a.Close)
	return a
}

func ask(a *Authenticator, token string) (*Identity, *Refusal) {
	return a.Identify(context.Background(), http.Header{"Authorization": {"Bearer " + token}})
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

package proxyhttp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
)

const tenantSchema = `
CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, text TEXT);
INSERT INTO notes VALUES (1, 'a', 'a1'), (2, 'b', 'b1'), (3, 'a', 'a2');
`

const tenantEndpoints = `
endpoints:
  - name: notes
    route: GET /v1/notes
    sql: SELECT id, text FROM notes WHERE tenant = :tenant ORDER BY id
    params: {tenant: {in: claim, claim: org.tenant, required: true}}
    client_ttl: 1m
  - name: notes.get
    route: GET /v1/notes/{id}
    sql: SELECT id, text FROM notes WHERE tenant = :tenant AND id = :id
    params: {tenant: {in: claim, claim: org.tenant, required: true}}
    result: one
  - name: notes.put
    route: PUT /v1/notes/{id}
    sql: UPDATE notes SET text = :text WHERE id = :id AND tenant = :tenant
    params: {tenant: {in: claim, claim: org.tenant, required: true}}
  - name: loose
    route: GET /v1/loose
    sql: SELECT count(*) AS n, :tenant.given AS given FROM notes WHERE tenant = :tenant OR tenant IN (:others)
    params: {tenant: {in: claim, claim: org.tenant}, others: {in: claim, type: list}}
    auth: optional
  - {name: members, route: GET /v1/members, sql: SELECT count(*) AS n FROM notes}
  - {name: public, route: GET /v1/public, sql: SELECT count(*) AS n FROM notes, auth: none}
`

func withTenants(s *setup) {
	s.schema += tenantSchema
	s.yaml = `server:
  auth:
    tokens:
      - {token: token-a, claims: {org: {tenant: a}, others: [b, x]}}
      - {token: token-b, claims: {org: {tenant: b}}}
      - {token: token-none}
      - {token: token-odd, claims: {org: {tenant: [secretclaim]}}}
` + tenantEndpoints
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestWhoMayAsk(t *testing.T) {
	h := start(t, withTenants)
	for _, c := range []struct {
		path, token string
		want        int
		challenge   string
	}{
		{"/v1/notes", "", 401, `Bearer realm="edgecache"`},
		{"/v1/notes", "token-a", 200, ""},
		{"/v1/notes", "token-c", 401, `Bearer realm="edgecache", error="invalid_token", error_description="the token is not known"`},
		{"/v1/notes", "token-none", 403, `Bearer realm="edgecache", error="insufficient_scope", error_description="the token lacks a claim that is asked for"`},
		{"/v1/notes", "token-odd", 403, `Bearer realm="edgecache", error="insufficient_scope", error_description="the token lacks a claim that is asked for"`},
		{"/v1/notes/1", "token-a", 200, ""},
		{"/v1/notes/1", "token-b", 404, ""},
		{"/v1/members", "", 401, `Bearer realm="edgecache"`},
		{"/v1/members", "token-none", 200, ""},
		{"/v1/public", "", 200, ""},
		{"/v1/public", "nonsense", 200, ""},
		{"/v1/loose", "", 200, ""},
		{"/v1/loose", "nonsense", 401, `Bearer realm="edgecache", error="invalid_token", error_description="the token is not known"`},
		{"/v1/nowhere", "", 404, ""},
	} {
		var headers []string
		if c.token != "" {
			headers = bearer(c.token)
		}
		a := h.get(c.path, headers...)
		if a.StatusCode != c.want || a.Header.Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s as %q: %d %s, %s", c.path, c.token, a.StatusCode, a.body, a.Header.Get("WWW-Authenticate"))
		}
		if strings.Contains(a.body, "secretclaim") || c.token != "" && strings.Contains(a.body, c.token) {
			t.Errorf("a secret is in %s", a.body)
		}
	}
	if log := h.log.String(); strings.Contains(log, "token-") || strings.Contains(log, "secretclaim") {
		t.Errorf("a secret is in the log: %s", log)
	}
	if a := h.admin("GET", "/metrics", ""); !strings.Contains(a.body, `edgecache_auth_total{result="refused"} 2`) || strings.Contains(a.body, "token-") {
		t.Errorf("the metrics: %s", a.body)
	}
}

// Answers that depend on who asks say so to everybody on the way.
func TestPersonalAnswers(t *testing.T) {
	h := start(t, withTenants)
	for _, c := range []struct{ path, control, vary string }{
		{"/v1/notes", "private, max-age=60", "Authorization"},
		{"/v1/notes/1", "private, no-cache", "Authorization"},
		{"/v1/loose", "private, no-cache", "Authorization"},
		{"/v1/members", "no-cache", ""},
		{"/v1/public", "no-cache", ""},
	} {
		for _, a := range []*answer{h.miss(c.path, bearer("token-a")...), h.hit(c.path, bearer("token-a")...)} {
			if a.Header.Get("Cache-Control") != c.control || a.Header.Get("Vary") != c.vary {
				t.Errorf("%s: %v", c.path, a.Header)
			}
		}
	}
	tag := h.hit("/v1/notes/1", bearer("token-a")...).Header.Get("ETag")
	a := h.get("/v1/notes/1", append(bearer("token-a"), "If-None-Match", tag)...)
	if a.StatusCode != 304 || a.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("304: %d %v", a.StatusCode, a.Header)
	}
}

// A claim cannot be given in any other way, and an absent one is NULL.
func TestClaimsComeFromTheTokenAlone(t *testing.T) {
	h := start(t, withTenants)
	b := bearer("token-b")
	want := h.miss("/v1/notes", b...).body
	for _, path := range []string{"/v1/notes?tenant=a", "/v1/notes?org.tenant=a", "/v1/notes?org=%7B%22tenant%22:%22a%22%7D"} {
		if got := h.hit(path, append(b, "Tenant", "a", "X-Tenant", "a", "Org", "a")...).body; got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
	if a := h.do("PUT", "/v1/notes/1", `{"text":"stolen","tenant":"a","org":{"tenant":"a"}}`, b...); !strings.Contains(a.body, `"rowsAffected":0`) {
		t.Errorf("b writes for a: %s", a.body)
	}
	for token, body := range map[string]string{"": `[{"n":0,"given":0}]`, "token-none": `[{"n":0,"given":0}]`, "token-a": `[{"n":3,"given":1}]`, "token-b": `[{"n":1,"given":1}]`} {
		var headers []string
		if token != "" {
			headers = bearer(token)
		}
		if got := h.get("/v1/loose", headers...).body; got != body+"\n" {
			t.Errorf("as %q: %s", token, got)
		}
	}
}

// Who may not read a resource may not write it on a condition either: the
// answer would tell its tag.
func TestConditionsAskWhoAsks(t *testing.T) {
	h := start(t, withTenants, func(s *setup) {
		s.yaml += "  - {name: backdoor, route: 'PATCH /v1/notes/{id}', sql: 'UPDATE notes SET text = :text WHERE id = :id', auth: none}\n"
	})
	tag := h.miss("/v1/notes/1", bearer("token-a")...).Header.Get("ETag")
	for token, want := range map[string]int{"": 401, "token-b": 412, "token-none": 403, "token-a": 200} {
		headers := []string{"If-Match", tag}
		if token != "" {
			headers = append(headers, bearer(token)...)
		}
		if a := h.do("PATCH", "/v1/notes/1", `{"text":"a1"}`, headers...); a.StatusCode != want {
			t.Errorf("as %q: %d %s", token, a.StatusCode, a.body)
		}
	}
}

// Two tenants use the same URLs at the same time, while both write: neither
// ever sees a row of the other's, from a hit, a miss, a flight that is shared,
// or a refill.
func TestTenantsNeverMeet(t *testing.T) {
	h := start(t, withTenants)
	var group sync.WaitGroup
	for _, tenant := range []string{"a", "b", "a", "b"} {
		group.Go(func() {
			headers, other := bearer("token-"+tenant), map[string]string{"a": "b", "b": "a"}[tenant]
			own := map[string]string{"a": "1", "b": "2"}[tenant]
			for n := range 60 {
				for _, path := range []string{"/v1/notes", "/v1/notes/1", "/v1/notes/2", "/v1/notes?tenant=" + other} {
					a := h.get(path, headers...)
					if a.StatusCode != 200 && a.StatusCode != 404 || strings.Contains(a.body, `"text":"`+other) {
						t.Errorf("%s as %s: %d %s", path, tenant, a.StatusCode, a.body)
					}
				}
				if n%5 == 0 {
					h.do("PUT", "/v1/notes/"+own, fmt.Sprintf(`{"text":"%s%d"}`, tenant, n), headers...)
				}
			}
		})
	}
	group.Wait()
	keys := map[string]bool{}
	for _, e := range h.s.graph.Entries(depgraph.Filter{Endpoint: "notes"}) {
		keys[e.Key] = true
	}
	if len(keys) > 2 {
		t.Errorf("keys: %v", keys)
	}
}

// The control plane shows whose answer an entry is, purges the answers of all
// tenants by their URL, and explains a write in somebody's name.
func TestTenantsOnTheControlPlane(t *testing.T) {
	h := start(t, withTenants)
	for _, token := range []string{"token-a", "token-b"} {
		h.miss("/v1/notes", bearer(token)...)
		h.miss("/v1/notes/1", bearer(token)...)
	}
	graph := h.admin("GET", "/debug/graph?endpoint=notes", "").body
	if !strings.Contains(graph, `"tenant":"a"`) || !strings.Contains(graph, `"tenant":"b"`) {
		t.Errorf("the graph: %s", graph)
	}
	if a := h.admin("POST", "/v1/explain", `{"method":"PUT","url":"/v1/notes/1","body":{"text":"x"}}`); a.StatusCode != 400 || !strings.Contains(a.body, "claims") {
		t.Errorf("without claims: %d %s", a.StatusCode, a.body)
	}
	a := h.admin("POST", "/v1/explain", `{"method":"PUT","url":"/v1/notes/1","body":{"text":"x"},"claims":{"org":{"tenant":"a"}}}`)
	if a.StatusCode != 200 || strings.Count(a.body, `"affected":true`) != 4 { // two endpoints, an entry of each
		t.Errorf("with claims: %d %s", a.StatusCode, a.body)
	}
	for url, want := range map[string]string{"/v1/notes?unknown=1": "2", "/v1/notes/01": "2"} {
		if a := h.admin("POST", "/v1/purge", `{"url":"`+url+`"}`); a.body != `{"purged":`+want+"}\n" {
			t.Errorf("purge %s: %s", url, a.body)
		}
	}
	h.miss("/v1/notes", bearer("token-a")...)
}

// A token of an issuer works from end to end, by the keys that it publishes.
func TestJWT(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"%s","y":"%s"}]}`, b64(point[1:33]), b64(point[33:]))
	}))
	defer issuer.Close()
	h := start(t, func(s *setup) {
		s.schema += tenantSchema
		s.yaml = "server: {auth: {jwt: {jwks: '" + issuer.URL + "', issuer: me, audience: shop}}}\n" + tenantEndpoints
	})
	token := func(tenant string) string {
		claims, err := json.Marshal(map[string]any{"iss": "me", "aud": "shop", "exp": h.clock.now().Unix() + 60, "org": map[string]any{"tenant": tenant}})
		if err != nil {
			t.Fatal(err)
		}
		text := b64([]byte(`{"alg":"ES256","kid":"k"}`)) + "." + b64(claims)
		sum := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	a, b := token("a"), token("b")
	h.miss("/v1/notes", bearer(a)...)
	h.hit("/v1/notes", bearer(a)...)
	h.hit("/v1/notes", bearer(token("a"))...) // another token of the same tenant
	h.miss("/v1/notes", bearer(b)...)
	if st := h.s.auth.Stats(); st.Verified != 3 || st.Remembered != 1 {
		t.Errorf("%+v", st)
	}
	if got := h.get("/v1/notes", bearer(a[:len(a)-4]+"AAAA")...); got.StatusCode != 401 {
		t.Errorf("a forged token: %d %s", got.StatusCode, got.body)
	}
	issuer.Close()
	bad := mistakesOf(t, "server:\n  auth: {jwt: {jwks: '"+issuer.URL+"/x?key=hunter2'}}\nendpoints: [{route: GET /a, sql: SELECT * FROM nope}]\n")
	if !strings.Contains(bad, "test.yaml:3: server.auth.jwt: the keys of 127.0.0.1:") || !strings.Contains(bad, "no such table") || strings.Contains(bad, "hunter2") {
		t.Errorf("an issuer that is down: %s", bad)
	}
}

// What a server was started with decides: an endpoint that is read later never
// opens a door.
func TestDoorsStayShut(t *testing.T) {
	with := start(t, withTenants)
	e := with.s.endpoint("members")
	open := *e.cfg
	open.Auth = "" // as read from a file without server.auth
	r := httptest.NewRequest("GET", "/v1/members", nil)
	if _, p := with.s.identify(&endpoint{cfg: &open}, r); p == nil || p.Status != 401 {
		t.Errorf("got %v", p)
	}
	without := start(t)
	for _, mode := range []string{config.AuthRequired, config.AuthOptional} {
		if _, p := without.s.identify(&endpoint{cfg: &config.Endpoint{Auth: mode}}, r); p == nil || p.Status != 503 {
			t.Errorf("%s: %v", mode, p)
		}
	}
}

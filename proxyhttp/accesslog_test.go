package proxyhttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"edgecache/source"
)

func unavailable() error {
	return &source.Error{Kind: source.ErrUnavailable, Message: "the database is gone"}
}

func newRequest(target string) *http.Request  { return httptest.NewRequest("GET", target, nil) }
func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// requests lists the access log's lines, without what differs from run to run.
func (h *harness) requests() (out []string) {
	volatile := regexp.MustCompile(`^time=\S+ level=INFO msg=request |took=\S+ | request=\S+|\n`)
	for l := range strings.Lines(h.log.String()) {
		if strings.Contains(l, "msg=request ") {
			out = append(out, volatile.ReplaceAllString(l, ""))
		}
	}
	return out
}

func (h *harness) session() {
	h.get("/v1/users/1?utm=private")
	h.get("/v1/users/1")
	h.get("/v1/users?city=Bern&token=private")
	h.do("HEAD", "/v1/users/1", "")
	h.do("PUT", "/v1/users/1", `{"firstName":"private"}`)
	h.get("/v1/users?limit=1000")
	h.get("/private?x=private")
	h.do("BREW", "/v1/users/1", "")
}

func TestAccessLog(t *testing.T) {
	for _, c := range []struct {
		keys string
		want []string
	}{
		{"", nil},
		{"log: {access: errors}\n", []string{
			`method=GET status=400 bytes=N endpoint=users.list route="GET /v1/users" client=127.0.0.1`,
			`method=GET status=404 bytes=N client=127.0.0.1`,
			`method=other status=405 bytes=N client=127.0.0.1`,
		}},
		{"log: {access: all}\n", []string{
			`method=GET status=200 bytes=N endpoint=users.get route="GET /v1/users/{id}" cache="edgecache; fwd=uri-miss; stored" client=127.0.0.1`,
			`method=GET status=200 bytes=N endpoint=users.get route="GET /v1/users/{id}" cache="edgecache; hit; ttl=3600" client=127.0.0.1`,
			`method=GET status=200 bytes=N endpoint=users.list route="GET /v1/users" cache="edgecache; fwd=uri-miss; stored" client=127.0.0.1`,
			`method=HEAD status=200 bytes=0 endpoint=users.get route="GET /v1/users/{id}" cache="edgecache; hit; ttl=3600" client=127.0.0.1`,
			`method=PUT status=200 bytes=N endpoint=users.update route="PUT /v1/users/{id}" client=127.0.0.1`,
			`method=GET status=400 bytes=N endpoint=users.list route="GET /v1/users" client=127.0.0.1`,
			`method=GET status=404 bytes=N client=127.0.0.1`,
			`method=other status=405 bytes=N client=127.0.0.1`,
		}},
		{"log: {access: all, access_one_in: 4, access_urls: true}\n", []string{
			`method=GET status=200 bytes=N endpoint=users.get route="GET /v1/users/{id}" cache="edgecache; fwd=uri-miss; stored" client=127.0.0.1 url=/v1/users/1`,
			`method=PUT status=200 bytes=N endpoint=users.update route="PUT /v1/users/{id}" client=127.0.0.1 url=/v1/users/1`,
			`method=GET status=400 bytes=N endpoint=users.list route="GET /v1/users" client=127.0.0.1 url="/v1/users?limit=1000"`,
			`method=GET status=404 bytes=N client=127.0.0.1 url=/private`,
			`method=other status=405 bytes=N client=127.0.0.1 url=/v1/users/1`,
		}},
	} {
		h := start(t, withYAML(c.keys))
		h.session()
		got := h.requests()
		for i := range got {
			got[i] = regexp.MustCompile(`bytes=[1-9]\d*`).ReplaceAllString(got[i], "bytes=N")
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s\ngot\n%s\nwant\n%s", c.keys, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
		if !strings.Contains(c.keys, "urls") && strings.Contains(h.log.String(), "private") {
			t.Errorf("%s: something that a client typed is in the log:\n%s", c.keys, h.log)
		}
	}
}

// TestCutOffAnswersAreLogged: a client that leaves is told apart from one that
// was answered.
func TestCutOffAnswersAreLogged(t *testing.T) {
	h := start(t, withYAML("log: {access: all}\n"))
	ctx, leave := context.WithCancel(t.Context())
	h.tap.set(func(context.Context) error { leave(); <-ctx.Done(); return nil })
	h.s.Data().ServeHTTP(newRecorder(), newRequest("/v1/users/1").WithContext(ctx))
	if got := h.requests(); len(got) != 1 || !strings.Contains(got[0], "status=499") {
		t.Errorf("%v", got)
	}
}

// TestSecretsAreNotLogged runs a session full of secrets with everything logged
// that can be.
func TestSecretsAreNotLogged(t *testing.T) {
	const secret = "s3cr3t-"
	h := start(t, func(s *setup) {
		withTenants(s)
		s.yaml = strings.ReplaceAll(s.yaml, "token-", secret+"token-")
		s.yaml = "admin: {listen: '127.0.0.1:0', token: " + secret + "admin}\nlog: {access: all, access_urls: true, level: debug}\nself_check: {one_in: 1}\n" + s.yaml + `
  - {name: varied, route: GET /v1/varied, sql: "SELECT count(*) AS n, :key AS k FROM notes", params: {key: {type: string, in: header}}, vary: [Cookie], auth: none}
`
	})
	headers := func(token string) []string {
		return []string{"Authorization", "Bearer " + secret + token, "Cookie", "session=" + secret + "cookie", "X-Api-Key", secret + "key", "Key", secret + "header",
			"Proxy-Authorization", "Basic " + secret, "Referer", "https://x/" + secret, "User-Agent", secret + "agent", requestIDHeader, "r 1;" + secret}
	}
	for range 2 {
		for _, token := range []string{"token-a", "token-none", "token-odd", "unknown"} {
			h.get("/v1/notes?access_token="+secret+"query", headers(token)...)
			h.do("PUT", "/v1/notes/1?key="+secret+"query", `{"text":"`+secret+`body"}`, headers(token)...)
			h.do("PUT", "/v1/notes/1", `{"text":`+secret, headers(token)...)
		}
		h.get("/v1/varied", headers("token-a")...)
	}
	for _, path := range []string{"/metrics", "/v1/stats", "/v1/alarms", "/v1/purge", "/debug/graph"} {
		h.admin("GET", path, "", "Authorization", "Bearer "+secret+"admin")
		h.admin("POST", path, `{"url":"/v1/varied"}`, "Authorization", "Bearer "+secret+"wrong")
		h.admin("POST", path, `{"all":true}`, "Authorization", "Bearer "+secret+"admin")
	}
	h.tap.setWrite(func(string) error {
		return &source.Error{Kind: source.ErrConstraint, Message: "Duplicate entry '" + secret + "' for key 'text'"}
	})
	h.do("PUT", "/v1/notes/1", `{"text":"x"}`, headers("token-a")...)
	h.tap.set(func(context.Context) error { return unavailable() })
	h.get("/v1/notes", append(headers("token-b"), "Cache-Control", "no-cache")...)
	if lines := strings.Count(h.log.String(), "\n"); lines < 20 {
		t.Errorf("only %d lines", lines)
	}
	for l := range strings.Lines(h.log.String()) {
		if strings.Contains(l, secret) {
			t.Errorf("a secret: %s", l)
		}
	}
	if a := h.admin("GET", "/metrics", "", "Authorization", "Bearer "+secret+"admin"); a.StatusCode != 200 || strings.Contains(a.body, secret) {
		t.Errorf("a secret, or nothing, in the metrics: %d", a.StatusCode)
	}
}

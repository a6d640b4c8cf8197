package proxyhttp

import (
	"net/url"
	"testing"

	"edgecache/proxyhttp/config"
)

func routesOf(t *testing.T, list ...[2]string) *routes {
	t.Helper()
	var eps []*endpoint
	for _, r := range list {
		eps = append(eps, &endpoint{cfg: &config.Endpoint{Name: r[0] + " " + r[1], Method: r[0], Path: r[1]}})
	}
	return newRoutes(eps)
}

func TestRoutes(t *testing.T) {
	rt := routesOf(t,
		[2]string{"GET", "/v1/users/{id}"}, [2]string{"PUT", "/v1/users/{uid}"}, [2]string{"GET", "/v1/users/top"},
		[2]string{"GET", "/v1/größe/{a}/{b}"}, [2]string{"GET", "/v1/users"},
		[2]string{"GET", "/v1/{kind}/all"}, [2]string{"GET", "/v1/a.b"})
	for _, c := range []struct {
		method, url, want string
		vars              map[string]string
	}{
		{"GET", "/v1/users/top", "GET /v1/users/top", nil},
		{"GET", "/v1/users/123-abc", "GET /v1/users/{id}", map[string]string{"id": "123-abc"}},
		{"HEAD", "/v1/users/a%2Fb", "GET /v1/users/{id}", map[string]string{"id": "a/b"}},
		{"GET", "/v1/users/a%20b%25", "GET /v1/users/{id}", map[string]string{"id": "a b%"}},
		{"GET", "/v1/%75sers/t%6Fp", "GET /v1/users/top", nil},
		{"PUT", "/v1/users/x", "PUT /v1/users/{uid}", map[string]string{"uid": "x"}},
		{"GET", "/v1/gr%C3%B6%C3%9Fe/1/2", "GET /v1/größe/{a}/{b}", map[string]string{"a": "1", "b": "2"}},
		{"GET", "/v1/users/all", "GET /v1/users/{id}", map[string]string{"id": "all"}},
		{"GET", "/v1/orders/all", "GET /v1/{kind}/all", map[string]string{"kind": "orders"}},
		{"GET", "/v1/a.b", "GET /v1/a.b", nil},
		{"GET", "/v1/aXb", "404", nil},
		{"GET", "/v1/users/", "404", nil},
		{"GET", "/v1//users", "404", nil},
		{"GET", "/nope", "404", nil},
		{"DELETE", "/v1/users/x", "405 GET, HEAD, OPTIONS, PUT", nil},
		{"POST", "/v1/users", "405 GET, HEAD, OPTIONS", nil},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		e, vars, p := rt.find(c.method, u)
		got := ""
		switch {
		case p != nil && p.Status == 404:
			got = "404"
		case p != nil:
			got = "405 " + p.allow
		default:
			got = e.cfg.Name
		}
		if got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.method, c.url, got, c.want)
		}
		for k, v := range c.vars {
			if vars[k] != v {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.url, k, vars[k], v)
			}
		}
	}
}

func TestCanonicalURLs(t *testing.T) {
	known := func(n string) bool { return n == "id" || n == "limit" }
	for in, want := range map[string]string{
		"/v1/users":                                 "/v1/users",
		"/v1/users?utm=x":                           "/v1/users",
		"/v1/users?limit=10&id=123*":                "/v1/users?id=123*&limit=10",
		"/v1/users?id=a%26b+c&limit=%3d":            "/v1/users?id=a%26b%20c&limit=%3D",
		"/v1/a%2Fb?limit=1&limit=2":                 "/v1/a%2Fb?limit=1&limit=2",
		"http://127.0.0.1:8080/v1/users?limit=10#f": "/v1/users?limit=10",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := canonicalURL(u, u.Query(), known); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

package proxyhttp

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
)

// Only what a trusted proxy says is believed, and only as far as it saw.
func TestClientIP(t *testing.T) {
	s := &Server{cfg: &config.Config{Server: config.Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}}}}
	for _, c := range []struct {
		peer, plain, forwarded, want string
	}{
		{"192.0.2.1:5000", "", "", "192.0.2.1"},
		{"192.0.2.1:5000", "198.51.100.7", "", "192.0.2.1"},
		{"192.0.2.1:5000", "", "for=198.51.100.7", "192.0.2.1"},
		{"10.0.0.1:5000", "", "", "10.0.0.1"},
		{"10.0.0.1:5000", "198.51.100.7", "", "198.51.100.7"},
		{"10.0.0.1:5000", "1.2.3.4, 198.51.100.7", "", "198.51.100.7"},
		{"10.0.0.1:5000", "198.51.100.7, 10.2.2.2", "", "198.51.100.7"},
		{"10.0.0.1:5000", "10.3.3.3, 10.2.2.2", "", "10.3.3.3"},
		{"10.0.0.1:5000", "198.51.100.7, unknown, 10.2.2.2", "", "10.2.2.2"},
		{"10.0.0.1:5000", "198.51.100.7:4711", "", "198.51.100.7"},
		{"[2001:db8::1]:5000", "2001:DB9::7", "", "2001:db9::7"},
		{"[::ffff:10.0.0.1]:5000", "::ffff:198.51.100.7", "", "198.51.100.7"},
		{"10.0.0.1:5000", "", `for=1.2.3.4;proto=http, For="[2001:db9::7]:4711";by=10.0.0.1`, "2001:db9::7"},
		{"10.0.0.1:5000", "", "for=_hidden", "10.0.0.1"},
		{"10.0.0.1:5000", "", "proto=https", "10.0.0.1"},
		{"10.0.0.1:5000", "198.51.100.7", "for=198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:5000", "198.51.100.7", "for=1.2.3.4", "10.0.0.1"},
		{"10.0.0.1:5000", "<script>", "", "10.0.0.1"},
		{"10.0.0.1:5000", "198.51.100.7" + strings.Repeat(",10.0.0.2", maxHops), "", "10.0.0.2"},
		{"@", "198.51.100.7", "", "@"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
		if c.plain != "" {
			r.Header["X-Forwarded-For"] = []string{c.plain}
		}
		if c.forwarded != "" {
			r.Header["Forwarded"] = []string{c.forwarded}
		}
		if got := s.clientIP(r); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	two := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {"1.2.3.4", "198.51.100.7"}}}
	if got := s.clientIP(two); got != "198.51.100.7" {
		t.Errorf("two lines: %s", got)
	}
}

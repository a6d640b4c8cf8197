package proxyhttp

import (
	"net/http"
	"net/netip"
	"strings"
)

// maxHops bounds how many entries of a forwarding header are looked at. Past
// it the last proxy that was trusted is the client, as far as anybody knows.
const maxHops = 32

// clientIP is the address that a request comes from, for the log. Only what
// server.trusted_proxies say is believed: the chain is walked from our end,
// and the first address that is not one of theirs is the client. Anything
// beyond it may have been made up by that client.
//
// A proxy that writes one of X-Forwarded-For and Forwarded may pass the other
// on as the client sent it. So when both are there and disagree, neither is
// believed.
func (s *Server) clientIP(r *http.Request) string {
	peer, ok := addressOf(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	if !s.trusts(peer) {
		return peer.String()
	}
	plain, forwarded := r.Header["X-Forwarded-For"], r.Header["Forwarded"]
	switch {
	case len(plain) == 0 && len(forwarded) == 0:
		return peer.String()
	case len(forwarded) == 0:
		return s.walk(peer, hops(plain)).String()
	case len(plain) == 0:
		return s.walk(peer, forElements(forwarded)).String()
	}
	a, b := s.walk(peer, hops(plain)), s.walk(peer, forElements(forwarded))
	if a != b {
		return peer.String()
	}
	return a.String()
}

// walk goes back along a chain as long as it is trusted.
func (s *Server) walk(peer netip.Addr, chain []string) netip.Addr {
	last := peer
	for i := len(chain) - 1; i >= 0 && len(chain)-i <= maxHops; i-- {
		a, ok := addressOf(chain[i])
		if !ok {
			return last // "unknown", an alias, or nonsense
		}
		if last = a; !s.trusts(a) {
			return a
		}
	}
	return last
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.cfg.Server.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// addressOf reads an address with or without a port.
func addressOf(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	p, err := netip.ParseAddrPort(text)
	return p.Addr().Unmap().WithZone(""), err == nil
}

func hops(values []string) (out []string) {
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

// forElements lists the "for" of each element of Forwarded (RFC 7239); an
// element without one is "unknown". Commas in quotes, which no address has,
// make parts that are no address, where the walk ends.
func forElements(values []string) (out []string) {
	for _, element := range hops(values) {
		node := "unknown"
		for _, pair := range strings.Split(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(name, "for") {
				node = strings.Trim(value, `"`)
			}
		}
		out = append(out, node)
	}
	return out
}

package config

import "net/netip"

const maxProxies = 100

// proxies reads server.trusted_proxies: those whose word about the client's
// address is taken. A single address is a network of one.
func (s *section) proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range s.texts("trusted_proxies", maxProxies) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		switch {
		case err != nil:
			s.note(s.line("trusted_proxies"), "trusted_proxies names %s, which is neither a network such as 10.0.0.0/8 nor an address", s.shown("trusted_proxies", text))
			continue
		case p.Bits() == 0:
			s.note(s.line("trusted_proxies"), "trusted_proxies names %s, which is everybody, so everybody could claim any address; name your own proxies", s.shown("trusted_proxies", text))
			continue
		case p.Addr().Is4In6():
			s.note(s.line("trusted_proxies"), "trusted_proxies names %s; write the IPv4 network itself", s.shown("trusted_proxies", text))
			continue
		}
		out = append(out, p.Masked())
	}
	return out
}

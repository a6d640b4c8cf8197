package config

import "strings"

// claim checks a parameter that is a claim of the verified token.
func (s *section) claim(p *Param, e *Endpoint, name string) {
	if p.In != InClaim {
		if s.has("claim") {
			s.note(s.line("claim"), "claim of parameter %s says which claim it is, and it is not declared in: claim", name)
		}
		return
	}
	p.Claim = s.text("claim", "")
	switch {
	case len(p.Claim) > MaxNameBytes:
		s.note(s.line("claim"), "claim of parameter %s has more than %d bytes", name, MaxNameBytes)
	case strings.HasPrefix(p.Claim, ".") || strings.HasSuffix(p.Claim, ".") || strings.Contains(p.Claim, ".."):
		s.note(s.line("claim"), "claim of parameter %s is a dotted path such as org.id", name)
	}
	switch e.Auth {
	case "":
		s.note(s.line("in"), "parameter %s is declared in: claim, and the file has no server.auth that could verify claims", name)
	case AuthNone:
		s.note(s.line("in"), "parameter %s is declared in: claim, and the endpoint says auth: none; say optional or required", name)
	}
	if p.HasFragments() {
		s.note(s.line("in"), "parameter %s stands for SQL and cannot be a claim", name)
	}
}

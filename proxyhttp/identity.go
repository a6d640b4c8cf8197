package proxyhttp

import (
	"net/http"

	"edgecache/proxyhttp/auth"
	"edgecache/proxyhttp/config"
)

// identify tells who sends a request to an endpoint: the claims of a verified
// token, or nil where nobody has to be known.
//
// What a server was started with decides. A file that is read again may give
// endpoints an `auth` that this process has no server.auth for, or take it
// from them; either way the door stays shut.
func (s *Server) identify(e *endpoint, r *http.Request) (map[string]any, *problem) {
	mode := e.cfg.Auth
	if mode == "" && s.auth != nil {
		mode = config.AuthRequired
	}
	if mode == "" || mode == config.AuthNone {
		return nil, nil
	}
	if s.auth == nil {
		return nil, newProblem(http.StatusServiceUnavailable, problemUnavailable, "the endpoint asks who sends a request, and server.auth takes effect only when EdgeCache is started again")
	}
	id, refusal := s.auth.Identify(r.Context(), r.Header)
	switch {
	case refusal != nil:
		return nil, refused(refusal)
	case id != nil:
		return id.Claims, nil
	case mode == config.AuthRequired:
		return nil, refused(auth.Missing())
	}
	return nil, nil
}

// refused is a refusal as a problem.
func refused(r *auth.Refusal) *problem {
	kind := problemUnauthorized
	switch r.Status {
	case http.StatusForbidden:
		kind = problemForbidden
	case http.StatusBadRequest:
		kind = problemBadRequest
	}
	p := newProblem(r.Status, kind, r.Description)
	p.challenge = r.Challenge()
	return p
}

// isPersonal tells whether the answers of an endpoint depend on who asks, so
// that nobody between us and the client may keep them for others.
func isPersonal(cfg *config.Endpoint) bool {
	for _, h := range cfg.Vary {
		if isIdentity(h) {
			return true
		}
	}
	for name, p := range cfg.Params {
		if p.In == config.InClaim || p.In == config.InHeader && isIdentity(config.HeaderName(name)) {
			return true
		}
	}
	return false
}

// isIdentity names the headers that tell who asks.
func isIdentity(header string) bool {
	switch http.CanonicalHeaderKey(header) {
	case "Authorization", "Cookie", "X-Api-Key":
		return true
	}
	return false
}

// hasClaims tells whether the answers of an endpoint depend on claims.
func hasClaims(cfg *config.Endpoint) bool {
	for _, p := range cfg.Params {
		if p.In == config.InClaim {
			return true
		}
	}
	return false
}

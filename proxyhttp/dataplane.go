package proxyhttp

import (
	"context"

	"edgecache/proxyhttp/auth"
	"edgecache/proxyhttp/config"
)

// openDoors reads what the data plane needs besides its sources: certificates,
// tokens and the keys to verify them. It returns every mistake that only the
// files and the issuer can tell.
func (s *Server) openDoors(ctx context.Context) (wrong []config.Mistake) {
	fail := func(line int, what string, err error) {
		wrong = append(wrong, config.Mistake{File: s.cfg.File, Line: line, Message: what + ": " + err.Error()})
	}
	var err error
	if s.dataCert, err = loadCertificate("server.tls", s.cfg.Server.TLS, s.log, s.now); err != nil {
		fail(s.cfg.Server.TLS.Line, "server.tls", err)
	}
	if s.controlCert, err = loadCertificate("admin.tls", s.cfg.Admin.TLS, s.log, s.now); err != nil {
		fail(s.cfg.Admin.TLS.Line, "admin.tls", err)
	}
	s.cors = newCORS(s.cfg.Server.CORS)
	a := s.cfg.Server.Auth
	if a == nil || a.JWT != nil && a.JWT.JWKS == "" { // which is a mistake already
		return wrong
	}
	if s.auth, err = auth.New(ctx, a, auth.Options{Log: s.log, Now: s.now}); err != nil {
		fail(a.JWT.Line, "server.auth.jwt", err)
	}
	return wrong
}

// exposeDoors prints what became of tokens and certificates.
func (s *Server) exposeDoors(x *exposition) {
	if s.auth != nil {
		a := s.auth.Stats()
		const name = "edgecache_auth_total"
		x.family(name, "counter", "Requests to endpoints that ask for an identity by what became of them; remembered and verified are among the accepted.")
		for _, r := range []result{{"accepted", a.Accepted}, {"refused", a.Refused}, {"anonymous", a.Anonymous}, {"remembered", a.Remembered}, {"verified", a.Verified}} {
			x.sample(name, float64(r.n), "result", r.name)
		}
		x.counter("edgecache_auth_forgotten_total", "Verified tokens that went for lack of room; each costs a signature when it comes again.", a.Forgotten)
		const keys = "edgecache_auth_key_fetches_total"
		x.family(keys, "counter", "Attempts to fetch the issuer's keys; limited ones were not made because another was a moment ago.")
		for _, r := range []result{{"ok", a.Fetches - a.Failures}, {"failed", a.Failures}, {"limited", a.Limited}} {
			x.sample(keys, float64(r.n), "result", r.name)
		}
		x.gauge("edgecache_auth_keys", "Keys that can verify tokens.", float64(a.Keys))
	}
	if s.dataCert == nil && s.controlCert == nil {
		return
	}
	const reloads = "edgecache_certificate_reloads_total"
	x.family(reloads, "counter", "Certificates read again after their files changed; a failed one leaves the last in use.")
	for _, c := range []*certificate{s.dataCert, s.controlCert} {
		if c != nil {
			x.sample(reloads, float64(c.reloads.Load()), "of", c.name, "result", "ok")
			x.sample(reloads, float64(c.failed.Load()), "of", c.name, "result", "failed")
		}
	}
}

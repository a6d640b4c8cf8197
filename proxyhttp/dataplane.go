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

package proxyhttp

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"edgecache/proxyhttp/config"
)

// cors tells pages of other origins what they may do. Its headers are put on
// each answer and never on a cached response, so one entry serves every
// origin.
type cors struct {
	any         bool
	origins     map[string]bool
	credentials bool
	headers     []string
	expose      []string // the header's value
	maxAge      []string
}

// exposed are what the contract's answers say in headers.
var exposed = []string{"Age", "Cache-Status", "EdgeCache-Invalidated", "ETag", "Retry-After", "WWW-Authenticate", requestIDHeader}

// allowed are the request headers that any endpoint reads.
var allowed = []string{"Authorization", "Cache-Control", "Content-Type", "If-Match", "If-None-Match", "Traceparent", requestIDHeader}

func newCORS(c *config.CORS) *cors {
	if c == nil {
		return nil
	}
	out := &cors{any: c.AnyOrigin, origins: map[string]bool{}, credentials: c.Credentials, headers: c.Headers,
		expose: []string{strings.Join(append(slices.Clone(exposed), c.Expose...), ", ")},
		maxAge: []string{strconv.FormatInt(int64(c.MaxAge/time.Second), 10)}}
	for _, o := range c.Origins {
		out.origins[o] = true
	}
	return out
}

// withCORS puts the headers on every answer, problems included: a page may
// read why it was refused.
func (s *Server) withCORS(next http.Handler) http.Handler {
	if s.cors == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.cors.mark(w.Header(), r)
		next.ServeHTTP(w, r)
	})
}

// mark tells whether the page that asks may see the answer. Where that differs
// by origin, caches on the way must know, whether or not there was one.
func (c *cors) mark(h http.Header, r *http.Request) bool {
	if !c.any {
		h["Vary"] = append(h["Vary"], "Origin")
	}
	origin := r.Header["Origin"]
	if len(origin) != 1 || !c.any && !c.origins[origin[0]] {
		return false
	}
	h["Access-Control-Expose-Headers"] = c.expose
	if c.any {
		h["Access-Control-Allow-Origin"] = []string{"*"}
		return true
	}
	h["Access-Control-Allow-Origin"] = origin
	if c.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	return true
}

// preflight answers what a page may send to a path. It asks for no token: a
// browser sends none here.
func (c *cors) preflight(h http.Header, r *http.Request, sh *shape) {
	if c == nil || sh == nil || len(r.Header["Access-Control-Request-Method"]) == 0 || h["Access-Control-Allow-Origin"] == nil {
		return
	}
	delete(h, "Access-Control-Expose-Headers")
	h["Access-Control-Allow-Methods"] = []string{sh.allow}
	h["Access-Control-Allow-Headers"] = []string{strings.Join(c.readable(sh), ", ")}
	h["Access-Control-Max-Age"] = c.maxAge
}

// readable lists the request headers that the endpoints of a path look at.
func (c *cors) readable(sh *shape) []string {
	names := append(slices.Clone(allowed), c.headers...)
	for _, e := range sh.methods {
		names = append(names, e.cfg.Vary...)
		for n, p := range e.cfg.Params {
			if p.In == config.InHeader {
				names = append(names, http.CanonicalHeaderKey(config.HeaderName(n)))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

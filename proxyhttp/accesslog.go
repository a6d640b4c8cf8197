package proxyhttp

import (
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"edgecache/proxyhttp/config"
)

// accessLog writes a line for answered requests of the data plane, if asked to.
// By itself a line has nothing that a client typed: the endpoint and its route
// stand for the URL, whose values may be personal data or secrets. No header
// but the ids is ever in it.
//
// Lines are written by who answers, so there is no queue that could overflow: a
// log that blocks makes requests wait, and Limits bounds those.
type accessLog struct {
	log     *slog.Logger
	all     bool // else errors only
	oneIn   uint64
	urls    bool
	answers atomic.Uint64 // below 400
}

// newAccessLog is nil when there is none.
func newAccessLog(c config.Log, log *slog.Logger) *accessLog {
	if c.Access != config.AccessAll && c.Access != config.AccessErrors {
		return nil
	}
	return &accessLog{log: log, all: c.Access == config.AccessAll, oneIn: uint64(max(c.AccessOneIn, 1)), urls: c.AccessURLs}
}

// wants tells whether an answer has a line.
func (l *accessLog) wants(status int) bool {
	if status >= http.StatusBadRequest {
		return true
	}
	return l.all && (l.answers.Add(1)-1)%l.oneIn == 0
}

// watched sees what is answered.
type watched struct {
	http.ResponseWriter
	endpoint *endpoint // nil: none was found
	status   int
	bytes    int64
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 || w.status < http.StatusOK { // 1xx come before the answer
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// meets notes which endpoint a request met.
func meets(w http.ResponseWriter, e *endpoint) {
	if seen, ok := w.(*watched); ok {
		seen.endpoint = e
	}
}

// observed gives requests their id and logs their answers. It comes before
// everything else, so that requests that are turned away have both too.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.identified(w.Header(), r)
		if s.access == nil {
			next.ServeHTTP(w, r)
			return
		}
		seen, began := &watched{ResponseWriter: w}, time.Now()
		defer func() { s.access.line(s, seen, r, time.Since(began)) }()
		next.ServeHTTP(seen, r)
	})
}

// line logs one answer; one without a status was cut off, or its client left.
func (l *accessLog) line(s *Server, w *watched, r *http.Request, took time.Duration) {
	status := w.status
	if status == 0 {
		status = statusClientGone
	}
	if !l.wants(status) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs, slog.String("method", knownMethod(r.Method)), slog.Int("status", status), slog.Duration("took", took), slog.Int64("bytes", w.bytes))
	if e := w.endpoint; e != nil {
		attrs = append(attrs, slog.String("endpoint", e.cfg.Name), slog.String("route", e.cfg.Route))
	}
	if c := w.Header()["Cache-Status"]; len(c) > 0 {
		attrs = append(attrs, slog.String("cache", c[0]))
	}
	attrs = append(attrs, slog.String("client", s.clientIP(r)))
	if l.urls {
		attrs = append(attrs, slog.String("url", s.loggedURL(w.endpoint, r.URL)))
	}
	l.log.LogAttrs(within(r.Context(), w), slog.LevelInfo, "request", attrs...)
}

// knownMethod is a method as it is logged: any text may come as one.
func knownMethod(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return m
	}
	return "other"
}

// maxLoggedURL bounds a URL in a line.
const maxLoggedURL = 1024

// loggedURL is the path with the parameters that the endpoint knows: what else
// a query string brings, such as a token for somebody else, stays out.
func (s *Server) loggedURL(e *endpoint, u *url.URL) string {
	out := u.EscapedPath()
	if e != nil && !e.isWrite {
		if query, p := parseQuery(u, s.limits); p == nil {
			out = canonicalURL(u, query, e.knows(e.plan.Load()))
		}
	}
	if len(out) > maxLoggedURL {
		out = out[:maxLoggedURL] + "…"
	}
	return out
}

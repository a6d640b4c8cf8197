package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// What goes wrong between a command and its server, and what to do about it.
// No message holds the token.

const howToName = "name the control plane with --server URL or $EDGECACHE_SERVER"

// absent is the error of exit code 3: what was tried, why there was no answer,
// and what to do.
func (c client) absent(why, advice string) error {
	return withCode(exitAbsent, fmt.Errorf("edgecache: no answer from %s: %s\n%s", c.shown(), why, advice))
}

// silent explains why a request got no answer at all.
func (c client) silent(ctx context.Context, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(context.Cause(ctx), context.Canceled):
		return failure(errors.New("edgecache: stopped"))
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return c.absent(fmt.Sprintf("nothing came within %s", *c.timeout),
			"The server is busy or something on the way drops packets; --timeout waits longer, or "+howToName+".")
	case errors.Is(err, syscall.ECONNREFUSED):
		return c.absent("nothing listens there",
			"Start a server with: edgecache serve -c FILE\nor "+howToName+"; serve prints both of its addresses.")
	case errors.As(err, &dns):
		return c.absent(fmt.Sprintf("the name %s is not known", dns.Name), "Correct it, or "+howToName+".")
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return c.absent("it speaks plain HTTP, not TLS", "Ask it with: --server "+strings.Replace(c.shown(), "https://", "http://", 1))
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return c.absent("its certificate is not trusted: "+err.Error(),
			"Put its authority's certificate into the file that $SSL_CERT_FILE names, or use the name that it is made for.")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		strings.Contains(err.Error(), "readLoopPeekFail"): // as net/http says of a connection that is closed before an answer
		return c.absent("it hung up", "It may be stopping, or be no HTTP server; "+howToName+".")
	case strings.Contains(err.Error(), "malformed HTTP"):
		return c.absent("it does not speak HTTP", "Something else listens there; "+howToName+".")
	}
	return c.absent(err.Error(), "Is it running? "+strings.ToUpper(howToName[:1])+howToName[1:]+".")
}

// stranger is somebody who answers and is no control plane.
func (c client) stranger(why string) error {
	return withCode(exitAbsent, fmt.Errorf("edgecache: %s is not the control plane of EdgeCache: %s\n%s; the default is %s",
		c.shown(), why, strings.ToUpper(howToName[:1])+howToName[1:], defaultServer))
}

// problem is what an error answer of EdgeCache says.
type problem struct {
	Type, Title, Detail string
	Errors              []json.RawMessage
}

// fromDataPlane recognises an answer of the other port. A mapped route may
// have any path, so success proves nothing. The control plane says of a call
// that it explains that no endpoint has its route, but never of its own paths.
func fromDataPlane(r *reply) bool {
	if strings.HasPrefix(r.header.Get("Cache-Status"), "edgecache") {
		return true
	}
	var p problem
	return r.status == http.StatusNotFound && json.Unmarshal(r.body, &p) == nil &&
		p.Type == "urn:edgecache:problem:no-route" && strings.HasSuffix(p.Detail, " "+r.path)
}

// refused explains an answer that is no success.
func (c client) refused(r *reply) error {
	var p problem
	known := json.Unmarshal(r.body, &p) == nil && strings.HasPrefix(p.Type, "urn:edgecache:problem:")
	switch {
	case fromDataPlane(r):
		return c.stranger("it is a data plane, which serves your API")
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		if c.secret() == "" {
			return withCode(exitToken, fmt.Errorf("edgecache: %s wants a token: give it with --token or in $EDGECACHE_TOKEN; it is admin.token of the server's configuration", c.shown()))
		}
		return withCode(exitToken, fmt.Errorf("edgecache: %s does not take this token: it must be admin.token of the server's configuration (--token goes before $EDGECACHE_TOKEN)", c.shown()))
	case known:
		return failure(errors.New("edgecache: " + p.text()))
	case r.status == http.StatusBadRequest && strings.Contains(string(r.body), "HTTP request to an HTTPS server"):
		return c.absent("it speaks TLS", "Ask it with: --server "+strings.Replace(c.shown(), "http://", "https://", 1))
	}
	return c.stranger(fmt.Sprintf("it answered %d %s", r.status, http.StatusText(r.status)))
}

// text is the problem in a line, and one more for each part that is wrong.
func (p *problem) text() string {
	s := p.Detail // a whole clause, which the title only sums up
	if s == "" {
		s = p.Title
	}
	for _, raw := range p.Errors {
		if line := partText(raw); line != "" && line != s {
			s += "\n  " + line
		}
	}
	return plainLines(s)
}

// partText is one of a problem's errors: a text, or an object with a name.
func partText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var e struct{ Name, Detail, Message string }
	if json.Unmarshal(raw, &e) != nil {
		return ""
	}
	line := e.Detail + e.Message
	if e.Name != "" && !strings.Contains(line, e.Name) {
		line = e.Name + ": " + line
	}
	return line
}

// plainLines is plain for a text of several lines.
func plainLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

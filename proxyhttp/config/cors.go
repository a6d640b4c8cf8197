package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxOrigins    = 100
	maxCORSNames  = 50
	defaultMaxAge = 10 * time.Minute
	longestMaxAge = 24 * time.Hour // no browser keeps a preflight longer
)

// CORS says which pages of other origins may use the data plane.
type CORS struct {
	// Origins are scheme, host and port, lower-cased; AnyOrigin is "*" among
	// them.
	Origins   []string
	AnyOrigin bool
	// Headers may be sent besides those that the endpoints are known to read.
	Headers []string
	// Expose are shown to pages besides those that the contract names.
	Expose      []string
	Credentials bool
	MaxAge      time.Duration
}

// cors reads server.cors; nil when there is none.
func (s *section) cors() *CORS {
	n := s.value("cors")
	if n == nil {
		return nil
	}
	c := s.r.section(n, "server.cors", "", corsTable)
	out := &CORS{
		Headers: c.headerNames("headers"), Expose: c.headerNames("expose"),
		Credentials: c.boolean("credentials", false), MaxAge: c.duration("max_age", defaultMaxAge, 0),
	}
	if n.kind == kindMap && !c.has("origins") {
		c.note(n.line, "origins of server.cors is missing; list them, such as [https://app.example.com], or say \"*\" for any")
	}
	for _, o := range c.texts("origins", maxOrigins) {
		if o == "*" {
			out.AnyOrigin = true
			continue
		}
		origin, wrong := parseOrigin(o)
		if wrong != "" {
			c.note(c.line("origins"), "the origin %s %s", c.shown("origins", o), wrong)
			continue
		}
		out.Origins = append(out.Origins, origin)
	}
	if out.AnyOrigin && out.Credentials {
		c.note(c.line("credentials"), "credentials for any origin would let every page act in the name of its visitors; list the origins")
	}
	if out.MaxAge > longestMaxAge {
		c.note(c.line("max_age"), "max_age of server.cors is %s; at most %s is allowed", c.n.get("max_age").show(), formatDuration(longestMaxAge))
	}
	return out
}

// parseOrigin spells an origin as browsers send it.
func parseOrigin(s string) (origin, wrong string) {
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return "", "is none; write scheme and host, such as https://app.example.com"
	case u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return "", "has more than scheme, host and port; an origin has no path, not even a slash"
	case strings.Contains(u.Host, "*"):
		return "", "has a star; list each origin, or say \"*\" alone for any"
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && !(scheme == "https" && port == "443" || scheme == "http" && port == "80") {
		host += ":" + port
	}
	return scheme + "://" + host, ""
}

// headerNames reads names of headers in canonical form, sorted, each once.
func (s *section) headerNames(key string) []string {
	var out []string
	for _, h := range s.texts(key, maxCORSNames) {
		if h = strings.TrimSpace(h); !isHeaderName(h) {
			s.note(s.line(key), "%s has %s, which is no header name", s.key(key), s.shown(key, h))
			continue
		}
		out = append(out, h)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isHeaderName(name string) bool {
	if name == "" || len(name) > MaxNameBytes {
		return false
	}
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return true
}

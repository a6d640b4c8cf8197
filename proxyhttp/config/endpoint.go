package config

import (
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

func lineKey(path ...string) string { return strings.Join(path, "\x00") }

// endpoints reads the list and holds its endpoints against each other.
func (r *reader) endpoints(c *Config, top *section) {
	n := top.value("endpoints")
	if n == nil {
		return
	}
	if n.kind != kindList {
		top.note(n.line, "endpoints takes a list; begin each endpoint with a dash: - route: GET /v1/users")
		return
	}
	if len(n.items) > MaxEndpoints {
		top.note(n.line, "there are %d endpoints; at most %d are allowed", len(n.items), MaxEndpoints)
		return
	}
	names, shapes := map[string]*Endpoint{}, map[string]*Endpoint{}
	for i, item := range n.items {
		if !r.step() {
			return
		}
		e := r.endpoint(c, item, i)
		if e == nil {
			continue
		}
		if first := names[e.Name]; first != nil {
			r.note(e.LineOf("name"), e.Name, "another endpoint has this name, on line %d; give each its own", first.LineOf("name"))
		} else {
			names[e.Name] = e
		}
		if first := shapes[e.Shape()]; e.Path != "" && first != nil {
			r.note(e.LineOf("route"), e.Name, "route %s answers the same requests as %s of endpoint %s on line %d", e.Route, first.Route, first.Name, first.LineOf("route"))
		} else if e.Path != "" {
			shapes[e.Shape()] = e
		}
		c.Endpoints = append(c.Endpoints, e)
	}
}

// endpointName is what mistakes call the item: its name, its route, or its
// place in the list.
func endpointName(item *node, index int) string {
	for _, key := range []string{"name", "route"} {
		if n := item.get(key); n != nil && n.kind == kindString && strings.TrimSpace(n.text) != "" {
			return oneLine(shorten(strings.TrimSpace(n.text)))
		}
	}
	return "#" + strconv.Itoa(index+1)
}

// oneLine keeps a name that is wrong from breaking the line of its mistake.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7f {
			return ' '
		}
		return c
	}, s)
}

// endpoint reads one; nil when it is not even a map.
func (r *reader) endpoint(c *Config, item *node, index int) *Endpoint {
	name := endpointName(item, index)
	if item.kind != kindMap {
		if item.kind != kindBroken {
			r.note(item.line, name, "an endpoint takes a map of keys with at least route and sql, not %s", item.kind)
		}
		return nil
	}
	s := r.section(item, "the endpoint", name, endpointTable)
	e := &Endpoint{Line: item.line, LastLine: item.lastLine(), lines: map[string]int{}}
	for _, p := range item.pairs {
		e.lines[p.key] = p.line
	}
	s.route(e)
	e.Name = s.endpointName(e)
	e.Source = s.source(c)
	e.SQL = s.sql(e)
	s.caching(e, c.Defaults)
	e.Result = s.result(e)
	e.Vary = s.vary()
	e.DependsOn = s.texts("depends_on", 1000)
	e.Tags = s.texts("tags", 100)
	e.Records = s.texts("records", 100)
	e.Auth = s.endpointAuth(c)
	s.limits(e)
	e.Params = s.params(e)
	return e
}

func (s *section) route(e *Endpoint) {
	if !s.has("route") {
		s.note(s.n.line, "route is missing; write a method and a path, such as route: GET /v1/users")
		return
	}
	text := s.text("route", "")
	if text == "" {
		return
	}
	method, path, wrong := parseRoute(text)
	for _, w := range wrong {
		s.note(s.line("route"), "%s", w)
	}
	// A route that is wrong in one part still tells whether it writes; what
	// depends on its path is not read from a wrong one.
	if contains(methods, strings.ToUpper(method)) {
		e.Method = strings.ToUpper(method)
	}
	if len(wrong) == 0 {
		e.Path, e.Route = path, method+" "+path
	}
}

func (s *section) endpointName(e *Endpoint) string {
	name := strings.TrimSpace(s.text("name", ""))
	if name == "" {
		if e.Route != "" {
			return e.Route
		}
		return s.endpoint
	}
	if len(name) > MaxNameBytes {
		s.note(s.line("name"), "name has more than %d bytes", MaxNameBytes)
	}
	if oneLine(name) != name {
		s.note(s.line("name"), "name must not hold line breaks or control characters")
		return s.endpoint
	}
	return name
}

func (s *section) source(c *Config) string {
	names := make([]string, 0, len(c.Sources))
	for _, src := range c.Sources {
		names = append(names, src.Name)
	}
	name := s.text("source", "")
	switch {
	case len(names) == 0:
		// The missing sources are a mistake of their own.
	case name == "" && s.has("source"):
	case name == "" && len(names) == 1:
		return names[0]
	case name == "":
		s.note(s.n.line, "source is missing; there are several: %s", strings.Join(names, ", "))
	case !contains(names, name):
		s.note(s.line("source"), "there is no source %s; %s", s.n.get("source").show(), suggest(name, names))
	}
	return name
}

func (s *section) sql(e *Endpoint) []string {
	if !s.has("sql") {
		s.note(s.n.line, "sql is missing; write the statement that %s runs", s.endpoint)
		return nil
	}
	n := s.value("sql")
	if n == nil {
		return nil
	}
	if n.kind == kindList && len(n.items) == 0 {
		s.note(n.line, "sql is an empty list; write at least one statement")
	}
	out := s.texts("sql", MaxStatements)
	for i, item := range n.items {
		e.lines[lineKey("sql", strconv.Itoa(i))] = item.line
	}
	if len(n.items) > 1 && e.Method == http.MethodGet {
		s.note(s.line("sql"), "a GET runs one statement, and sql lists %d", len(n.items))
	}
	return out
}

func (s *section) caching(e *Endpoint, d Defaults) {
	e.TTL = s.duration("ttl", d.TTL, 1)
	e.ClientTTL = s.duration("client_ttl", 0, 0)
	e.Consistency = s.oneOf("consistency", d.Consistency, Strict, Eventual)
	e.Rehydrate = s.oneOf("rehydrate", d.Rehydrate, Eager, Lazy, Off)
	e.StaleWhileRevalidate = s.duration("stale_while_revalidate", 0, 0)
	e.StaleIfError = s.duration("stale_if_error", 0, 0)
	e.Cache = s.boolean("cache", true)
	if e.Consistency == Eventual {
		return
	}
	s.needsEventual("stale_while_revalidate", e.StaleWhileRevalidate)
	s.needsEventual("stale_if_error", e.StaleIfError)
}

func (s *section) needsEventual(key string, d time.Duration) {
	if d > 0 {
		s.note(s.line(key), "%s may serve responses known to be outdated, so it needs consistency: eventual", key)
	}
}

func (s *section) result(e *Endpoint) string {
	result := s.oneOf("result", Many, Many, One)
	if result == One && e.Method != "" && e.IsWrite() {
		s.note(s.line("result"), "result: one is for GET; a %s answers with the rows it affected", e.Method)
	}
	return result
}

// vary reads header names in canonical form, sorted, each once.
func (s *section) vary() []string {
	var out []string
	for _, h := range s.texts("vary", MaxVary) {
		h = strings.TrimSpace(h)
		if wrong := checkHeader(h); wrong != "" {
			named := node{kind: kindString, text: h, secret: s.secret("vary")}
			s.note(s.line("vary"), "vary names %s, %s", named.show(), wrong)
			continue
		}
		out = append(out, http.CanonicalHeaderKey(h))
	}
	sort.Strings(out)
	return slices.Compact(out)
}

// checkHeader says why a request header cannot be part of a key. Go's server
// takes some out of the header map, where they would always seem absent.
func checkHeader(name string) string {
	if name == "*" {
		return "which would make every request differ; use cache: false"
	}
	if !isHeaderName(name) {
		return "which is no header name"
	}
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Transfer-Encoding", "Trailer", "Content-Length", "Connection":
		return "which belongs to the connection and cannot be read as a header"
	}
	return ""
}

// String prints the endpoint in one line for logs and tests.
func (e *Endpoint) String() string {
	return fmt.Sprintf("%s: %s on %s", e.Name, e.Route, e.Source)
}

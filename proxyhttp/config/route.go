package config

import (
	"strings"
)

// Methods that an endpoint can be mapped to. HEAD comes with GET.
var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

const maxRouteBytes = 2048

// parseRoute splits "GET /v1/users/{id}". The sentences say what is wrong;
// with any of them the parts mean nothing.
func parseRoute(route string) (method, path string, wrong []string) {
	if len(route) > maxRouteBytes {
		return "", "", []string{"route is too long"}
	}
	parts := strings.Fields(route)
	if len(parts) != 2 || strings.TrimSpace(route) != parts[0]+" "+parts[1] {
		return "", "", []string{"route " + quote(route) + " is not a method, one space and a path, such as GET /v1/users/{id}"}
	}
	method, path = parts[0], parts[1]
	if !contains(methods, method) {
		wrong = append(wrong, wrongMethod(method))
	}
	return method, path, append(wrong, checkPath(path)...)
}

func wrongMethod(method string) string {
	up := strings.ToUpper(method)
	switch {
	case up == "HEAD":
		return "route with HEAD: map GET; HEAD is answered along with it"
	case contains(methods, up):
		return "route must write its method in capitals: " + up
	}
	return "route has the method " + quote(method) + "; it takes one of " + strings.Join(methods, ", ")
}

// checkPath demands a path that no client or router would rewrite, in which
// each parameter is a whole segment.
func checkPath(path string) (wrong []string) {
	say := func(s string) { wrong = append(wrong, s) }
	if !strings.HasPrefix(path, "/") {
		say("the path " + quote(path) + " must begin with /")
		return wrong
	}
	for _, c := range path {
		switch {
		case c == '?' || c == '#':
			say("the path " + quote(path) + " must not hold ? or #; query parameters need no mention in the route")
			return wrong
		case c == '%' || c == '\\' || c < 0x20 || c == 0x7f:
			say("the path " + quote(path) + " must be written plainly, without %, \\ or control characters")
			return wrong
		}
	}
	seen := map[string]bool{}
	segments := strings.Split(path[1:], "/")
	for i, seg := range segments {
		switch {
		case seg == "" && i == len(segments)-1: // "/" itself, or a trailing slash
		case seg == "" || seg == "." || seg == "..":
			say("the path " + quote(path) + " must not hold an empty segment, . or ..")
		case strings.ContainsAny(seg, "{}"):
			name, ok := segmentParam(seg)
			switch {
			case !ok:
				say("the segment " + quote(seg) + " is not well formed; a parameter is a whole segment with a name of letters, digits and _, such as {id}")
			case seen[name]:
				say("the path has {" + name + "} twice; give the two different names")
			}
			seen[name] = true
		}
	}
	return wrong
}

// segmentParam returns the name in {name}.
func segmentParam(seg string) (string, bool) {
	if len(seg) < 3 || seg[0] != '{' || seg[len(seg)-1] != '}' {
		return "", false
	}
	name := seg[1 : len(seg)-1]
	return name, isIdentifier(name)
}

// PathParams lists the parameters of the endpoint's route, in its order.
func (e *Endpoint) PathParams() []string {
	var out []string
	for _, seg := range strings.Split(e.Path, "/") {
		if name, ok := segmentParam(seg); ok {
			out = append(out, name)
		}
	}
	return out
}

// Shape is the route with its parameters' names taken out. Two endpoints with
// one Shape would answer the same requests.
func (e *Endpoint) Shape() string {
	segments := strings.Split(e.Path, "/")
	for i, seg := range segments {
		if _, ok := segmentParam(seg); ok {
			segments[i] = "{}"
		}
	}
	return e.Method + " " + strings.Join(segments, "/")
}

package proxyhttp

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"edgecache/proxyhttp/config"
)

// routes finds the endpoint of a method and a path. One mux route serves all
// methods of one shape of path, so that 405, HEAD and OPTIONS know them all;
// more literal shapes are tried first, whatever their order in the file.
type routes struct{ mux *mux.Router }

// shape is a path with its parameters' names taken out: /v1/users/{p0}.
type shape struct {
	methods map[string]*endpoint
	allow   string
}

func (s *shape) ServeHTTP(http.ResponseWriter, *http.Request) {} // found by Match, never called

func newRoutes(endpoints []*endpoint) *routes {
	rt := &routes{mux: mux.NewRouter().UseEncodedPath().SkipClean(true)}
	shapes := map[string]*shape{}
	var paths []string
	for _, e := range endpoints {
		path := shapePath(e.cfg.Path)
		if shapes[path] == nil {
			shapes[path] = &shape{methods: map[string]*endpoint{}}
			paths = append(paths, path)
		}
		shapes[path].methods[e.cfg.Method] = e
	}
	sort.SliceStable(paths, func(i, j int) bool { return moreLiteral(paths[i], paths[j]) })
	for _, path := range paths {
		s := shapes[path]
		s.allow = s.allowHeader()
		rt.mux.Handle(path, s)
	}
	return rt
}

func (s *shape) allowHeader() string {
	var list []string
	for m := range s.methods {
		list = append(list, m)
		if m == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	list = append(list, http.MethodOptions)
	sort.Strings(list)
	return strings.Join(list, ", ")
}

// match finds the shape of a path and its variables by position.
func (rt *routes) match(u *url.URL) (*shape, []string) {
	var m mux.RouteMatch
	if !rt.mux.Match(&http.Request{URL: canonicalPath(u)}, &m) || m.Handler == nil {
		return nil, nil
	}
	s, ok := m.Handler.(*shape)
	if !ok {
		return nil, nil
	}
	values := make([]string, len(m.Vars))
	for i := range values {
		v, err := url.PathUnescape(m.Vars["p"+strconv.Itoa(i)])
		if err != nil {
			return nil, nil
		}
		values[i] = v
	}
	return s, values
}

// find is match for one method.
func (rt *routes) find(method string, u *url.URL) (*endpoint, map[string]string, *problem) {
	s, values := rt.match(u)
	if s == nil {
		return nil, nil, newProblem(http.StatusNotFound, problemNoRoute, "no endpoint is mapped to "+u.EscapedPath())
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	e := s.methods[method]
	if e == nil {
		p := newProblem(http.StatusMethodNotAllowed, problemMethod, method+" is not mapped here; "+s.allow+" are")
		p.allow = s.allow
		return nil, nil, p
	}
	return e, namePath(e.cfg, values), nil
}

// namePath gives the path's values the names that this endpoint's route has
// for them.
func namePath(cfg *config.Endpoint, values []string) map[string]string {
	names := cfg.PathParams()
	out := make(map[string]string, len(names))
	for i, n := range names {
		if i < len(values) {
			out[n] = values[i]
		}
	}
	return out
}

// canonicalPath spells every escape of a path in one way, so that what is the
// same path matches the same literals.
func canonicalPath(u *url.URL) *url.URL {
	p := u.EscapedPath()
	if !strings.Contains(p, "%") {
		return u
	}
	parts := strings.Split(p, "/")
	for i, s := range parts {
		if plain, err := url.PathUnescape(s); err == nil {
			parts[i] = url.PathEscape(plain)
		}
	}
	return &url.URL{Path: u.Path, RawPath: strings.Join(parts, "/")}
}

// shapePath renames the parameters of a route's path, which are whole
// segments, by their position, and escapes its literals as requests do.
func shapePath(path string) string {
	segments := strings.Split(path, "/")
	n := 0
	for i, seg := range segments {
		if strings.HasPrefix(seg, "{") {
			segments[i] = "{p" + strconv.Itoa(n) + "}"
			n++
		} else {
			segments[i] = url.PathEscape(seg)
		}
	}
	return strings.Join(segments, "/")
}

// moreLiteral orders paths so that a literal segment is tried before a
// parameter.
func moreLiteral(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := 0; i < len(as) && i < len(bs); i++ {
		if va, vb := strings.HasPrefix(as[i], "{"), strings.HasPrefix(bs[i], "{"); va != vb {
			return vb
		}
	}
	return false
}

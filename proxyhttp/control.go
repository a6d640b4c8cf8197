package proxyhttp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"sort"
	"strings"
)

// action is one call of the control plane. It returns what is answered as
// JSON, or the problem.
type action func(r *http.Request, body map[string]any) (any, *problem)

// control is the table of the control plane: path, then method.
type control struct {
	s       *Server
	metrics http.Handler
	table   map[string]map[string]action
}

// Control is the handler of the control plane.
func (s *Server) Control() http.Handler {
	c := &control{s: s, metrics: s.metricsHandler()}
	c.table = map[string]map[string]action{
		"/v1/endpoints":    {"GET": s.listMappings, "POST": s.postMapping},
		"/v1/endpoints/":   {"GET": s.showMapping, "PUT": s.putMapping, "DELETE": s.deleteMapping},
		"/v1/openapi.json": {"GET": s.openAPI},
		"/v1/reload":       {"POST": s.reload},
		"/v1/purge":        {"POST": s.purge},
		"/v1/writes":       {"POST": s.reportWrites},
		"/v1/explain":      {"POST": s.explain},
		"/v1/stats":        {"GET": s.stats},
		"/v1/alarms":       {"GET": s.alarms},
		"/debug/graph":     {"GET": s.debugGraph},
	}
	return s.named(s.guard(c))
}

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		c.only(w, r, func() { writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`+"\n")) })
		return
	case "/readyz":
		c.only(w, r, func() { c.readyz(w, r) })
		return
	}
	if asksForPage(r) {
		graphPage().write(w, r)
		return
	}
	if !c.authorized(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="edgecache"`)
		newProblem(http.StatusUnauthorized, problemUnauthorized, "a token is needed: send Authorization: Bearer TOKEN with the token of admin.token").write(w, r)
		return
	}
	if r.URL.Path == "/metrics" {
		c.only(w, r, func() { c.metrics.ServeHTTP(w, r) })
		return
	}
	methods := c.table[r.URL.Path]
	if name, ok := strings.CutPrefix(r.URL.Path, "/v1/endpoints/"); ok && name != "" {
		methods = c.table["/v1/endpoints/"]
	}
	if methods == nil {
		newProblem(http.StatusNotFound, problemNoRoute, "the control plane has no "+r.URL.Path).write(w, r)
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	act := methods[method]
	if act == nil {
		methodNotAllowed(methods, r.Method).write(w, r)
		return
	}
	c.run(w, r, act)
}

// run executes an action with its body, and prints what it gives.
func (c *control) run(w http.ResponseWriter, r *http.Request, act action) {
	var body map[string]any
	// A mapping is read where it is looked at, since its mistakes have lines.
	if r.Method == http.MethodPost && r.URL.Path != mappingsPath {
		var p *problem
		if body, p = readObject(w, r, c.s.limits.Body); p != nil {
			p.write(w, r)
			return
		}
	}
	out, p := act(r, body)
	if p != nil {
		p.write(w, r)
		return
	}
	if d, ok := out.(*document); ok {
		d.write(w, r)
		return
	}
	if a, ok := out.(reply); ok {
		a.write(w)
		return
	}
	writeJSON(w, http.StatusOK, printJSON(out))
}

func (a reply) write(w http.ResponseWriter) {
	if a.location != "" {
		w.Header().Set("Location", a.location)
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	writeJSON(w, a.status, printJSON(a.body))
}

// printJSON prints for people too: no HTML escapes, one line end.
func printJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("{}\n") // the actions give plain structures: cannot fail
	}
	return b.Bytes()
}

// only runs f for GET and HEAD.
func (c *control) only(w http.ResponseWriter, r *http.Request, f func()) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		methodNotAllowed(map[string]action{"GET": nil}, r.Method).write(w, r)
		return
	}
	f()
}

func methodNotAllowed(methods map[string]action, method string) *problem {
	var allow []string
	for m := range methods {
		allow = append(allow, m)
		if m == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	sort.Strings(allow)
	p := newProblem(http.StatusMethodNotAllowed, problemMethod, method+" is not possible here; "+strings.Join(allow, ", ")+" are")
	p.allow = strings.Join(allow, ", ")
	return p
}

// authorized compares hashes, so that neither the token's length nor its
// beginning shows in the time it takes.
func (c *control) authorized(r *http.Request) bool {
	token := c.s.cfg.Admin.Token
	if token == "" {
		return true
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

func (c *control) readyz(w http.ResponseWriter, r *http.Request) {
	if why := c.s.ready(r.Context()); why != "" {
		p := newProblem(http.StatusServiceUnavailable, problemUnavailable, why)
		p.Title = "Not ready"
		p.write(w, r)
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
}

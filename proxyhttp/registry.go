package proxyhttp

import (
	"context"
	"fmt"
	"net/http"
	"sort"
	"strings"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
)

// Mistakes is every mistake of a configuration, one line each.
type Mistakes []config.Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// sortMistakes orders by line, as a person fixes them.
func sortMistakes(m []config.Mistake) {
	sort.SliceStable(m, func(i, j int) bool { return m[i].Line < m[j].Line })
}

// registry is what is mapped at one moment. It is immutable: a change makes
// another one and puts it in its place (exchange), so that a request, which
// looks once, sees all of a change or nothing of it.
type registry struct {
	file      *config.Config // as it was read last
	endpoints []*endpoint    // the file's in its order, then those registered
	byName    map[string]*endpoint
	routes    *routes
	shelved   []*shelf // registered, and not served
}

func newRegistry(file *config.Config, endpoints []*endpoint, shelved []*shelf) *registry {
	r := &registry{file: file, endpoints: endpoints, shelved: shelved, byName: make(map[string]*endpoint, len(endpoints)), routes: newRoutes(endpoints)}
	for _, e := range endpoints {
		r.byName[e.cfg.Name] = e
	}
	return r
}

// with is the registry of the same file with other endpoints.
func (r *registry) with(endpoints []*endpoint, shelved []*shelf) *registry {
	return newRegistry(r.file, endpoints, shelved)
}

// shapes finds an endpoint by the requests that it answers.
func (r *registry) shapes() map[string]*endpoint {
	out := make(map[string]*endpoint, len(r.endpoints))
	for _, e := range r.endpoints {
		out[e.cfg.Shape()] = e
	}
	return out
}

// onShelf finds a mapping that is kept and not served; nil: none.
func (r *registry) onShelf(name string) *shelf {
	for _, sh := range r.shelved {
		if sh.name == name {
			return sh
		}
	}
	return nil
}

// registeredBytes is the text of all registered mappings together.
func (r *registry) registeredBytes() (n int) {
	for _, e := range r.endpoints {
		n += len(e.doc)
	}
	for _, sh := range r.shelved {
		n += len(sh.doc)
	}
	return n
}

// current is the registry of now. Whoever needs it to stay the same from one
// line to the next keeps what this returned.
func (s *Server) current() *registry { return s.registry.Load() }

// endpoint finds an endpoint by name; nil: none.
func (s *Server) endpoint(name string) *endpoint { return s.current().byName[name] }

// buildRegistry compiles all endpoints and registers them in the graph, or
// returns the mistakes of all of them besides those found before. Of a source
// that cannot be asked nothing can be said, and it has its own mistake.
func (s *Server) buildRegistry(ctx context.Context, mistakes []config.Mistake) error {
	silent := map[string]bool{}
	var endpoints []*endpoint
	for _, cfg := range s.cfg.Endpoints {
		db := s.databases[cfg.Source]
		switch {
		case s.cfg.Source(cfg.Source) == nil:
			mistakes = append(mistakes, config.Mistake{File: s.cfg.File, Line: cfg.Line, Endpoint: cfg.Name, Message: "there is no source " + cfg.Source})
			continue
		case db == nil || silent[db.name]:
			continue
		}
		p, bad, err := compilePlan(ctx, cfg, db, s.limits)
		if err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("source %s: %w", db.name, err)
			}
			silent[db.name] = true
			mistakes = append(mistakes, s.sourceMistake(db.name, err))
			continue
		}
		for _, m := range bad {
			m.File = s.cfg.File
			mistakes = append(mistakes, m)
		}
		if p == nil {
			continue
		}
		endpoints = append(endpoints, newEndpoint(cfg, db, p, fromFile, nil))
	}
	if len(mistakes) > 0 {
		sortMistakes(mistakes)
		return Mistakes(mistakes)
	}
	if err := s.exchange(newRegistry(s.cfg, endpoints, nil)); err != nil {
		return err
	}
	return s.restore(ctx)
}

func newEndpoint(cfg *config.Endpoint, db *database, p *plan, from origin, doc []byte) *endpoint {
	e := &endpoint{cfg: cfg, db: db, isWrite: cfg.IsWrite(), vary: varyHeader(cfg), personal: isPersonal(cfg), origin: from, doc: doc}
	e.plan.Store(p)
	return e
}

// register makes a plan's templates known to the graph.
func (s *Server) register(p *plan) error {
	for _, name := range p.order {
		if t := p.variants[name].template; t != nil {
			if err := s.graph.Register(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookUp finds the entry that a's own template made. A key names the endpoint
// and its parameters, not the SQL: while an endpoint is replaced, those who
// asked before and those who ask after use the same key for two questions.
func (s *Server) lookUp(a *asked) (*depgraph.Entry, depgraph.State) {
	e, state := s.graph.Get(a.key)
	if e != nil && e.Template != a.variant.template {
		return nil, depgraph.StateAbsent
	}
	return e, state
}

// varyHeader names the request headers that the answer depends on.
func varyHeader(cfg *config.Endpoint) []string {
	seen := map[string]bool{}
	var names []string
	add := func(n string) {
		n = http.CanonicalHeaderKey(n)
		if !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	for _, n := range cfg.Vary {
		add(n)
	}
	var inHeader []string
	for n, p := range cfg.Params {
		if p.In == "header" {
			inHeader = append(inHeader, config.HeaderName(n))
		}
	}
	if hasClaims(cfg) {
		inHeader = append(inHeader, "Authorization")
	}
	sort.Strings(inHeader)
	for _, n := range inHeader {
		add(n)
	}
	if len(names) == 0 {
		return nil
	}
	return []string{strings.Join(names, ", ")}
}

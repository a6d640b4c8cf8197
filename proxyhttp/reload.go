package proxyhttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"edgecache/proxyhttp/config"
)

// Reloaded says what reading the file again has changed.
type Reloaded struct {
	Added     []string `json:"added"`
	Changed   []string `json:"changed"`
	Removed   []string `json:"removed"`
	Unchanged int      `json:"unchanged"` // of the file; their entries stay
	// Shelved are registered mappings that the file has pushed out, Returned
	// those that it let in again.
	Shelved  []string `json:"shelved,omitempty"`
	Returned []string `json:"returned,omitempty"`
}

// Reload reads the file again and maps what it says. It is all or nothing: with
// any mistake everything stays as it is, and all of them come back as Mistakes.
//
// What is looked at only when the process starts (addresses, sources, store,
// tokens) cannot change here. A file that changes any of it is refused as a
// whole: to apply the rest would leave a process that agrees with no file, and
// would make the next start do something that nobody has tried.
//
// Endpoints that mean the same as before keep their entries.
func (s *Server) Reload(ctx context.Context) (*Reloaded, error) {
	if p := s.mapper.begin(ctx); p != nil {
		return nil, p
	}
	defer s.mapper.end()
	reg := s.current()
	file, mistakes := s.mapper.load()
	if len(mistakes) == 0 {
		for _, key := range s.cfg.Restart(file) {
			mistakes = append(mistakes, config.Mistake{File: file.File, Message: key + " changes at the next start only; restart, or take the change back: nothing was reloaded"})
		}
	}
	list, more, err := s.prepare(ctx, reg, file, mistakes)
	if err != nil {
		return nil, err
	}
	if mistakes = append(slices.Clone(mistakes), more...); len(mistakes) > 0 {
		sortMistakes(mistakes)
		return nil, Mistakes(mistakes)
	}
	s.mapper.step("prepared", "")
	next, out := s.merge(ctx, reg, file, list)
	if n := len(next.endpoints) + len(next.shelved); n > config.MaxEndpoints {
		return nil, Mistakes{{File: file.File, Message: fmt.Sprintf("with those that are registered there are %d endpoints; at most %d are allowed", n, config.MaxEndpoints)}}
	}
	if err := s.exchange(next); err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "configuration reloaded", "file", file.File, "added", out.Added, "changed", out.Changed, "removed", out.Removed, "unchanged", out.Unchanged)
	for _, name := range out.Shelved {
		s.log.Warn("a registered mapping is not served", "endpoint", name, "mistake", next.onShelf(name).why)
	}
	return out, nil
}

// prepare compiles the endpoints of the file, but for those that mean the same
// as before. One that no longer fits its schema is looked at again.
func (s *Server) prepare(ctx context.Context, reg *registry, file *config.Config, found []config.Mistake) ([]*endpoint, []config.Mistake, error) {
	var list []*endpoint
	var mistakes []config.Mistake
	for _, cfg := range whole(file, found).Endpoints {
		old := reg.byName[cfg.Name]
		if old != nil && old.origin == fromFile && old.cfg.Equal(cfg) && old.plan.Load().broken == "" {
			list = append(list, old)
			continue
		}
		db := s.databases[cfg.Source]
		if db == nil {
			continue // a source that is new, which has its own mistake
		}
		p, bad, err := compilePlan(ctx, cfg, db, s.limits)
		if err != nil {
			return nil, nil, fmt.Errorf("source %s could not be asked, so nothing was reloaded: %w", db.name, err)
		}
		for _, m := range bad {
			m.File = file.File
			mistakes = append(mistakes, m)
		}
		if p != nil {
			list = append(list, newEndpoint(cfg, db, p, fromFile, nil))
		}
	}
	return list, mistakes, nil
}

// merge adds the registered mappings to the file's. Those that the file has
// pushed out go to the shelf, and those on the shelf are tried again.
func (s *Server) merge(ctx context.Context, reg *registry, file *config.Config, list []*endpoint) (*registry, *Reloaded) {
	out := &Reloaded{Added: []string{}, Changed: []string{}, Removed: []string{}}
	next := newRegistry(file, list, nil)
	for _, e := range list {
		switch old := reg.byName[e.cfg.Name]; {
		case old == e:
			out.Unchanged++
		case old != nil && old.origin == fromFile:
			out.Changed = append(out.Changed, e.cfg.Name)
		default:
			out.Added = append(out.Added, e.cfg.Name)
		}
	}
	shapes := next.shapes()
	endpoints, shelved := slices.Clone(list), []*shelf(nil)
	for _, e := range reg.endpoints {
		other := next.byName[e.cfg.Name]
		switch {
		case e.origin == fromFile && other == nil:
			out.Removed = append(out.Removed, e.cfg.Name)
		case e.origin == fromFile:
		case other != nil || shapes[e.cfg.Shape()] != nil:
			if other == nil {
				other = shapes[e.cfg.Shape()]
			}
			shelved = append(shelved, &shelf{name: e.cfg.Name, doc: e.doc, cfg: e.cfg, why: other.blocks(file, e.cfg)})
			out.Shelved = append(out.Shelved, e.cfg.Name)
		default:
			endpoints = append(endpoints, e)
		}
	}
	next, _ = s.admit(ctx, newRegistry(file, endpoints, shelved), reg.shelved)
	for _, e := range next.endpoints[len(endpoints):] {
		out.Returned = append(out.Returned, e.cfg.Name)
	}
	return next, out
}

// reload answers POST /v1/reload.
func (s *Server) reload(r *http.Request, body map[string]any) (any, *problem) {
	if p := newFields(body).done(); p != nil {
		return nil, p
	}
	out, err := s.Reload(r.Context())
	if err == nil {
		return out, nil
	}
	var mistakes Mistakes
	if errors.As(err, &mistakes) {
		s.log.WarnContext(r.Context(), "configuration not reloaded", "file", s.cfg.File, "mistakes", len(mistakes))
		return nil, mistaken(http.StatusUnprocessableEntity, mistakes)
	}
	return nil, s.refusal(err)
}

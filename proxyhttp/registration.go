package proxyhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
)

// maxMappingName is what the store takes.
const maxMappingName = 200

// reply is an answer of the control plane that is not a plain 200.
type reply struct {
	status   int
	location string
	body     any // nil: none
}

// setMapping registers cfg. With replace it takes the place of a registered one
// of its name, and doing it again changes nothing.
func (s *Server) setMapping(ctx context.Context, cfg *config.Endpoint, replace bool) (any, *problem) {
	if p := s.mapper.begin(ctx); p != nil {
		return nil, p
	}
	defer s.mapper.end()
	reg := s.current()
	old, shelved := reg.byName[cfg.Name], reg.onShelf(cfg.Name)
	if p := reg.refuses(cfg, replace); p != nil {
		return nil, p
	}
	answer := reply{status: http.StatusCreated, location: mappingURL(cfg.Name)}
	if old != nil || shelved != nil {
		answer = reply{status: http.StatusOK}
	}
	if old != nil && old.cfg.Equal(cfg) && old.plan.Load().broken == "" && !old.pending {
		answer.body = s.registeredMapping(old)
		return answer, nil
	}
	db := s.databases[cfg.Source]
	plan, mistakes, err := compilePlan(ctx, cfg, db, s.limits)
	switch {
	case err != nil:
		return nil, s.refusal(err)
	case len(mistakes) > 0:
		return nil, mistaken(http.StatusBadRequest, mistakes)
	}
	s.mapper.step("prepared", cfg.Name)
	doc, err := json.Marshal(cfg)
	if err != nil {
		return nil, newProblem(http.StatusInternalServerError, problemInternal, err.Error())
	}
	e := newEndpoint(cfg, db, plan, registered, doc)
	next := reg.with(replaced(reg.endpoints, old, e), without(reg.shelved, cfg.Name))
	if next.registeredBytes() > s.limits.Mappings {
		return nil, newProblem(http.StatusConflict, problemConflict,
			fmt.Sprintf("the registered mappings together may have %d bytes; remove some, or put them into the file", s.limits.Mappings))
	}
	switch err := s.mapper.store.PutMapping(cfg.Name, doc); {
	case errors.Is(err, depgraph.ErrNotKept):
		e.pending = true
	case err != nil:
		return nil, s.notKept("kept", cfg.Name, err)
	}
	s.mapper.step("kept", cfg.Name)
	if err := s.exchange(next); err != nil {
		return nil, s.undo(cfg.Name, old, shelved, err)
	}
	s.log.InfoContext(ctx, "mapping registered", "endpoint", cfg.Name, "route", cfg.Route, "replaced", answer.status == http.StatusOK)
	answer.body = s.registeredMapping(e)
	return answer, nil
}

// refuses says why cfg cannot be registered beside what is there.
func (r *registry) refuses(cfg *config.Endpoint, replace bool) *problem {
	conflict := func(detail string) *problem { return newProblem(http.StatusConflict, problemConflict, detail) }
	if len(cfg.Name) > maxMappingName {
		return newProblem(http.StatusBadRequest, problemMistakes, fmt.Sprintf("the name of a registered endpoint may have %d bytes; give it a shorter name", maxMappingName))
	}
	old := r.byName[cfg.Name]
	switch {
	case old != nil && old.origin == fromFile:
		return conflict("endpoint " + cfg.Name + " is in " + r.file.File + ", and the file wins: change it there and reload")
	case !replace && (old != nil || r.onShelf(cfg.Name) != nil):
		return conflict("endpoint " + cfg.Name + " is registered already; PUT " + mappingURL(cfg.Name) + " replaces it")
	case old == nil && r.onShelf(cfg.Name) == nil && len(r.endpoints)+len(r.shelved) >= config.MaxEndpoints:
		return conflict(tooMany())
	}
	if other := r.shapes()[cfg.Shape()]; other != nil && other != old {
		return conflict(other.blocks(r.file, cfg))
	}
	for _, sh := range r.shelved {
		// Else the two would take each other's place at every start.
		if sh.cfg != nil && sh.name != cfg.Name && sh.cfg.Shape() == cfg.Shape() {
			return conflict("route " + cfg.Route + " is that of " + sh.name + ", which is registered and not served now; DELETE " + mappingURL(sh.name) + " first")
		}
	}
	return nil
}

// registeredMapping is what registering answers: where the store does not
// outlive the process it says so.
func (s *Server) registeredMapping(e *endpoint) mapping {
	m := s.mappingOf(e)
	switch {
	case !s.mapper.durable:
		m.note = "store.path is :memory:, so this mapping is gone when the server stops; give store.path a file to keep it"
	case e.pending:
		m.note = "the store cannot be written now; the mapping is served, and is kept when the disk takes it: PUT it again to know"
	}
	return m
}

// removeMapping takes a registered mapping away.
func (s *Server) removeMapping(ctx context.Context, name string) (any, *problem) {
	if p := s.mapper.begin(ctx); p != nil {
		return nil, p
	}
	defer s.mapper.end()
	reg := s.current()
	old, shelved := reg.byName[name], reg.onShelf(name)
	switch {
	case old == nil && shelved == nil:
		return nil, newProblem(http.StatusNotFound, problemNotFound, "there is no endpoint "+name)
	case old != nil && old.origin == fromFile && shelved == nil:
		return nil, newProblem(http.StatusConflict, problemConflict, "endpoint "+name+" is in "+reg.file.File+"; remove it there and reload")
	}
	if err := s.mapper.store.DeleteMapping(name); err != nil && !errors.Is(err, depgraph.ErrNotKept) {
		return nil, s.notKept("removed", name, err)
	}
	if old != nil && old.origin == fromFile {
		// The file's endpoint goes on being served, so this is not a plain 204.
		if err := s.exchange(reg.with(reg.endpoints, without(reg.shelved, name))); err != nil {
			return nil, s.undo(name, nil, shelved, err)
		}
		m := s.mappingOf(old)
		m.note = "the registered mapping of this name is gone; this one is in " + reg.file.File + " and goes on being served"
		return m, nil
	}
	if err := s.exchange(reg.with(replaced(reg.endpoints, old, nil), without(reg.shelved, name))); err != nil {
		return nil, s.undo(name, old, shelved, err)
	}
	s.log.InfoContext(ctx, "mapping removed", "endpoint", name)
	return reply{status: http.StatusNoContent}, nil
}

// replaced is list with e in the place of old, at its end without an old, and
// without old where e is nil.
func replaced(list []*endpoint, old, e *endpoint) []*endpoint {
	out := slices.Clone(list)
	i := slices.Index(out, old)
	switch {
	case i >= 0 && e != nil:
		out[i] = e
	case i >= 0:
		out = slices.Delete(out, i, i+1)
	case e != nil:
		out = append(out, e)
	}
	return out
}

func without(list []*shelf, name string) []*shelf {
	return slices.DeleteFunc(slices.Clone(list), func(sh *shelf) bool { return sh.name == name })
}

// notKept answers when the store refuses. Nothing was changed: a mapping that
// is served and gone after a restart would be worse than one that is refused.
func (s *Server) notKept(done, name string, err error) *problem {
	s.log.Error("the store refused a mapping", "endpoint", name, "error", err)
	return newProblem(http.StatusServiceUnavailable, problemUnavailable,
		"the mapping could not be "+done+" in the store, so nothing was changed; the log says why")
}

// undo brings the store back to what is served, after an exchange that failed.
func (s *Server) undo(name string, old *endpoint, shelved *shelf, err error) *problem {
	s.log.Error("a change of the endpoints was undone", "endpoint", name, "error", err)
	var back error
	switch {
	case old != nil:
		back = s.mapper.store.PutMapping(name, old.doc)
	case shelved != nil:
		back = s.mapper.store.PutMapping(name, shelved.doc)
	default:
		back = s.mapper.store.DeleteMapping(name)
	}
	if back != nil {
		s.log.Error("the store differs from what is served until the next change", "endpoint", name, "error", back)
	}
	return newProblem(http.StatusInternalServerError, problemInternal, "nothing was changed; the log says why")
}

// refusal is the problem of a source that cannot be asked about a mapping.
func (s *Server) refusal(err error) *problem {
	if p := fromError(err, s.limits); p != nil {
		return p
	}
	return newProblem(http.StatusServiceUnavailable, problemUnavailable, "cancelled; nothing was changed")
}

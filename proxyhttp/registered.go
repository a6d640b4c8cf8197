package proxyhttp

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"edgecache/proxyhttp/config"
)

// origin tells where an endpoint's mapping comes from.
type origin uint8

const (
	fromFile origin = iota
	registered
)

func (o origin) String() string { return [...]string{"file", "registered"}[o] }

// shelf is a registered mapping that is kept and not served.
type shelf struct {
	name string
	doc  []byte
	cfg  *config.Endpoint // nil when not even that can be read
	why  string
	// again tells that another schema may make it fit.
	again bool
}

// answersFor are the keys that answers add to an endpoint, which are passed
// over when one is sent: what was got can be put.
var answersFor = []string{"origin", "persisted", "note", "mistake"}

// restore reads the registered mappings back and adds those that fit to what
// the file maps. What does not fit is kept, and shown with its mistake: the
// file or the schema may be changed back.
func (s *Server) restore(ctx context.Context) error {
	docs, err := s.mapper.store.Mappings()
	if err != nil {
		return fmt.Errorf("the registered mappings cannot be read: %w", err)
	}
	var list []*shelf
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		list = append(list, &shelf{name: name, doc: docs[name]})
	}
	next, troubled := s.admit(ctx, s.current(), list)
	if err := s.exchange(next); err != nil {
		return err
	}
	for _, sh := range next.shelved {
		s.log.Warn("a registered mapping is not served", "endpoint", sh.name, "mistake", sh.why)
	}
	for db := range troubled {
		s.wakeRefresher(db)
	}
	return nil
}

// admit makes the registry that has those of list that fit, in their order,
// and the others on its shelf. troubled are the sources that could not be asked.
func (s *Server) admit(ctx context.Context, reg *registry, list []*shelf) (next *registry, troubled map[*database]bool) {
	endpoints, kept := slices.Clone(reg.endpoints), slices.Clone(reg.shelved)
	shapes := reg.shapes()
	names := maps.Clone(reg.byName)
	troubled = map[*database]bool{}
	for _, sh := range list {
		e, left := s.admitOne(ctx, reg.file, sh, names, shapes, troubled)
		switch {
		case e == nil:
			kept = append(kept, left)
		default:
			endpoints = append(endpoints, e)
			names[e.cfg.Name], shapes[e.cfg.Shape()] = e, e
		}
	}
	return newRegistry(reg.file, endpoints, kept), troubled
}

// admitOne compiles one mapping, or says why it stays on the shelf.
func (s *Server) admitOne(ctx context.Context, file *config.Config, sh *shelf, names, shapes map[string]*endpoint, troubled map[*database]bool) (*endpoint, *shelf) {
	left := &shelf{name: sh.name, doc: sh.doc}
	cfg, mistakes := config.DecodeEndpoint(sh.doc, file, config.Decode{Name: sh.name})
	if len(mistakes) > 0 {
		left.why = mistakes[0].Message
		return nil, left
	}
	left.cfg = cfg
	if other := cmp.Or(names[cfg.Name], shapes[cfg.Shape()]); other != nil {
		left.why = other.blocks(file, cfg)
		return nil, left
	}
	if len(names) >= config.MaxEndpoints {
		left.why = tooMany()
		return nil, left
	}
	db := s.databases[cfg.Source]
	if troubled[db] {
		left.why, left.again = "source "+db.name+" could not be asked", true
		return nil, left
	}
	p, mistakes, err := compilePlan(ctx, cfg, db, s.limits)
	switch {
	case err != nil:
		troubled[db] = true
		left.why, left.again = "source "+db.name+" could not be asked: "+err.Error(), true
	case len(mistakes) > 0:
		left.why, left.again = mistakes[0].Message, true
	default:
		return newEndpoint(cfg, db, p, registered, sh.doc), nil
	}
	return nil, left
}

// blocks says why cfg cannot be mapped beside e.
func (e *endpoint) blocks(file *config.Config, cfg *config.Endpoint) string {
	from := "a registered endpoint"
	if e.origin == fromFile {
		from = "an endpoint of " + file.File + ", and the file wins"
	}
	if e.cfg.Name == cfg.Name {
		return "its name is that of " + from
	}
	return "its route " + cfg.Route + " answers the same requests as " + e.cfg.Route + " of " + e.cfg.Name + ", " + from
}

func tooMany() string {
	return fmt.Sprintf("there are %d endpoints, and no more are allowed", config.MaxEndpoints)
}

// unshelve tries those of the shelf that another schema of db may make fit.
func (s *Server) unshelve(ctx context.Context, db *database) error {
	if !slices.ContainsFunc(s.current().shelved, func(sh *shelf) bool { return sh.mayFit(db) }) {
		return nil
	}
	if p := s.mapper.begin(ctx); p != nil {
		return p
	}
	defer s.mapper.end()
	reg := s.current()
	var list, rest []*shelf
	for _, sh := range reg.shelved {
		if sh.mayFit(db) {
			list = append(list, sh)
		} else {
			rest = append(rest, sh)
		}
	}
	next, troubled := s.admit(ctx, reg.with(reg.endpoints, rest), list)
	if err := s.exchange(next); err != nil {
		return err
	}
	for _, e := range next.endpoints[len(reg.endpoints):] {
		s.log.Info("a registered mapping fits again", "endpoint", e.cfg.Name)
	}
	if troubled[db] {
		return fmt.Errorf("source %s could not be asked", db.name)
	}
	return nil
}

func (sh *shelf) mayFit(db *database) bool {
	return sh.again && sh.cfg != nil && sh.cfg.Source == db.name
}

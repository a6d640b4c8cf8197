package proxyhttp

import (
	"context"
	"time"
)

// wakeRefresher asks for new plans. It never blocks: the caller may hold the
// source's writing connection.
func (s *Server) wakeRefresher(db *database) {
	select {
	case db.changed <- struct{}{}:
	default:
	}
}

// refresher compiles the endpoints of one source anew whenever its schema may
// have changed, until the server closes.
func (s *Server) refresher(ctx context.Context, db *database) {
	defer s.background.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.changed:
		}
		for s.refresh(ctx, db) != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(s.retryRefresh):
			}
		}
	}
}

// refresh brings every plan of the source to its epoch of now. Until a plan
// is there its endpoint reads through and keeps nothing. The error tells to
// try again: the source did not answer.
func (s *Server) refresh(ctx context.Context, db *database) error {
	if err := db.src.Ping(ctx); err != nil {
		return err
	}
	began, compiled, broken := time.Now(), map[*endpoint]bool{}, 0
	defer func() {
		if len(compiled) == 0 {
			return
		}
		for e := range compiled {
			if e.plan.Load().broken != "" {
				broken++
			}
		}
		s.log.Info("endpoints compiled for a new schema", "source", db.name, "endpoints", len(compiled), "broken", broken, "took", time.Since(began))
	}()
	for _, e := range s.current().endpoints {
		if e.db != db {
			continue
		}
		for e.plan.Load().epoch != db.epoch.Load() {
			if ctx.Err() != nil {
				return nil
			}
			stands, err := s.recompile(ctx, e)
			if err != nil {
				return err
			}
			if !stands {
				break
			}
			compiled[e] = true
		}
	}
	return s.unshelve(ctx, db)
}

// recompile replaces one plan, unless its endpoint is not mapped any more.
// Entries of the old one go first: they know only what the old schema said.
func (s *Server) recompile(ctx context.Context, e *endpoint) (stands bool, err error) {
	epoch := e.db.epoch.Load()
	p, mistakes, err := compilePlan(ctx, e.cfg, e.db, s.limits)
	if err != nil {
		return false, err
	}
	if len(mistakes) > 0 {
		p = &plan{epoch: epoch, broken: mistakes[0].Message}
	}
	s.mapper.step("recompiled", e.cfg.Name)
	s.mapper.swap.Lock()
	defer s.mapper.swap.Unlock()
	if !s.stands(e) { // interleaving 10
		return false, nil
	}
	if p.broken != "" {
		s.log.Error("endpoint no longer fits the schema", "endpoint", e.cfg.Name, "mistake", p.broken)
	}
	s.graph.Unregister(e.cfg.Name)
	e.plan.Store(p)
	if err := s.register(p); err != nil {
		// Without a template nothing is stored: slower, not wrong (I7).
		s.log.Error("cannot register an endpoint anew", "endpoint", e.cfg.Name, "error", err)
	}
	return true, nil
}

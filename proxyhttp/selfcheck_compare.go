package proxyhttp

import (
	"bytes"
	"context"
	"runtime/debug"

	"edgecache/depgraph"
)

// check compares one entry with the source. A wrong one has gone with all of
// its endpoint when this returns.
func (s *Server) check(ctx context.Context, c served) (result checkResult) {
	defer func() {
		if v := recover(); v != nil {
			s.metrics.panics.Add(1)
			s.log.Error("panic in the self-check", "endpoint", c.ep.cfg.Name, "panic", v, "stack", string(debug.Stack()))
			result = checkFailed
		}
	}()
	a, stored := s.askedFor(c)
	if a == nil {
		return checkUndecided
	}
	if a.variant.statements[0].Query.Undetermined {
		return checkUndetermined
	}
	first, _, result := s.look(ctx, a, c.entry, stored)
	if result != checkWrong {
		return result
	}
	s.checker.step("mismatch")
	if !s.checker.pause(ctx) || !s.unexplained(first, a, c.entry) {
		return checkUndecided
	}
	_, now, result := s.look(ctx, a, c.entry, stored)
	switch {
	case result == checkRight:
		return checkUndecided // it came and went
	case result != checkWrong:
		return result
	case !s.unexplained(first, a, c.entry):
		return checkUndecided
	}
	s.raise(a, c.entry, stored, now)
	return checkWrong
}

// askedFor is the question that an entry answers; nil when its endpoint is not
// what it was.
func (s *Server) askedFor(c served) (*asked, *response) {
	p := c.ep.plan.Load()
	v := p.variants[c.entry.Template.Variant]
	stored, ok := c.entry.Payload.(*response)
	if !ok || v == nil || v.template != c.entry.Template || !s.stands(c.ep) {
		return nil, nil
	}
	return &asked{ep: c.ep, plan: p, variant: v, key: c.entry.Key, url: c.entry.URL, args: c.entry.Args}, stored
}

// look asks the source once. checkWrong says that it gave another answer than
// stored though the entry was fresh all the time and nothing came between.
func (s *Server) look(ctx context.Context, a *asked, entry *depgraph.Entry, stored *response) (tok depgraph.Token, now *response, result checkResult) {
	s.checker.step("before")
	tok = s.graph.Token()
	s.checker.step("token")
	if !s.unexplained(tok, a, entry) {
		return tok, nil, checkUndecided
	}
	var err error
	ran := s.queue.Spare(ctx, entry.Cost, func(ctx context.Context) { now, _, err = s.query(ctx, a) })
	s.checker.step("read")
	switch {
	case !ran:
		return tok, nil, checkYielded
	case err != nil:
		return tok, nil, checkFailed
	case now.status == stored.status && bytes.Equal(now.body, stored.body):
		return tok, now, checkRight
	case !s.unexplained(tok, a, entry):
		return tok, nil, checkUndecided
	}
	return tok, now, checkWrong
}

// unexplained tells that nothing accounts for a difference: the entry may be
// served, its plan is that of the schema of now, and no write that could touch
// it was open since tok.
func (s *Server) unexplained(tok depgraph.Token, a *asked, entry *depgraph.Entry) bool {
	return s.checker.blind || entry.State() == depgraph.StateFresh && a.plan.epoch == a.ep.db.epoch.Load() &&
		s.graph.Quiet(tok, a.variant.template, a.args)
}

package proxyhttp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp/bind"
	"edgecache/proxyhttp/config"
	"edgecache/rehydrate"
	"edgecache/source"
	"edgecache/sqlparse"
)

// asked is one bound GET: which answer is wanted, under which key.
type asked struct {
	ep      *endpoint
	plan    *plan
	variant *variant
	key     string
	url     string
	args    sqlparse.Args // of the variant's statement
}

// ask binds a request of nobody in particular to its endpoint.
func (s *Server) ask(e *endpoint, path map[string]string, u *url.URL, h http.Header) (*asked, *problem) {
	return s.askAs(e, path, u, h, nil)
}

// askAs binds a request to its endpoint, with the claims of who sends it.
func (s *Server) askAs(e *endpoint, path map[string]string, u *url.URL, h http.Header, claims map[string]any) (*asked, *problem) {
	p := e.plan.Load()
	if p.broken != "" {
		return nil, newProblem(http.StatusInternalServerError, problemEndpointBroken, p.broken)
	}
	query, prob := parseQuery(u, s.limits)
	if prob != nil {
		return nil, prob
	}
	bound, bad := p.binder.Bind(bind.Request{Path: path, Query: query, Header: h, Claims: claims})
	if len(bad) > 0 {
		return nil, badParameters(bad)
	}
	v, prob := p.choose(bound)
	if prob != nil {
		return nil, prob
	}
	return &asked{ep: e, plan: p, variant: v, key: bound.Key, args: v.statements[0].pick.Args(bound.Args),
		url: canonicalURL(u, query, e.knows(p))}, nil
}

// choose picks the variant for the bound choices.
func (p *plan) choose(b *bind.Bound) (*variant, *problem) {
	if v := p.variants[b.Variant]; v != nil {
		return v, nil
	}
	return nil, newProblem(http.StatusInternalServerError, problemInternal, "no variant "+b.Variant) // the binder knows the same choices
}

// knows tells whether a query parameter of that name is part of the answer.
func (e *endpoint) knows(p *plan) func(string) bool {
	inPath := e.cfg.PathParams()
	return func(name string) bool {
		if slices.Contains(inPath, name) {
			return false
		}
		switch d := e.cfg.Params[name]; {
		case d == nil:
		case d.In != "" && d.In != config.InQuery:
			return false // a query parameter of the same name is another thing
		case d.HasFragments():
			return true
		}
		if baseName(name) != name {
			return false
		}
		return p.binder != nil && slices.Contains(p.binder.Names(), name)
	}
}

// parseQuery refuses what url.ParseQuery would silently drop.
func parseQuery(u *url.URL, lim Limits) (url.Values, *problem) {
	if u.RawQuery == "" {
		return nil, nil
	}
	if n := strings.Count(u.RawQuery, "&") + 1; n > lim.QueryParams {
		return nil, newProblem(http.StatusBadRequest, problemBadRequest, "a query string may have "+strconv.Itoa(lim.QueryParams)+" parameters, not "+strconv.Itoa(n))
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, problemBadRequest, "the query string is malformed: "+err.Error())
	}
	return q, nil
}

// read answers a GET or HEAD.
func (s *Server) read(w http.ResponseWriter, r *http.Request, e *endpoint, path map[string]string) {
	claims, p := s.identify(e, r)
	if p != nil {
		s.fail(w, r, e, p)
		return
	}
	a, p := s.askAs(e, path, r.URL, r.Header, claims)
	if p != nil {
		s.fail(w, r, e, p)
		return
	}
	why, state := "uri-miss", depgraph.StateAbsent
	switch {
	case a.variant.template == nil:
		s.readThrough(w, r, a, a.variant.bypass)
		return
	case asksAgain(r.Header):
		why = "request"
	default:
		var entry *depgraph.Entry
		if entry, state = s.lookUp(a); state == depgraph.StateFresh {
			s.hit(w, r, e, entry)
			return
		}
		if state != depgraph.StateAbsent {
			why = "stale"
		}
	}
	if a.plan.epoch != e.db.epoch.Load() {
		s.readThrough(w, r, a, detailSchema)
		return
	}
	if why != "request" && s.serveOutdated(w, r, a) {
		return
	}
	s.fill(w, r, a, why, state)
}

// hit writes an entry as it lies.
func (s *Server) hit(w http.ResponseWriter, r *http.Request, e *endpoint, entry *depgraph.Entry) {
	resp, ok := entry.Payload.(*response)
	if !ok { // nothing but responses is ever installed by this package
		s.fail(w, r, e, newProblem(http.StatusInternalServerError, problemInternal, "an entry of unknown kind"))
		return
	}
	now := s.now()
	e.count.hits.Add(1)
	e.count.saved.Add(int64(entry.Cost))
	s.checker.sample(e, entry)
	delivery{response: resp, cacheStatus: statusHit(entry.Expires.Sub(now)), age: now.Sub(entry.Stored),
		clientTTL: e.cfg.ClientTTL, vary: e.vary, personal: e.personal}.write(w, r)
}

// fill answers from a flight and says whether its answer was kept.
func (s *Server) fill(w http.ResponseWriter, r *http.Request, a *asked, why string, state depgraph.State) {
	filled, err := s.fetch(r.Context(), a, why == "request")
	if errors.Is(err, errSchemaMoved) {
		s.readThrough(w, r, a, detailSchema)
		return
	}
	if err != nil {
		if !s.serveInstead(w, r, a, why, err) {
			s.failWith(w, r, a.ep, err)
		}
		return
	}
	detail := ""
	switch {
	case filled.Install == depgraph.Installed:
		s.queue.Cancel(a.key)
	case state == depgraph.StateSuspended:
		detail = "SUSPENDED"
	default:
		detail = strings.ToUpper(strings.ReplaceAll(filled.Install.String(), " ", "-"))
	}
	if !filled.Joined {
		s.queue.NoteMiss(filled.Entry.Cost)
	}
	resp, ok := filled.Entry.Payload.(*response)
	if !ok {
		s.fail(w, r, a.ep, newProblem(http.StatusInternalServerError, problemInternal, "an entry of unknown kind"))
		return
	}
	a.ep.count.forward(why, state)
	delivery{response: resp, cacheStatus: statusForward(why, detail), age: s.now().Sub(filled.Entry.Stored),
		clientTTL: a.ep.cfg.ClientTTL, vary: a.ep.vary, personal: a.ep.personal}.write(w, r)
}

// readThrough answers from the source and keeps nothing.
func (s *Server) readThrough(w http.ResponseWriter, r *http.Request, a *asked, detail string) {
	var resp *response
	err := s.throughGate(a.ep.db, func() (err error) {
		resp, _, err = s.query(r.Context(), a)
		return err
	})
	if err != nil {
		s.failWith(w, r, a.ep, err)
		return
	}
	a.ep.count.bypass(detail)
	delivery{response: resp, cacheStatus: statusForward("bypass", detail), vary: a.ep.vary, personal: a.ep.personal}.write(w, r)
}

// job describes the fill of one key.
func (s *Server) job(a *asked) rehydrate.Job {
	var leave func()
	return rehydrate.Job{
		Key: a.key, Template: a.variant.template, Args: a.args,
		Enter: func(ctx context.Context) (_ func(), err error) {
			leave, err = s.enter(ctx, a.ep, a.ep.db.reads)
			return leave, err
		},
		Read: func(ctx context.Context) (*depgraph.Entry, error) { return s.load(ctx, a, leave) },
		Lookup: func() *depgraph.Entry {
			if e, state := s.lookUp(a); state == depgraph.StateFresh {
				return e
			}
			return nil
		},
	}
}

// errSchemaMoved ends a flight whose template may not know all that its
// statement reads any more.
var errSchemaMoved = &source.Error{Kind: source.ErrBusy, Message: "the schema of the source is changing; try again"}

// load runs inside a flight, after its token was taken. The schema race is:
//
//	1 reader sees the plan current
//	2 another connection changes a view; its notice raises the epoch, publishes everything
//	3 reader takes its token, which is past 2, and reads through the new view
//	4 the graph would accept: nothing was published since 3
//	5 a write to the new view's table is matched against the old read set: missed
//
// So the epoch is looked at again here, between 3 and 4. A notice that comes
// later publishes later than the token, and the graph refuses (I5).
func (s *Server) load(ctx context.Context, a *asked, leave func()) (*depgraph.Entry, error) {
	if a.plan.epoch != a.ep.db.epoch.Load() {
		return nil, errSchemaMoved
	}
	began := s.now()
	resp, res, err := s.queryNow(ctx, a, leave)
	if err != nil {
		return nil, err
	}
	now := s.now()
	entry := &depgraph.Entry{
		Key: a.key, URL: a.url, Template: a.variant.template, Args: a.args, Payload: resp,
		Size: resp.size() + int64(len(a.key)+len(a.url)), Asked: began, Stored: now, Expires: now.Add(a.ep.cfg.TTL), Cost: res.Elapsed,
	}
	q := a.variant.statements[0].Query
	entry.Records, entry.RecordsUnknown = recordsOf(q, res.Rows)
	entry.Held = q.Hold(a.args, res.Rows)
	return entry, nil
}

// query waits for leave to ask the source.
func (s *Server) query(ctx context.Context, a *asked) (*response, *source.Result, error) {
	leave, err := s.enter(ctx, a.ep, a.ep.db.reads)
	if err != nil {
		return nil, nil, err
	}
	defer leave()
	return s.queryNow(ctx, a, leave)
}

// queryNow asks the source, within the endpoint's limits, and renders its
// answer, which others need not wait for.
func (s *Server) queryNow(ctx context.Context, a *asked, leave func()) (*response, *source.Result, error) {
	lim := s.limitsOf(a.ep)
	ctx, cancel := context.WithTimeout(ctx, lim.Statement)
	defer cancel()
	res, err := a.ep.db.ask(ctx, a.variant.statements[0].Statement(a.args), source.Limits{Rows: lim.Rows, Bytes: lim.ResultBytes})
	leave()
	if err != nil {
		return nil, nil, err
	}
	s.metrics.readTime.WithLabelValues(a.ep.db.name).Observe(res.Elapsed.Seconds())
	return a.answer(res), res, nil
}

// answer renders what the source gave.
func (a *asked) answer(res *source.Result) *response {
	st := a.variant.statements[0]
	rd := a.variant.render
	if shown := res.Columns[:max(0, len(res.Columns)-st.Hidden())]; !rd.fits(shown) {
		rd = newRenderer(shown)
	}
	if a.ep.cfg.Result != "one" {
		return newResponse(rd.many(res.Rows))
	}
	if len(res.Rows) == 0 {
		p := newProblem(http.StatusNotFound, problemNotFound, "no row matches")
		p.Instance = a.url
		return newNotFound(p.body())
	}
	return newResponse(rd.one(res.Rows[0]))
}

// overloaded turns a request away at a gate.
func (s *Server) overloaded(gate int) *problem {
	s.metrics.busy[gate].Add(1)
	p := newProblem(http.StatusServiceUnavailable, problemOverloaded, "try again in a moment")
	p.retryAfter, p.unsent = time.Second, true
	return p
}

package proxyhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp/auth"
	"edgecache/proxyhttp/config"
	"edgecache/rehydrate"
	"edgecache/source"
)

// Options are what a Server is made of. Only Config is needed.
type Options struct {
	Config *config.Config
	Log    *slog.Logger
	Limits Limits
	Now    func() time.Time // the clock of TTL and Age
	Open   Opener
	// Mappings keeps what is registered at run time; nil: until the process ends.
	Mappings MappingStore
	// Reload reads the configuration again; nil: from Config.File, with the
	// process's environment.
	Reload func() (*config.Config, []config.Mistake)
	// Version is what the control plane says it is.
	Version string
	// Sabotage is for negative controls only.
	Sabotage depgraph.Sabotage

	storeFault func(op string) error // tests: what the store's disk refuses
}

// Server is both planes over one graph. It is made by New, served by Serve,
// and closed by Close.
type Server struct {
	cfg     *config.Config
	log     *slog.Logger
	limits  Limits
	now     func() time.Time
	version string
	started time.Time

	graph     *depgraph.Graph
	vault     *depgraph.Vault // nil: nothing outlives the process
	restores  bool            // what the vault has is being, or was, brought back
	filler    *rehydrate.Filler
	queue     *rehydrate.Queue
	behind    *revalidations
	metrics   *metrics
	checker   *checker
	ids       *identifiers
	access    *accessLog // nil: none
	databases map[string]*database
	registry  atomic.Pointer[registry] // see current
	mapper    *mapper

	auth                  *auth.Authenticator // nil: nobody is asked
	cors                  *cors
	dataCert, controlCert *certificate

	requestGate  gate
	accepting    atomic.Bool
	retryRefresh time.Duration

	cancelBackground context.CancelFunc
	background       sync.WaitGroup
	closeOnce        sync.Once
	closeErr         error
}

// New opens the sources, compiles every endpoint and makes the server ready
// to be served. What is wrong in the configuration comes back as Mistakes,
// all of it at once; anything else is trouble with a source.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{
		cfg: o.Config, log: o.Log, limits: o.Limits.withDefaults(), now: o.Now, version: o.Version,
		databases: map[string]*database{}, started: time.Now(),
		retryRefresh: time.Second, ids: newIdentifiers(),
	}
	s.registry.Store(newRegistry(o.Config, nil, nil))
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = slog.New(requestLog{s.log.Handler()})
	s.access = newAccessLog(s.cfg.Log, s.log)
	if s.now == nil {
		s.now = time.Now
	}
	if o.Open == nil {
		o.Open = OpenSource
	}
	var err error
	if err = s.openStore(&o); err != nil {
		return nil, err
	}
	restoring := s.beforeOpening()
	s.filler = rehydrate.NewFiller(s.graph, rehydrate.FillOptions{Timeout: s.limits.longest(), MaxFlights: s.limits.Flights,
		MaxQueued: s.limits.SourceRequests * max(len(s.cfg.Sources), 1)})
	s.queue = rehydrate.NewQueue(rehydrate.QueueOptions{Length: s.limits.QueueLength, Workers: s.limits.QueueWorkers, Window: time.Minute, Now: time.Now})
	s.requestGate = newGate(s.limits.Requests)
	s.metrics = newMetrics(s)
	s.checker = newChecker(s.cfg.SelfCheck.OneIn)
	bg, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancelBackground = cancel
	s.behind = newRevalidations(bg, s.limits.Revalidations)
	mistakes, err := s.openAll(ctx, o.Open)
	if err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	mistakes = append(mistakes, s.openDoors(ctx)...)
	if err := s.buildRegistry(ctx, mistakes); err != nil {
		if closeErr := s.Close(ctx); closeErr != nil {
			s.log.Warn("closing after a mistake", "error", closeErr)
		}
		return nil, err
	}
	for _, db := range s.databases {
		s.background.Add(1)
		go s.refresher(bg, db)
	}
	s.startRestoring(bg, restoring)
	s.startChecking(bg)
	return s, nil
}

func (s *Server) openSources(ctx context.Context, open Opener) error {
	lim := s.limits
	lim.Statement = lim.longest() // each call brings the end that its endpoint sets
	for _, c := range s.cfg.Sources {
		db := newDatabase(c.Name)
		db.version = s.version
		src, err := open(ctx, c, func(ws *source.WriteSet) { s.foreign(db, ws) }, lim, s.log)
		if err != nil {
			return fmt.Errorf("source %s: %w", c.Name, err)
		}
		db.src = src
		db.speak()
		db.limit(s.limits)
		db.circuit = newCircuit(s.behind.base, c.Name, src.Ping, s.limits, s.log)
		s.databases[c.Name] = db
	}
	return nil
}

// Data is the handler of the data plane.
func (s *Server) Data() http.Handler {
	return s.observed(s.withCORS(s.guard(http.HandlerFunc(s.serveData))))
}

func (s *Server) serveData(w http.ResponseWriter, r *http.Request) {
	if len(r.RequestURI) > s.limits.URL {
		p := newProblem(http.StatusRequestURITooLong, problemTooLarge, "a URL may have "+strconv.Itoa(s.limits.URL)+" bytes")
		p.Instance = r.URL.EscapedPath()
		if len(p.Instance) > 200 {
			p.Instance = p.Instance[:200]
		}
		s.fail(w, r, nil, p)
		return
	}
	reg := s.current() // one registry for the whole request
	if r.Method == http.MethodOptions {
		s.options(w, r, reg)
		return
	}
	e, path, p := reg.routes.find(r.Method, r.URL)
	meets(w, e)
	switch {
	case p != nil:
		s.fail(w, r, nil, p)
	case e.isWrite:
		s.write(w, r, e, path)
	default:
		s.read(w, r, e, path)
	}
}

// options answers what the path allows.
func (s *Server) options(w http.ResponseWriter, r *http.Request, reg *registry) {
	allow := "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
	if r.RequestURI != "*" {
		sh, _ := reg.routes.match(r.URL)
		if sh == nil {
			s.fail(w, r, nil, newProblem(http.StatusNotFound, problemNoRoute, "no endpoint is mapped to "+r.URL.EscapedPath()))
			return
		}
		allow = sh.allow
		if sh.methods[http.MethodPatch] != nil {
			w.Header()["Accept-Patch"] = acceptPatch
		}
		s.cors.preflight(w.Header(), r, sh)
	}
	w.Header().Set("Allow", allow)
	w.WriteHeader(http.StatusNoContent)
}

// guard bounds the requests under way and turns a bug into a 500. A panic
// stores nothing, and a write that was under way has settled by its own defer.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.requestGate.enter() {
			s.fail(w, r, nil, s.overloaded(busyRequests))
			return
		}
		defer s.requestGate.leave()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.metrics.panics.Add(1)
			s.log.ErrorContext(within(r.Context(), w), "panic", "method", r.Method, "panic", v, "stack", string(debug.Stack()))
			newProblem(http.StatusInternalServerError, problemInternal, "the log says more").write(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}

// fail answers with a problem and counts it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, e *endpoint, p *problem) {
	s.metrics.problem(e, p.Status)
	if e != nil && p.challenge != "" {
		s.log.DebugContext(within(r.Context(), w), "token refused", "endpoint", e.cfg.Name, "client", s.clientIP(r), "why", p.Detail)
	}
	p.write(w, r)
}

// failWith answers with the problem that err makes. Only what the client does
// not need to know goes to the log.
func (s *Server) failWith(w http.ResponseWriter, r *http.Request, e *endpoint, err error) {
	p := fromError(err, s.limitsOf(e))
	if p == nil {
		s.metrics.problem(e, statusClientGone)
		return
	}
	var refused *source.Error
	if errors.As(err, &refused) && (refused.Kind == source.ErrInvalid || refused.Kind == source.ErrInternal) &&
		e != nil && e.outdated() {
		p = newProblem(http.StatusInternalServerError, problemEndpointBroken, p.Detail)
	}
	var bug *rehydrate.PanicError
	switch {
	case errors.As(err, &bug):
		s.metrics.panics.Add(1)
		s.log.ErrorContext(within(r.Context(), w), "panic while reading", "endpoint", e.cfg.Name, "panic", bug.Value, "stack", string(bug.Stack))
	case p.Status >= 500 && !p.unsent:
		attrs := []any{"endpoint", e.cfg.Name, "status", p.Status, "error", err}
		if cause := errors.Unwrap(err); cause != nil {
			attrs = append(attrs, "cause", cause)
		}
		s.log.WarnContext(within(r.Context(), w), "request failed", attrs...)
	}
	s.fail(w, r, e, p)
}

// statusClientGone counts requests whose client left before the answer.
const statusClientGone = 499

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = typeJSON
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left is not an error of ours
}

package proxyhttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Serve answers on both listeners until ctx ends, then shuts down in the order
// that loses nothing: readyz says no and the data plane stops accepting,
// requests under way finish within Limits.Drain, the queue and the flights
// end, the sources and the graph close. The control plane goes last, so that
// one can watch.
func (s *Server) Serve(ctx context.Context, data, control net.Listener) error {
	dataServer := s.httpServer(s.Data())
	controlServer := s.httpServer(s.Control())
	failed := make(chan error, 2)
	serve := func(h *http.Server, l net.Listener) {
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}
	go serve(dataServer, s.dataCert.wrap(data))
	go serve(controlServer, s.controlCert.wrap(control))
	s.accepting.Store(true)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.accepting.Store(false)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Drain)
	defer cancel()
	if e := dataServer.Shutdown(drain); e != nil {
		s.log.Warn("requests were cut off at shutdown", "error", e)
		err = errors.Join(err, dataServer.Close())
	}
	err = errors.Join(err, s.Close(drain))
	if e := controlServer.Shutdown(drain); e != nil {
		err = errors.Join(err, controlServer.Close())
	}
	return err
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, MaxHeaderBytes: s.limits.HeaderBytes,
		ReadHeaderTimeout: s.limits.ReadHeader, ReadTimeout: s.limits.Read,
		WriteTimeout: s.limits.Write, IdleTimeout: s.limits.Idle,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// Close ends what runs behind the scenes, then the sources, then the graph.
// It may be called more than once.
func (s *Server) Close(ctx context.Context) error {
	s.closeOnce.Do(func() {
		s.cancelBackground()
		if s.auth != nil {
			s.auth.Close()
		}
		for _, db := range s.databases {
			db.lost.close()
			db.circuit.close()
		}
		s.behind.close()
		s.background.Wait()
		errs := []error{s.queue.Close(ctx), s.filler.Close(ctx)}
		stamps, err := s.closeSources(ctx)
		errs = append(errs, err)
		if s.vault != nil {
			errs = append(errs, s.vault.Close(stamps))
		}
		s.closeErr = errors.Join(append(errs, s.graph.Close())...)
	})
	return s.closeErr
}

// ready tells why the server cannot do its work right now; "" when it can.
func (s *Server) ready(ctx context.Context) string {
	if !s.accepting.Load() {
		return "the data plane does not accept requests"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, c := range s.cfg.Sources {
		if o := s.databases[c.Name].circuit.outage.Load(); o != nil {
			return "source " + c.Name + ": " + o.reason
		}
		if err := s.databases[c.Name].src.Ping(ctx); err != nil {
			return "source " + c.Name + " does not answer: " + fromError(err, s.limits).reason()
		}
	}
	return ""
}

// reason is a problem in one clause; a nil problem is a call cut short.
func (p *problem) reason() string {
	if p == nil {
		return "cancelled"
	}
	return p.Detail
}

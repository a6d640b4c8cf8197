package proxyhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

// Offline is a configuration compiled without being served: what `check` and
// the offline `explain` work on. It creates no database: where one is absent
// or empty and init is given, a copy is made from init in a directory of its
// own, which Close removes.
type Offline struct {
	s    *Server
	temp []string
}

// OpenOffline compiles cfg. Mistakes come back as Mistakes, all at once.
func OpenOffline(ctx context.Context, cfg *config.Config, log *slog.Logger) (*Offline, error) {
	o := &Offline{}
	unkept := *cfg
	unkept.Store.Path = "" // it belongs to the server that may be running
	s, err := New(ctx, Options{Config: &unkept, Log: log, Open: o.open})
	if err != nil {
		return nil, errors.Join(err, o.removeTemp())
	}
	o.s = s
	return o, nil
}

// AllMistakes adds to the mistakes of a file those that only its databases
// can tell, so that a person sees all of them at once. Sources and endpoints
// that are wrong already are left out: what they lack would be held against
// them twice.
func AllMistakes(ctx context.Context, cfg *config.Config, found []config.Mistake) []config.Mistake {
	if cfg == nil {
		return found
	}
	rest := whole(cfg, found)
	o, err := OpenOffline(ctx, rest, slog.New(slog.DiscardHandler))
	var more Mistakes
	switch {
	case errors.As(err, &more):
		found = append(slices.Clone(found), more...)
		sortMistakes(found)
	case err == nil:
		if err := o.Close(ctx); err != nil {
			return found // what was found is what counts
		}
	}
	return found
}

// whole is cfg with only those sources and endpoints in which nothing was
// found.
func whole(cfg *config.Config, found []config.Mistake) *config.Config {
	rest := *cfg
	rest.Sources, rest.Endpoints = nil, nil
	for _, c := range cfg.Sources {
		if !slices.ContainsFunc(found, func(m config.Mistake) bool {
			return m.Endpoint == "" && m.Line >= c.Line && m.Line <= c.LastLine
		}) {
			rest.Sources = append(rest.Sources, c)
		}
	}
	named := map[string]int{}
	for _, e := range cfg.Endpoints {
		named[e.Name]++
	}
	for _, e := range cfg.Endpoints {
		if rest.Source(e.Source) != nil && !slices.ContainsFunc(found, func(m config.Mistake) bool {
			within := m.Line >= e.Line && m.Line <= e.LastLine
			// A mistake in a part that several share by an alias lies outside of
			// their lines, and has the name.
			return m.Endpoint == e.Name && (within || named[e.Name] == 1) || m.Endpoint == "" && within
		}) {
			rest.Endpoints = append(rest.Endpoints, e)
		}
	}
	return &rest
}

func (o *Offline) open(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
	if absent(c) {
		dir, err := os.MkdirTemp("", "edgecache-check-")
		if err != nil {
			return nil, err
		}
		o.temp = append(o.temp, dir)
		copied := *c
		copied.DSN = filepath.Join(dir, "check.db")
		c = &copied
	}
	return OpenSource(ctx, c, onForeign, lim, log)
}

func (o *Offline) removeTemp() error {
	var errs []error
	for _, dir := range o.temp {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// Close closes the sources and removes what was made for the check.
func (o *Offline) Close(ctx context.Context) error {
	return errors.Join(o.s.Close(ctx), o.removeTemp())
}

// Endpoints describes every endpoint in the order of the file.
func (o *Offline) Endpoints() []EndpointView {
	out := make([]EndpointView, 0, len(o.s.current().endpoints))
	for _, e := range o.s.current().endpoints {
		out = append(out, e.view())
	}
	return out
}

// Explain takes the body of POST /v1/explain and tells what that write would
// meet at each endpoint.
func (o *Offline) Explain(ctx context.Context, body []byte) (*Explanation, error) {
	v, err := decodeJSON(body)
	if err != nil {
		return nil, err
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the body is no object")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/v1/explain", nil)
	if err != nil {
		return nil, err
	}
	out, p := o.s.explain(r, fields)
	if p != nil {
		return nil, p.explained()
	}
	return out.(*Explanation), nil
}

// explained is the problem as an error, with every parameter that is wrong.
func (p *problem) explained() error {
	text := p.Detail
	for _, e := range p.Errors {
		if e.Detail != p.Detail {
			text += "\n  " + e.Name + ": " + e.Detail
		}
	}
	return errors.New(text)
}

package proxyhttp

import (
	"net/http"
	"strings"

	"edgecache/proxyhttp/config"
)

// mapping is the JSON of an endpoint's YAML.
type mapping struct {
	Name        string                  `json:"name"`
	Route       string                  `json:"route"`
	Source      string                  `json:"source"`
	SQL         []string                `json:"sql"`
	Params      map[string]mappingParam `json:"params,omitempty"`
	Result      string                  `json:"result,omitempty"`
	TTL         string                  `json:"ttl,omitempty"`
	ClientTTL   string                  `json:"client_ttl,omitempty"`
	Consistency string                  `json:"consistency,omitempty"`
	Rehydrate   string                  `json:"rehydrate,omitempty"`
	Vary        []string                `json:"vary,omitempty"`
	Cache       bool                    `json:"cache"`
	DependsOn   []string                `json:"depends_on,omitempty"`
	Tags        []string                `json:"tags,omitempty"`
}

type mappingParam struct {
	Type     string `json:"type,omitempty"`
	In       string `json:"in,omitempty"`
	Required bool   `json:"required,omitempty"`
	Default  any    `json:"default,omitempty"`
	Min      any    `json:"min,omitempty"`
	Max      any    `json:"max,omitempty"`
	Choices  any    `json:"choices,omitempty"`
}

// listMappings answers GET /v1/endpoints.
func (s *Server) listMappings(*http.Request, map[string]any) (any, *problem) {
	out := make([]mapping, 0, len(s.current().endpoints))
	for _, e := range s.current().endpoints {
		out = append(out, mappingOf(e.cfg))
	}
	return map[string]any{"endpoints": out}, nil
}

// showMapping answers GET /v1/endpoints/{name}.
func (s *Server) showMapping(r *http.Request, _ map[string]any) (any, *problem) {
	name := strings.TrimPrefix(r.URL.Path, "/v1/endpoints/")
	e := s.endpoint(name)
	if e == nil {
		return nil, newProblem(http.StatusNotFound, problemNotFound, "there is no endpoint "+name)
	}
	return mappingOf(e.cfg), nil
}

func mappingOf(c *config.Endpoint) mapping {
	m := mapping{Name: c.Name, Route: c.Route, Source: c.Source, SQL: c.SQL, Cache: c.Cache, DependsOn: c.DependsOn, Tags: c.Tags}
	if !c.IsWrite() {
		m.Result, m.TTL, m.Consistency, m.Rehydrate, m.Vary = c.Result, shortDuration(c.TTL), c.Consistency, c.Rehydrate, c.Vary
		if c.ClientTTL > 0 {
			m.ClientTTL = shortDuration(c.ClientTTL)
		}
	}
	for name, p := range c.Params {
		if m.Params == nil {
			m.Params = map[string]mappingParam{}
		}
		mp := mappingParam{Type: p.Type, In: p.In, Required: p.Required}
		if p.HasDefault {
			mp.Default = p.Default
		}
		if p.Min != nil {
			mp.Min = *p.Min
		}
		if p.Max != nil {
			mp.Max = *p.Max
		}
		mp.Choices = choicesOf(p)
		m.Params[name] = mp
	}
	return m
}

// choicesOf prints choices as they were written: a list, or a map to SQL.
func choicesOf(p *config.Param) any {
	if len(p.Choices) == 0 {
		return nil
	}
	if !p.HasFragments() {
		var list []string
		for _, c := range p.Choices {
			list = append(list, c.Value)
		}
		return list
	}
	m := map[string]string{}
	for _, c := range p.Choices {
		m[c.Value] = c.Fragment
	}
	return m
}

package config

import (
	"encoding/json"
	"time"
)

// endpointJSON spells an endpoint as its YAML would. Defaults that were taken
// and matter are spelled out too, so that a registered mapping keeps its meaning
// when the file's defaults change.
type endpointJSON struct {
	Name        string     `json:"name"`
	Route       string     `json:"route"`
	Source      string     `json:"source,omitempty"`
	SQL         any        `json:"sql"`
	Params      paramsJSON `json:"params,omitempty"`
	Result      string     `json:"result,omitempty"`
	TTL         string     `json:"ttl,omitempty"`
	ClientTTL   string     `json:"client_ttl,omitempty"`
	Consistency string     `json:"consistency,omitempty"`
	Rehydrate   string     `json:"rehydrate,omitempty"`
	StaleWhile  string     `json:"stale_while_revalidate,omitempty"`
	StaleError  string     `json:"stale_if_error,omitempty"`
	Vary        []string   `json:"vary,omitempty"`
	Cache       *bool      `json:"cache,omitempty"`
	DependsOn   []string   `json:"depends_on,omitempty"`
	Records     []string   `json:"records,omitempty"`
	Tags        []string   `json:"tags,omitempty"`
	Auth        string     `json:"auth,omitempty"`
	MaxRows     int        `json:"max_rows,omitempty"`
	MaxBytes    string     `json:"max_bytes,omitempty"`
	Timeout     string     `json:"timeout,omitempty"`
}

type paramsJSON map[string]*Param

// MarshalJSON prints the JSON of the endpoint's YAML. DecodeEndpoint reads it
// back to the same endpoint.
func (e *Endpoint) MarshalJSON() ([]byte, error) {
	out := endpointJSON{
		Name: e.Name, Route: e.Route, Source: e.Source, SQL: e.SQL,
		TTL: spell(e.TTL), ClientTTL: spell(e.ClientTTL), Consistency: e.Consistency, Rehydrate: e.Rehydrate,
		StaleWhile: spell(e.StaleWhileRevalidate), StaleError: spell(e.StaleIfError),
		Vary: e.Vary, DependsOn: e.DependsOn, Records: e.Records, Tags: e.Tags,
		Params: e.Params, Result: e.Result,
		Auth: e.Auth, MaxRows: e.MaxRows, MaxBytes: spellSize(e.MaxBytes), Timeout: spell(e.Timeout),
	}
	if len(e.SQL) == 1 {
		out.SQL = e.SQL[0]
	}
	e.leaveIdle(&out)
	if !e.Cache {
		out.Cache = &e.Cache
	}
	return json.Marshal(out)
}

// leaveIdle takes out the defaults that have no effect on the endpoint: spelled
// out they would look as if somebody had meant them.
func (e *Endpoint) leaveIdle(out *endpointJSON) {
	if e.IsWrite() {
		leave(e, "result", &out.Result)
		leave(e, "consistency", &out.Consistency)
	}
	if e.IsWrite() || !e.Cache {
		leave(e, "ttl", &out.TTL)
		leave(e, "rehydrate", &out.Rehydrate)
	}
}

func leave(e *Endpoint, key string, value *string) {
	if !e.Has(key) {
		*value = ""
	}
}

func spell(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return formatDuration(d)
}

// MarshalJSON prints the JSON of the parameter's YAML.
func (p *Param) MarshalJSON() ([]byte, error) {
	out := struct {
		Type     string       `json:"type,omitempty"`
		In       string       `json:"in,omitempty"`
		Claim    string       `json:"claim,omitempty"`
		Required bool         `json:"required,omitempty"`
		Default  any          `json:"default,omitempty"`
		Min      *json.Number `json:"min,omitempty"`
		Max      *json.Number `json:"max,omitempty"`
		Choices  any          `json:"choices,omitempty"`
	}{Type: p.Type, In: p.In, Claim: p.Claim, Required: p.Required, Min: p.Min, Max: p.Max}
	if p.HasDefault {
		out.Default = p.Default
	}
	switch {
	case p.HasFragments():
		out.Choices = fragments(p.Choices)
	case len(p.Choices) > 0:
		values := make([]string, 0, len(p.Choices))
		for _, c := range p.Choices {
			values = append(values, c.Value)
		}
		out.Choices = values
	}
	return json.Marshal(out)
}

// fragments prints choices as an object in their own order.
type fragments []Choice

func (f fragments) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, c := range f {
		key, err := json.Marshal(c.Value)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(c.Fragment)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

package proxyhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"edgecache/proxyhttp/config"
)

const mappingsPath = "/v1/endpoints"

// mappingName is the name in a path below mappingsPath. The name of an endpoint
// that has none is its route, so it may hold slashes.
func mappingName(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, mappingsPath+"/") }

// mappingURL is where an endpoint is found.
func mappingURL(name string) string { return mappingsPath + "/" + url.PathEscape(name) }

// listMappings answers GET /v1/endpoints.
func (s *Server) listMappings(*http.Request, map[string]any) (any, *problem) {
	reg := s.current()
	out := make([]mapping, 0, len(reg.endpoints)+len(reg.shelved))
	for _, e := range reg.endpoints {
		out = append(out, s.mappingOf(e))
	}
	for _, sh := range reg.shelved {
		out = append(out, s.shelvedMapping(sh))
	}
	return map[string]any{"endpoints": out}, nil
}

// showMapping answers GET /v1/endpoints/{name}. What is served comes before
// what is only kept.
func (s *Server) showMapping(r *http.Request, _ map[string]any) (any, *problem) {
	reg, name := s.current(), mappingName(r)
	if e := reg.byName[name]; e != nil {
		return s.mappingOf(e), nil
	}
	if sh := reg.onShelf(name); sh != nil {
		return s.shelvedMapping(sh), nil
	}
	return nil, newProblem(http.StatusNotFound, problemNotFound, "there is no endpoint "+name)
}

// postMapping answers POST /v1/endpoints.
func (s *Server) postMapping(r *http.Request, _ map[string]any) (any, *problem) {
	cfg, p := s.readMapping(r, "")
	if p != nil {
		return nil, p
	}
	return s.setMapping(r.Context(), cfg, false)
}

// putMapping answers PUT /v1/endpoints/{name}.
func (s *Server) putMapping(r *http.Request, _ map[string]any) (any, *problem) {
	name := mappingName(r)
	cfg, p := s.readMapping(r, name)
	if p != nil {
		return nil, p
	}
	if cfg.Name != name {
		return nil, newProblem(http.StatusBadRequest, problemBadBody,
			"the body names the endpoint "+cfg.Name+" and the URL "+name+"; leave name out of the body, or make them one")
	}
	return s.setMapping(r.Context(), cfg, true)
}

// deleteMapping answers DELETE /v1/endpoints/{name}.
func (s *Server) deleteMapping(r *http.Request, _ map[string]any) (any, *problem) {
	return s.removeMapping(r.Context(), mappingName(r))
}

// readMapping decodes the endpoint in a body. All its mistakes come at once.
func (s *Server) readMapping(r *http.Request, name string) (*config.Endpoint, *problem) {
	data, p := readBody(nil, r, s.limits.Body)
	if p != nil {
		return nil, p
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, newProblem(http.StatusUnsupportedMediaType, problemEncoding, "send the body as it is, without Content-Encoding: "+enc)
	}
	d := config.Decode{Name: name, Ignore: answersFor, YAML: isYAML(r)}
	if !d.YAML {
		if p := checkMediaType(r, data); p != nil {
			return nil, p
		}
	}
	cfg, mistakes := config.DecodeEndpoint(data, s.current().file, d)
	if len(mistakes) > 0 {
		return nil, mistaken(http.StatusBadRequest, mistakes)
	}
	return cfg, nil
}

func isYAML(r *http.Request) bool {
	mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (mt == "application/yaml" || mt == "application/x-yaml" || mt == "text/yaml")
}

// mistaken is the problem of mistakes, each said as `check` says it.
func mistaken(status int, mistakes []config.Mistake) *problem {
	p := newProblem(status, problemMistakes, mistakes[0].String())
	if n := len(mistakes); n > 1 {
		p.Detail = fmt.Sprintf("there are %d mistakes, and nothing was changed; the first: %s", n, p.Detail)
	}
	for _, m := range mistakes {
		p.Errors = append(p.Errors, paramError{Name: m.Endpoint, Detail: m.String()})
	}
	return p
}

// mapping is the JSON of an endpoint's YAML, and what an answer adds to it.
type mapping struct {
	cfg    *config.Endpoint // nil: it cannot be read
	name   string
	origin origin
	// persisted tells of a registered one whether it outlives the process.
	persisted bool
	note      string
	mistake   string
}

func (s *Server) mappingOf(e *endpoint) mapping {
	return mapping{cfg: e.cfg, name: e.cfg.Name, origin: e.origin, persisted: s.mapper.durable && !e.pending, mistake: e.plan.Load().broken}
}

func (s *Server) shelvedMapping(sh *shelf) mapping {
	return mapping{cfg: sh.cfg, name: sh.name, origin: registered, persisted: s.mapper.durable, mistake: "not served: " + sh.why}
}

// MarshalJSON prints the endpoint's own keys as config does, with sql always a
// list and cache always there, and then what is added.
func (m mapping) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	add := func(key string, value any) error {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), key...), '"', ':')
		out = append(out, text...)
		return nil
	}
	if m.cfg == nil {
		if err := add("name", m.name); err != nil {
			return nil, err
		}
	} else if err := m.addConfig(add); err != nil {
		return nil, err
	}
	err := add("origin", m.origin.String())
	if err == nil && m.origin == registered {
		err = add("persisted", m.persisted)
	}
	if err == nil && m.note != "" {
		err = add("note", m.note)
	}
	if err == nil && m.mistake != "" {
		err = add("mistake", m.mistake)
	}
	return append(out, '}'), err
}

// addConfig adds the keys of the endpoint in config's own order.
func (m mapping) addConfig(add func(string, any) error) error {
	text, err := json.Marshal(m.cfg)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return fmt.Errorf("an endpoint printed as %s: %w", text, err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		switch key {
		case "cache":
			continue
		case "sql":
			err = add(key, m.cfg.SQL)
		default:
			err = add(key, value)
		}
		if err != nil {
			return err
		}
	}
	return add("cache", m.cfg.Cache)
}

package proxyhttp

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"edgecache/proxyhttp/config"
)

// object is a piece of JSON. Maps print with their keys sorted, so a document
// is the same as long as what is mapped is.
type object map[string]any

// openAPI answers GET /v1/openapi.json: the mapped endpoints as an OpenAPI 3.1
// document, with types from the schema of now. Types are those that columns
// declare: SQLite keeps in a column what it is given, so a text in an INTEGER
// column comes out as a text.
func (s *Server) openAPI(*http.Request, map[string]any) (any, *problem) {
	reg := s.current()
	version := s.version
	if version == "" {
		version = "0"
	}
	components := object{"schemas": object{"Problem": problemSchema()}, "headers": cacheHeaders(), "responses": problemResponses()}
	doc := object{
		"openapi": "3.1.0",
		"info":    object{"title": "EdgeCache", "version": version, "description": "The endpoints that are mapped now, cached and uncached."},
		"servers": []any{object{"url": s.dataURL()}},
		"paths":   s.openPaths(reg), "components": components,
	}
	if s.auth != nil {
		components["securitySchemes"] = object{"bearer": object{"type": "http", "scheme": "bearer"}}
	}
	return doc, nil
}

// dataURL is where the data plane listens. A listener on every address is
// named by the loopback, which is the only one known to reach it.
func (s *Server) dataURL() string {
	scheme := "http"
	if s.cfg.Server.TLS != nil {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.cfg.Server.Listen)
	if err != nil {
		return "/"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// openPaths groups the operations by path. Routes of one shape are one path
// here, whatever each calls its parameters, so all take the names of the first.
func (s *Server) openPaths(reg *registry) object {
	paths, first, ids := object{}, map[string]*config.Endpoint{}, map[string]bool{}
	for _, e := range reg.endpoints {
		shape := shapePath(e.cfg.Path)
		if first[shape] == nil {
			first[shape] = e.cfg
			paths[e.cfg.Path] = object{}
		}
		item := paths[first[shape].Path].(object)
		item[strings.ToLower(e.cfg.Method)] = s.operation(e, first[shape].PathParams(), operationID(e.cfg.Name, ids))
	}
	return paths
}

// operationID makes a name that programs can take, unlike any other.
func operationID(name string, taken map[string]bool) string {
	id := strings.Trim(strings.Map(func(c rune) rune {
		if c < 0x80 && (isAlnum(byte(c)) || c == '.' || c == '_' || c == '-') {
			return c
		}
		return '_'
	}, name), "_")
	for n, base := 2, id; id == "" || taken[id]; n++ {
		id = base + "_" + strconv.Itoa(n)
	}
	taken[id] = true
	return id
}

func (s *Server) operation(e *endpoint, pathNames []string, id string) object {
	p := e.plan.Load()
	out := object{"operationId": id, "summary": e.cfg.Name}
	if len(e.cfg.Tags) > 0 {
		out["tags"] = e.cfg.Tags
	}
	switch {
	case p.broken != "":
		out["description"] = "Does not fit the schema of its database now: " + p.broken
	case !e.isWrite:
		out["description"] = p.kept()
	}
	params, body := e.openParams(p, pathNames)
	if len(params) > 0 {
		out["parameters"] = params
	}
	if body != nil {
		out["requestBody"] = body
	}
	if e.isWrite {
		out["responses"] = e.writeResponses(p)
	} else {
		out["responses"] = e.readResponses(p)
	}
	if s.auth != nil {
		out["security"] = security(e.cfg.Auth)
	}
	return out
}

// kept says whether answers are cached.
func (p *plan) kept() string {
	for _, name := range p.order {
		if v := p.variants[name]; v.why != "" {
			return "Not cached: " + v.why + "."
		}
	}
	return "Cached until its data change."
}

func security(mode string) []any {
	bearer := object{"bearer": []any{}}
	switch mode {
	case config.AuthNone:
		return []any{}
	case config.AuthOptional:
		return []any{bearer, object{}}
	}
	return []any{bearer}
}

// readResponses are those of a GET.
func (e *endpoint) readResponses(p *plan) object {
	out := object{
		"200": object{"description": "the rows", "headers": headerRefs("Cache-Status", "Age", "ETag", "Cache-Control"),
			"content": jsonContent(e.answerSchema(p))},
		"304":     object{"description": "what the client has is current", "headers": headerRefs("Cache-Status", "Age", "ETag", "Cache-Control")},
		"400":     responseRef("BadRequest"),
		"default": responseRef("Problem"),
	}
	if e.cfg.Result == config.One {
		out["200"].(object)["description"] = "the row"
		out["404"] = object{"description": "no row matches", "headers": headerRefs("Cache-Status", "Age", "Cache-Control"),
			"content": problemContent()}
	}
	return out
}

// writeResponses are those of a POST, PUT, PATCH or DELETE.
func (e *endpoint) writeResponses(p *plan) object {
	properties := object{
		"rowsAffected": object{"type": "integer", "minimum": 0},
		"lastInsertId": object{"type": []any{"integer", "null"}},
	}
	if rows := e.returned(p); rows != nil {
		properties["rows"] = object{"type": "array", "items": rows, "description": "what RETURNING gives"}
	}
	return object{
		"200": object{"description": "written, also when no row matched", "headers": headerRefs("EdgeCache-Invalidated"),
			"content": jsonContent(object{"type": "object", "properties": properties, "required": []any{"rowsAffected", "lastInsertId"}})},
		"400":     responseRef("BadRequest"),
		"409":     responseRef("Conflict"),
		"412":     responseRef("PreconditionFailed"),
		"default": responseRef("Problem"),
	}
}

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

func problemContent() object {
	return object{"application/problem+json": object{"schema": object{"$ref": "#/components/schemas/Problem"}}}
}

func responseRef(name string) object { return object{"$ref": "#/components/responses/" + name} }

func headerRefs(names ...string) object {
	out := object{}
	for _, n := range names {
		out[n] = object{"$ref": "#/components/headers/" + n}
	}
	return out
}

func cacheHeaders() object {
	header := func(schema object, description string) object {
		return object{"schema": schema, "description": description}
	}
	text := object{"type": "string"}
	return object{
		"Cache-Status":          header(text, "RFC 9211: whether the answer was cached, and why not"),
		"Age":                   header(object{"type": "integer", "minimum": 0}, "seconds since the answer was made"),
		"ETag":                  header(text, "send it as If-None-Match to get 304, as If-Match to write only what was read"),
		"Cache-Control":         header(text, "what clients may keep"),
		"EdgeCache-Invalidated": header(object{"type": "integer", "minimum": 0}, "how many cached answers the write affected"),
	}
}

func problemResponses() object {
	out := object{}
	for name, description := range map[string]string{
		"BadRequest": "a parameter or the body is wrong; all mistakes at once", "Conflict": "a constraint of the database refuses the write",
		"PreconditionFailed": "If-Match or If-None-Match does not hold", "Problem": "anything else",
	} {
		out[name] = object{"description": description, "content": problemContent()}
	}
	return out
}

// problemSchema is RFC 9457 with the list of what is wrong.
func problemSchema() object {
	text := object{"type": "string"}
	return object{
		"type": "object", "required": []any{"type", "title", "status"},
		"properties": object{
			"type": text, "title": text, "status": object{"type": "integer", "minimum": 400, "maximum": 599}, "detail": text, "instance": text,
			"errors": object{"type": "array", "items": object{"type": "object", "required": []any{"name", "detail"},
				"properties": object{"name": text, "detail": text}}},
		},
	}
}

// isIgnoredHeader tells that OpenAPI has other places for a header.
func isIgnoredHeader(name string) bool {
	return slices.Contains([]string{"Accept", "Content-Type", "Authorization"}, http.CanonicalHeaderKey(name))
}

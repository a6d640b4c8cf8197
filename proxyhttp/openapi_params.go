package proxyhttp

import (
	"encoding/json"

	"edgecache/proxyhttp/bind"
	"edgecache/proxyhttp/config"
)

// openParams describes what a request has: its parameters, under the names of
// the path that it shares, and its body; nil: it has none.
func (e *endpoint) openParams(p *plan, pathNames []string) (params []any, body object) {
	own := e.cfg.PathParams()
	views := map[string]bind.View{}
	var rest []bind.View
	if p.binder != nil {
		for _, v := range p.binder.Views() {
			views[v.Name] = v
			if v.In != config.InPath {
				rest = append(rest, v)
			}
		}
	}
	for i, name := range own {
		v, known := views[name]
		if !known { // no statement names it, so anything is right
			v = bind.View{Name: name, In: config.InPath, Kind: "string"}
		}
		params = append(params, object{"name": pathNames[i], "in": "path", "required": true, "schema": e.paramSchema(v)})
	}
	headers := map[string]bool{}
	properties, required := object{}, []any{}
	for _, v := range rest {
		switch v.In {
		case config.InQuery:
			params = append(params, e.queryParam(v))
		case config.InHeader:
			if headers[v.Header] = true; !isIgnoredHeader(v.Header) {
				params = append(params, optional(object{"name": v.Header, "in": "header", "schema": e.paramSchema(v)}, v))
			}
		case config.InBody:
			properties[v.Name] = e.bodySchema(v)
			if v.Required {
				required = append(required, v.Name)
			}
		}
	}
	for _, h := range e.cfg.Vary {
		if !headers[h] && !isIgnoredHeader(h) {
			params = append(params, object{"name": h, "in": "header", "schema": object{"type": "string"}, "description": "part of what the answer is kept under"})
		}
	}
	if len(properties) == 0 {
		return params, nil
	}
	schema := object{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	return params, object{"required": len(required) > 0, "content": jsonContent(schema)}
}

func optional(param object, v bind.View) object {
	if v.Required {
		param["required"] = true
	}
	return param
}

func (e *endpoint) queryParam(v bind.View) object {
	out := optional(object{"name": v.Name, "in": "query", "schema": e.paramSchema(v)}, v)
	if v.List {
		out["style"], out["explode"] = "form", false
	}
	if d := e.cfg.Params[v.Name]; d != nil && d.Type == config.TypeGlob {
		out["description"] = "* stands for any text, ? for one character"
	}
	return out
}

// paramSchema describes text of a URL or a header.
func (e *endpoint) paramSchema(v bind.View) object {
	out := kindSchema(v.Kind, false)
	d := e.cfg.Params[v.Name]
	if d != nil {
		declared(out, d, v)
	}
	if v.List {
		out = object{"type": "array", "items": out, "maxItems": v.MaxList}
	}
	if d != nil && d.HasDefault {
		out["default"] = d.Default
	}
	return out
}

// bodySchema describes a key of a JSON body, which may be null where the
// statement may be given NULL.
func (e *endpoint) bodySchema(v bind.View) object {
	out := kindSchema(v.Kind, true)
	d := e.cfg.Params[v.Name]
	if d != nil {
		declared(out, d, v)
	}
	if v.List {
		out = object{"type": "array", "items": out, "maxItems": v.MaxList}
	}
	if v.Nullable {
		if t, ok := out["type"]; ok {
			out["type"] = []any{t, "null"}
		}
		if list, ok := out["enum"].([]any); ok {
			out["enum"] = append(list, nil)
		}
	}
	if d != nil && d.HasDefault {
		out["default"] = d.Default
	}
	return out
}

// kindSchema is the schema of one value. Text of a URL has no type of its own,
// so what may be text or a number is text there; in a body it has no type here,
// for to list several would make clients of it that nobody wants to use.
func kindSchema(kind string, inBody bool) object {
	switch kind {
	case "integer":
		return object{"type": "integer", "format": "int64"}
	case "number", "boolean":
		return object{"type": kind}
	case "flag":
		if inBody {
			return object{"description": "true, false or a number"}
		}
	case "any":
		if inBody {
			return object{"description": "a text, a number, true or false"}
		}
	case "scalar":
		if inBody {
			return object{"description": "a text or a number"}
		}
	}
	return object{"type": "string"}
}

// declared adds what the file says about the parameter. min and max of a list
// count its values, and are told with the list.
func declared(out object, d *config.Param, v bind.View) {
	if !v.List {
		if d.Min != nil {
			out["minimum"] = *d.Min
		}
		if d.Max != nil {
			out["maximum"] = *d.Max
		}
	}
	if len(d.Choices) == 0 {
		return
	}
	list := make([]any, len(d.Choices))
	for i, c := range d.Choices {
		list[i] = c.Value
		if v.Kind == "integer" || v.Kind == "number" {
			list[i] = json.Number(c.Value)
		}
	}
	out["enum"] = list
}

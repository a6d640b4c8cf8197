package config

import (
	"bytes"
	"encoding/json"
)

// object is a piece of JSON.
type object map[string]any

// reference is a pattern for text that holds a ${NAME}: what it will be is not
// known before the file is read.
const reference = `\$\{`

var fromEnv = object{"type": "string", "pattern": reference}

// The kinds of value, as the getters of section read them. A schema errs on the
// side of letting a value through: an editor that marks what the decoder takes
// would be worse than one that misses a mistake, which `edgecache check` finds.
var (
	text   = object{"type": "string", "pattern": `\S`}
	truth  = object{"anyOf": []any{object{"enum": []any{true, false, "true", "false"}}, fromEnv}}
	scalar = object{"type": []any{"string", "number", "boolean"}}
	number = object{"anyOf": []any{object{"type": "number"}, object{"type": "string", "pattern": `^-?[0-9]|` + reference}}}
	size   = object{"anyOf": []any{object{"type": "integer", "exclusiveMinimum": 0}, object{"type": "string",
		"pattern": `^\s*[0-9][0-9.eE+]*\s*([KMGT]i?B|B)?\s*$|` + reference}}}
	duration       = object{"type": "string", "pattern": durations}
	durationOrNone = object{"anyOf": []any{object{"const": 0}, duration}}
	// YAML 1.1 tools write off as false.
	rehydrate = object{"anyOf": []any{object{"enum": []any{Eager, Lazy, Off, false}}, fromEnv}}
)

const durations = `^\s*\+?([0-9]+d)?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*\s*$|` + reference

func oneOf(words ...string) object {
	list := make([]any, len(words))
	for i, w := range words {
		list[i] = w
	}
	return object{"anyOf": []any{object{"enum": list}, fromEnv}}
}

// listOf is a list, or one value that stands for a list of one.
func listOf(item object) object {
	return object{"anyOf": []any{item, object{"type": "array", "items": item}}}
}

func texts(most int) object {
	return object{"anyOf": []any{text, object{"type": "array", "maxItems": most, "items": text}}}
}

func count(most int) object {
	return object{"anyOf": []any{object{"type": "integer", "minimum": 1, "maximum": most}, object{"type": "string", "pattern": `^[0-9]+$|` + reference}}}
}

func refTo(name string) object { return object{"$ref": "#/$defs/" + name} }

// mapOf is a map of the table's keys and no others. Null is a key left away.
func mapOf(t table) object {
	properties, must := object{}, []any{}
	for _, k := range t {
		is := k.is
		if k.must {
			must = append(must, k.name)
		} else {
			is = object{"anyOf": []any{k.is, object{"type": "null"}}}
		}
		if k.doc != "" {
			described := object{"description": k.doc}
			for name, v := range is {
				described[name] = v
			}
			is = described
		}
		properties[k.name] = is
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(must) > 0 {
		out["required"] = must
	}
	return out
}

// namedMaps is a map from names to maps of the table's keys.
func namedMaps(t table, names string) object {
	of := mapOf(t)
	if of["required"] == nil {
		of = object{"anyOf": []any{of, object{"type": "null"}}}
	}
	return object{"type": "object", "propertyNames": object{"pattern": names}, "additionalProperties": of}
}

// Schema prints the JSON Schema (2020-12) of a configuration file. Editors use
// it to complete keys; what it cannot say, such as that a source exists, is for
// the decoder.
func Schema() []byte {
	root := mapOf(fileTable)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "EdgeCache configuration"
	root["$defs"] = object{"endpoint": mapOf(endpointTable)}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		return []byte("{}\n") // plain structures: cannot fail
	}
	return b.Bytes()
}

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"unicode/utf8"
)

// Decode says how one endpoint is read that does not come from the file.
type Decode struct {
	// Name is what the endpoint is called when it does not say so itself; ""
	// leaves it to its route.
	Name string
	// Ignore lists keys that are passed over: those that an answer adds to an
	// endpoint, so that what was got can be put.
	Ignore []string
	// YAML reads text of a file; else it must be JSON to the letter.
	YAML bool
}

// DecodeEndpoint reads one endpoint against the sources and defaults of cfg.
// ${NAME} stays as it is, since the text may come from somebody who may not
// see this process's environment. The endpoint is not compared with cfg's own:
// see Endpoint.Shape.
func DecodeEndpoint(data []byte, cfg *Config, d Decode) (*Endpoint, []Mistake) {
	r := &reader{}
	var root *node
	if d.YAML {
		root = r.tree(data)
	} else {
		root = r.jsonTree(data)
	}
	if root == nil {
		return nil, r.result()
	}
	if root.kind == kindMap {
		root.pairs = slices.DeleteFunc(root.pairs, func(p pair) bool { return contains(d.Ignore, p.key) })
		if n := root.get("name"); d.Name != "" && (n == nil || n.kind == kindNull) {
			root.pairs = slices.DeleteFunc(root.pairs, func(p pair) bool { return p.key == "name" })
			root.pairs = append(root.pairs, pair{key: "name", line: root.line, value: &node{kind: kindString, line: root.line, text: d.Name}})
		}
	}
	e := r.endpoint(cfg, root, 0)
	if mistakes := r.result(); len(mistakes) > 0 {
		return nil, mistakes
	}
	return e, nil
}

// jsonTree reads text that is one JSON value; nil when it is none, with the
// mistake noted. YAML's reader would do for most, but not for all: JSON may be
// indented with tabs and may escape a slash.
func (r *reader) jsonTree(data []byte) *node {
	switch {
	case len(data) > MaxFileBytes:
		r.note(0, "", "the text is larger than %d MiB", MaxFileBytes>>20)
		return nil
	case !utf8.Valid(data):
		r.note(invalidLine(data), "", "this line is not UTF-8 text")
		return nil
	}
	j := &jsonReader{reader: r, data: data, dec: json.NewDecoder(bytes.NewReader(data))}
	j.dec.UseNumber()
	root, ok := j.value(0)
	if !ok {
		return nil
	}
	if _, err := j.dec.Token(); !errors.Is(err, io.EOF) {
		r.note(j.at(), "", "something follows the end of the JSON; send one object")
		return nil
	}
	return root
}

// jsonReader builds nodes from JSON's tokens.
type jsonReader struct {
	*reader
	data []byte
	dec  *json.Decoder
	// line is that of the byte at seen; both only grow.
	line, seen int
}

// at is the line on which the latest token ends, which is where it begins:
// JSON's strings hold no line breaks.
func (j *jsonReader) at() int {
	to := min(int(j.dec.InputOffset()), len(j.data))
	j.line += bytes.Count(j.data[j.seen:to], []byte("\n"))
	j.seen = to
	return j.line + 1
}

// value reads one value; false when the rest cannot be read.
func (j *jsonReader) value(depth int) (*node, bool) {
	t, err := j.dec.Token()
	if err != nil {
		j.note(j.at(), "", "not valid JSON: %s", jsonReason(err))
		return nil, false
	}
	line := j.at()
	if depth > maxDepth {
		j.note(line, "", "the JSON nests deeper than %d levels", maxDepth)
		return nil, false
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return j.object(line, depth)
		}
		return j.array(line, depth)
	case bool:
		text := "false"
		if t {
			text = "true"
		}
		return &node{kind: kindBool, line: line, text: text}, true
	case json.Number:
		return &node{kind: kindNumber, line: line, text: t.String()}, true
	case string:
		if bytes.IndexByte([]byte(t), 0) >= 0 {
			j.note(line, "", "text must not hold a NUL byte")
			return &node{kind: kindBroken, line: line}, true
		}
		return &node{kind: kindString, line: line, text: t}, true
	}
	return &node{line: line}, true // null
}

func (j *jsonReader) array(line, depth int) (*node, bool) {
	out := &node{kind: kindList, line: line}
	for j.dec.More() {
		v, ok := j.value(depth + 1)
		if !ok {
			return nil, false
		}
		out.items = append(out.items, v)
	}
	return out, j.close()
}

func (j *jsonReader) object(line, depth int) (*node, bool) {
	out := &node{kind: kindMap, line: line}
	seen := map[string]int{}
	for j.dec.More() {
		k, err := j.dec.Token()
		key, isText := k.(string)
		if err != nil || !isText {
			j.note(j.at(), "", "not valid JSON: %s", jsonReason(err))
			return nil, false
		}
		at := j.at()
		v, ok := j.value(depth + 1)
		if !ok {
			return nil, false
		}
		if first, dup := seen[key]; dup {
			j.note(at, "", "%s is given twice, first on line %d; keep one of them", quote(key), first)
			continue
		}
		seen[key] = at
		out.pairs = append(out.pairs, pair{key: key, line: at, value: v})
	}
	return out, j.close()
}

// close reads the bracket that ends a list or a map.
func (j *jsonReader) close() bool {
	if _, err := j.dec.Token(); err != nil {
		j.note(j.at(), "", "not valid JSON: %s", jsonReason(err))
		return false
	}
	return true
}

func jsonReason(err error) string {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return err.Error()
}

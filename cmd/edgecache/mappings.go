package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// mapping is one endpoint as it goes to the server.
type mapping struct {
	name string // its name, or the route that names it
	json []byte
}

// maxMappings bounds a file of mappings, as the configuration file is bounded.
const maxMappings = 4 << 20

// readMappings reads one endpoint, or a list of them under `endpoints`.
func readMappings(cmd *cobra.Command, file string) ([]mapping, error) {
	text, err := readInput(cmd, file)
	if err != nil {
		return nil, err
	}
	wrong := func(format string, args ...any) error {
		return withCode(exitUsage, fmt.Errorf("edgecache: %s: %s", file, fmt.Sprintf(format, args...)))
	}
	var doc any
	if err := yaml.UnmarshalWithOptions(text, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, wrong("is no YAML or JSON: %s", firstLine(err.Error()))
	}
	top, ok := doc.(yaml.MapSlice)
	if !ok {
		return nil, wrong("holds no mapping: it begins with a key such as route or endpoints")
	}
	list, many := field(top, "endpoints")
	if !many {
		m, err := mappingOf(top)
		if err != nil {
			return nil, wrong("%s", err)
		}
		return []mapping{m}, nil
	}
	for _, item := range top {
		if item.Key != "endpoints" {
			return nil, wrong("it has %v, which cannot be given to a running server: leave only endpoints", item.Key)
		}
	}
	items, ok := list.([]any)
	if !ok || len(items) == 0 {
		return nil, wrong("endpoints is a list of mappings")
	}
	var out []mapping
	for i, item := range items {
		m, err := mappingOf(item)
		if err != nil {
			return nil, wrong("item %d of endpoints: %s", i+1, err)
		}
		out = append(out, m)
	}
	return out, nil
}

func readInput(cmd *cobra.Command, file string) ([]byte, error) {
	var in io.Reader = cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, withCode(exitUsage, fmt.Errorf("edgecache: cannot read the mappings: %w", err))
		}
		defer f.Close() // read only
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxMappings+1))
	switch {
	case err != nil:
		return nil, withCode(exitUsage, fmt.Errorf("edgecache: cannot read the mappings: %w", err))
	case len(text) > maxMappings:
		return nil, withCode(exitUsage, fmt.Errorf("edgecache: %s is larger than %d MiB", file, maxMappings>>20))
	}
	return text, nil
}

// mappingOf prints an endpoint as JSON. What is right in it is for the server
// to say; here only its name is needed.
func mappingOf(item any) (mapping, error) {
	fields, _ := item.(yaml.MapSlice)
	v, _ := field(fields, "name")
	name, _ := v.(string)
	if name == "" {
		v, _ = field(fields, "route")
		name, _ = v.(string)
	}
	if name == "" {
		return mapping{}, errors.New("a mapping has a route, such as route: GET /v1/users, and sql")
	}
	data, err := json.Marshal(ordered{item})
	if err != nil {
		return mapping{}, fmt.Errorf("%s: %w", name, err)
	}
	return mapping{name, data}, nil
}

func field(fields yaml.MapSlice, name string) (any, bool) {
	for _, f := range fields {
		if f.Key == name {
			return f.Value, true
		}
	}
	return nil, false
}

// ordered prints a tree as JSON with its keys in the order in which they were
// written: that of choices is shown to clients.
type ordered struct{ v any }

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	switch v := o.v.(type) {
	case yaml.MapSlice:
		for i, f := range v {
			key, err := json.Marshal(fmt.Sprint(f.Key))
			if err != nil {
				return nil, err
			}
			value, err := json.Marshal(ordered{f.Value})
			if err != nil {
				return nil, err
			}
			b.WriteByte(map[bool]byte{true: '{', false: ','}[i == 0])
			b.Write(append(append(key, ':'), value...))
		}
		if len(v) == 0 {
			b.WriteByte('{')
		}
		b.WriteByte('}')
	case []any:
		list := make([]ordered, len(v))
		for i := range v {
			list[i] = ordered{v[i]}
		}
		return json.Marshal(list)
	default:
		return json.Marshal(v)
	}
	return b.Bytes(), nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// isRefusal tells that the server answered, and said no to this one thing.
func isRefusal(err error) bool {
	var e *exitError
	return errors.As(err, &e) && e.code == exitFailure
}

func withoutPrefix(err error) string { return strings.TrimPrefix(err.Error(), "edgecache: ") }

// refusals is the error of those that were refused.
func refusals(out []registered) error {
	var lines []string
	for _, o := range out {
		if o.Error != "" {
			lines = append(lines, "edgecache: "+plain(o.Name)+": "+o.Error)
		}
	}
	return failure(errors.New(strings.Join(lines, "\n")))
}

// decode reads an answer of the control plane.
func decode(c client, path string, data []byte, out any) error {
	if err := json.Unmarshal(data, out); err != nil {
		return c.stranger("what it says to " + path + " cannot be read: " + err.Error())
	}
	return nil
}

package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a file. env looks up environment variables; see Environ. Without
// mistakes the Config is complete; with any it is only good for showing.
func Load(file string, env func(string) (string, bool)) (*Config, []Mistake) {
	data, err := readFile(file)
	if err != nil {
		return &Config{File: file}, []Mistake{{File: file, Message: "cannot be read: " + reason(err)}}
	}
	return Parse(file, data, env)
}

// readFile reads no more than one byte past the limit, so that a device or a
// huge file cannot fill memory.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
}

func reason(err error) string {
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.As(err, &p):
		return p.Err.Error()
	}
	return err.Error()
}

// Parse reads the text of a file. Relative paths in it are relative to file's
// folder. A nil env leaves ${NAME} as it is.
func Parse(file string, data []byte, env func(string) (string, bool)) (*Config, []Mistake) {
	r := &reader{file: file, env: env}
	c := &Config{File: file}
	root := r.tree(data)
	if root == nil {
		return c, r.result()
	}
	r.own(root)
	top := r.section(root, "", "", fileTable)
	dir := "."
	if abs, err := filepath.Abs(file); err == nil {
		dir = filepath.Dir(abs)
	}
	c.Server, c.Admin = r.listeners(top, dir)
	c.Store = r.store(top, dir)
	c.Log = r.log(top)
	c.SelfCheck = r.selfCheck(top)
	c.Sources = r.sources(top, dir)
	c.Defaults = r.defaults(top)
	r.endpoints(c, top)
	return c, r.result()
}

// own notes which lines each endpoint takes, so that a mistake found before
// endpoints are read can name the one it is in.
func (r *reader) own(root *node) {
	list := root.get("endpoints")
	if list == nil || list.kind != kindList {
		return
	}
	for i, item := range list.items {
		last := 0
		if item.kind == kindMap {
			last = item.lastLine()
		}
		if n := len(r.owners); last == 0 || n > 0 && item.line < r.owners[n-1].first {
			continue // an alias of something above
		}
		r.owners = append(r.owners, owner{first: item.line, last: last, name: endpointName(item, i)})
	}
}

// ParseEndpoint reads one endpoint, in JSON or YAML, against the sources and
// defaults of cfg. It does not compare it with cfg's own endpoints: see
// Endpoint.Shape.
func ParseEndpoint(data []byte, cfg *Config, env func(string) (string, bool)) (*Endpoint, []Mistake) {
	r := &reader{env: env}
	root := r.tree(data)
	if root == nil {
		return nil, r.result()
	}
	e := r.endpoint(cfg, root, 0)
	mistakes := r.result()
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return e, nil
}

package proxyhttp

import (
	"slices"

	"edgecache/proxyhttp/config"
)

// unavailable is what a file asks for that this version does not do. It is
// said by `serve` in the log and by `check` in notes, for nothing else would
// show that an answer is fresher, or gone sooner, than was asked for.
type unavailable struct {
	message   string
	endpoints []string // nil: the whole file
}

func (u unavailable) attrs() []any {
	if len(u.endpoints) == 0 {
		return nil
	}
	return []any{"endpoints", u.endpoints}
}

func (s *Server) unavailable() []unavailable {
	var out []unavailable
	for _, cfg := range s.cfg.Endpoints {
		for _, message := range unavailableOf(cfg) {
			i := slices.IndexFunc(out, func(u unavailable) bool { return u.message == message })
			if i < 0 {
				i, out = len(out), append(out, unavailable{message: message})
			}
			out[i].endpoints = append(out[i].endpoints, cfg.Name)
		}
	}
	return out
}

// unavailableOf lists the same for one endpoint.
func unavailableOf(cfg *config.Endpoint) (out []string) {
	if cfg.IsWrite() {
		return nil
	}
	if cfg.Consistency == config.Eventual {
		out = append(out, "consistency: eventual is not available in this version; answers are as fresh as with strict")
	}
	if cfg.StaleWhileRevalidate > 0 {
		out = append(out, "stale_while_revalidate is not available in this version; what is outdated is read again first")
	}
	if cfg.StaleIfError > 0 {
		out = append(out, "stale_if_error is not available in this version; trouble with the source is answered as such")
	}
	return out
}

// writeIdle are the keys that only reads look at.
var writeIdle = []string{"ttl", "client_ttl", "vary", "cache", "rehydrate"}

// uncachedIdle are the keys that only cached reads look at.
var uncachedIdle = []string{"ttl", "client_ttl", "rehydrate"}

// notes says what in a correct endpoint is probably not meant.
func (c *compiler) notes() (out []string) {
	for _, key := range writeIdle {
		if c.cfg.IsWrite() && c.cfg.Has(key) {
			out = append(out, key+" has no effect on a write")
		}
	}
	for _, key := range uncachedIdle {
		if !c.cfg.IsWrite() && !c.cfg.Cache && c.cfg.Has(key) {
			out = append(out, key+" has no effect with cache: false")
		}
	}
	if len(c.cfg.Records) > 0 {
		out = append(out, "records has no effect on a database: its rows are known by their keys")
	}
	inPath := c.cfg.PathParams()
	for _, name := range inPath {
		d := c.cfg.Params[name]
		if _, named := c.position[name]; !named && (d == nil || !d.HasFragments()) {
			out = append(out, "{"+name+"} has no effect: no statement names :"+name)
		}
	}
	for _, p := range c.params {
		if p.Limit || len(p.Meets) > 0 {
			continue
		}
		d := c.cfg.Params[p.Name]
		if d == nil {
			d = &config.Param{}
		}
		inText := !c.cfg.IsWrite() || slices.Contains(inPath, p.Name) || d.In == config.InQuery || d.In == config.InHeader
		switch {
		case d.Type == "" && len(d.Choices) == 0 && inText:
			out = append(out, "parameter :"+p.Name+" meets no column; URL text stays text; declare its type under params")
		case len(d.Choices) > 0 && !d.HasFragments():
			out = append(out, "parameter :"+p.Name+" meets no column: a choice from a plain list is bound as a value; map choices to SQL fragments to sort by them")
		}
	}
	return out
}

// checkDependsOn refuses names that are no table: what is mistyped there would
// silently let writes pass.
func (c *compiler) checkDependsOn() {
	if c.schema == nil {
		return
	}
	for _, name := range c.cfg.DependsOn {
		switch {
		case c.schema.Table(name) != nil:
		case c.schema.View(name) != nil:
			c.mistake(c.cfg.LineOf("depends_on"), "depends_on names the view "+name+"; name the tables that it reads")
		default:
			c.mistake(c.cfg.LineOf("depends_on"), "depends_on names "+name+", which is no table of source "+c.cfg.Source)
		}
	}
}

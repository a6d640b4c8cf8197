package proxyhttp

import (
	"slices"

	"edgecache/proxyhttp/config"
)

// writeIdle are the keys that only reads look at.
var writeIdle = []string{"ttl", "client_ttl", "vary", "cache", "rehydrate", "stale_while_revalidate", "stale_if_error"}

// uncachedIdle are the keys that only cached reads look at.
var uncachedIdle = []string{"ttl", "client_ttl", "rehydrate", "stale_while_revalidate", "stale_if_error"}

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

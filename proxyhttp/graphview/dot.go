package graphview

import (
	"bytes"
	"fmt"
	"strings"
)

// dotLine is how long a line of a label gets in DOT.
const dotLine = 48

// DOT draws g for Graphviz, from left to right: tables, endpoints, entries.
// Nodes are numbered, so that no name can meet another's.
func DOT(g *Graph) []byte {
	d := &dotWriter{tables: map[string]int{}}
	d.line("digraph edgecache {")
	d.line("  graph [rankdir=LR, nodesep=0.2, ranksep=1.5, fontname=\"Helvetica\"];")
	d.line("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#5b6472\", fontname=\"Helvetica\", fontsize=11, margin=\"0.12,0.06\"];")
	d.line("  edge [color=\"#7a8494\", fontname=\"Helvetica\", fontsize=9, fontcolor=\"#3c4450\"];")
	d.nodes(g)
	d.edges(g)
	d.line("}")
	return d.b.Bytes()
}

type dotWriter struct {
	b      bytes.Buffer
	tables map[string]int
}

func (d *dotWriter) line(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

func (d *dotWriter) nodes(g *Graph) {
	d.line("  subgraph tables {\n    rank=same;")
	for i, t := range g.Tables {
		d.tables[strings.ToLower(t.Name)] = i
		d.line("    t%d [shape=cylinder, fillcolor=\"#eef2f7\", label=%s];", i, dotLabel(t.Name, plural(t.Entries, "entry", "entries")))
	}
	d.line("  }\n  subgraph endpoints {\n    rank=same;")
	for i := range g.Endpoints {
		e := &g.Endpoints[i]
		style := ""
		if e.Write {
			style = "style=\"rounded,filled,dashed\", "
		}
		d.line("    e%d [%slabel=%s];", i, style, dotLabel(e.Name, routeOf(e), e.Note))
	}
	d.line("  }\n  subgraph entries {\n    rank=same;")
	if g.Counted {
		for i := range g.Endpoints {
			if c := g.Endpoints[i].counts(); c != "" {
				d.line("    r%d [shape=folder, fillcolor=\"#f6f8fa\", label=%s];", i, dotLabel(c))
			}
		}
	}
	for i, e := range g.Entries {
		fill := map[string]string{"fresh": "#dcefff", "suspended": "#fff0c2", "stale": "#f3f3f3"}[e.State]
		if fill == "" {
			fill = "#ffffff"
		}
		d.line("    r%d [fillcolor=\"%s\", label=%s];", i, fill, dotLabel(e.URL, markOf(e.State)+" "+e.State))
	}
	d.line("  }")
}

func (d *dotWriter) edges(g *Graph) {
	number := map[string]int{}
	for i := range g.Endpoints {
		e := &g.Endpoints[i]
		number[e.Name] = i
		for _, u := range e.Uses {
			t, ok := d.tables[strings.ToLower(u.Table)]
			if !ok {
				continue // filtered away
			}
			if e.Write {
				// Against the layout's direction, so that tables stay on the left.
				d.line("  t%d -> e%d [dir=back, style=dashed, label=%s];", t, i, dotLabel(u.what(), u.Filter))
			} else {
				d.line("  t%d -> e%d [label=%s];", t, i, dotLabel(u.what(), u.Filter))
			}
		}
		if g.Counted && e.counts() != "" {
			d.line("  e%d -> r%d;", i, i)
		}
	}
	for i, e := range g.Entries {
		from, ok := number[e.Endpoint]
		if !ok {
			continue
		}
		var parts []string
		for _, dep := range e.Depends {
			if dep.Predicate != "" {
				parts = append(parts, tableName(dep.Table, dep.Alias)+": "+dep.Predicate)
			}
		}
		d.line("  e%d -> r%d [label=%s];", from, i, dotLabel(parts...))
	}
}

// routeOf is an endpoint's route where its name does not say it already.
func routeOf(e *Endpoint) string {
	if e.Route == e.Name {
		return ""
	}
	return e.Route
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// dotLabel prints lines as one quoted label, each wrapped and flush left. A
// backslash and an ampersand begin escapes of Graphviz, a quote ends the label.
func dotLabel(parts ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`)
	for _, p := range parts {
		for _, line := range wrap(visible(p), dotLine, 4) {
			b.WriteString(escape.Replace(line) + `\l`)
		}
	}
	b.WriteByte('"')
	return b.String()
}

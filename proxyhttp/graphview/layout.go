package graphview

import (
	"sort"
	"strings"
)

// Measures of a picture, in pixels. A cell is as wide as a letter of the
// widest font in svgStyle at its size, so that no text leaves its card.
const (
	margin   = 24
	topRow   = 96 // where the first card begins
	padX     = 12
	padY     = 8
	lineH    = 16
	cardGap  = 10
	tableGap = 130 // between columns: room for curves
	entryGap = 64

	tableCells    = 24
	endpointCells = 62
	entryCells    = 66
)

func pixels(cells int) int { return cells*29/4 + 2*padX }

// picture is a laid out graph.
type picture struct {
	width, height int
	legend        string
	headings      []heading
	cards         []*card
	edges         []edge
}

type heading struct {
	x    int
	text string
}

// card is a box of lines.
type card struct {
	x, y, w, h int
	class, tip string
	hue        string // a table's
	lines      []line
}

type line struct {
	y, indent   int
	text, class string
	hue         string // a dot in front
}

func (c *card) add(class, text string, indent, lines int, cells int) {
	for _, part := range wrap(visible(text), cells-indent/7, lines) {
		c.h += lineH
		c.lines = append(c.lines, line{y: c.h + padY - 4, indent: indent, text: part, class: class})
	}
}

// close ends a card; its height then includes the padding.
func (c *card) close() { c.h += 2 * padY }

// edge is a curve from left to right.
type edge struct {
	x1, y1, x2, y2 int
	hue            string
	write          bool
}

// port is where the edge of a use meets its endpoint.
type port struct {
	table string
	y     int
	write bool
}

// layOut places tables, endpoints and entries in three columns. An endpoint
// and its entries share a band; a table stands at the height of its uses.
func layOut(g *Graph) *picture {
	p := &picture{}
	endpointX := margin + pixels(tableCells) + tableGap
	entryX := endpointX + pixels(endpointCells) + entryGap
	p.width = entryX + pixels(entryCells) + margin
	p.legend = legendOf(g)
	p.headings = []heading{{margin, "TABLES"}, {endpointX, "ENDPOINTS"}, {entryX, "ENTRIES"}}
	hue := map[string]string{}
	for i, t := range g.Tables {
		hue[strings.ToLower(t.Name)] = hues[i%len(hues)]
	}
	entries := map[string][]*Entry{}
	for i := range g.Entries {
		e := &g.Entries[i]
		entries[e.Endpoint] = append(entries[e.Endpoint], e)
	}
	var ports []port
	y := topRow
	for i := range g.Endpoints {
		e := &g.Endpoints[i]
		c, own := endpointCard(e, hue)
		c.x, c.y, c.w = endpointX, y, pixels(endpointCells)
		p.cards = append(p.cards, c)
		for _, o := range own {
			o.y += y
			ports = append(ports, o)
		}
		right := y
		for _, rc := range entryCards(g, e, entries[e.Name]) {
			rc.x, rc.y, rc.w = entryX, right, pixels(entryCells)
			p.cards = append(p.cards, rc)
			p.edges = append(p.edges, edge{x1: c.x + c.w, y1: c.y + padY + 8, x2: rc.x, y2: rc.y + padY + 8, hue: "#8792a2"})
			right += rc.h + cardGap
		}
		y = max(y+c.h+cardGap, right) + cardGap
	}
	bottom := p.placeTables(g, hue, ports, endpointX)
	p.height = max(y, bottom, topRow+lineH) + margin
	return p
}

func legendOf(g *Graph) string {
	legend := "● fresh   ◆ suspended   ○ stale   solid: reads   dashed: writes"
	if g.Counted {
		legend += "   (too many entries to draw: they are counted)"
	}
	if len(g.Endpoints) == 0 {
		legend += "   Nothing passes the filters."
	}
	return legend
}

func endpointCard(e *Endpoint, hue map[string]string) (*card, []port) {
	c := &card{class: "card", tip: visible(e.Name) + "\n" + visible(e.Route)}
	if e.Write {
		c.class += " write"
	}
	c.add("name", e.Name, 0, 2, endpointCells)
	c.add("soft", routeOf(e), 0, 2, endpointCells)
	c.add("", e.counts(), 0, 1, endpointCells)
	c.add("soft", e.Note, 0, 2, endpointCells)
	var ports []port
	for _, u := range e.Uses {
		c.h += 4
		first := len(c.lines)
		c.add("", u.name()+": "+u.what(), 14, 3, endpointCells)
		if len(c.lines) > first {
			c.lines[first].hue = hue[strings.ToLower(u.Table)]
			ports = append(ports, port{strings.ToLower(u.Table), c.lines[first].y - 4, e.Write})
		}
		if u.Filter != "" {
			c.add("soft", "where "+u.Filter, 14, 4, endpointCells)
		}
	}
	c.close()
	return c, ports
}

// entryCards draws the entries of an endpoint, or their counts.
func entryCards(g *Graph, e *Endpoint, entries []*Entry) []*card {
	var out []*card
	if counts := e.counts(); g.Counted && counts != "" {
		c := &card{class: "card", tip: "entries by state"}
		c.add("", counts, 0, 1, entryCells)
		c.close()
		return []*card{c}
	}
	for _, r := range entries {
		c := &card{class: classOf(r.State), tip: visible(r.URL)}
		c.add("name", markOf(r.State)+" "+r.URL, 0, 2, entryCells)
		for _, d := range r.Depends {
			text := tableName(d.Table, d.Alias) + ": " + d.rows()
			if d.Predicate != "" {
				text += " where " + d.Predicate
			}
			c.add("soft", text, 14, 3, entryCells)
		}
		c.close()
		out = append(out, c)
	}
	return out
}

func classOf(state string) string {
	for _, s := range states {
		if s.name == state {
			return s.name
		}
	}
	return "card"
}

// placeTables puts each table at the middle of its uses, as far as the tables
// above leave room, and draws the edges. It returns where the column ends.
func (p *picture) placeTables(g *Graph, hue map[string]string, ports []port, endpointX int) int {
	type placed struct {
		*card
		table string
		want  int
	}
	var column []placed
	for _, t := range g.Tables {
		key := strings.ToLower(t.Name)
		c := &card{class: "card table", tip: visible(t.Name), hue: hue[key], x: margin, w: pixels(tableCells)}
		c.add("name", t.Name, 0, 2, tableCells)
		c.add("soft", plural(t.Entries, "entry", "entries"), 0, 1, tableCells)
		c.close()
		sum, n := 0, 0
		for _, o := range ports {
			if o.table == key {
				sum, n = sum+o.y, n+1
			}
		}
		column = append(column, placed{c, key, sum/max(n, 1) - c.h/2})
	}
	sort.SliceStable(column, func(i, j int) bool { return column[i].want < column[j].want })
	y := topRow
	for _, c := range column {
		c.y = max(y, c.want)
		y = c.y + c.h + 2*cardGap
		p.cards = append(p.cards, c.card)
		for _, o := range ports {
			if o.table == c.table {
				p.edges = append(p.edges, edge{x1: c.x + c.w, y1: c.y + c.h/2, x2: endpointX, y2: o.y, hue: c.hue, write: o.write})
			}
		}
	}
	return y
}

package graphview

import (
	"bytes"
	"fmt"
	"strings"
)

// svgStyle is all that an SVG needs: presentation by class, fonts that are
// there, and a width of letters that does not depend on which.
const svgStyle = `
.page { fill: #ffffff }
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1b2330; white-space: pre; direction: ltr; unicode-bidi: isolate }
.title { font-size: 16px; font-weight: bold }
.head { font-weight: bold; fill: #4a5464 }
.name { font-weight: bold }
.soft { fill: #4a5464 }
.card { fill: #ffffff; stroke: #aab3c0 }
.table { fill: #eef2f7; stroke: #8792a2 }
.write { stroke-dasharray: 4 3 }
.fresh { fill: #eaf4fd; stroke: #0072b2 }
.suspended { fill: #fff6da; stroke: #a87400; stroke-width: 2 }
.stale { fill: #f4f4f4; stroke: #6f6f6f; stroke-dasharray: 2 2 }
.edge { fill: none; stroke-width: 1.4; opacity: .75 }
.writes { stroke-dasharray: 5 4 }
`

// hues tell the edges of tables apart, by eyes that see no red or no green
// too. Their names stand at both ends, so that nothing hangs on them.
var hues = []string{"#0072b2", "#b34d00", "#00785a", "#a3488a", "#806600", "#4b6584"}

// SVG draws g as one self-contained picture, sized to its content.
func SVG(g *Graph) []byte {
	p := layOut(g)
	w := &svgWriter{}
	w.f(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`, p.width, p.height, p.width, p.height)
	w.f(`<title>Dependency graph of EdgeCache</title>`)
	w.f("<style>%s</style>", svgStyle)
	w.f(`<rect class="page" width="%d" height="%d"/>`, p.width, p.height)
	w.text(margin, 32, "title", "Dependency graph")
	w.text(margin, 52, "soft", p.legend)
	for _, h := range p.headings {
		w.text(h.x, topRow-14, "head", h.text)
	}
	for _, e := range p.edges {
		w.edge(e)
	}
	for _, c := range p.cards {
		w.card(c)
	}
	w.f("</svg>")
	return w.b.Bytes()
}

type svgWriter struct{ b bytes.Buffer }

func (w *svgWriter) f(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

var xmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

func (w *svgWriter) text(x, y int, class, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	w.f(`<text x="%d" y="%d"%s>%s</text>`, x, y, class, xmlEscape.Replace(s))
}

func (w *svgWriter) card(c *card) {
	w.f(`<g><title>%s</title>`, xmlEscape.Replace(c.tip))
	w.f(`<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="5"/>`, c.class, c.x, c.y, c.w, c.h)
	if c.hue != "" {
		w.f(`<rect x="%d" y="%d" width="5" height="%d" fill="%s"/>`, c.x, c.y+5, c.h-10, c.hue)
	}
	for _, l := range c.lines {
		if l.hue != "" {
			w.f(`<circle cx="%d" cy="%d" r="4" fill="%s"/>`, c.x+padX, c.y+l.y-4, l.hue)
		}
		w.text(c.x+padX+l.indent, c.y+l.y, l.class, l.text)
	}
	w.f("</g>")
}

func (w *svgWriter) edge(e edge) {
	class := "edge"
	if e.write {
		class += " writes"
	}
	bend := (e.x2 - e.x1) / 2
	w.f(`<path class="%s" stroke="%s" d="M%d %dC%d %d %d %d %d %d"/>`, class, e.hue, e.x1, e.y1, e.x1+bend, e.y1, e.x2-bend, e.y2, e.x2, e.y2)
	if e.write {
		w.f(`<path fill="%s" d="M%d %dl8 -4v8z"/>`, e.hue, e.x1, e.y1)
	}
}

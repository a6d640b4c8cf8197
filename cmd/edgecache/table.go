package main

import (
	"fmt"
	"strings"
)

// table prints rows in columns, as wide as they need. On a terminal that is
// too narrow the widest columns give way and their cells are wrapped.
type table struct {
	s      *screen
	indent string
	rows   []tableRow
}

// tableRow is a row of cells, or lines that run on below one.
type tableRow struct {
	cells []string
	below []string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, tableRow{cells: cells}) }

// head adds the names of the columns.
func (t *table) head(names ...string) {
	cells := make([]string, len(names))
	for i, n := range names {
		cells[i] = t.s.in(bold, n)
	}
	t.row(cells...)
}

// under adds a line below the last row, over all columns.
func (t *table) under(text string) {
	last := &t.rows[len(t.rows)-1]
	last.below = append(last.below, text)
}

const tableGap = 2

// print writes the rows.
func (t *table) print() {
	widths := t.widths()
	for _, r := range t.rows {
		lines := make([][]string, len(r.cells))
		height := 0
		for i, c := range r.cells {
			lines[i] = strings.Split(c, "\n")
			if t.s.width > 0 {
				lines[i] = wrap(c, widths[i])
			}
			height = max(height, len(lines[i]))
		}
		for n := range height {
			var b strings.Builder
			for i := range lines {
				cell := ""
				if n < len(lines[i]) {
					cell = lines[i][n]
				}
				b.WriteString(cell)
				if i < len(lines)-1 {
					b.WriteString(strings.Repeat(" ", max(widths[i]-visible(cell), 0)+tableGap))
				}
			}
			fmt.Fprintln(t.s, t.indent+strings.TrimRight(b.String(), " "))
		}
		for _, text := range r.below {
			t.s.line(t.indent+"  ", text)
		}
	}
}

// widths takes from the widest column until all fit.
func (t *table) widths() []int {
	var out []int
	for _, r := range t.rows {
		for i, c := range r.cells {
			if i == len(out) {
				out = append(out, 0)
			}
			for _, l := range strings.Split(c, "\n") {
				out[i] = max(out[i], visible(l))
			}
		}
	}
	const least = 8
	for t.s.width > 0 {
		total, widest := len(t.indent)+tableGap*(len(out)-1), 0
		for i, w := range out {
			total += w
			if w > out[widest] {
				widest = i
			}
		}
		if total <= t.s.width || out[widest] <= least {
			break
		}
		out[widest] -= min(total-t.s.width, out[widest]-least, max(1, out[widest]/8))
	}
	return out
}

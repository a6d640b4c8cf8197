package depgraph

import (
	"sort"
	"strconv"
	"strings"

	"edgecache/sqlparse"
)

// A plan says where in the index an instance belongs, for each occurrence of
// its template: nowhere, in the coarse list, or in some shapes. It depends on
// the template, the arguments and what the answer holds only, so it is made without the lock and can
// be made again by the audit.
type plan []occPlan

// occPlan is the plan for one occurrence. Neither coarse nor boxes: no row can
// be selected, so no write can be seen through this occurrence.
type occPlan struct {
	coarse bool
	// overflow tells that a bound, not the condition, made it coarse.
	overflow bool
	boxes    []boxPlan
}

// boxPlan places one box of a region: under equality keys, or as rectangles.
type boxPlan struct {
	dims    []sqlparse.Dim
	spatial bool
	words   []string // equality
	rects   []string // spatial
}

// shapeKey names the shape that a box belongs to, within its occurrence.
func (b boxPlan) shapeKey() string {
	var s strings.Builder
	if b.spatial {
		s.WriteString("range")
	} else {
		s.WriteString("equal")
	}
	for _, d := range b.dims {
		s.WriteString(" " + strconv.Itoa(d.Column) + "/" + string(d.Collation))
	}
	return s.String()
}

// planFor plans every occurrence of t.
func (g *Graph) planFor(t *Template, args sqlparse.Args, held *sqlparse.Held) plan {
	p := make(plan, len(t.Occurrences))
	for i, o := range t.Occurrences {
		p[i] = g.bounds.planRegion(g.region(o, args, held))
	}
	return p
}

// region asks for the region of an occurrence; a panic widens to everything.
func (g *Graph) region(o Occurrence, args sqlparse.Args, held *sqlparse.Held) (r sqlparse.Region) {
	defer func() {
		if recover() != nil {
			g.n.widened.Add(1)
			r = sqlparse.Everything()
		}
	}()
	if h, ok := o.(Holder); ok && held != nil {
		return h.Confined(args, held)
	}
	r, _ = o.Region(args)
	return r
}

func (m *bounds) planRegion(r sqlparse.Region) occPlan {
	if r.IsNothing() {
		return occPlan{}
	}
	if len(r) > m.boxes {
		return occPlan{coarse: true, overflow: true}
	}
	var p occPlan
	items := 0
	for _, box := range r {
		b, ok := m.planBox(box)
		items += len(b.words) + len(b.rects)
		if !ok || items > m.items {
			return occPlan{coarse: true, overflow: ok}
		}
		p.boxes = append(p.boxes, b)
	}
	return p
}

// planBox prefers equality on as many point dimensions as fit, and ignores the
// others: the recheck knows them. Without any it takes rectangles over the
// first dimensions. ok is false where the box bounds nothing.
func (m *bounds) planBox(box sqlparse.Box) (b boxPlan, ok bool) {
	bounds := make([]sqlparse.Bound, 0, len(box))
	for _, d := range box {
		if len(d.Spans) > 0 {
			bounds = append(bounds, d)
		}
	}
	if len(bounds) != len(box) || len(box) == 0 {
		// An empty list of spans contradicts Box's own promise: widen.
		return boxPlan{}, false
	}
	if points := m.pointBounds(bounds); len(points) > 0 {
		return equalPlan(points), true
	}
	return m.rangePlan(bounds[:min(len(bounds), maxDims)])
}

// pointBounds picks the bounds that are points only, those with the fewest
// first, as long as their product stays within m.points.
func (m *bounds) pointBounds(bounds []sqlparse.Bound) []sqlparse.Bound {
	var points []int
	for i, d := range bounds {
		if d.Spans.AllPoints() {
			points = append(points, i)
		}
	}
	sort.SliceStable(points, func(i, j int) bool {
		return len(bounds[points[i]].Spans) < len(bounds[points[j]].Spans)
	})
	product, n := 1, 0
	for _, i := range points {
		if product*len(bounds[i].Spans) > m.points {
			break
		}
		product *= len(bounds[i].Spans)
		n++
	}
	points = points[:n]
	sort.Ints(points)
	out := make([]sqlparse.Bound, n)
	for i, p := range points {
		out[i] = bounds[p]
	}
	return out
}

// equalPlan is the product of the points of all bounds.
func equalPlan(bounds []sqlparse.Bound) boxPlan {
	b := boxPlan{}
	combos := [][]sqlparse.Key{nil}
	for _, d := range bounds {
		b.dims = append(b.dims, d.Dim)
		var next [][]sqlparse.Key
		for _, c := range combos {
			for _, s := range d.Spans {
				next = append(next, append(c[:len(c):len(c)], s.Lo.Key))
			}
		}
		combos = next
	}
	for _, c := range combos {
		b.words = append(b.words, equalWord(c))
	}
	return b
}

// rangePlan is one rectangle per combination of spans, or one hull when there
// are too many.
func (m *bounds) rangePlan(bounds []sqlparse.Bound) (boxPlan, bool) {
	b := boxPlan{spatial: true}
	type side struct{ lo, hi float64 }
	axes := make([][]side, len(bounds))
	product := 1
	for _, d := range bounds {
		b.dims = append(b.dims, d.Dim)
		product = min(product*len(d.Spans), m.rects+1)
	}
	for i, d := range bounds {
		if product > m.rects {
			lo, hi := hull(d.Spans)
			axes[i] = []side{{lo, hi}}
			continue
		}
		for _, s := range d.Spans {
			lo, hi := interval(s)
			axes[i] = append(axes[i], side{lo, hi})
		}
	}
	corners := [][]side{nil}
	for _, axis := range axes {
		var next [][]side
		for _, c := range corners {
			for _, s := range axis {
				next = append(next, append(c[:len(c):len(c)], s))
			}
		}
		corners = next
	}
	for _, c := range corners {
		lo, hi := make([]float64, len(c)), make([]float64, len(c))
		for i, s := range c {
			lo[i], hi[i] = s.lo, s.hi
		}
		rect, err := encodeRect(lo, hi)
		if err != nil {
			return boxPlan{}, false
		}
		b.rects = append(b.rects, rect)
	}
	return b, true
}

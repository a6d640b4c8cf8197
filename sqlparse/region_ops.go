package sqlparse

import "sort"

// intersectRegions is the product of the boxes of r and s. ok is false when
// that would be more than maxBoxes.
func intersectRegions(r, s Region) (Region, bool) {
	if len(r)*len(s) > maxBoxes {
		return r, false
	}
	var out Region
	for _, a := range r {
		for _, b := range s {
			if box, some := intersectBoxes(a, b); some {
				out = append(out, box)
			}
		}
	}
	return absorb(out), true
}

// intersectBoxes joins the bounds of two boxes; some is false when nothing is
// in both.
func intersectBoxes(a, b Box) (box Box, some bool) {
	box = append(Box{}, a...)
next:
	for _, bound := range b {
		for i := range box {
			if box[i].Dim == bound.Dim {
				s := box[i].Spans.intersect(bound.Spans)
				if len(s) == 0 {
					return nil, false
				}
				box[i] = Bound{bound.Dim, s}
				continue next
			}
		}
		box = append(box, bound)
	}
	sort.Slice(box, func(i, j int) bool { return box[i].Dim.less(box[j].Dim) })
	return box, true
}

// uniteRegions puts the boxes side by side. Boxes on one and the same single
// dimension become one.
func uniteRegions(r, s Region) Region {
	out := append(Region{}, r...)
next:
	for _, b := range s {
		for i, a := range out {
			if len(a) == 1 && len(b) == 1 && a[0].Dim == b[0].Dim {
				spans := a[0].Spans.union(b[0].Spans)
				if len(spans) <= maxSpans {
					out[i] = Box{{a[0].Dim, spans}}
					continue next
				}
			}
		}
		out = append(out, b)
	}
	return absorb(out)
}

// absorb keeps everything alone: it holds every other box.
func absorb(r Region) Region {
	for _, b := range r {
		if len(b) == 0 {
			return Everything()
		}
	}
	return r
}

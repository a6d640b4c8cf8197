package depgraph

import (
	"errors"
	"slices"

	"edgecache/source"
	"edgecache/sqlparse"
)

// shape is one way in which instances of a template bound one occurrence: the
// dimensions, and whether by points or by ranges. A row image is looked up
// once per shape, so the cost of a write follows the number of shapes, not of
// instances.
type shape struct {
	occ     *occurrence
	key     string
	dims    []sqlparse.Dim
	spatial bool
	number  int // of the equality prefix, or of the spatial index
	entries int // entries with an item here; at 0 the shape goes
}

func (s *shape) prefix() string {
	if s.spatial {
		return spatialName(s.number) + ":"
	}
	return equalPrefix(s.number)
}

// errShort says that a row image lacks a column that a condition is about.
var errShort = errors.New("a row image is shorter than its table")

// placeOf reads a row's keys in the shape's dimensions. ok is false when the
// place of one is not known.
func (s *shape) placeOf(row source.Row) (keys []sqlparse.Key, ok bool, err error) {
	keys = make([]sqlparse.Key, len(s.dims))
	for i, d := range s.dims {
		if d.Column >= len(row) {
			return nil, false, errShort
		}
		if keys[i], ok = d.Key(row[d.Column]); !ok {
			return nil, false, nil
		}
	}
	return keys, true, nil
}

// at appends the entries of the shape whose boxes may hold the place.
func (s *shape) at(r reader, keys []sqlparse.Key, ids []uint64) ([]uint64, error) {
	if !s.spatial {
		return r.scan(s.prefix()+equalWord(keys)+":", ids)
	}
	point := make([]float64, len(keys))
	for i, k := range keys {
		point[i] = coordinateOf(k)
	}
	return r.search(s.number, point, ids)
}

// find appends the entries of the shape whose boxes may hold one of the images:
// all of them, when a value's place is not known. Images at one place, as those
// of an UPDATE that leaves the condition's columns alone, are looked up once.
func (s *shape) find(r reader, images []image, ids []uint64) (_ []uint64, err error) {
	var before []sqlparse.Key
	for _, img := range images {
		keys, ok, err := s.placeOf(img.row)
		if err != nil {
			return ids, err
		}
		if !ok {
			return r.scan(s.prefix(), ids)
		}
		if before != nil && slices.Equal(keys, before) {
			continue
		}
		before = keys
		if ids, err = s.at(r, keys, ids); err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// candidates appends every entry for which one of the images may be in the
// region of the occurrence. Some may be named twice.
func (o *occurrence) candidates(r reader, images []image, ids []uint64) (_ []uint64, err error) {
	for _, s := range o.shapes {
		if ids, err = s.find(r, images, ids); err != nil {
			return ids, err
		}
	}
	if o.coarse == 0 {
		return ids, nil
	}
	return r.scan(coarsePrefix(o.number), ids)
}

// shapeFor returns the shape of a box, making it where there is room.
func (g *Graph) shapeFor(o *occurrence, b boxPlan) (*shape, bool) {
	key := b.shapeKey()
	if s := o.shapes[key]; s != nil {
		return s, true
	}
	if len(o.shapes) >= g.bounds.shapes {
		return nil, false
	}
	s := &shape{occ: o, key: key, dims: b.dims, spatial: b.spatial}
	if b.spatial {
		if len(g.freeSlots) == 0 {
			return nil, false
		}
		s.number = g.freeSlots[len(g.freeSlots)-1]
		g.freeSlots = g.freeSlots[:len(g.freeSlots)-1]
	} else {
		g.lastNumber++
		s.number = g.lastNumber
	}
	o.shapes[key] = s
	return s, true
}

// releaseShape forgets a shape without entries.
func (g *Graph) releaseShape(s *shape) {
	if s.entries > 0 || s.occ.shapes[s.key] != s {
		return
	}
	delete(s.occ.shapes, s.key)
	if s.spatial {
		g.freeSlots = append(g.freeSlots, s.number)
	}
}

// places collects the items of one entry while it is being installed.
type places struct {
	items    []item
	seen     map[string]bool
	shapes   map[*shape]bool
	coarse   []*occurrence
	overflow int64
}

func (p *places) add(key, value string) {
	if !p.seen[key] {
		p.seen[key] = true
		p.items = append(p.items, item{key, value})
	}
}

// place turns a plan and an entry's edges into items. The shapes that it makes
// have no entries yet: whoever gives the items up must release them.
func (g *Graph) place(e *Entry, r *registration, p plan) *places {
	id := idText(e.id)
	out := &places{seen: map[string]bool{}, shapes: map[*shape]bool{}}
	out.add(metaKey(id), e.URL) // the edges' "URL"; it shares the entry's bytes
	for i, o := range r.occs {
		out.add(tablePrefix(o.table)+id, "")
		g.placeOccurrence(out, o, p[i], id)
	}
	for table, unknown := range e.RecordsUnknown {
		if unknown {
			out.add(unknownPrefix(table)+id, "")
		}
	}
	for i, rec := range e.Records {
		if i >= maxRecords {
			out.add(unknownPrefix(rec.Table)+id, "")
			continue
		}
		out.add(recordPrefix(rec)+id, "")
	}
	return out
}

func (g *Graph) placeOccurrence(out *places, o *occurrence, p occPlan, id string) {
	var shapes []*shape
	coarse, overflow := p.coarse, p.overflow
	for _, b := range p.boxes {
		s, ok := g.shapeFor(o, b)
		if !ok {
			coarse, overflow = true, true
			break
		}
		shapes = append(shapes, s)
	}
	if coarse {
		for _, s := range shapes {
			g.releaseShape(s)
		}
		if overflow {
			out.overflow++
		}
		out.coarse = append(out.coarse, o)
		out.add(coarsePrefix(o.number)+id, "")
		return
	}
	rects := map[int]int{}
	for i, b := range p.boxes {
		s := shapes[i]
		out.shapes[s] = true
		for _, w := range b.words {
			out.add(s.prefix()+w+":"+id, "")
		}
		for _, rect := range b.rects {
			out.add(rectKey(s.number, id, rects[s.number]), rect)
			rects[s.number]++
		}
	}
}

package mysql

import (
	"fmt"
	"sort"
	"strings"

	"edgecache/source"
)

// collector gathers the write set of one transaction.
type collector struct {
	cat   *catalog
	ws    *source.WriteSet
	reach *reach // widenings so far

	max      int
	maxBytes int64
	count    int
	bytes    int64
	capped   int

	assigned map[string]map[int]bool // columns set, of tables that were only updated so far
	mixed    map[string]bool         // tables that were written in other ways too
}

func (d *DB) newCollector(cat *catalog) *collector {
	return &collector{
		cat: cat, ws: &source.WriteSet{Source: d.o.Name}, reach: newReach(cat), max: d.o.MaxChanges, maxBytes: d.o.MaxChangeBytes,
		assigned: map[string]map[int]bool{}, mixed: map[string]bool{},
	}
}

// merge takes in what a statement sets off beyond the rows that were read.
func (c *collector) merge(r *reach) {
	if r.everything != "" {
		c.reach.all(r.everything)
	}
	for name, why := range r.whole {
		if c.reach.whole[name] == "" {
			c.reach.whole[name] = why
		}
		c.reach.wide[name] = c.reach.wide[name] || r.wide[name]
	}
}

// isWhole tells that images of the table are of no use any more.
func (c *collector) isWhole(in *info) bool {
	return c.reach.everything != "" || c.reach.whole[strings.ToLower(in.table.Name)] != ""
}

// widen makes the table Whole, after the events that its statement set off.
// What the statement does to the table's columns was noted (set, mix).
func (c *collector) widen(in *info, why string, e event) {
	c.reach.rows(in.table.Name, why, e)
	c.release(in)
}

// room is what is left of the bounds of a transaction.
type room struct {
	c     *collector
	rows  int
	bytes int64
}

func (c *collector) newRoom() *room { return &room{c: c} }

// take tells whether one more row fits in.
func (r *room) take(row source.Row) bool {
	r.rows++
	for _, v := range row {
		r.bytes += payload(v)
	}
	return (r.c.max <= 0 || r.c.count+r.rows <= r.c.max) && (r.c.maxBytes <= 0 || r.c.bytes+r.bytes <= r.c.maxBytes)
}

// crowded words the overflow: of rows, unless only bytes are bounded.
func (c *collector) crowded(in *info, e event) {
	c.capped++
	if c.max <= 0 {
		c.widen(in, fmt.Sprintf("the changed rows hold more than %d bytes", c.maxBytes), e)
		return
	}
	c.widen(in, fmt.Sprintf("more than %d rows change", c.max), e)
}

// add keeps one change, or widens its table when there is no room.
func (c *collector) add(in *info, ch source.Change) {
	if c.isWhole(in) {
		return
	}
	for _, row := range []source.Row{ch.Before, ch.After} {
		in.blur(row)
		for _, v := range row {
			c.bytes += payload(v)
		}
	}
	c.count++
	if c.max > 0 && c.count > c.max || c.maxBytes > 0 && c.bytes > c.maxBytes {
		c.crowded(in, 0)
		return
	}
	c.ws.Changes = append(c.ws.Changes, ch)
}

// release drops the images of a table that became Whole, and gives back their
// room.
func (c *collector) release(in *info) {
	kept := c.ws.Changes[:0]
	c.count, c.bytes = 0, 0
	for _, ch := range c.ws.Changes {
		if ch.Table == in.table.Name {
			continue
		}
		kept = append(kept, ch)
		c.count++
		for _, row := range []source.Row{ch.Before, ch.After} {
			for _, v := range row {
				c.bytes += payload(v)
			}
		}
	}
	c.ws.Changes = kept
}

// blur makes unknown what the way through utf8mb4 may have made alike: in
// character sets that it does not hold whole, texts with a replacement mark.
func (in *info) blur(row source.Row) {
	for i := range row {
		if in.lossy[i] && row[i].Kind() == source.KindText && strings.ContainsAny(row[i].AsText(), "?\uFFFD") {
			row[i] = source.Unknown()
		}
	}
}

// set notes columns that an UPDATE may set, those that the database sets on its
// own included.
func (c *collector) set(in *info, columns []int) {
	name := strings.ToLower(in.table.Name)
	if c.assigned[name] == nil {
		c.assigned[name] = map[int]bool{}
	}
	for _, i := range columns {
		c.assigned[name][i] = true
	}
	for i := range in.table.Columns {
		if col := &in.table.Columns[i]; col.OnUpdate || col.Generated != source.NotGenerated {
			c.assigned[name][i] = true
		}
	}
	for _, t := range in.triggers {
		if t.event&onUpdate != 0 && t.before {
			c.mixed[name] = true // it may set any column
		}
	}
}

func (c *collector) mix(in *info) { c.mixed[strings.ToLower(in.table.Name)] = true }

// finish is the complete write set.
func (c *collector) finish() *source.WriteSet {
	ws := c.ws
	ws.Everything = c.reach.everything
	for name, why := range c.reach.whole {
		if ws.Whole == nil {
			ws.Whole = map[string]string{}
		}
		ws.Whole[c.cat.infos[name].table.Name] = why
	}
	kept := make([]source.Change, 0, len(ws.Changes))
	for _, ch := range ws.Changes {
		if c.reach.whole[strings.ToLower(ch.Table)] == "" && ws.Everything == "" {
			kept = append(kept, ch)
		}
	}
	ws.Changes = kept
	for name, columns := range c.assigned {
		if c.mixed[name] || c.reach.wide[name] || ws.Everything != "" {
			continue
		}
		list := make([]int, 0, len(columns))
		for i := range columns {
			list = append(list, i)
		}
		sort.Ints(list)
		put := &ws.Assigned
		if c.reach.whole[name] != "" {
			put = &ws.WholeColumns
		}
		if *put == nil {
			*put = map[string][]int{}
		}
		(*put)[name] = list
	}
	return ws
}

// sortChanges puts the changes of one statement in a stable order: what goes,
// before what comes.
func sortChanges(list []source.Change) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if (a.Op == source.OpDelete) != (b.Op == source.OpDelete) {
			return a.Op == source.OpDelete
		}
		return a.String() < b.String()
	})
}

package depgraph

import (
	"maps"
	"sort"
	"strconv"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// digest is a write set prepared for asking: its changes by table.
type digest struct {
	source  string // "" may be any
	changes map[string][]*source.Change
	// whole says, by table in lower case, why every row of it counts.
	whole map[string]string
	// confined are those of them of which only columns of rows changed.
	confined map[string]*confined
	// everything says why every entry of the source counts, "" when it is not so.
	everything string
	assigned   map[string][]int
	cause      string
	rows       int
	bytes      int64
	// partners complete changed rows, where they were looked up.
	partners map[asking]*sqlparse.Partners
	// onlyBefore is Sabotage.NoAfterImage.
	onlyBefore bool
}

// confined is an UPDATE of which only the columns are known. change names it,
// without images.
type confined struct {
	columns []int
	change  source.Change
}

// spares tells whether o reads none of the columns; then no row that it reads
// came, went or changed for it.
func (c *confined) spares(o Occurrence) bool {
	names, ok := o.(Columned)
	for _, col := range c.columns {
		if o.Reads(col) || col < 0 || ok && col >= len(names.ColumnNames()) {
			return false
		}
	}
	return true
}

// digestOf prepares ws, which must not change afterwards. A nil write set says
// nothing about what changed, so everything may have.
func digestOf(ws *source.WriteSet) *digest {
	if ws == nil {
		return &digest{everything: "the write is not known", cause: "unknown write"}
	}
	d := &digest{
		source: ws.Source, everything: ws.Everything, assigned: ws.Assigned,
		changes: map[string][]*source.Change{}, whole: map[string]string{}, cause: causeOf(ws),
	}
	if ws.SchemaChanged && d.everything == "" {
		// A view or a trigger may mean something else now, whatever rows changed.
		d.everything = "the schema changed"
	}
	for t, why := range ws.Whole {
		if why == "" {
			why = "not known by row"
		}
		d.whole[lower(t)] = why
		if cols, ok := ws.WholeColumns[lower(t)]; ok {
			if d.confined == nil {
				d.confined = map[string]*confined{}
			}
			d.confined[lower(t)] = &confined{cols, source.Change{Table: t, Op: source.OpUpdate}}
		}
	}
	for i := range ws.Changes {
		c := &ws.Changes[i]
		t := lower(c.Table)
		d.changes[t] = append(d.changes[t], c)
		d.rows++
		d.bytes += rowBytes(c.Before) + rowBytes(c.After)
	}
	return d
}

func rowBytes(r source.Row) int64 {
	b := int64(len(r)) * valueOverhead
	for _, v := range r {
		b += int64(v.Len())
	}
	return b
}

func (d *digest) heavy(m *bounds) bool { return d.rows > m.heavyRows || d.bytes > m.heavyBytes }

// byTable widens the digest to its tables, without images.
func (d *digest) byTable(why string) *digest {
	out := *d
	out.changes, out.partners, out.rows, out.bytes = nil, nil, 0, 0
	out.whole = make(map[string]string, len(d.whole)+len(d.changes))
	for t, w := range d.whole {
		out.whole[t] = w
	}
	out.confined = maps.Clone(d.confined)
	for t := range d.changes {
		delete(out.confined, t) // its rows may have come and gone
		if _, ok := out.whole[t]; !ok {
			out.whole[t] = why
		}
	}
	return &out
}

// touches tells whether the write is of t's source and of a table it mentions.
func (d *digest) touches(t *Template) bool {
	if d.source != "" && t.Source != "" && d.source != t.Source {
		return false
	}
	if d.everything != "" {
		return true
	}
	for _, o := range t.Occurrences {
		name := lower(o.TableName())
		if _, ok := d.whole[name]; ok || len(d.changes[name]) > 0 {
			return true
		}
	}
	return false
}

// tables lists what the write touches by name.
func (d *digest) tables() []string {
	out := make([]string, 0, len(d.changes)+len(d.whole))
	for t := range d.changes {
		out = append(out, t)
	}
	for t := range d.whole {
		if d.changes[t] == nil {
			out = append(out, t)
		}
	}
	sort.Strings(out)
	return out
}

// causeOf prints a write in a few words, for those whom it drops.
func causeOf(ws *source.WriteSet) string {
	switch {
	case ws.Everything != "":
		return "write: everything: " + ws.Everything
	case ws.SchemaChanged:
		return "write: the schema changed"
	}
	const most = 3
	var parts []string
	seen := map[string]bool{}
	note := func(s string) {
		if !seen[s] {
			seen[s] = true
			parts = append(parts, s)
		}
	}
	for i := range ws.Changes {
		note(opName(ws.Changes[i].Op) + " " + ws.Changes[i].Table)
	}
	whole := make([]string, 0, len(ws.Whole))
	for t := range ws.Whole {
		whole = append(whole, t)
	}
	sort.Strings(whole)
	for _, t := range whole {
		note("all of " + t)
	}
	if extra := len(parts) - most; extra > 0 {
		parts = append(parts[:most], strconv.Itoa(extra)+" more")
	}
	return "write: " + strings.Join(parts, ", ")
}

// opName prints an operation, also one that is none.
func opName(o source.Op) string {
	if o < source.OpInsert || o > source.OpDelete {
		return "change of"
	}
	return o.String()
}

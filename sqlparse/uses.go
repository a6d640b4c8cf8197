package sqlparse

import (
	"slices"
	"strconv"
	"strings"

	"edgecache/source"
)

// A query sees a row of one of its tables only through the expressions that
// mention the table's columns. If each of those has, on the after image of an
// UPDATE, the value that it had on the before image, then every combination of
// rows that holds the row is joined, filtered, grouped, ordered and projected
// as before, in any state of the other tables: the answer is the same. Hence
// the rule output, which needs neither the database nor the stored answer.
//
// Of a conjunct of WHERE or ON the query sees less: only whether it is True.
//
// Equal means identical in type and bytes: an expression puts the same column,
// collation and affinity in the same place on both sides, so identical values
// go on alike.

// use is one expression that mentions columns of an occurrence.
type use struct {
	e *expr // lowered
	// truth: a conjunct, of which only counts whether it is True.
	truth bool
	// shown: an output of the outermost block, seen by nothing else in it.
	shown bool
}

// uses is all that a query sees of one occurrence.
type uses struct {
	known bool
	list  []use
	// columns are seen by themselves: named where our reading does not say how
	// (USING, an expression without form, the database's own list).
	columns ColumnSet
	// starred are seen as outputs of the outermost block only.
	starred ColumnSet
	// mentioned are the columns in list, and those that a plain subquery passes
	// on: who sees them there mentions them.
	mentioned ColumnSet
}

func (u *uses) mention(i int) {
	if i >= 0 {
		u.mentioned = u.mentioned.With(i)
	}
}

// loosen notes that column i is seen in a way that no expression of our
// reading shows. o may be nil and i no column.
func (o *Occurrence) loosen(i int) {
	if o != nil && i >= 0 {
		o.uses.columns = o.uses.columns.With(i)
	}
}

// loosenAll loosens every column that the leaf offers.
func (f *from) loosenAll() {
	switch {
	case f.occ != nil:
		for i := range f.occ.Table.Columns {
			f.occ.loosen(i)
		}
	case f.outputs != nil:
		for _, c := range f.outputs {
			if c != nil {
				c.occ.loosen(c.idx)
			}
		}
	}
}

// stray is a mention of a column that no leaf has by that name: an output by its
// alias, or a name that the database alone gave, such as "x:1" for the second x
// of a derived table.
type stray struct {
	col *column
	s   *scope
}

// resolve places a column and keeps the strays.
func (c *converter) resolve(col *column, s *scope) {
	if s.resolve(col); !col.placed {
		c.strays = append(c.strays, stray{col, s})
	}
}

// loosenStrays loosens what a stray may mean: any column of the leaves that it
// may be about. An alias sees what its own block is known to see of it.
func (c *converter) loosenStrays() {
	aliased := map[string]bool{}
	for _, b := range c.blocks {
		for _, it := range b.items {
			aliased[asciiLower(it.alias)] = true
		}
	}
	for _, x := range c.strays {
		alias := x.col.table == "" && aliased[asciiLower(x.col.name)]
		for s := x.s; s != nil; s = s.parent {
			for _, f := range s.leaves {
				if (x.col.table == "" || strings.EqualFold(x.col.table, f.alias)) && (!alias || f.renames()) {
					f.loosenAll()
				}
			}
		}
	}
}

// renames tells that the database gives a column of a subquery another name than
// we do: the second of one name, what is computed, a rowid.
func (f *from) renames() bool {
	return slices.ContainsFunc(f.cols, func(n string) bool { return n == "" || isRowidName(n) }) || !allDiffer(f.cols)
}

func allDiffer(names []string) bool {
	for i := range names {
		if !firstNamed(names, i) {
			return false
		}
	}
	return true
}

// useCollector walks a whole reading once.
type useCollector struct {
	outer *block            // the outermost block, nil for a compound query
	plain map[*block]*query // bodies of plain subqueries: what they pass on is seen where it is mentioned
}

// collectUses fills in the uses of every occurrence of the reading.
func (c *converter) collectUses(q *query) {
	u := useCollector{plain: map[*block]*query{}}
	if len(q.blocks) == 1 {
		u.outer = q.blocks[0]
	}
	for _, b := range c.blocks {
		b.from.eachLeaf(func(f *from) {
			if f.outputs != nil {
				u.plain[f.sub.blocks[0]] = f.sub
			}
		})
	}
	for _, b := range c.blocks {
		u.block(b, q)
	}
	for _, sub := range c.queries {
		for _, it := range sub.order {
			u.see(it.e, false, false)
		}
		u.see(sub.limit, false, false)
		u.see(sub.offset, false, false)
	}
	c.loosenStrays()
	for _, o := range c.occs {
		o.uses.known = true
	}
}

func (u *useCollector) block(b *block, q *query) {
	plain := u.plain[b]
	var seenAsItem []bool
	switch {
	case b == u.outer:
		seenAsItem = b.seenItems(q)
	case plain != nil:
		seenAsItem = b.seenItems(plain)
	}
	for i, it := range b.items {
		shown := b == u.outer && !seenAsItem[i]
		switch {
		case it.e == nil:
			u.star(b, it.table, shown)
		case plain != nil && !seenAsItem[i] && it.e.op == opColumn && it.e.col.occ != nil:
			it.e.col.occ.uses.mention(it.e.col.idx)
		default:
			u.see(it.e, false, shown)
		}
	}
	var on func(f *from)
	on = func(f *from) {
		if f != nil && f.kind != joinNone {
			on(f.left)
			on(f.right)
			u.conjuncts(f.on)
		}
	}
	on(b.from)
	u.conjuncts(b.where)
	for _, e := range b.group {
		u.see(e, false, false)
	}
	u.see(b.having, false, false)
}

// star sees all columns of the leaves that it stands for. In a plain subquery
// it passes them on.
func (u *useCollector) star(b *block, table string, shown bool) {
	b.from.eachLeaf(func(f *from) {
		switch {
		case table != "" && !strings.EqualFold(table, f.alias):
		case u.plain[b] != nil:
			if f.occ != nil {
				for i := range f.occ.Table.Columns {
					f.occ.uses.mention(i)
				}
			}
		case !shown:
			f.loosenAll()
		case f.occ != nil:
			for i := range f.occ.Table.Columns {
				f.occ.uses.starred = f.occ.uses.starred.With(i)
			}
		case f.outputs != nil:
			for _, c := range f.outputs {
				if c != nil && c.idx >= 0 {
					c.occ.uses.starred = c.occ.uses.starred.With(c.idx)
				}
			}
		}
	})
}

// seenItems tells which outputs of the block something else in it sees too: an
// ORDER BY by name or number, and in SQLite a WHERE or ON that names an alias.
// What may hide a name, or be a number however it is written (+2, likely(2)),
// sees them all.
func (b *block) seenItems(q *query) []bool {
	seen := make([]bool, len(b.items))
	all := func() {
		for i := range seen {
			seen[i] = true
		}
	}
	look := func(e *expr) (named bool) {
		e.walk(func(x *expr) bool {
			switch x.op {
			case opColumn:
				named = true
				for i, it := range b.items {
					if x.col.table == "" && it.alias != "" && strings.EqualFold(it.alias, x.col.name) {
						seen[i] = true
					}
				}
			case opOpaque, opExists, opScalar, opInQuery:
				all()
			}
			return true
		})
		return named
	}
	for _, it := range q.order {
		if !look(it.e) {
			all()
		}
	}
	look(b.where)
	var on func(f *from)
	on = func(f *from) {
		if f != nil && f.kind != joinNone {
			on(f.left)
			on(f.right)
			look(f.on)
		}
	}
	on(b.from)
	return seen
}

func (u *useCollector) conjuncts(e *expr) {
	for _, c := range conjuncts(lowerRows(e)) {
		u.see(c, true, false)
	}
}

// see gives an expression to the occurrences that it mentions. What stands in
// its subqueries is seen in their own blocks.
func (u *useCollector) see(e *expr, truth, shown bool) {
	given := map[*Occurrence]bool{}
	e.walk(func(x *expr) bool {
		if x.op != opColumn || x.col.occ == nil {
			return true
		}
		o := x.col.occ
		o.uses.mention(x.col.idx)
		if !given[o] {
			given[o] = true
			o.uses.list = append(o.uses.list, use{lowerRows(e), truth, shown})
		}
		return true
	})
}

// settleUses closes the uses with what the database itself says is read: a
// column that we saw nowhere counts by itself.
func (o *Occurrence) settleUses() {
	if !o.uses.known {
		return
	}
	for i := range o.Table.Columns {
		if o.dialect == SQLite && o.Table.Columns[i].Generated == source.GeneratedVirtual {
			o.uses.known = false // images do not tell it
			return
		}
		if o.Reads(i) && !o.uses.mentioned.Has(i) && !o.uses.starred.Has(i) {
			o.loosen(i)
		}
	}
}

// same tells that the query provably sees nothing of an UPDATE. With shown
// false, what it merely puts out is left out of account: then the row is used
// in the same places as before, if it is used at all.
func (o *Occurrence) same(args Args, c *source.Change, shown bool) bool {
	n := len(o.Table.Columns)
	if !o.uses.known || c.Op != source.OpUpdate || len(c.Before) != n || len(c.After) != n || c.RowidChanged {
		return false
	}
	s := sight{
		before: env{dialect: o.dialect, args: args, occ: o, row: c.Before},
		after:  env{dialect: o.dialect, args: args, occ: o, row: c.After},
	}
	for i := range n {
		if (o.uses.columns.Has(i) || shown && o.uses.starred.Has(i)) && !s.column(i) {
			return false
		}
	}
	for _, u := range o.uses.list {
		switch {
		case u.shown && !shown:
		case u.truth && s.holds(u.e):
		case s.value(u.e):
		default:
			return false
		}
	}
	return true
}

// sight is one row before and after.
type sight struct{ before, after env }

func (s *sight) column(i int) bool {
	return !s.before.row[i].IsUnknown() && s.before.row[i] == s.after.row[i]
}

// holds tells that a conjunct is True on both images or on neither.
func (s *sight) holds(e *expr) bool {
	b, a := s.before.truth(e), s.after.truth(e)
	return b == tTrue && a == tTrue || b&tTrue == 0 && a&tTrue == 0
}

// value tells that e has the same value on both images: it can be evaluated on
// them, or everything below it has the same value. What an opaque node hides,
// and what a subquery reads of the row, is held against the images by itself.
func (s *sight) value(e *expr) bool {
	switch {
	case e == nil:
		return true
	case e.op == opColumn:
		return e.col.occ != s.before.occ || e.col.idx >= 0 && s.column(e.col.idx) || e.col.idx < 0
	case len(e.args) == 0:
		return true
	}
	if b := s.before.value(e); !b.IsUnknown() && b == s.after.value(e) {
		return true
	}
	for _, a := range e.args {
		if !s.value(a) {
			return false
		}
	}
	return true
}

// position reads an ORDER BY term that is a number, which names an output.
func (e *expr) position() (int, bool) {
	switch {
	case e.op == opOpaque:
		n, err := strconv.Atoi(e.raw)
		return n, err == nil
	case e.op == opLiteral && e.val.Kind() == source.KindInt:
		return int(e.val.AsInt()), true
	}
	return 0, false
}

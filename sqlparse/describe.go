package sqlparse

import (
	"slices"
	"strings"

	"edgecache/source"
)

// describe fills in what check and the debug graph show of our reading.
func (a *analysis) describe(q *query) {
	p := func(e *expr) string {
		pr := printer{names: a.text.names}
		pr.expr(e)
		return pr.String()
	}
	b := q.blocks[0]
	a.out.Joins = b.joinConditions(p)
	for _, o := range q.order {
		s := p(o.e)
		if len(a.out.Occurrences) == 1 && o.e.op == opColumn {
			s = o.e.col.name // nothing to tell it apart from
		}
		if o.desc {
			s += " DESC"
		}
		a.out.Order = append(a.out.Order, s)
	}
	if q.limit != nil {
		a.out.Limit = p(q.limit)
		a.out.Undetermined = !q.totalOrder(true)
		switch {
		case a.out.Undetermined && q.totalOrder(false):
			a.note("LIMIT: the key at the end of ORDER BY may be NULL, more than once; declare it NOT NULL")
		case a.out.Undetermined:
			a.note("LIMIT without an ORDER BY that ends in a key of each table: data do not determine which rows are in")
		}
	}
	if q.offset != nil {
		a.out.Offset = p(q.offset)
	}
}

// joinConditions prints the conjuncts that tie tables together.
func (b *block) joinConditions(p func(*expr) string) []string {
	var out []string
	tie := func(e *expr) {
		for _, c := range conjuncts(e) {
			tables := map[*Occurrence]bool{}
			c.walk(func(x *expr) bool {
				if x.op == opColumn && x.col.occ != nil {
					tables[x.col.occ] = true
				}
				return true
			})
			if len(tables) > 1 {
				out = append(out, p(c))
			}
		}
	}
	var walk func(f *from)
	walk = func(f *from) {
		if f != nil && f.kind != joinNone {
			walk(f.left)
			walk(f.right)
			tie(f.on)
			if len(f.using) > 0 {
				out = append(out, "USING ("+strings.Join(f.using, ", ")+")")
			}
		}
	}
	walk(b.from)
	tie(b.where)
	return out
}

// totalOrder tells that the ORDER BY names a NOT NULL unique key of every
// table of a single plain block, so that data determine each page. Without
// notNull a key that may be NULL will do.
func (q *query) totalOrder(notNull bool) bool {
	if len(q.blocks) != 1 {
		return false
	}
	b := q.blocks[0]
	if b.distinct || len(b.group) > 0 || !b.rowByRow() {
		return false
	}
	total := b.from != nil
	b.from.eachLeaf(func(f *from) {
		total = total && f.occ != nil && q.ordersBy(f.occ, notNull)
	})
	return total
}

func (q *query) ordersBy(o *Occurrence, notNull bool) bool {
	var named ColumnSet
	for _, it := range q.order {
		c := q.blocks[0].aliased(it.e)
		if c != nil && c.occ == o && c.idx >= 0 {
			named = named.With(c.idx)
		}
	}
	for _, key := range append([][]int{keyOf(o.Table)}, o.Table.Uniques...) {
		all := len(key) > 0
		for _, i := range key {
			all = all && named.Has(i) && (!notNull || o.Table.Columns[i].NotNull || i == o.Table.RowidColumn)
		}
		if all {
			return true
		}
	}
	return false
}

// aliased is the column that an ORDER BY term names, directly or as an output:
// the first one of that name, among those that a star stands for too.
func (b *block) aliased(e *expr) *column {
	if e.op != opColumn {
		return nil
	}
	if e.col.table != "" {
		return e.col
	}
	for _, it := range b.items {
		switch {
		case it.e == nil && b.starOffers(it.table, e.col.name):
			return e.col
		case it.alias == "" || !strings.EqualFold(it.alias, e.col.name):
		case it.e.op == opColumn:
			return it.e.col
		default:
			return nil
		}
	}
	return e.col
}

// starOffers tells that a star, of one table or of all, has a column of that name.
func (b *block) starOffers(table, name string) (found bool) {
	b.from.eachLeaf(func(f *from) {
		if table == "" || strings.EqualFold(table, f.alias) {
			found = found || slices.ContainsFunc(f.columnNames(), func(c string) bool { return strings.EqualFold(c, name) })
		}
	})
	return found
}

// keyOf is the primary key, or the rowid where that is a column.
func keyOf(t *source.Table) []int {
	if len(t.PrimaryKey) > 0 {
		return t.PrimaryKey
	}
	if t.RowidColumn >= 0 {
		return []int{t.RowidColumn}
	}
	return nil
}

// rowByRow tells that each row of the block's answer is one combination of its
// tables' rows.
func (b *block) rowByRow() bool {
	for _, it := range b.items {
		if it.e != nil && !rowByRow(it.e) {
			return false
		}
	}
	return b.having == nil
}

// records finds, for each table that occurs once, in the FROM of a single
// plain block, the result columns that carry its key, by the origins that the
// database reports.
func (a *analysis) records(q *query) {
	if len(q.blocks) != 1 || len(q.blocks[0].group) > 0 || !q.blocks[0].rowByRow() {
		return
	}
	direct := map[*Occurrence]bool{}
	q.blocks[0].from.eachLeaf(func(f *from) { direct[f.occ] = true })
	mentions := map[*source.Table]int{}
	for _, o := range a.out.Occurrences {
		mentions[o.Table]++
	}
	for _, o := range a.out.Occurrences {
		if direct[o] && mentions[o.Table] == 1 {
			o.RecordColumns = a.keyColumns(o.Table)
		}
	}
}

func (a *analysis) keyColumns(t *source.Table) []int {
	var out []int
	for _, k := range keyOf(t) {
		at := -1
		for i, c := range a.desc.Columns {
			if strings.EqualFold(c.Table, t.Name) && strings.EqualFold(c.Column, t.Columns[k].Name) {
				at = i
				break
			}
		}
		if at < 0 {
			return nil
		}
		out = append(out, at)
	}
	return out
}

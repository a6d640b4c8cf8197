package sqlparse

import "strings"

// A subquery or view is plain when each of its rows is one combination of
// rows of its own FROM that passes its own conditions, projected by itself: no
// grouping, aggregate, DISTINCT, window, set operator or LIMIT. A condition of
// the query around it on a column that it merely passes on is then a condition
// on the column behind: filtering the combinations before or after projecting
// them is the same. Type, affinity and collation of a passed-on column are
// those of the column behind it.

// plainOutputs lists, for a plain query, the column that each output passes
// on, nil for one that is computed. It is nil for a query that is not plain.
func (q *query) plainOutputs() []*column {
	if len(q.blocks) != 1 || q.limit != nil || q.offset != nil || !q.ordersRows() {
		return nil
	}
	return q.blocks[0].plainOutputs()
}

// ordersRows tells that every term of ORDER BY depends on one combination of
// rows alone. An aggregate there folds all rows into one, in MySQL; and what a
// window function says of a row changes with the others.
func (q *query) ordersRows() bool {
	for _, it := range q.order {
		if _, ok := uncollated(it.e).position(); !ok && !rowByRow(it.e) {
			return false
		}
	}
	return true
}

// plainOutputs is that of a block without regard to a LIMIT around it.
func (b *block) plainOutputs() []*column {
	if b.distinct || len(b.group) > 0 || b.having != nil || b.from == nil {
		return nil
	}
	out := []*column{}
	for _, it := range b.items {
		switch {
		case it.e == nil && (b.scope.allMerged || len(b.scope.merged) > 0):
			return nil // a star over merged columns: positions are not ours to tell
		case it.e == nil:
			out = append(out, b.starColumns(it.table)...)
		case !rowByRow(it.e):
			return nil
		case it.e.op == opColumn && it.e.col.occ != nil && it.e.col.idx >= 0:
			out = append(out, it.e.col)
		default:
			out = append(out, nil)
		}
	}
	return out
}

func (b *block) starColumns(table string) []*column {
	var out []*column
	b.from.eachLeaf(func(f *from) {
		if table != "" && !strings.EqualFold(table, f.alias) {
			return
		}
		for i := range f.columnNames() {
			switch {
			case f.occ != nil:
				out = append(out, &column{occ: f.occ, idx: i})
			case f.outputs != nil:
				out = append(out, f.outputs[i])
			default:
				out = append(out, nil)
			}
		}
	})
	return out
}

// rowByRow tells that e depends on one combination of rows alone. What is
// opaque may hide a window; a function that we do not know, an aggregate; and
// an aggregate inside a subquery may belong to the block around it: in
// SELECT (SELECT MAX(x.a) FROM t) FROM x the outer block is the one grouped.
func rowByRow(e *expr) bool {
	ok := true
	e.walk(func(x *expr) bool {
		switch x.op {
		case opOpaque, opScalar, opExists, opInQuery:
			ok = false
		case opCall:
			name := asciiLower(x.name)
			single := len(x.args) == 1 && (name == "min" || name == "max")
			ok = ok && deterministic[name] && !aggregates[name] && !single && !x.star && !x.distinct
		}
		return ok
	})
	return ok
}

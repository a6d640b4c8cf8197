package mysql

import (
	"context"

	"edgecache/source"
)

// after finds what an UPDATE made of the rows of its i-th target. Four ways,
// tried in this order:
//
//	foreseen   every column that changes is set to a value that is stored as
//	           given: no look at the database is needed
//	by key     a key that the statement does not set
//	moved      a key that it sets to values that are stored as given
//	symbolic   what it sets is unknown, the rest stays
//
// why says that none will do.
func (t *transaction) after(ctx context.Context, w *statement, i int, before []source.Row) (changes []source.Change, why string, err error) {
	in := w.targets[i]
	assigned := in.columnsOf(w.plan.Targets[i].Assigned)
	given := w.foresee(i)
	triggered := in.triggered(onUpdate)
	if !triggered && len(given) == len(assigned) && !in.selfSet() {
		return in.updates(before, in.symbolic(before, nil, given)), "", nil
	}
	key, like := in.steadyKey(assigned), before
	if key == nil && !triggered {
		key, like = in.movedKey(assigned, before, given)
	}
	if key != nil {
		rows, fits, err := t.readByKey(ctx, in, key, like, "")
		if err != nil {
			return nil, "", err
		}
		if after, ok := pair(key, like, rows); ok && fits {
			return in.updates(before, after), "", nil
		}
	}
	if triggered {
		return nil, "changed rows were not found again by their key", nil
	}
	return in.updates(before, in.symbolic(before, assigned, given)), "", nil
}

// triggered tells whether a BEFORE trigger may set any column.
func (in *info) triggered(e event) bool {
	for _, t := range in.triggers {
		if t.before && t.event&e != 0 {
			return true
		}
	}
	return false
}

// selfSet tells whether the table has columns that change when others do.
func (in *info) selfSet() bool {
	for i := range in.table.Columns {
		if c := &in.table.Columns[i]; c.OnUpdate || c.Generated != source.NotGenerated {
			return true
		}
	}
	return false
}

// foresee tells, by column, the values that the statement sets and the server
// stores as they are given. A column that is set twice is not foreseen.
func (s *statement) foresee(i int) map[int]source.Value {
	in, tgt := s.targets[i], &s.plan.Targets[i]
	out, seen := map[int]source.Value{}, map[int]bool{}
	for at, col := range in.columnsOf(tgt.Assigned) {
		v := tgt.Set[at].Value
		switch tgt.Set[at].Form {
		case source.FormArg:
			if n := tgt.Set[at].Arg; n >= 0 && n < len(s.st.Args) {
				v = s.st.Args[n]
			} else {
				v = source.Unknown()
			}
		case source.FormLiteral:
		default:
			v = source.Unknown()
		}
		v, ok := in.stored(col, v)
		if ok && !seen[col] {
			out[col] = v
		} else {
			delete(out, col)
		}
		seen[col] = true
	}
	return out
}

// symbolic are the rows after an UPDATE as its text tells them: what is given
// is known, other assigned columns and those that follow are not, the rest
// stays.
func (in *info) symbolic(before []source.Row, assigned []int, given map[int]source.Value) []source.Row {
	out := make([]source.Row, len(before))
	for n, row := range before {
		next := append(source.Row(nil), row...)
		for _, i := range assigned {
			next[i] = source.Unknown()
		}
		for i := range in.table.Columns {
			if c := &in.table.Columns[i]; c.OnUpdate || c.Generated != source.NotGenerated {
				next[i] = source.Unknown()
			}
		}
		for i, v := range given {
			next[i] = v
		}
		out[n] = next
	}
	return out
}

// movedKey finds a key of which the statement sets columns, all to values that
// are stored as given, and makes rows that hold its new values. A row that has
// the new key afterwards is the one that was given it, for the key is unique.
func (in *info) movedKey(assigned []int, before []source.Row, given map[int]source.Value) (key []int, like []source.Row) {
	for _, key := range in.uniques {
		usable := true
		for _, i := range key {
			v, known := given[i]
			usable = usable && !in.nullable[i] && !in.table.Columns[i].OnUpdate && in.canSeek(i) &&
				in.table.Columns[i].Generated == source.NotGenerated && (known && !v.IsNull() || !contains(assigned, i))
		}
		if usable {
			return key, in.symbolic(before, nil, given)
		}
	}
	return nil, nil
}

// pair puts the rows that were found in the order of those that were looked
// for; false when they do not match one to one.
func pair(key []int, like, found []source.Row) ([]source.Row, bool) {
	if len(like) != len(found) {
		return nil, false
	}
	byKey := make(map[string]source.Row, len(found))
	for _, row := range found {
		byKey[keyOf(key, row)] = row
	}
	out := make([]source.Row, len(like))
	for i, row := range like {
		k := keyOf(key, row)
		now, ok := byKey[k]
		if !ok {
			return nil, false
		}
		delete(byKey, k)
		out[i] = now
	}
	return out, true
}

// updates are the changes from before to after. Rows that did not change at all
// are left out.
func (in *info) updates(before, after []source.Row) (out []source.Change) {
	for i, row := range before {
		if !sameRow(row, after[i]) {
			out = append(out, source.Change{Table: in.table.Name, Op: source.OpUpdate, Before: row, After: after[i]})
		}
	}
	return out
}

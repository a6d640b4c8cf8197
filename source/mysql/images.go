package mysql

import (
	"context"
	"errors"
	"strings"

	"edgecache/source"
)

// columnsOf finds columns by name; nil when one is unknown.
func (in *info) columnsOf(names []string) []int {
	out := make([]int, 0, len(names))
	for _, n := range names {
		i := in.table.Column(n)
		if i < 0 {
			return nil
		}
		out = append(out, i)
	}
	return out
}

// steadyKey finds a key without NULLs of which an UPDATE that sets the assigned
// columns changes nothing; rows can be found again by it. A BEFORE trigger may
// still change it: then the row is not found, and the table is Whole.
func (in *info) steadyKey(assigned []int) []int {
	for _, key := range in.uniques {
		steady := true
		for _, i := range key {
			steady = steady && !contains(assigned, i) && !in.nullable[i] && !in.table.Columns[i].OnUpdate && in.canSeek(i)
		}
		if steady {
			return key
		}
	}
	return nil
}

// canSeek tells whether a value that was read finds its row again when it is
// given as an argument. A BIT is read as bytes and compared as a number, a FLOAT
// compared as a double; other families have types of which we do not know.
func (in *info) canSeek(col int) bool {
	c := &in.table.Columns[col]
	switch c.Family {
	case source.FamilyBit, source.FamilyOther, source.FamilyNone, source.FamilyJSON:
		return false
	case source.FamilyFloat:
		return !strings.HasPrefix(strings.ToLower(c.DeclType), "float")
	}
	return !in.lossy[col]
}

// columnList names all columns in declared order, invisible ones included, each
// behind the prefix.
func (in *info) columnList(prefix string) string {
	quoted := make([]string, len(in.table.Columns))
	for i := range in.table.Columns {
		quoted[i] = prefix + quoteName(in.table.Columns[i].Name)
	}
	return strings.Join(quoted, ", ")
}

// errCrowded ends a reading of images that passes the bounds.
var errCrowded = errors.New("too many rows or bytes")

// readRows reads rows as images. fits is false when they pass the bounds of the
// transaction; the rest is then not kept.
func (t *transaction) readRows(ctx context.Context, sql string, args []source.Value) (rows []source.Row, fits bool, err error) {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	room := t.c.newRoom()
	err = t.s.query(bounded, sql, args, nil, func(row source.Row) error {
		if !room.take(row) {
			return errCrowded
		}
		rows = append(rows, row)
		return nil
	})
	if errors.Is(err, errCrowded) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, wrap(bounded, err)
	}
	return rows, true, nil
}

// seekChunk is how many rows one text by key names. Fewer sizes than rows, so
// that few texts are prepared: the last key fills the gap.
var seekChunk = []int{1, 8, 64, 512}

// maxSeek is how many rows one SELECT by key asks for at most.
const maxSeek = 64

// chunkFor is the smallest size that holds n rows, or the largest.
func chunkFor(n, most int) int {
	for _, size := range seekChunk {
		if size >= n || size >= most {
			return size
		}
	}
	return most
}

// readByKey reads the rows that have the keys of the given ones.
func (t *transaction) readByKey(ctx context.Context, in *info, key []int, like []source.Row, lock string) (out []source.Row, fits bool, err error) {
	for len(like) > 0 {
		n := chunkFor(len(like), maxSeek)
		here := like[:min(n, len(like))]
		sql := "SELECT " + in.columnList("") + " FROM " + quoteName(in.table.Name) + " WHERE " + in.keyed(key, n) + lock
		rows, fits, err := t.readRows(ctx, sql, keyArgs(key, here, n))
		if err != nil || !fits {
			return nil, fits, err
		}
		out = append(out, rows...)
		like = like[len(here):]
	}
	return out, true, nil
}

// keyed is the condition that names n rows by key.
func (in *info) keyed(key []int, n int) string {
	terms := make([]string, len(key))
	for i, k := range key {
		terms[i] = quoteName(in.table.Columns[k].Name) + " = " + in.placeholder(k)
	}
	one := "(" + strings.Join(terms, " AND ") + ")"
	return strings.Repeat(one+" OR ", n-1) + one
}

// keyArgs are the arguments of keyed.
func keyArgs(key []int, rows []source.Row, n int) []source.Value {
	args := make([]source.Value, 0, n*len(key))
	for i := range n {
		row := rows[min(i, len(rows)-1)]
		for _, k := range key {
			args = append(args, row[k])
		}
	}
	return args
}

// placeholder is how an argument is compared with the column as the column's
// own type: a decimal goes as text, and MariaDB would compare as doubles.
func (in *info) placeholder(col int) string {
	c := &in.table.Columns[col]
	if c.Family == source.FamilyDecimal {
		size, _, _ := strings.Cut(c.DeclType, ")")
		if strings.HasPrefix(strings.ToLower(size), "decimal(") {
			return "CAST(? AS " + size + "))"
		}
	}
	return "?"
}

// keyOf prints a row's key. Values print distinctly by type and bytes.
func keyOf(key []int, row source.Row) string {
	var b strings.Builder
	for _, i := range key {
		b.WriteString(row[i].String())
		b.WriteByte(0)
	}
	return b.String()
}

// sameRow tells whether two images are the same, value by value.
func sameRow(a, b source.Row) bool {
	for i := range a {
		if a[i].IsUnknown() || a[i] != b[i] {
			return false
		}
	}
	return true
}

// settle keeps the changes of a table that a statement writes and widens to
// what its events set off. Rows that were matched and not changed fire triggers
// too. kin are the children whose rows were read; nil: they become Whole.
func (t *transaction) settle(in *info, e event, changes []source.Change, kin *kin) {
	if kin == nil {
		t.c.reach.sideEffects(in, e, func(columns []string) bool { return touches(in, columns, changes) })
	} else {
		t.c.reach.triggers(in, e)
	}
	for _, ch := range changes {
		t.c.add(in, ch)
	}
}

// touches tells whether a change of these columns is among the changes.
func touches(in *info, columns []string, changes []source.Change) bool {
	at := in.columnsOf(columns)
	if at == nil {
		return true
	}
	for _, ch := range changes {
		if ch.Before == nil || ch.After == nil {
			continue
		}
		for _, i := range at {
			if ch.Before[i].IsUnknown() || ch.Before[i] != ch.After[i] {
				return true
			}
		}
	}
	return false
}

func contains(list []int, x int) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}

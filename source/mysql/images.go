package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"edgecache/source"
)

// misfit says why the target's shape allows no images of this statement, "" if
// it does.
func (s *statement) misfit() string {
	switch s.kind {
	case source.StatementUpdate:
		assigned := s.target.columnsOf(s.sets())
		if len(assigned) == 0 {
			return "the columns that the statement sets are not known"
		}
		if s.target.steadyKey(assigned) == nil {
			return "no key of the table stays as it is"
		}
	case source.StatementInsert:
		return s.misfitInsert()
	}
	switch {
	case s.plan.From.SQL == "":
		return "the statement's target is not known as text"
	case s.plan.Joined:
		return "it joins tables"
	case s.plan.Chosen != "":
		return s.plan.Chosen
	}
	for _, i := range s.plan.Where.Args {
		if i < 0 || i >= len(s.st.Args) {
			return "the placeholders of the statement's WHERE are not known"
		}
	}
	return ""
}

// sets are the columns that an UPDATE sets in its target.
func (s *statement) sets() []string {
	if len(s.plan.Targets) != 1 {
		return nil
	}
	return s.plan.Targets[0].Assigned
}

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
	set := map[int]bool{}
	for _, i := range assigned {
		set[i] = true
	}
	for _, key := range in.uniques {
		steady := true
		for _, i := range key {
			steady = steady && !set[i] && !in.nullable[i] && !in.table.Columns[i].OnUpdate && in.canSeek(i)
		}
		if steady {
			return key
		}
	}
	return nil
}

// canSeek tells whether a value that was read finds its row again when it is
// given as an argument. A BIT is read as bytes and compared as a number; other
// families have types of which we do not know.
func (in *info) canSeek(col int) bool {
	switch in.table.Columns[col].Family {
	case source.FamilyBit, source.FamilyOther, source.FamilyNone, source.FamilyJSON:
		return false
	}
	return !in.lossy[col]
}

// columnList names all columns in declared order, invisible ones included.
func (in *info) columnList() string {
	quoted := make([]string, len(in.table.Columns))
	for i := range in.table.Columns {
		quoted[i] = quoteName(in.table.Columns[i].Name)
	}
	return strings.Join(quoted, ", ")
}

// errCrowded ends a reading of images that passes the bounds.
var errCrowded = errors.New("too many rows or bytes")

// readRows reads rows of the target as images. fits is false when they pass
// the bounds of the transaction; the rest is then not kept.
func (t *transaction) readRows(ctx context.Context, sql string, args []source.Value) (rows []source.Row, fits bool, err error) {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	room, bytes := t.c.room(), int64(0)
	err = t.s.query(bounded, sql, args, nil, func(row source.Row) error {
		for _, v := range row {
			bytes += payload(v)
		}
		if room >= 0 && len(rows) >= room || t.c.maxBytes > 0 && t.c.bytes+bytes > t.c.maxBytes {
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

// readBefore reads, and locks, the rows that the statement's own WHERE selects.
//
// A plain SELECT would not do: it reads the last committed version, and the
// statement then waits for a lock and changes a newer one, which it may only
// then match:
//
//	1 another transaction sets status = 'open' on row 7, uncommitted
//	2 a plain SELECT ... WHERE status = 'open' does not show row 7
//	3 the other commits
//	4 our UPDATE ... WHERE status = 'open' changes row 7
func (t *transaction) readBefore(ctx context.Context, w *statement) (rows []source.Row, fits bool, err error) {
	sql := "SELECT " + w.target.columnList() + " FROM " + w.plan.From.SQL
	if w.plan.Where.SQL != "" {
		sql += " WHERE " + w.plan.Where.SQL
	}
	if room := t.c.room(); room >= 0 {
		sql += fmt.Sprintf(" LIMIT %d", t.c.max+1) // constant, so that it is prepared once
	}
	if !t.d.seams.plainBefore {
		sql += " FOR UPDATE"
	}
	args := make([]source.Value, len(w.plan.Where.Args))
	for i, at := range w.plan.Where.Args {
		args[i] = w.st.Args[at]
	}
	return t.readRows(ctx, sql, args)
}

// update runs an UPDATE of one table.
func (t *transaction) update(ctx context.Context, w *statement) error {
	in := w.target
	before, fits, err := t.readBefore(ctx, w)
	if err != nil {
		return err
	}
	if f := t.d.seams.afterBefore; f != nil {
		f()
	}
	res, err := t.send(ctx, w)
	if err != nil {
		return err
	}
	n, _ := res.RowsAffected()
	assigned := in.columnsOf(w.sets())
	t.c.set(in, assigned)
	switch {
	case fits && n == 0 && len(before) == 0:
		return nil
	case !fits:
		t.crowded(w)
		return nil
	case int(n) != len(before):
		t.c.widen(in, fmt.Sprintf("%d rows were read and %d matched", len(before), n), w.events())
		return nil
	}
	key := in.steadyKey(assigned)
	after, fits, err := t.readByKey(ctx, in, key, before)
	if err != nil {
		return err
	}
	if !fits {
		t.crowded(w)
		return nil
	}
	changes, ok := in.pair(key, before, after)
	if !ok {
		t.c.widen(in, "changed rows were not found again by their key", w.events())
		return nil
	}
	t.settle(in, onUpdate, changes)
	return nil
}

// pair matches images before and after by key; false when they do not match
// one to one. Rows that did not change at all are left out.
func (in *info) pair(key []int, before, after []source.Row) ([]source.Change, bool) {
	if len(before) != len(after) {
		return nil, false
	}
	found := make(map[string]source.Row, len(after))
	for _, row := range after {
		found[keyOf(key, row)] = row
	}
	var out []source.Change
	for _, row := range before {
		k := keyOf(key, row)
		now, ok := found[k]
		if !ok {
			return nil, false
		}
		delete(found, k)
		if !sameRow(row, now) {
			out = append(out, source.Change{Table: in.table.Name, Op: source.OpUpdate, Before: row, After: now})
		}
	}
	return out, true
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

// delete runs a DELETE from one table.
func (t *transaction) delete(ctx context.Context, w *statement) error {
	in := w.target
	before, fits, err := t.readBefore(ctx, w)
	if err != nil {
		return err
	}
	if f := t.d.seams.afterBefore; f != nil {
		f()
	}
	res, err := t.send(ctx, w)
	if err != nil {
		return err
	}
	n, _ := res.RowsAffected()
	t.c.mix(in)
	switch {
	case fits && n == 0 && len(before) == 0:
		return nil
	case !fits:
		t.crowded(w)
		return nil
	case int(n) != len(before):
		t.c.widen(in, fmt.Sprintf("%d rows were read and %d deleted", len(before), n), w.events())
		return nil
	}
	changes := make([]source.Change, len(before))
	for i, row := range before {
		changes[i] = source.Change{Table: in.table.Name, Op: source.OpDelete, Before: row}
	}
	t.settle(in, onDelete, changes)
	return nil
}

// settle keeps the changes of a statement's own target and widens to what its
// events set off. Rows that were matched and not changed fire triggers too.
func (t *transaction) settle(in *info, e event, changes []source.Change) {
	t.c.reach.sideEffects(in, e, func(columns []string) bool { return touches(in, columns, changes) })
	for _, ch := range changes {
		t.c.add(in, ch)
	}
}

// crowded widens the statement's target, whose images pass the bounds.
func (t *transaction) crowded(w *statement) {
	t.c.crowded(w.target, t.c.room() < 0, w.events())
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

// seekChunk is how many rows one SELECT by key asks for at most. Fewer sizes
// than rows, so that few texts are prepared: the last key fills the gap.
var seekChunk = []int{1, 8, 64}

// readByKey reads the rows that have the keys of the given ones.
func (t *transaction) readByKey(ctx context.Context, in *info, key []int, like []source.Row) (out []source.Row, fits bool, err error) {
	for len(like) > 0 {
		n := seekChunk[len(seekChunk)-1]
		for i := len(seekChunk) - 1; i >= 0 && seekChunk[i] >= len(like); i-- {
			n = seekChunk[i]
		}
		var args []source.Value
		for i := range n {
			row := like[min(i, len(like)-1)]
			for _, k := range key {
				args = append(args, row[k])
			}
		}
		rows, fits, err := t.readRows(ctx, in.seek(key, n), args)
		if err != nil || !fits {
			return nil, fits, err
		}
		out = append(out, rows...)
		like = like[min(n, len(like)):]
	}
	return out, true, nil
}

// seek is the SELECT of n rows by key.
func (in *info) seek(key []int, n int) string {
	terms := make([]string, len(key))
	for i, k := range key {
		terms[i] = quoteName(in.table.Columns[k].Name) + " = " + in.placeholder(k)
	}
	one := "(" + strings.Join(terms, " AND ") + ")"
	return "SELECT " + in.columnList() + " FROM " + quoteName(in.table.Name) + " WHERE " +
		strings.Join(repeat(one, n), " OR ")
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

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

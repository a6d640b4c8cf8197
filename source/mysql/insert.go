package mysql

import (
	"context"
	"fmt"

	"edgecache/source"
)

// maxSeeks bounds the rows of an INSERT that are looked for by several keys.
const maxSeeks = 200

// rowsKnown tells that the rows are given, an item for each column.
func (s *statement) rowsKnown() bool {
	columns := s.insertColumns()
	for _, r := range s.plan.Rows {
		if len(r) != len(columns) {
			return false
		}
		for _, v := range r {
			if v.Form == source.FormArg && (v.Arg < 0 || v.Arg >= len(s.st.Args)) {
				return false
			}
		}
	}
	return len(s.plan.Rows) > 0 && columns != nil
}

// misfitInsert says why the rows of an INSERT or REPLACE cannot be looked for.
func (s *statement) misfitInsert() string {
	p, in := s.plan, s.target()
	if !s.rowsKnown() {
		return "the inserted rows or their columns are not known"
	}
	if p.Insert == source.InsertPlain {
		if s.plainKey() == nil {
			return "the inserted rows have no key that is known"
		}
		return ""
	}
	switch {
	case in.oddUnique:
		return "a unique key of the table is over parts of columns or expressions"
	case in.steadyKey(nil) == nil:
		return "the table has no key without NULL"
	case p.Insert == source.InsertIgnore && len(p.Rows) > 1:
		return "IGNORE with several rows"
	case len(p.Rows)*len(in.uniques) > maxSeeks:
		return "too many rows to be looked for by each unique key"
	}
	if p.Insert == source.InsertUpdate {
		assigned := in.columnsOf(p.Assigned)
		if len(assigned) == 0 {
			return "the columns that the statement sets are not known"
		}
		for _, key := range in.uniques {
			for _, i := range key {
				if in.table.Columns[i].OnUpdate || contains(assigned, i) || in.table.Columns[i].Generated != source.NotGenerated {
					return "ON DUPLICATE KEY UPDATE may change a key"
				}
			}
		}
	}
	seeks, ok := s.seeks()
	if !ok {
		return "the values of a unique key are not known"
	}
	if p.Insert == source.InsertUpdate && len(p.Rows) > 1 && len(seeks) > 1 && !s.storedAsGiven(seeks) {
		return "several rows, and a unique key may be stored otherwise than it was given"
	}
	return ""
}

// storedAsGiven tells that every row will be found by the keys that are looked
// for. Of several rows, one that is not may hide behind another that is found
// by two.
func (s *statement) storedAsGiven(seeks []seek) bool {
	for _, k := range seeks {
		for _, row := range k.rows {
			for _, col := range k.key {
				if _, ok := s.target().stored(col, row[col]); !ok {
					return false
				}
			}
		}
	}
	return true
}

// insert runs INSERT or REPLACE of known rows into one table.
func (t *transaction) insert(ctx context.Context, w *statement) error {
	t.noteColumns(w)
	if w.plan.Insert == source.InsertPlain {
		return t.insertPlain(ctx, w)
	}
	return t.insertOver(ctx, w)
}

// insertPlain runs an INSERT that adds all its rows or fails.
func (t *transaction) insertPlain(ctx context.Context, w *statement) error {
	in := w.target()
	res, err := t.send(ctx, w, w.st.SQL, w.st.Args)
	if err != nil {
		return err
	}
	if int(res.rows) != len(w.plan.Rows) {
		t.c.widen(in, fmt.Sprintf("%d rows were given and %d inserted", len(w.plan.Rows), res.rows), w.events())
		return nil
	}
	if t.c.max > 0 && t.c.count+len(w.plan.Rows) > t.c.max {
		t.c.crowded(in, w.events())
		return nil
	}
	key := w.plainKey()
	like, why, err := t.insertedKeys(ctx, w, key, res.id)
	if err != nil {
		return err
	}
	if why != "" {
		t.c.widen(in, why, w.events())
		return nil
	}
	rows, fits, err := t.readByKey(ctx, in, key, like, "")
	switch {
	case err != nil:
		return err
	case !fits:
		t.c.crowded(in, w.events())
	case len(rows) != len(like):
		t.c.widen(in, fmt.Sprintf("%d rows were inserted and %d found by their key", len(like), len(rows)), w.events())
	default:
		t.settle(in, onInsert, insertions(in, rows), nil)
	}
	return nil
}

// insertedKeys makes rows that hold the key values of what was inserted.
// Generated ones follow each other from the first, which the server tells; it
// promises that for an INSERT whose number of rows is known beforehand.
func (t *transaction) insertedKeys(ctx context.Context, w *statement, key []int, first int64) (like []source.Row, why string, err error) {
	step := int64(0)
	for i := range w.plan.Rows {
		row := make(source.Row, len(w.target().table.Columns))
		for _, col := range key {
			g := w.of(i, col)
			if !g.generated {
				row[col] = g.value
				continue
			}
			if first <= 0 {
				return nil, "the generated key is not known", nil
			}
			if step == 0 && len(w.plan.Rows) > 1 {
				if step, err = t.autoStep(ctx); err != nil {
					return nil, "", err
				}
			}
			row[col] = source.Int(first + int64(i)*step)
		}
		like = append(like, row)
	}
	return like, "", nil
}

// autoStep is the distance between generated keys. A cluster changes it as
// nodes come and go, so it is asked for each time that it matters.
func (t *transaction) autoStep(ctx context.Context) (int64, error) {
	bounded, cancel := t.d.bounded(ctx)
	defer cancel()
	rows, err := t.s.texts(bounded, "SELECT @@SESSION.auto_increment_increment")
	if err != nil {
		return 0, wrap(bounded, err)
	}
	return max(number(rows[0][0]), 1), nil
}

func insertions(in *info, rows []source.Row) []source.Change {
	out := make([]source.Change, len(rows))
	for i, row := range rows {
		out[i] = source.Change{Table: in.table.Name, Op: source.OpInsert, After: row}
	}
	return out
}

// insertOver runs an INSERT that may meet rows that are there: IGNORE, REPLACE,
// ON DUPLICATE KEY UPDATE. All rows that its keys can meet are read and locked
// before, and read by the same keys after.
//
// Under READ COMMITTED somebody else may insert such a row between the two. The
// count tells: with b rows met before, c of them changed and r rows given,
//
//	REPLACE                  r + b   and r rows are found after
//	ON DUPLICATE KEY UPDATE  r + c   for each row 1, but 2 when it changed one; and
//	                                 no fewer than r rows are found after, for
//	                                 what is stored otherwise than it was given
//	                                 ('a' in a BINARY(4)) is not found by its key
//	IGNORE (one row)         0 or 1, the rows found after and not before
//
// A row that was met unseen, or met twice, makes the count larger.
func (t *transaction) insertOver(ctx context.Context, w *statement) error {
	in := w.target()
	seeks, _ := w.seeks()
	before, fits, err := t.readMet(ctx, in, seeks, " FOR UPDATE")
	if err != nil {
		return err
	}
	if f := t.d.seams.afterBefore; f != nil {
		f()
	}
	res, err := t.send(ctx, w, w.st.SQL, w.st.Args)
	if err != nil {
		return err
	}
	if !fits {
		t.c.crowded(in, w.events())
		return nil
	}
	after, fits, err := t.readMet(ctx, in, seeks, "")
	if err != nil {
		return err
	}
	if !fits {
		t.c.crowded(in, w.events())
		return nil
	}
	changes, ok := in.difference(w.plan, before, after, int(res.rows))
	if !ok {
		t.c.widen(in, fmt.Sprintf("%d rows were met, %d are found now, and the server counts %d", len(before), len(after), res.rows), w.events())
		return nil
	}
	e := onInsert
	switch {
	case w.plan.Insert == source.InsertUpdate:
		e |= onUpdate
	case w.plan.Insert == source.InsertReplace && len(before) > 0:
		e = onAny // it deletes, or updates in place
	}
	t.settle(in, e, changes, nil)
	return nil
}

// readMet reads the rows that have any of the key values, each once: one look
// for each unique key.
func (t *transaction) readMet(ctx context.Context, in *info, seeks []seek, lock string) (map[string]source.Row, bool, error) {
	identity := in.steadyKey(nil)
	out := map[string]source.Row{}
	for _, k := range seeks {
		rows, fits, err := t.readByKey(ctx, in, k.key, k.rows, lock)
		if err != nil || !fits {
			return nil, fits, err
		}
		for _, row := range rows {
			out[keyOf(identity, row)] = row
		}
	}
	return out, true, nil
}

// difference makes changes of what was met before and is found after; false
// when the server's count says that there was more.
func (in *info) difference(p *source.WritePlan, before, after map[string]source.Row, n int) (out []source.Change, ok bool) {
	name := in.table.Name
	changed, fresh := 0, 0
	if p.Insert == source.InsertReplace {
		for _, row := range before {
			out = append(out, source.Change{Table: name, Op: source.OpDelete, Before: row})
		}
	}
	for key, row := range after {
		was, met := before[key]
		switch {
		case p.Insert == source.InsertReplace || !met:
			fresh++
			out = append(out, source.Change{Table: name, Op: source.OpInsert, After: row})
		case !sameRow(was, row):
			changed++
			out = append(out, source.Change{Table: name, Op: source.OpUpdate, Before: was, After: row})
		}
	}
	for key := range before {
		if _, still := after[key]; !still && p.Insert != source.InsertReplace {
			return nil, false
		}
	}
	sortChanges(out)
	given := len(p.Rows)
	switch p.Insert {
	case source.InsertReplace:
		return out, fresh == given && n == given+len(before)
	case source.InsertIgnore:
		return out, fresh == n && changed == 0
	}
	return out, n == given+changed && len(after) >= given
}

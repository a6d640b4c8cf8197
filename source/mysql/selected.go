package mysql

import (
	"context"
	"fmt"
	"strings"

	"edgecache/source"
)

// selected runs an UPDATE or DELETE whose rows can be selected before it runs.
//
// The rows are read and locked by the statement's own condition. A plain SELECT
// would not do: it reads the last committed version, and the statement then
// waits for a lock and changes a newer one, which it may only then match:
//
//	1 another transaction sets status = 'open' on row 7, uncommitted
//	2 a plain SELECT ... WHERE status = 'open' does not show row 7
//	3 the other commits
//	4 our UPDATE ... WHERE status = 'open' changes row 7
//
// READ COMMITTED locks no gaps, so a row may come to match between the two. But
// none can go: whether a row matches follows from the row, its partners in an
// inner join and the arguments, all of which are locked or fixed, so that all
// rows that were read still match. Hence the statement matches a superset of
// them, and when the server counts as many as were read, exactly them. There
// can be no swap. A count that differs makes the table Whole.
//
// Where the choice follows from more (LIMIT, subqueries, clocks), the rows that
// were read are chosen already, and the statement is told their keys instead of
// its condition: it is as if it had run at the moment of the SELECT, and it can
// touch no other rows.
//
// In a join, FOR UPDATE locks the partners too, where the statement itself only
// reads them: MariaDB has no FOR UPDATE OF. Writes that join the same partners
// wait for each other.
func (t *transaction) selected(ctx context.Context, w *statement) error {
	groups, fits, err := t.readBefore(ctx, w)
	if err != nil {
		return err
	}
	families, err := t.readKin(ctx, w, groups)
	if err != nil {
		return err
	}
	if f := t.d.seams.afterBefore; f != nil {
		f()
	}
	res, err := t.perform(ctx, w, groups, fits)
	if err != nil {
		return err
	}
	t.noteColumns(w)
	total := 0
	for _, rows := range groups {
		total += len(rows)
	}
	for i, in := range w.targets {
		switch {
		case !fits:
			t.c.crowded(in, w.events())
		case int(res.rows) != total:
			t.c.widen(in, fmt.Sprintf("%d rows were read and %d matched", total, res.rows), w.events())
		case len(groups[i]) > 0:
			if err := t.conclude(ctx, w, i, groups[i], families[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// conclude makes the changes of one target, whose rows before are known.
func (t *transaction) conclude(ctx context.Context, w *statement, i int, before []source.Row, kin *kin) error {
	in := w.targets[i]
	var changes []source.Change
	if w.kind == source.StatementDelete {
		changes = deletions(in, before)
	} else {
		var why string
		var err error
		changes, why, err = t.after(ctx, w, i, before)
		if err != nil {
			return err
		}
		if why != "" {
			t.c.widen(in, why, w.events())
			return nil
		}
	}
	t.settle(in, w.events(), changes, kin)
	if kin == nil {
		return nil
	}
	return t.settleKin(ctx, kin, changes)
}

func deletions(in *info, rows []source.Row) []source.Change {
	out := make([]source.Change, len(rows))
	for i, row := range rows {
		out[i] = source.Change{Table: in.table.Name, Op: source.OpDelete, Before: row}
	}
	return out
}

// noteColumns notes what the statement does to its tables' columns, where they
// are known.
func (t *transaction) noteColumns(w *statement) {
	if w.plan == nil {
		return
	}
	for i, name := range w.plan.Tables {
		in := t.cat.infos[strings.ToLower(name)]
		if in == nil {
			continue
		}
		if columns := w.knownColumns(t.cat, i); columns != nil {
			t.c.set(in, columns)
		} else {
			t.c.mix(in)
		}
	}
}

// readBefore reads, and locks, the rows of each target that the statement's own
// condition selects.
func (t *transaction) readBefore(ctx context.Context, w *statement) (groups [][]source.Row, fits bool, err error) {
	p := w.plan
	lists := make([]string, len(w.targets))
	for i, in := range w.targets {
		lists[i] = in.columnList(quoteName(p.Targets[i].Alias) + ".")
	}
	sql := "SELECT " + strings.Join(lists, ", ") + " FROM " + p.From.SQL
	args := w.args(nil, p.From)
	for _, clause := range []struct {
		word  string
		piece source.Piece
	}{{" WHERE ", p.Where}, {" ORDER BY ", p.Order}, {" LIMIT ", p.Limit}} {
		if clause.piece.SQL != "" {
			sql += clause.word + clause.piece.SQL
			args = w.args(args, clause.piece)
		}
	}
	if p.Limit.SQL == "" && t.c.max > 0 {
		sql += fmt.Sprintf(" LIMIT %d", t.c.max+1) // constant, so that it is prepared once
	}
	if !t.d.seams.plainBefore {
		sql += " FOR UPDATE"
	}
	rows, fits, err := t.readRows(ctx, sql, args)
	if err != nil {
		return nil, false, err
	}
	return w.split(rows), fits && (w.way != wayPick || len(rows) <= maxPicked), nil
}

// args appends the arguments of a piece.
func (s *statement) args(to []source.Value, p source.Piece) []source.Value {
	for _, at := range p.Args {
		to = append(to, s.st.Args[at])
	}
	return to
}

// split gives each target its columns of the rows. A join shows a row once for
// each of its partners.
func (s *statement) split(rows []source.Row) [][]source.Row {
	if s.plan.Joins == nil {
		return [][]source.Row{rows}
	}
	out := make([][]source.Row, len(s.targets))
	at := 0
	for i, in := range s.targets {
		identity, seen := in.steadyKey(nil), map[string]bool{}
		for _, row := range rows {
			part := row[at : at+len(in.table.Columns) : at+len(in.table.Columns)]
			if k := keyOf(identity, part); !seen[k] {
				seen[k] = true
				out[i] = append(out[i], part)
			}
		}
		at += len(in.table.Columns)
	}
	return out
}

// maxPicked is how many rows a statement can be told by key.
const maxPicked = 512

// perform sends the statement; on wayPick, for the rows that were picked.
func (t *transaction) perform(ctx context.Context, w *statement, groups [][]source.Row, fits bool) (*answer, error) {
	if w.way != wayPick || !fits {
		return t.send(ctx, w, w.st.SQL, w.st.Args)
	}
	picked := groups[0]
	if len(picked) == 0 {
		bounded, cancel := t.d.bounded(ctx)
		defer cancel()
		_, err := t.s.prepare(bounded, w.st.SQL) // its mistakes are told all the same
		return &answer{}, wrap(bounded, err)
	}
	key := w.target().steadyKey(nil)
	n := chunkFor(len(picked), maxPicked)
	sql := w.plan.Head.SQL + " WHERE " + w.target().keyed(key, n)
	args := append(w.args(nil, w.plan.Head), keyArgs(key, picked, n)...)
	if w.plan.Order.SQL != "" {
		sql += " ORDER BY " + w.plan.Order.SQL
		args = w.args(args, w.plan.Order)
	}
	res, err := t.send(ctx, w, sql, args)
	if err == nil && res.rows != int64(len(picked)) {
		return nil, &source.Error{Kind: source.ErrInternal, Message: fmt.Sprintf(
			"%d rows were picked and locked, and %d found again by their key", len(picked), res.rows)}
	}
	return res, err
}

package mysql

import (
	"context"
	"slices"
	"strings"

	"edgecache/source"
)

// Cascades are in no answer of the server. The rows that one will change are
// read before, by the keys that they refer to, and again after.
//
// That is exact: the parents are locked when their children are looked for, so
// nobody can make another row refer to them until we are done, and the children
// found are locked too. A session of somebody else that switches its
// foreign_key_checks off escapes that; ours pin them. Where the picture is more
// than a tree (a table that is met twice, a table that refers to itself) the
// child tables are Whole.

// kin are the children of the rows of one table.
type kin struct{ children []*child }

// child is one table with the rows that an action of a foreign key will change.
type child struct {
	in      *info
	fk      *source.ForeignKey
	parent  []int // the columns that fk refers to
	deletes bool  // else the columns of fk are set
	nulls   bool  // to NULL, else to the parent's
	before  []source.Row
	kin     *kin
}

// cascades tells whether events on the table set off actions of foreign keys.
func (in *info) cascades(cat *catalog, e event) bool {
	for _, ref := range cat.children[strings.ToLower(in.table.Name)] {
		if e&onDelete != 0 && acts(ref.onDelete) || e&onUpdate != 0 && acts(ref.onUpdate) {
			return true
		}
	}
	return false
}

// readKin reads the children of a statement's rows, before it runs; nil for a
// target whose children are not, or need not be, read.
func (t *transaction) readKin(ctx context.Context, w *statement, groups [][]source.Row) ([]*kin, error) {
	out := make([]*kin, len(w.targets))
	if len(w.targets) != 1 || len(groups[0]) == 0 || t.d.Flavour() == TiDB {
		return out, nil // TiDB locks no parents
	}
	in := w.target()
	if !in.cascades(t.cat, w.events()) || w.kind == source.StatementUpdate && in.triggered(onUpdate) {
		return out, nil
	}
	k, ok, err := t.kinOf(ctx, in, w.events(), w.knownColumns(t.cat, 0), groups[0], map[*info]bool{in: true})
	if ok {
		out[0] = k
	}
	return out, err
}

// kinOf reads the children of rows, and theirs; false when they must be Whole.
// changed are the columns that an UPDATE sets.
func (t *transaction) kinOf(ctx context.Context, in *info, e event, changed []int, rows []source.Row, met map[*info]bool) (*kin, bool, error) {
	out := &kin{}
	for _, ref := range t.cat.children[strings.ToLower(in.table.Name)] {
		action := ref.onUpdate
		if e == onDelete {
			action = ref.onDelete
		}
		parent := in.columnsOf(ref.columns)
		if !acts(action) || parent != nil && e == onUpdate && !overlap(parent, changed) {
			continue
		}
		c := &child{in: t.cat.infos[ref.child], parent: parent, deletes: e == onDelete && action == "CASCADE", nulls: action == "SET NULL"}
		if c.in == nil || met[c.in] || parent == nil || action != "CASCADE" && action != "SET NULL" || t.c.isWhole(c.in) {
			return nil, false, nil
		}
		met[c.in] = true
		if c.fk = c.in.refersTo(in, ref.columns); c.fk == nil {
			return nil, false, nil
		}
		like, ok := c.referring(in, rows)
		if !ok {
			return nil, false, nil
		}
		var fits bool
		var err error
		if c.before, fits, err = t.readByKey(ctx, c.in, c.fk.Columns, like, " FOR UPDATE"); err != nil || !fits {
			return nil, false, err
		}
		then := onUpdate
		if c.deletes {
			then = onDelete
		}
		if len(c.before) > 0 {
			if c.kin, ok, err = t.kinOf(ctx, c.in, then, c.set(), c.before, met); err != nil || !ok {
				return nil, false, err
			}
		}
		out.children = append(out.children, c)
	}
	return out, true, nil
}

func overlap(a, b []int) bool {
	return slices.ContainsFunc(a, func(x int) bool { return contains(b, x) })
}

// refersTo finds the one foreign key over these columns of the parent.
func (in *info) refersTo(parent *info, columns []string) (found *source.ForeignKey) {
	for i := range in.table.ForeignKeys {
		fk := &in.table.ForeignKeys[i]
		if strings.EqualFold(fk.Parent, parent.table.Name) && slices.EqualFunc(fk.ParentColumns, columns, strings.EqualFold) {
			if found != nil {
				return nil
			}
			found = fk
		}
	}
	return found
}

// referring are rows of the child that refer to the parents.
func (c *child) referring(parent *info, rows []source.Row) (like []source.Row, ok bool) {
	for i, col := range c.fk.Columns {
		if col < 0 || !c.in.canSeek(col) || c.in.table.Columns[col].Family != parent.table.Columns[c.parent[i]].Family {
			return nil, false
		}
	}
	for _, row := range rows {
		one, refers := make(source.Row, len(c.in.table.Columns)), true
		for i, col := range c.fk.Columns {
			one[col] = row[c.parent[i]]
			refers = refers && !one[col].IsNull()
		}
		if refers {
			like = append(like, one)
		}
	}
	return like, true
}

// set are the columns that the action sets, those that follow included.
func (c *child) set() []int {
	out := slices.Clone(c.fk.Columns)
	for i := range c.in.table.Columns {
		if col := &c.in.table.Columns[i]; col.OnUpdate || col.Generated != source.NotGenerated {
			out = append(out, i)
		}
	}
	return out
}

// settleKin keeps what became of the children after the parents' changes.
// Triggers do not fire on cascades in the servers that we know; they are
// followed all the same.
func (t *transaction) settleKin(ctx context.Context, k *kin, parents []source.Change) error {
	for _, c := range k.children {
		if len(c.before) == 0 {
			continue
		}
		var changes []source.Change
		if c.deletes {
			t.c.mix(c.in)
			t.c.reach.triggers(c.in, onDelete)
			changes = deletions(c.in, c.before)
		} else {
			t.c.set(c.in, c.fk.Columns)
			t.c.reach.triggers(c.in, onUpdate)
			after, ok, err := t.kinAfter(ctx, c, parents)
			if err != nil {
				return err
			}
			if !ok {
				t.c.mix(c.in)
				t.c.widen(c.in, "what a cascade made of it was not found", onAny)
				continue
			}
			changes = c.in.updates(c.before, after)
		}
		for _, ch := range changes {
			t.c.add(c.in, ch)
		}
		if c.kin != nil {
			if err := t.settleKin(ctx, c.kin, changes); err != nil {
				return err
			}
		}
	}
	return nil
}

// kinAfter reads what an action that sets columns made of children.
func (t *transaction) kinAfter(ctx context.Context, c *child, parents []source.Change) ([]source.Row, bool, error) {
	key, like := c.in.steadyKey(c.set()), c.before
	if key == nil {
		var ok bool
		if like, ok = c.moved(parents); !ok {
			return nil, false, nil
		}
		if key = c.in.steadyKey(nil); key == nil {
			return nil, false, nil
		}
	}
	rows, fits, err := t.readByKey(ctx, c.in, key, like, "")
	if err != nil || !fits {
		return nil, false, err
	}
	after, ok := pair(key, like, rows)
	return after, ok, nil
}

// moved are the children with the columns that their parents have now. A parent
// that is not among the changes, byte by byte, is the same as before, unless a
// collation took two for one; then the child is not found.
func (c *child) moved(parents []source.Change) ([]source.Row, bool) {
	now := map[string]source.Row{}
	for _, ch := range parents {
		if ch.Before != nil && ch.After != nil {
			now[keyOf(c.parent, ch.Before)] = ch.After
		}
	}
	out := make([]source.Row, len(c.before))
	for i, row := range c.before {
		next := slices.Clone(row)
		if parent := now[keyOf(c.fk.Columns, row)]; parent != nil {
			for at, col := range c.fk.Columns {
				if next[col] = parent[c.parent[at]]; next[col].IsUnknown() {
					return nil, false
				}
			}
		}
		out[i] = next
	}
	return out, !c.nulls
}

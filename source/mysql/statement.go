package mysql

import (
	"slices"
	"strings"

	"edgecache/source"
)

// statement is what is known of one statement before it runs.
type statement struct {
	st   source.Statement
	kind source.StatementKind
	plan *source.WritePlan
	way  way
	// targets are the base tables that the statement writes, in the order of
	// the plan's; nil on wayBlind.
	targets []*info
	unfit   string // why there will be no images
	// ahead is what it may change, as known from the text alone.
	ahead *reach
}

// way is how the images of a statement are had.
type way uint8

const (
	wayBlind  way = iota // there are none: its tables are Whole
	waySelect            // its rows are selected before it runs
	wayPick              // likewise, and it is then told their keys
	wayReturn            // the server returns them
	wayKeys              // an INSERT's are looked for by key
)

// target is the one table of an INSERT, or of what has no more.
func (s *statement) target() *info { return s.targets[0] }

// survey reads a statement's plan and follows its effects as far as they can
// be known without running it.
func (d *DB) survey(cat *catalog, st source.Statement) (*statement, error) {
	v := verbOf(st.SQL)
	s := &statement{st: st, kind: v.kind(), ahead: newReach(cat)}
	if !s.kind.IsWrite() {
		if v == "" {
			return nil, invalid("not a statement for a write: it begins with no keyword, or holds an executable comment or temporary tables")
		}
		return nil, invalid("%s is not a statement for a write", v)
	}
	if v == "CALL" {
		s.ahead.all("CALL")
		return s, nil
	}
	if d.o.Plan != nil {
		plan, err := cat.plans.get(st.SQL, func() (*source.WritePlan, error) { return d.o.Plan(st.SQL, cat.schema, d.database) })
		switch {
		case err != nil:
			s.unfit = "the statement cannot be read: " + err.Error()
		case plan != nil && plan.Kind != s.kind:
			s.unfit = "the statement's plan is of another kind"
		default:
			s.plan = plan
		}
	}
	switch {
	case s.kind == source.StatementDDL && v != "TRUNCATE":
		s.ahead.all("schema change: " + string(v))
	case s.plan == nil:
		if s.unfit == "" {
			s.unfit = "nobody knows the statement's tables"
		}
		s.ahead.all(s.unfit)
	case cat.blind != "":
		s.ahead.all(cat.blind)
	case len(s.plan.Tables) == 0:
		s.ahead.all("nobody knows the statement's tables")
	default:
		s.follow(cat, d.returning())
	}
	return s, nil
}

// follow decides on the way and fills in what the statement sets off.
func (s *statement) follow(cat *catalog, returning bool) {
	s.way, s.unfit = s.choose(cat, returning)
	if s.way == wayBlind {
		s.targets = nil
		for i, name := range s.plan.Tables {
			if s.knownColumns(cat, i) != nil {
				s.ahead.rows(name, s.unfit, s.events())
			} else {
				s.ahead.table(name, s.unfit, s.events())
			}
		}
	}
	// Functions that the statement calls may write.
	mentioned := mentions(s.st.SQL)
	for name, t := range cat.texts {
		if strings.HasPrefix(t.name, "routine ") && mentioned.has(name) {
			s.ahead.body(t)
		}
	}
	if foreignCall(s.st.SQL, cat.database) {
		s.ahead.all("the statement may call a routine of another database")
	}
}

// knownColumns are those that an UPDATE sets in its i-th table; nil when they
// are not known, or it is no UPDATE.
func (s *statement) knownColumns(cat *catalog, i int) []int {
	if s.kind != source.StatementUpdate || i >= len(s.plan.Targets) {
		return nil
	}
	in := cat.infos[strings.ToLower(s.plan.Targets[i].Table)]
	if in == nil {
		return nil
	}
	return in.columnsOf(s.plan.Targets[i].Assigned)
}

// choose decides how the images are had; with wayBlind it says why they are
// not.
func (s *statement) choose(cat *catalog, returning bool) (way, string) {
	p := s.plan
	if s.kind == source.StatementDDL {
		return wayBlind, "TRUNCATE"
	}
	for _, name := range p.Tables {
		in := cat.infos[strings.ToLower(name)]
		if in == nil {
			return wayBlind, firstOf(p.Unfit, "the statement writes through a view")
		}
		s.targets = append(s.targets, in)
	}
	if s.kind == source.StatementInsert {
		return s.chooseInsert(returning)
	}
	may := returning && p.Returns && len(s.targets) == 1
	w, why := s.chooseSelect(cat)
	// What the cascades of a DELETE do can be read only when its rows are known
	// before it runs.
	if may && (w == wayBlind || !s.target().cascades(cat, onDelete)) {
		return wayReturn, ""
	}
	return w, why
}

// chooseSelect decides whether the rows can be selected before.
func (s *statement) chooseSelect(cat *catalog) (way, string) {
	p := s.plan
	switch {
	case p.Unfit != "":
		return wayBlind, p.Unfit
	case len(p.Targets) != len(s.targets) || p.From.SQL == "":
		return wayBlind, "the statement's target is not known as text"
	case p.Joins != nil && p.Chosen != "":
		return wayBlind, p.Chosen
	case p.Joins != nil && s.disturbs(cat):
		return wayBlind, "what it sets off may change the tables that it joins"
	}
	for _, piece := range []source.Piece{p.Head, p.From, p.Where, p.Order, p.Limit} {
		for _, i := range piece.Args {
			if i < 0 || i >= len(s.st.Args) {
				return wayBlind, "the statement's placeholders are not known"
			}
		}
	}
	for i, in := range s.targets {
		if s.kind == source.StatementUpdate && len(in.columnsOf(p.Targets[i].Assigned)) == 0 {
			return wayBlind, "the columns that the statement sets are not known"
		}
		if len(s.targets) > 1 && in.triggered(s.events()&onUpdate) {
			return wayBlind, "a trigger may set what the statement's condition reads"
		}
		if p.Joins != nil && in.steadyKey(nil) == nil {
			return wayBlind, "the table has no key without NULL"
		}
	}
	if p.Chosen == "" {
		return waySelect, ""
	}
	if s.target().steadyKey(nil) == nil {
		return wayBlind, p.Chosen + ", and its table has no key by which to name them"
	}
	return wayPick, ""
}

// disturbs tells whether triggers or cascades of a statement may change, while
// it runs, the tables that it joins.
func (s *statement) disturbs(cat *catalog) bool {
	r := newReach(cat)
	for i, in := range s.targets {
		r.sideEffects(in, s.events(), func(columns []string) bool {
			at := in.columnsOf(columns)
			return at == nil || overlap(at, s.knownColumns(cat, i)) || in.triggered(onUpdate)
		})
	}
	return r.everything != "" || slices.ContainsFunc(s.plan.Joins, func(name string) bool { return r.whole[strings.ToLower(name)] != "" })
}

func firstOf(reasons ...string) string {
	for _, r := range reasons {
		if r != "" {
			return r
		}
	}
	return ""
}

// chooseInsert decides how the rows of an INSERT or REPLACE are had.
func (s *statement) chooseInsert(returning bool) (way, string) {
	if len(s.targets) != 1 {
		return wayBlind, "the statement writes several tables"
	}
	if returning && s.plan.Returns && s.tellsID() {
		return wayReturn, ""
	}
	if s.plan.Unfit != "" {
		return wayBlind, s.plan.Unfit
	}
	if why := s.misfitInsert(); why != "" {
		return wayBlind, why
	}
	return wayKeys, ""
}

// events are what the statement does to rows of its tables.
func (s *statement) events() event {
	switch s.kind {
	case source.StatementUpdate:
		return onUpdate
	case source.StatementDelete:
		return onDelete
	case source.StatementInsert:
		switch s.plan.Insert {
		case source.InsertReplace:
			return onAny
		case source.InsertUpdate:
			return onInsert | onUpdate
		}
		return onInsert
	}
	return 0 // TRUNCATE fires no triggers, and is refused for parents
}

// potential is everything that the statement may change, the target's own rows
// included: what must be transactional for a rollback to be definite.
func (s *statement) potential(cat *catalog) *reach {
	r := newReach(cat)
	r.everything = s.ahead.everything
	for name, why := range s.ahead.whole {
		r.whole[name], r.wide[name] = why, true
	}
	for _, in := range s.targets {
		r.table(in.table.Name, "known from the text alone, for no rollback would undo all of the write", s.events())
	}
	return r
}

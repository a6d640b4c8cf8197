package mysql

import (
	"slices"
	"strconv"
	"strings"

	"edgecache/source"
)

// How the rows of an INSERT are found: by a unique key whose values stand in
// the statement as plain arguments or literals, or by the generated keys. The
// values must be of the column's own sort, so that the row that was stored is
// found by what was given, or nothing is: '7' in a DATE, 0.5 in an INT may be
// stored as something else, and something else may be there already.

// given is what an INSERT says about one column of one row.
type given struct {
	known     bool
	value     source.Value
	generated bool // by AUTO_INCREMENT
}

// insertColumns are the positions of the items; nil: unknown.
func (s *statement) insertColumns() []int {
	if s.plan.Columns != nil {
		return s.target().columnsOf(s.plan.Columns)
	}
	out := make([]int, 0, len(s.target().table.Columns))
	for i := range s.target().table.Columns {
		out = append(out, i)
	}
	return out
}

// of tells what the statement gives a column in a row.
func (s *statement) of(row, col int) given {
	in := s.target()
	at := -1
	for i, c := range s.insertColumns() {
		if c == col {
			at = i
		}
	}
	if at < 0 {
		switch {
		case col == in.auto:
			return given{generated: true}
		case in.nullDefault[col]:
			return given{known: true, value: source.Null()}
		}
		return given{}
	}
	item := s.plan.Rows[row][at]
	v := item.Value
	switch item.Form {
	case source.FormArg:
		v = s.st.Args[item.Arg]
	case source.FormLiteral:
	case source.FormDefault:
		return given{generated: col == in.auto}
	default:
		return given{}
	}
	if in.table.Columns[col].Generated != source.NotGenerated {
		return given{}
	}
	if v.IsNull() {
		if col == in.auto {
			return given{generated: true}
		}
		return given{known: in.nullable[col], value: v}
	}
	v, ok := in.own(col, v)
	if ok && col == in.auto && v == source.Int(0) {
		return given{generated: true}
	}
	return given{known: ok, value: v}
}

// own makes a value one of the column's own sort, or says that it cannot.
func (in *info) own(col int, v source.Value) (source.Value, bool) {
	if !in.canSeek(col) {
		return v, false
	}
	text := v.Kind() == source.KindText
	switch in.table.Columns[col].Family {
	case source.FamilyInt, source.FamilyUint, source.FamilyYear:
		if text {
			n, err := strconv.ParseInt(v.AsText(), 10, 64)
			if err != nil || strconv.FormatInt(n, 10) != v.AsText() {
				return v, false
			}
			return source.Int(n), in.table.Columns[col].Family != source.FamilyYear
		}
		if v == source.Uint(0) {
			v = source.Int(0)
		}
		return v, (v.Kind() == source.KindInt || v.Kind() == source.KindUint) && in.table.Columns[col].Family != source.FamilyYear
	case source.FamilyDecimal:
		return v, v.Kind() == source.KindInt || v.Kind() == source.KindUint || v.Kind() == source.KindDecimal
	case source.FamilyText, source.FamilyDate, source.FamilyDatetime, source.FamilyTimestamp, source.FamilyTime:
		return v, text
	case source.FamilyBinary:
		return v, text || v.Kind() == source.KindBlob
	case source.FamilyEnum:
		if text {
			for _, m := range in.table.Columns[col].Values {
				if m == v.AsText() {
					return v, true
				}
			}
		}
	}
	return v, false
}

// plainKey is a key by which all rows of the INSERT can be found: its columns
// are given, or it is the generated one. nil: none.
func (s *statement) plainKey() []int {
	in := s.target()
	for _, key := range in.uniques {
		if s.triggerMayChange(key) {
			continue
		}
		usable := true
		for _, col := range key {
			generated := 0
			for row := range s.plan.Rows {
				g := s.of(row, col)
				if g.generated {
					generated++
				} else if !g.known || g.value.IsNull() {
					usable = false
				}
			}
			usable = usable && (generated == 0 || generated == len(s.plan.Rows)) && in.canSeek(col)
		}
		if usable {
			return key
		}
	}
	return nil
}

// triggerMayChange tells whether a BEFORE INSERT trigger names a column of the
// key: it may set it to something else than was given.
func (s *statement) triggerMayChange(key []int) bool {
	for _, t := range s.target().triggers {
		if t.event&onInsert == 0 || !t.before {
			continue
		}
		mentioned := mentions(t.body.text)
		for _, i := range key {
			if mentioned.has(strings.ToLower(s.target().table.Columns[i].Name)) {
				return true
			}
		}
	}
	return false
}

// seek is one unique key with the values of it that are looked for, in rows of
// which only its columns are set.
type seek struct {
	key  []int
	rows []source.Row
}

// seeks lists all values of unique keys that the rows of the INSERT may meet;
// false when one is not known. A key with a NULL or a generated value meets
// nothing.
func (s *statement) seeks() (out []seek, ok bool) {
	found := make([]bool, len(s.plan.Rows)) // by some key
	for _, key := range s.target().uniques {
		if s.triggerMayChange(key) {
			return nil, false
		}
		k := seek{key: key}
		for at := range s.plan.Rows {
			row, meets := make(source.Row, len(s.target().table.Columns)), true
			for _, col := range key {
				g := s.of(at, col)
				switch {
				case g.generated || g.known && g.value.IsNull():
					meets = false
				case !g.known:
					return nil, false
				default:
					row[col] = g.value
				}
			}
			if meets {
				k.rows = append(k.rows, row)
				found[at] = true
			}
		}
		if len(k.rows) > 0 {
			out = append(out, k)
		}
	}
	return out, !slices.Contains(found, false)
}

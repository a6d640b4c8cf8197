package mysql

import (
	"strings"
	"unicode"
)

// reach is how far a write goes beyond the rows that are read: tables whose
// changes are not known by row, with the reason, or everything.
type reach struct {
	cat        *catalog
	whole      map[string]string // by lower-cased name
	wide       map[string]bool   // whole by more than UPDATEs of known columns
	everything string
	events     map[string]event // whose effects were followed, by lower-cased table
	followed   map[string]bool  // bodies that were followed
}

func newReach(cat *catalog) *reach {
	return &reach{cat: cat, whole: map[string]string{}, wide: map[string]bool{}, events: map[string]event{}, followed: map[string]bool{}}
}

func (r *reach) all(why string) {
	if r.everything == "" {
		r.everything = why
	}
}

// event is a set of what may happen to rows.
type event uint8

const (
	onInsert event = 1 << iota
	onUpdate
	onDelete
	onAny = onInsert | onUpdate | onDelete
)

// eventNamed reads EVENT_MANIPULATION; what is unknown is any.
func eventNamed(name string) event {
	switch name {
	case "INSERT":
		return onInsert
	case "UPDATE":
		return onUpdate
	case "DELETE":
		return onDelete
	}
	return onAny
}

// table widens to all rows of a table, and to what the events set off.
func (r *reach) table(name, why string, e event) {
	name = strings.ToLower(name)
	r.wide[name] = true
	r.rows(name, why, e)
}

// rows is table for a statement that UPDATEs known columns only; who calls it
// notes them.
func (r *reach) rows(name, why string, e event) {
	name = strings.ToLower(name)
	in := r.cat.infos[name]
	if in == nil {
		if b, ok := r.cat.texts[name]; ok { // a view
			r.body(b)
			return
		}
		r.all("the table " + name + " is unknown")
		return
	}
	if r.whole[name] == "" {
		r.whole[name] = why
	}
	if e &^= r.events[name]; e != 0 {
		r.events[name] |= e
		r.sideEffects(in, e, nil)
	}
}

// sideEffects widens to what events on rows of a table set off: triggers, and
// foreign keys' actions. changed tells whether referenced columns changed; nil:
// they may have.
func (r *reach) sideEffects(in *info, e event, changed func(columns []string) bool) {
	r.triggers(in, e)
	for _, ref := range r.cat.children[strings.ToLower(in.table.Name)] {
		if e&onDelete != 0 && acts(ref.onDelete) || e&onUpdate != 0 && acts(ref.onUpdate) && (changed == nil || changed(ref.columns)) {
			r.table(ref.child, "cascade from "+in.table.Name, onAny)
		}
	}
}

// triggers widens to what the table's triggers may write.
func (r *reach) triggers(in *info, e event) {
	for _, t := range in.triggers {
		if t.event&e != 0 {
			r.body(t.body)
		}
	}
}

// acts tells whether a foreign key's action changes child rows.
func acts(action string) bool { return action != "RESTRICT" && action != "NO ACTION" }

// body widens to every table whose name occurs in a text with effects, and
// follows the views and routines that it names. Names are looked for in the
// whole text, comments and strings included: one too many only widens, and no
// misread quote can hide one.
func (r *reach) body(b body) {
	if r.followed[b.name] {
		return
	}
	r.followed[b.name] = true
	if b.text == "" {
		r.all("the text of " + b.name + " cannot be read")
		return
	}
	mentioned := mentions(b.text)
	switch {
	case mentioned["prepare"] || mentioned["execute"]:
		r.all(b.name + " makes up statements as it runs")
		return
	case foreignCall(b.text, r.cat.database):
		r.all(b.name + " may call a routine of another database")
		return
	}
	for name := range r.cat.infos {
		if mentioned.has(name) {
			r.table(name, b.name, onAny)
		}
	}
	r.texts(mentioned)
}

// texts follows the views and routines that are mentioned.
func (r *reach) texts(mentioned names) {
	for name, t := range r.cat.texts {
		if mentioned.has(name) {
			r.body(t)
		}
	}
}

// names holds the lower-cased names of a text, and under "" the text itself.
type names map[string]bool

// has tells whether a name occurs. Names of unusual characters are not words;
// they are looked for under the key that mentions made for the text.
func (w names) has(name string) bool {
	if plainName(name) {
		return w[name]
	}
	for text := range w {
		if strings.HasPrefix(text, "\x00") && strings.Contains(text, strings.ReplaceAll(name, "`", "``")) {
			return true
		}
	}
	return false
}

func plainName(name string) bool {
	for i := range len(name) {
		if !nameByte(name[i]) {
			return false
		}
	}
	return true
}

// mentions collects every run of name characters of a text, wherever it stands.
func mentions(text string) names {
	lower := strings.ToLower(text)
	out := names{"\x00" + lower: true}
	for _, w := range strings.FieldsFunc(lower, func(c rune) bool { return c < 0x80 && !nameByte(byte(c)) }) {
		out[w] = true
	}
	return out
}

// foreignCall looks for name.name( and for CALL name.name, which may be
// routines of another database; ours are known without their database's name.
func foreignCall(text, database string) bool {
	s := strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || c == '`' || c == '"' {
			return ' '
		}
		return c
	}, text)
	fields := strings.Join(strings.Fields(s), " ")
	for _, gap := range []string{" .", ". ", " ("} {
		fields = strings.ReplaceAll(fields, gap, strings.TrimSpace(gap))
	}
	for i := range len(fields) {
		if fields[i] != '.' || i == 0 || !nameByte(fields[i-1]) || strings.EqualFold(lastName(fields[:i]), database) {
			continue
		}
		j := i + 1
		for j < len(fields) && nameByte(fields[j]) {
			j++
		}
		if j > i+1 && j < len(fields) && fields[j] == '(' && !digitsOnly(fields[i+1:j]) {
			if !columnList(fields[:i]) {
				return true
			}
			continue
		}
		before := strings.TrimSuffix(fields[:i], lastName(fields[:i]))
		if strings.EqualFold(lastName(strings.TrimSuffix(before, " ")), "CALL") && strings.HasSuffix(before, " ") {
			return true
		}
	}
	return false
}

// lastName is the run of name characters at the end.
func lastName(s string) string {
	i := len(s)
	for i > 0 && nameByte(s[i-1]) {
		i--
	}
	return s[i:]
}

// digitsOnly tells whether a run is digits only: 1.5( is no call.
func digitsOnly(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// columnList tells whether db.table( stands where INSERT INTO opens a list of
// columns.
func columnList(before string) bool {
	fields := strings.Fields(strings.ToUpper(before))
	if n := len(fields); n >= 2 {
		return fields[n-2] == "INTO"
	}
	return false
}

// undoable tells whether a ROLLBACK undoes all that r reaches.
func (r *reach) undoable() bool {
	if r.everything != "" {
		return false
	}
	for name := range r.whole {
		if !r.cat.infos[name].table.Transactional {
			return false
		}
	}
	return true
}

package scaffold

import (
	"strings"
)

// value is what a column gets in POST and PUT: what the body says, else its
// default. A column that can be NULL is emptied by null; for one that cannot,
// null counts as absent.
func (c *column) value() string {
	switch {
	case c.fallback == "":
		return ":" + c.param
	case c.NotNull:
		return "COALESCE(:" + c.param + ", " + c.fallback + ")"
	}
	return "CASE WHEN :" + c.param + ".given THEN :" + c.param + " ELSE " + c.fallback + " END"
}

// mustGive tells that a row cannot be without a value from outside.
func (c *column) mustGive() bool { return c.NotNull && c.fallback == "" && !c.auto }

// writable tells that a body can hold the column.
func (c *column) writable() bool { return !c.binary && c.Generated == 0 }

func (m *maker) unwritten() string {
	return m.named(func(_ int, c *column) bool { return c.binary })
}

// post inserts a row. Keys that the database makes are left to it.
func (m *maker) post() {
	if s := m.named(func(_ int, c *column) bool { return c.binary && c.mustGive() }); s != "" {
		m.comments = append(m.comments, "No POST: "+s+" is binary and must be given, which JSON cannot.")
		return
	}
	e := m.add("add", "POST "+m.base)
	var cols, values []string
	auto := ""
	for i, c := range m.columns {
		switch {
		case !c.writable():
			continue
		case c.auto:
			auto = c.param
			continue
		}
		cols, values = append(cols, m.quote(c.Name)), append(values, c.value())
		e.declare(c, c.mustGive() || m.inKey(i) && c.fallback == "")
	}
	if auto != "" {
		e.comments = append(e.comments, "The database makes "+auto+"; the answer has it as lastInsertId.")
	}
	if s := m.unwritten(); s != "" {
		e.comments = append(e.comments, s+": left out, because JSON cannot hold it")
	}
	e.sql = "INSERT INTO " + m.quote(m.name) + " (" + strings.Join(cols, ", ") + ")\nVALUES (" + strings.Join(values, ", ") + ")"
	if len(cols) == 0 {
		e.sql = "INSERT INTO " + m.quote(m.name) + " DEFAULT VALUES"
		if m.mysql {
			e.sql = "INSERT INTO " + m.quote(m.name) + " () VALUES ()"
		}
	}
}

// put replaces a row as a whole, as RFC 9110 has it: what the body leaves out
// goes back to its default, or to NULL.
func (m *maker) put(path string) {
	sets := m.settable()
	if len(sets) == 0 {
		m.comments = append(m.comments, "No PUT or PATCH: beside the key there is nothing that JSON could change.")
		return
	}
	e := m.add("replace", "PUT "+path)
	if s := m.unwritten(); s != "" {
		e.comments = append(e.comments, s+": stays as it is, because JSON cannot hold it")
	}
	var parts []string
	for _, c := range sets {
		parts = append(parts, m.quote(c.Name)+" = "+c.value())
		e.declare(c, c.mustGive())
	}
	e.sql = "UPDATE " + m.quote(m.name) + " SET\n  " + strings.Join(parts, ",\n  ") + "\n" + m.byKey(e)
}

// patch changes what the body names, null included.
func (m *maker) patch(path string) {
	sets := m.settable()
	if len(sets) == 0 {
		return
	}
	e := m.add("update", "PATCH "+path)
	var parts []string
	for _, c := range sets {
		name := m.quote(c.Name)
		parts = append(parts, name+" = CASE WHEN :"+c.param+".given THEN :"+c.param+" ELSE "+name+" END")
		e.declare(c, false)
	}
	e.sql = "UPDATE " + m.quote(m.name) + " SET\n  " + strings.Join(parts, ",\n  ") + "\n" + m.byKey(e)
}

// settable are the columns that an UPDATE may set: not the key, and not what
// the database keeps up to date itself.
func (m *maker) settable() (out []*column) {
	for i, c := range m.columns {
		if c.writable() && !c.OnUpdate && !m.inKey(i) && !c.auto {
			out = append(out, c)
		}
	}
	return out
}

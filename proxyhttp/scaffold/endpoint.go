package scaffold

import (
	"fmt"
	"strings"
)

// endpoint is one endpoint as it is printed.
type endpoint struct {
	name, route string
	result      string
	sql         string
	comments    []string
	params      []param
	dropped     string // why it was taken back, "" when it stands
}

// param is one declaration.
type param struct {
	name, decl, comment string
}

// maker makes the endpoints of one table.
type maker struct {
	*table
	mysql    bool
	slug     string
	base     string // /v1/users
	comments []string
	out      []*endpoint
}

func (m *maker) quote(name string) string { return Quote(m.mysql, name) }

func (m *maker) add(name, route string) *endpoint {
	e := &endpoint{name: m.slug + "." + name, route: route}
	m.out = append(m.out, e)
	return e
}

// make decides what the table gets, and why no more.
func (m *maker) make() {
	if m.why != "" {
		m.comments = append(m.comments, "Not mapped: "+m.why+".")
		return
	}
	m.list()
	switch path, why := m.path(); {
	case m.view:
		m.comments = append(m.comments, "A view: it has no key, so it gets a list only.")
	case why != "":
		m.comments = append(m.comments, why)
	default:
		m.one(path)
		m.post()
		m.put(path)
		m.patch(path)
		m.remove(path)
	}
}

// outputs is the list of a SELECT; names that are no identifiers get one.
func (m *maker) outputs(binaries bool) string {
	var out []string
	for _, c := range m.columns {
		if c.secret || c.binary && !binaries {
			continue
		}
		s := m.quote(c.Name)
		if c.param != c.Name {
			s += " AS " + m.quote(c.param)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// leftOut names the columns for which f holds.
func (m *maker) named(f func(i int, c *column) bool) string {
	var out []string
	for i, c := range m.columns {
		if f(i, c) {
			out = append(out, c.Name)
		}
	}
	return strings.Join(out, ", ")
}

func isSecret(_ int, c *column) bool { return c.secret }

func (c *column) typed() string {
	if c.integers {
		return "int"
	}
	return ""
}

// declare adds the declarations that a column needs.
func (e *endpoint) declare(c *column, required bool) {
	var parts []string
	comment := ""
	if t := c.typed(); t != "" {
		parts, comment = append(parts, "type: "+t), "declared without a type; its rows hold integers"
	}
	if required {
		parts = append(parts, "required: true")
	}
	if len(parts) > 0 {
		e.params = append(e.params, param{c.param, "{" + strings.Join(parts, ", ") + "}", comment})
	}
}

// list is GET /v1/users: filters for indexed columns, then a page.
func (m *maker) list() {
	cols := m.outputs(false)
	if cols == "" {
		m.comments = append(m.comments, "No list: no column is left to show.")
		return
	}
	e := m.add("list", "GET "+m.base)
	if s := m.named(isSecret); s != "" {
		e.comments = append(e.comments, s+": left out of answers, because the name looks like a secret")
	}
	if s := m.named(func(_ int, c *column) bool { return c.binary && !c.secret }); s != "" {
		e.comments = append(e.comments, s+": left out, because it is binary (an answer has it as base64)")
	}
	taken := names{}
	for _, c := range m.columns {
		taken[strings.ToLower(c.param)] = true
	}
	var where []string
	filters := m.filters()
	for _, c := range filters {
		where = append(where, fmt.Sprintf("(:%s IS NULL OR %s = :%[1]s)", c.param, m.quote(c.Name)))
		e.declare(c, false)
	}
	if len(filters) > 0 {
		e.comments = append(e.comments, "Filters: each that is left out is no condition. They are the columns that an index begins with.")
	}
	order, cursor := m.order()
	if cursor != nil {
		after := taken.unique("after")
		where = append(where, fmt.Sprintf("(:%s IS NULL OR %s > :%[1]s)", after, m.quote(cursor.Name)))
		e.comments = append(e.comments, fmt.Sprintf("The next page: ?%s= the %s of the last row.", after, cursor.param))
		if t := cursor.typed(); t != "" {
			e.params = append(e.params, param{after, "{type: " + t + "}", ""})
		}
	}
	e.sql = "SELECT " + cols + "\nFROM " + m.quote(m.name)
	if len(where) > 0 {
		e.sql += "\nWHERE " + strings.Join(where, "\n  AND ")
	}
	if order != "" {
		e.sql += "\nORDER BY " + order
	}
	limit := taken.unique("limit")
	e.sql += "\nLIMIT :" + limit
	e.params = append(e.params, param{limit, "{type: int, default: 20, min: 1, max: 100}", ""})
	if cursor == nil {
		offset := taken.unique("offset")
		e.sql += " OFFSET :" + offset
		e.params = append(e.params, param{offset, "{type: int, default: 0, min: 0, max: 100000}", ""})
	}
}

// filters are the indexed columns that are neither the whole key nor left out.
func (m *maker) filters() (out []*column) {
	for _, i := range m.indexed {
		c := m.columns[i]
		if c.binary || c.secret || len(m.key) == 1 && m.key[0] == i {
			continue
		}
		out = append(out, c)
	}
	return out
}

// order is by the key, and the key is the cursor when it is one column that a
// URL can hold. Without a key pages are stable only as far as the order tells
// rows apart.
func (m *maker) order() (string, *column) {
	var cols []string
	for _, i := range m.key {
		cols = append(cols, m.quote(m.columns[i].Name))
	}
	switch {
	case len(m.key) == 1 && !m.columns[m.key[0]].binary:
		return cols[0], m.columns[m.key[0]]
	case len(m.key) > 0:
		return strings.Join(cols, ", "), nil
	case m.rowid && !m.view && m.named(func(_ int, c *column) bool { return strings.EqualFold(c.Name, "rowid") }) == "":
		return "rowid", nil
	}
	for _, c := range m.columns {
		if !c.binary && !c.secret {
			return m.quote(c.Name), nil
		}
	}
	return "", nil
}

// path is that of a row, or why a row has none.
func (m *maker) path() (path, why string) {
	if len(m.key) == 0 {
		return "", "No primary key: a row cannot be named in a URL, so there is a list only."
	}
	path = m.base
	for _, i := range m.key {
		c := m.columns[i]
		if c.binary {
			return "", "Its key " + c.Name + " is binary, which a URL cannot hold, so there is a list only."
		}
		path += "/{" + c.param + "}"
	}
	return path, ""
}

func (m *maker) byKey(e *endpoint) string {
	var out []string
	for _, i := range m.key {
		c := m.columns[i]
		out = append(out, m.quote(c.Name)+" = :"+c.param)
		e.declare(c, false)
	}
	return "WHERE " + strings.Join(out, " AND ")
}

func (m *maker) one(path string) {
	e := m.add("get", "GET "+path)
	e.result = "one"
	e.sql = "SELECT " + m.outputs(true) + "\nFROM " + m.quote(m.name) + "\n" + m.byKey(e)
}

func (m *maker) remove(path string) {
	e := m.add("remove", "DELETE "+path)
	e.sql = "DELETE FROM " + m.quote(m.name) + " " + m.byKey(e)
}

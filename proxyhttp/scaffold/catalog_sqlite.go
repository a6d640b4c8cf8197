package scaffold

import (
	"strings"

	"edgecache/source"
)

func (c *catalog) sqliteTables() ([]*table, error) {
	// The shadow tables of a virtual table are its own business.
	rows, err := c.rows("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' " +
		"AND name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow') ORDER BY name")
	if err != nil {
		return nil, err
	}
	schema := c.src.Schema()
	var out []*table
	for _, r := range rows {
		name := r[0].AsText()
		if r[1].AsText() == "view" {
			t, err := c.sqliteView(name, schema.View(name))
			if err != nil {
				return nil, err
			}
			out = append(out, t)
			continue
		}
		s := schema.Table(name)
		switch {
		case s == nil:
			continue // it came a moment ago
		case s.Virtual:
			out = append(out, &table{name: name, why: "it is a virtual table, and answers from it are not cached"})
			continue
		}
		t := fromSchema(s)
		if err := c.sqliteColumns(t, s); err != nil {
			return nil, err
		}
		t.checkNames()
		out = append(out, t)
	}
	return out, nil
}

func (c *catalog) sqliteColumns(t *table, s *source.Table) error {
	rows, err := c.rows("SELECT name, dflt_value FROM pragma_table_xinfo(?)", source.Text(t.name))
	if err != nil {
		return err
	}
	for _, r := range rows {
		if col, _ := t.column(r[0].AsText()); col != nil && !r[1].IsNull() && !strings.EqualFold(r[1].AsText(), "NULL") {
			col.fallback = sqliteDefault(r[1].AsText())
		}
	}
	for i, col := range t.columns {
		col.auto = i == s.RowidColumn
		col.binary = col.DeclType != "" && col.Affinity == source.AffinityBlob && !strings.EqualFold(col.DeclType, "ANY")
	}
	if err := c.sqliteIntegers(t); err != nil {
		return err
	}
	rows, err = c.rows("SELECT i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i WHERE i.seqno = 0 AND l.partial = 0 AND i.name IS NOT NULL",
		source.Text(t.name))
	for _, r := range rows {
		_, i := t.column(r[0].AsText())
		t.addIndex(i)
	}
	return err
}

// sqliteDefault is the default as an expression. In DEFAULT, unlike elsewhere,
// a bare word and a text in double quotes are strings.
func sqliteDefault(text string) string {
	switch {
	case len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"':
		text = strings.ReplaceAll(text[1:len(text)-1], `""`, `"`)
	case !isIdentifier(text) || defaultWords[strings.ToLower(text)]:
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

var defaultWords = map[string]bool{"true": true, "false": true, "current_timestamp": true, "current_date": true, "current_time": true}

// sqliteIntegers looks what columns without a type hold: text from a URL is
// equal to no integer.
func (c *catalog) sqliteIntegers(t *table) error {
	for _, col := range t.columns {
		if col.DeclType != "" {
			continue
		}
		name := Quote(false, col.Name)
		rows, err := c.rows("SELECT COUNT(*), SUM(typeof(v) = 'integer') FROM (SELECT " + name + " AS v FROM " + Quote(false, t.name) + " WHERE " + name + " IS NOT NULL LIMIT 1000)")
		if err != nil {
			return err
		}
		col.integers = rows[0][0].AsInt() > 0 && rows[0][1] == rows[0][0]
	}
	return nil
}

func (c *catalog) sqliteView(name string, v *source.View) (*table, error) {
	t := &table{name: name, view: true}
	if v == nil || len(v.Cols) == 0 {
		t.why = "the database does not compile it"
		return t, nil
	}
	d, err := c.src.Describe(c.ctx, "SELECT * FROM "+Quote(false, name))
	if err != nil {
		t.why = "the database does not compile it: " + err.Error()
		return t, nil
	}
	for _, o := range d.Columns {
		t.columns = append(t.columns, &column{Column: source.Column{Name: o.Name, DeclType: o.DeclType},
			binary: strings.Contains(strings.ToUpper(o.DeclType), "BLOB")})
	}
	t.checkNames()
	return t, nil
}

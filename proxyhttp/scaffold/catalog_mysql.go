package scaffold

import (
	"regexp"
	"strings"

	"edgecache/source"
)

func (c *catalog) mysqlTables() ([]*table, error) {
	rows, err := c.rows("SELECT VERSION()")
	if err != nil {
		return nil, err
	}
	c.mariadb = strings.Contains(rows[0][0].AsText(), "MariaDB")
	rows, err = c.rows("SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() " +
		"AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') ORDER BY TABLE_NAME")
	if err != nil {
		return nil, err
	}
	schema := c.src.Schema()
	byName := map[string]*table{}
	var out []*table
	for _, r := range rows {
		name := r[0].AsText()
		t := &table{name: name, view: r[1].AsText() == "VIEW"}
		if s := schema.Table(name); s != nil {
			t = fromSchema(s)
			t.rowid = false
		} else if !t.view {
			continue // it came a moment ago
		}
		out, byName[name] = append(out, t), t
	}
	if err := c.mysqlColumns(byName); err != nil {
		return nil, err
	}
	if err := c.mysqlIndexes(byName); err != nil {
		return nil, err
	}
	for _, t := range out {
		if t.view && len(t.columns) > 0 {
			if _, err := c.src.Describe(c.ctx, "SELECT * FROM "+Quote(true, t.name)); err != nil {
				t.why = "the database does not run it: " + err.Error()
			}
		}
		t.checkNames()
	}
	return out, nil
}

// opaqueTypes have no form in JSON that could be written back.
var opaqueTypes = regexp.MustCompile(`^(tiny|medium|long)?blob|^(var)?binary|^(multi)?(point|linestring|polygon)|^geom|^vector|^bit`)

func (c *catalog) mysqlColumns(byName map[string]*table) error {
	rows, err := c.rows("SELECT TABLE_NAME, COLUMN_NAME, COLUMN_DEFAULT, EXTRA, DATA_TYPE, COLUMN_TYPE FROM information_schema.COLUMNS " +
		"WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION")
	if err != nil {
		return err
	}
	for _, r := range rows {
		t := byName[r[0].AsText()]
		if t == nil {
			continue
		}
		col, _ := t.column(r[1].AsText())
		if t.view {
			col = &column{Column: source.Column{Name: r[1].AsText(), DeclType: r[5].AsText()}}
			t.columns = append(t.columns, col)
		}
		if col == nil {
			continue
		}
		extra, typ := strings.ToLower(r[3].AsText()), strings.ToLower(r[4].AsText())
		col.auto = strings.Contains(extra, "auto_increment")
		col.binary = opaqueTypes.MatchString(typ)
		if strings.Contains(extra, "generated always") {
			col.Generated = source.GeneratedStored // the period of a system-versioned table
		}
		if col.Generated == source.NotGenerated {
			col.fallback = c.mysqlDefault(r[2], extra, col.Family)
		}
	}
	return nil
}

// mysqlDefault is the default as SQL. MariaDB prints it so; MySQL prints the
// bare value, unless the default is an expression.
func (c *catalog) mysqlDefault(v source.Value, extra string, f source.Family) string {
	text := v.AsText()
	switch {
	case v.IsNull() || text == "NULL" && c.mariadb:
		return ""
	case c.mariadb:
		return text
	case strings.Contains(extra, "default_generated") && strings.HasPrefix(strings.ToUpper(text), "CURRENT_TIMESTAMP"):
		return text
	case strings.Contains(extra, "default_generated"):
		return "(" + strings.ReplaceAll(text, `\'`, `'`) + ")"
	case f == source.FamilyBit:
		return text
	}
	return "'" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), "'", "''") + "'"
}

func (c *catalog) mysqlIndexes(byName map[string]*table) error {
	rows, err := c.rows("SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS " +
		"WHERE TABLE_SCHEMA = DATABASE() AND SEQ_IN_INDEX = 1 AND COLUMN_NAME IS NOT NULL AND INDEX_TYPE IN ('BTREE', 'HASH') ORDER BY TABLE_NAME, INDEX_NAME")
	for _, r := range rows {
		if t := byName[r[0].AsText()]; t != nil && !t.view {
			_, i := t.column(r[1].AsText())
			t.addIndex(i)
		}
	}
	return err
}

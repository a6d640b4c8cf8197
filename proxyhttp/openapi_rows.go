package proxyhttp

import (
	"encoding/json"
	"strings"

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

// answerSchema describes the body of a GET. Variants that give other columns
// are alternatives.
func (e *endpoint) answerSchema(p *plan) object {
	rows := e.alternatives(p, func(v *variant) object {
		t := v.statements[0].Template
		return e.rowSchema(t.Columns, e.plainly(v))
	})
	if e.cfg.Result == config.One {
		return rows
	}
	return object{"type": "array", "items": rows}
}

// returned describes the rows that a write's RETURNING gives; nil: it has none.
func (e *endpoint) returned(p *plan) object {
	for _, v := range p.variants {
		for _, st := range v.statements {
			if len(st.Columns) > 0 {
				return e.alternatives(p, func(v *variant) object {
					out := object{"type": "object"}
					for _, st := range v.statements {
						if len(st.Columns) > 0 {
							out = e.rowSchema(st.Columns, true)
						}
					}
					return out
				})
			}
		}
	}
	return nil
}

// alternatives are the different schemas of the variants.
func (e *endpoint) alternatives(p *plan, of func(*variant) object) object {
	var list []any
	seen := map[string]bool{}
	for _, name := range p.order {
		v := p.variants[name]
		if len(v.statements) == 0 {
			continue
		}
		schema := of(v)
		text, err := json.Marshal(schema)
		if err != nil || seen[string(text)] {
			continue // plain structures: cannot fail
		}
		seen[string(text)] = true
		list = append(list, schema)
	}
	switch len(list) {
	case 0:
		return object{"type": "object"}
	case 1:
		return list[0].(object)
	}
	return object{"anyOf": list}
}

// plainly tells that each row of the answer is a row of one table, so that a
// column that cannot be NULL in the table cannot be NULL in the answer. Outer
// joins and unions could make it so; wherever either word stands we do not know.
func (e *endpoint) plainly(v *variant) bool {
	t := v.statements[0].Template
	if t.Query == nil || len(t.Query.Occurrences) != 1 || t.Query.Occurrences[0].RecordColumns == nil {
		return false
	}
	sql := strings.ToUpper(t.SQL)
	return !strings.Contains(sql, "JOIN") && !strings.Contains(sql, "UNION") && !strings.Contains(sql, "EXCEPT") && !strings.Contains(sql, "INTERSECT")
}

// rowSchema is a row: every column is there, in this order, NULL as null.
func (e *endpoint) rowSchema(columns []source.OutputColumn, plainly bool) object {
	properties, required := object{}, []any{}
	schema := e.db.src.Schema()
	for _, c := range columns {
		required = append(required, c.Name)
		properties[c.Name] = columnSchema(c, originOf(schema, c), plainly)
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// originOf finds the column that an output column is; nil: an expression.
func originOf(schema *source.Schema, c source.OutputColumn) *source.Column {
	if schema == nil || c.Table == "" {
		return nil
	}
	t := schema.Table(c.Table)
	if t == nil {
		return nil
	}
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, c.Column) {
			return &t.Columns[i]
		}
	}
	return nil
}

// columnSchema describes the values of a column as render prints them.
func columnSchema(c source.OutputColumn, origin *source.Column, plainly bool) object {
	out := object{}
	typ := declaredType(c.DeclType, origin, out)
	switch {
	case typ == "":
		out["description"] = "as the database computes it"
	case plainly && origin != nil && origin.NotNull:
		out["type"] = typ
	default:
		out["type"] = []any{typ, "null"}
	}
	return out
}

// declaredType reads a declared type and adds formats to out; "" is an
// expression, or a column without a type, of which nothing is known: to list
// what it might be would make clients of it that nobody wants to use. Times are
// strings as the database prints them, which has a blank where RFC 3339 has a
// T, so only a date has a standard format.
func declaredType(decl string, origin *source.Column, out object) string {
	typ := strings.ToUpper(decl)
	if i := strings.IndexByte(typ, '('); i >= 0 {
		typ = typ[:i]
	}
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(typ, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("DATETIME", "TIMESTAMP"):
		out["format"] = "sql-datetime"
		return "string"
	case has("DATE"):
		out["format"] = "date"
		return "string"
	case has("TIME"):
		out["format"] = "sql-time"
		return "string"
	case has("BLOB", "BINARY", "GEOMETRY"):
		out["contentEncoding"] = "base64"
		return "string"
	case has("POINT"): // before INT, which it holds
		return "string"
	case has("INT", "YEAR", "BOOL"):
		out["format"] = "int64"
		if has("UNSIGNED") {
			delete(out, "format")
			out["minimum"] = 0
		}
		return "integer"
	case has("DEC", "NUMERIC", "REAL", "FLOA", "DOUB"):
		return "number"
	case has("CHAR", "CLOB", "TEXT", "ENUM", "SET", "JSON", "UUID", "INET"):
		return "string"
	}
	if origin != nil {
		switch origin.Affinity {
		case source.AffinityText:
			return "string"
		case source.AffinityInteger:
			return "integer"
		case source.AffinityReal:
			return "number"
		}
	}
	return ""
}

package proxyhttp

import (
	"sort"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// RowChange is one row that a write would change.
type RowChange struct {
	Table string `json:"table"`
	Op    string `json:"op"` // INSERT, UPDATE, DELETE
	// Key holds the values of the primary key, joined with "," as in records;
	// "" where there is none.
	Key string `json:"key,omitempty"`
	// Indirect tells that no statement names the table: a trigger or a foreign
	// key's cascade changes it.
	Indirect bool           `json:"indirect,omitempty"`
	Columns  []ColumnChange `json:"columns"`
}

// ColumnChange is one column with its values as SQL literals, "?" for one that
// could not be read. Before is empty on INSERT, After on DELETE.
type ColumnChange struct {
	Name    string `json:"name"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Changed bool   `json:"changed"`
}

// WholeTable is a table any row of which may change.
type WholeTable struct {
	Table  string `json:"table"`
	Reason string `json:"reason"`
}

// rowChanges prints the images, as many as Changes has.
func (db *database) rowChanges(sts []source.Statement, ws *source.WriteSet) []RowChange {
	named := map[string]bool{}
	for _, st := range sts {
		if t := targetOf(st.SQL); t != "" {
			named[strings.ToLower(t)] = true
		}
	}
	schema := db.src.Schema()
	out := []RowChange{}
	for i := range ws.Changes[:min(len(ws.Changes), explainChanges)] {
		c := &ws.Changes[i]
		r := RowChange{Table: c.Table, Op: c.Op.String(), Columns: []ColumnChange{}}
		// A statement of which the target is not known may name any table.
		r.Indirect = len(named) == len(sts) && !named[strings.ToLower(c.Table)] && !viaView(schema, named)
		if t := schema.Table(c.Table); t != nil {
			r.Key, r.Columns = keyOfRow(t, c), columnChanges(t, c)
		}
		out = append(out, r)
	}
	return out
}

// viaView tells that a statement writes a view: then a trigger does the work,
// which is what was asked for.
func viaView(schema *source.Schema, named map[string]bool) bool {
	for t := range named {
		if schema.View(t) != nil {
			return true
		}
	}
	return false
}

// keyOfRow prints the key of the row as it was, or as it came.
func keyOfRow(t *source.Table, c *source.Change) string {
	row := c.Before
	if row == nil {
		row = c.After
	}
	key := t.PrimaryKey
	if len(key) == 0 && t.RowidColumn >= 0 {
		key = []int{t.RowidColumn}
	}
	if len(key) == 0 || len(row) != len(t.Columns) {
		return ""
	}
	text, ok := recordKey(row, key)
	if !ok {
		return ""
	}
	return text
}

func columnChanges(t *source.Table, c *source.Change) []ColumnChange {
	out := []ColumnChange{}
	for i := range t.Columns {
		cc := ColumnChange{Name: t.Columns[i].Name, Changed: true}
		if i < len(c.Before) {
			cc.Before = shortLiteral(c.Before[i])
		}
		if i < len(c.After) {
			cc.After = shortLiteral(c.After[i])
		}
		if i < len(c.Before) && i < len(c.After) {
			cc.Changed = c.Before[i].IsUnknown() || c.Before[i] != c.After[i]
		}
		out = append(out, cc)
	}
	return out
}

const maxLiteral = 120

// shortLiteral is the SQL literal, cut where it is long.
func shortLiteral(v source.Value) string {
	s := v.String()
	if len(s) > maxLiteral {
		s = strings.ToValidUTF8(s[:maxLiteral], "") + "…"
	}
	return s
}

func wholeTables(ws *source.WriteSet) []WholeTable {
	var out []WholeTable
	for t, why := range ws.Whole {
		out = append(out, WholeTable{t, why})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Table < out[j].Table })
	return out
}

// spelled prints statements with their arguments in place of the placeholders.
// It is for people: nothing of it is ever run.
func (db *database) spelled(sts []source.Statement) []string {
	out := []string{}
	for _, st := range sts {
		var b strings.Builder
		n := 0
		for _, tok := range sqlTokens(st.SQL, db.dialect == sqlparse.MySQL) {
			switch {
			case tok == "?" && n < len(st.Args):
				tok = shortLiteral(st.Args[n])
				n++
			case strings.TrimSpace(tok) == "" || strings.HasPrefix(tok, "--") || strings.HasPrefix(tok, "/*"):
				tok = " "
			}
			if tok != " " || b.Len() > 0 && !strings.HasSuffix(b.String(), " ") {
				b.WriteString(tok)
			}
		}
		out = append(out, strings.TrimSpace(b.String()))
	}
	return out
}

// targetOf is the table that a statement's text writes, "" when the text is of
// no form that is known. Only a label rests on it.
func targetOf(sql string) string {
	var words []string
	depth := 0
	for _, tok := range sqlTokens(sql, false) {
		switch {
		case strings.TrimSpace(tok) == "" || strings.HasPrefix(tok, "--") || strings.HasPrefix(tok, "/*"):
			continue
		case tok == "(":
			depth++
		case tok == ")":
			depth--
			continue
		}
		if depth == 0 {
			words = append(words, tok)
		}
	}
	for i, w := range words {
		after := i + 1
		switch strings.ToUpper(w) {
		case "INTO":
		case "FROM":
			if !hasWord(words[:i], "DELETE") {
				continue
			}
		case "UPDATE":
			for after < len(words) && updateWords[strings.ToUpper(words[after])] {
				after++
			}
		default:
			continue
		}
		if after+2 < len(words) && words[after+1] == "." {
			after += 2 // main.users, shop.users
		}
		if after < len(words) {
			return strings.Trim(words[after], "\"`[]")
		}
	}
	return ""
}

// updateWords may stand between UPDATE and its table.
var updateWords = map[string]bool{"OR": true, "ROLLBACK": true, "ABORT": true, "REPLACE": true, "FAIL": true, "IGNORE": true, "LOW_PRIORITY": true}

func hasWord(words []string, want string) bool {
	for _, w := range words {
		if strings.EqualFold(w, want) {
			return true
		}
	}
	return false
}

// sqlTokens cuts a text into words, quoted texts, comments, blanks and single
// characters; put together they are the text. escapes: a backslash quotes.
func sqlTokens(sql string, escapes bool) []string {
	var out []string
	for sql != "" {
		n := tokenLength(sql, escapes)
		out = append(out, sql[:n])
		sql = sql[n:]
	}
	return out
}

func tokenLength(s string, escapes bool) int {
	end := func(of string, from int) int {
		if i := strings.Index(s[from:], of); i >= 0 {
			return from + i + len(of)
		}
		return len(s)
	}
	while := func(in func(c byte) bool) int {
		n := 1
		for n < len(s) && in(s[n]) {
			n++
		}
		return n
	}
	switch c := s[0]; {
	case c == '\'' || c == '"' || c == '`':
		for i := 1; i < len(s); i++ {
			switch {
			case s[i] == '\\' && escapes && c != '`':
				i++
			case s[i] == c:
				return i + 1 // a doubled quote makes two tokens, side by side
			}
		}
		return len(s)
	case c == '[':
		return end("]", 1)
	case strings.HasPrefix(s, "--"):
		return end("\n", 2)
	case strings.HasPrefix(s, "/*"):
		return end("*/", 2)
	case isBlank(c):
		return while(isBlank)
	case isWordByte(c):
		return while(isWordByte)
	}
	return 1
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

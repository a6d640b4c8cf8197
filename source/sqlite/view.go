package sqlite

import "strings"

// viewBody returns the SELECT of a CREATE VIEW, exactly as written, or "" when
// the text has another form than SQLite's grammar gives it.
func viewBody(sql string) string {
	l := lexer{sql: sql}
	for _, word := range []string{"CREATE", "VIEW"} {
		t := l.next()
		if word == "VIEW" && (l.is(t, "TEMP") || l.is(t, "TEMPORARY")) {
			t = l.next()
		}
		if !l.is(t, word) {
			return ""
		}
	}
	t := l.next()
	if l.is(t, "IF") { // NOT EXISTS; a view of that name must be quoted
		l.next()
		l.next()
		t = l.next()
	}
	if t.kind == tokenEnd {
		return ""
	}
	t = l.next() // behind the name
	if l.punct(t, '.') {
		l.next()
		t = l.next()
	}
	if l.punct(t, '(') {
		t = l.skipGroup()
	}
	if !l.is(t, "AS") {
		return ""
	}
	body := l.next()
	return strings.TrimSpace(sql[body.start:])
}

// unquoteName takes the quotes off a name.
func unquoteName(s string) string {
	if len(s) < 2 {
		return s
	}
	switch q := s[0]; {
	case q == '[' && s[len(s)-1] == ']':
		return s[1 : len(s)-1]
	case (q == '"' || q == '`' || q == '\'') && s[len(s)-1] == q:
		return strings.ReplaceAll(s[1:len(s)-1], string([]byte{q, q}), string([]byte{q}))
	}
	return s
}

package sqlite

import (
	"strings"

	"edgecache/source"
)

// verb is the keyword that says what a statement is for, in upper case.
type verb string

// verbOf finds it: the first word, or the one behind a WITH clause.
func verbOf(sql string) verb {
	l := lexer{sql: fromFirstWord(sql)}
	t := l.next()
	if l.is(t, "WITH") {
		t = l.skipWith()
	}
	if t.kind != tokenWord {
		return ""
	}
	return verb(strings.ToUpper(l.text(t)))
}

// fromFirstWord cuts comments, blanks and ';' off the beginning.
func fromFirstWord(sql string) string {
	l := lexer{sql: sql}
	t := l.next()
	for l.punct(t, ';') {
		t = l.next()
	}
	return sql[t.start:]
}

// skipWith moves over the tables of a WITH clause and returns the token behind
// it. Names may be keywords, so the clause is read by its form.
func (l *lexer) skipWith() token {
	if l.is(l.next(), "RECURSIVE") {
		l.next()
	}
	for {
		t := l.next() // behind the name
		if l.punct(t, '(') {
			t = l.skipGroup()
		}
		if !l.is(t, "AS") {
			return t
		}
		for t = l.next(); l.is(t, "NOT") || l.is(t, "MATERIALIZED"); t = l.next() {
		}
		if !l.punct(t, '(') {
			return t
		}
		if t = l.skipGroup(); !l.punct(t, ',') {
			return t
		}
		l.next() // the next name
	}
}

// skipGroup moves behind the parenthesis that closes the one just read and
// returns the token there.
func (l *lexer) skipGroup() token {
	for depth := 1; depth > 0; {
		t := l.next()
		switch {
		case t.kind == tokenEnd:
			return t
		case l.punct(t, '('):
			depth++
		case l.punct(t, ')'):
			depth--
		}
	}
	return l.next()
}

// kind is what a statement with that verb is for.
func (v verb) kind() source.StatementKind {
	switch v {
	case "SELECT", "VALUES":
		return source.StatementSelect
	case "INSERT", "REPLACE":
		return source.StatementInsert
	case "UPDATE":
		return source.StatementUpdate
	case "DELETE":
		return source.StatementDelete
	case "CREATE", "DROP", "ALTER":
		return source.StatementDDL
	}
	return source.StatementOther
}

// isOther tells of verbs that SQLite knows and this package does not run. An
// unknown word is not among them: it is a syntax error, and SQLite says so.
func (v verb) isOther() bool {
	switch v {
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH",
		"PRAGMA", "VACUUM", "ANALYZE", "REINDEX", "EXPLAIN":
		return true
	}
	return false
}

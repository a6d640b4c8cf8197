package sqlite

import "strings"

// token is a piece of SQL text that is neither blank nor comment.
type token struct {
	kind       tokenKind
	start, end int // in the text
}

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // unquoted name or keyword
	tokenName             // "x", `x` or [x]
	tokenString           // 'x'
	tokenBlob             // x'00'
	tokenNumber
	tokenOther // one byte of punctuation, or a parameter
)

// lexer cuts SQL text as SQLite does, as far as names, strings and comments go.
type lexer struct {
	sql string
	pos int
}

// next returns the next token; at the end its kind is tokenEnd.
func (l *lexer) next() token {
	l.skipBlank()
	if l.pos >= len(l.sql) {
		return token{tokenEnd, len(l.sql), len(l.sql)}
	}
	start := l.pos
	kind := l.scan()
	return token{kind, start, l.pos}
}

// text is the token as written.
func (l *lexer) text(t token) string { return l.sql[t.start:t.end] }

// is tells whether t is that unquoted word.
func (l *lexer) is(t token, word string) bool {
	return t.kind == tokenWord && strings.EqualFold(l.text(t), word)
}

// punct tells whether t is that one byte.
func (l *lexer) punct(t token, b byte) bool {
	return t.kind == tokenOther && t.end == t.start+1 && l.sql[t.start] == b
}

func (l *lexer) skipBlank() {
	for l.pos < len(l.sql) {
		rest := l.sql[l.pos:]
		switch {
		case strings.IndexByte(" \t\n\f\r", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "--"):
			l.pos = after(l.sql, l.pos, "\n")
		case strings.HasPrefix(rest, "/*"):
			l.pos = after(l.sql, l.pos+2, "*/")
		default:
			return
		}
	}
}

// scan moves behind the token that starts here.
func (l *lexer) scan() tokenKind {
	b := l.sql[l.pos]
	switch {
	case b == '\'':
		l.quoted('\'')
		return tokenString
	case b == '"' || b == '`':
		l.quoted(b)
		return tokenName
	case b == '[':
		l.pos = after(l.sql, l.pos, "]")
		return tokenName
	case (b == 'x' || b == 'X') && l.pos+1 < len(l.sql) && l.sql[l.pos+1] == '\'':
		l.pos++
		l.quoted('\'')
		return tokenBlob
	case isDigit(b) || b == '.' && l.pos+1 < len(l.sql) && isDigit(l.sql[l.pos+1]):
		l.number()
		return tokenNumber
	case isWordByte(b) && b != '$':
		l.word()
		return tokenWord
	case strings.IndexByte("?:@#$", b) >= 0:
		l.pos++
		l.word()
		return tokenOther
	}
	l.pos++
	return tokenOther
}

// quoted moves behind a text whose quotes are doubled inside.
func (l *lexer) quoted(q byte) {
	for l.pos++; l.pos < len(l.sql); l.pos++ {
		if l.sql[l.pos] != q {
			continue
		}
		if l.pos+1 < len(l.sql) && l.sql[l.pos+1] == q {
			l.pos++
			continue
		}
		l.pos++
		return
	}
}

func (l *lexer) word() {
	for l.pos < len(l.sql) && isWordByte(l.sql[l.pos]) {
		l.pos++
	}
}

func (l *lexer) number() {
	for l.pos < len(l.sql) {
		b := l.sql[l.pos]
		exponent := (b == '+' || b == '-') && strings.IndexByte("eE", l.sql[l.pos-1]) >= 0 &&
			!strings.HasPrefix(strings.ToLower(l.sql[:l.pos]), "0x")
		if !isWordByte(b) && b != '.' && !exponent {
			return
		}
		l.pos++
	}
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isWordByte(b byte) bool {
	return isDigit(b) || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' || b == '$' || b >= 0x80
}

// after is the position behind the next mark, or the end of the text.
func after(s string, from int, mark string) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(s)
}

// onlyBlank tells whether sql holds nothing but blanks, comments and ';'.
func onlyBlank(sql string) bool {
	l := lexer{sql: sql}
	for {
		t := l.next()
		if t.kind == tokenEnd {
			return true
		}
		if !l.punct(t, ';') {
			return false
		}
	}
}

// hasWord tells whether the unquoted word occurs anywhere in sql.
func hasWord(sql, word string) bool {
	l := lexer{sql: sql}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if l.is(t, word) {
			return true
		}
	}
	return false
}

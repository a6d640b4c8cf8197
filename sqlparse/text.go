package sqlparse

import (
	"fmt"
	"strings"

	"edgecache/source"
)

// text is a statement cut into pieces: plain SQL with the parameters taken
// out. It is never cut inside a string, a quoted name or a comment.
type text struct {
	dialect Dialect
	tokens  []token
	names   []string // parameters, each once, in order of first appearance
}

type tokenKind uint8

const (
	tokSpace    tokenKind = iota // white space and comments
	tokWord                      // keyword or plain name
	tokQuoted                    // "name", `name`, [name]
	tokString                    // 'text', x'..'
	tokNumber                    //
	tokParam                     // :name, :name.given
	tokMark                      // ?, in text that is ready to be executed
	tokOperator                  // everything else, one or two characters
)

type token struct {
	kind  tokenKind
	s     string // as written
	param int    // of a tokParam: its position in names
	// glob tells that ESCAPE '\' belongs behind this parameter.
	glob bool
	// list tells that this mention expands to as many placeholders as the
	// parameter has values: it is an item of IN (...).
	list bool
}

// is tells whether the token is this keyword or operator.
func (t token) is(s string) bool {
	return (t.kind == tokWord || t.kind == tokOperator) && strings.EqualFold(t.s, s)
}

// scan cuts sql into tokens. Everything it accepts it reproduces byte by byte.
func scan(sql string, d Dialect) (*text, error) {
	t, err := cut(sql, d)
	if err != nil {
		return nil, err
	}
	for _, tok := range t.tokens {
		if tok.kind == tokMark {
			return nil, fmt.Errorf("? is not a parameter here; write parameters as :name")
		}
	}
	return t, nil
}

// cut is scan for text that may have placeholders.
func cut(sql string, d Dialect) (*text, error) {
	t := &text{dialect: d}
	for i := 0; i < len(sql); {
		tok, n, err := d.scanToken(sql[i:])
		if err != nil {
			return nil, err
		}
		if tok.kind == tokParam {
			tok.param = t.param(tok.s[1:])
		}
		t.tokens = append(t.tokens, tok)
		i += n
	}
	return t, nil
}

func (t *text) param(name string) int {
	for i, n := range t.names {
		if n == name {
			return i
		}
	}
	t.names = append(t.names, name)
	return len(t.names) - 1
}

func (d Dialect) scanToken(s string) (token, int, error) {
	take := func(k tokenKind, n int) (token, int, error) {
		return token{kind: k, s: s[:n]}, n, nil
	}
	c := s[0]
	switch {
	case isSpace(c):
		n := 1
		for n < len(s) && isSpace(s[n]) {
			n++
		}
		return take(tokSpace, n)
	case d.isLineComment(s):
		n := strings.IndexByte(s, '\n')
		if n < 0 {
			n = len(s)
		}
		return take(tokSpace, n)
	case d == MySQL && executable(s):
		return token{}, 0, fmt.Errorf("comments that the server executes are not read: %s", clip(s))
	case strings.HasPrefix(s, "/*"):
		n := strings.Index(s[2:], "*/")
		if n < 0 {
			return token{}, 0, fmt.Errorf("comment is not closed: %s", clip(s))
		}
		return take(tokSpace, n+4)
	case c == '\'' || c == '"' || c == '`':
		n, ok := d.quotedLen(s, c)
		if !ok {
			return token{}, 0, fmt.Errorf("quote is not closed: %s", clip(s))
		}
		if c == '\'' || c == '"' && d == MySQL {
			return take(tokString, n)
		}
		return take(tokQuoted, n)
	case c == '[' && d == SQLite:
		n := strings.IndexByte(s, ']')
		if n < 0 {
			return token{}, 0, fmt.Errorf("bracket is not closed: %s", clip(s))
		}
		return take(tokQuoted, n+1)
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		n, ok := d.quotedLen(s[1:], '\'')
		if !ok {
			return token{}, 0, fmt.Errorf("quote is not closed: %s", clip(s))
		}
		return take(tokString, n+1)
	case c == ':' && len(s) > 1 && isWordStart(s[1]):
		n := 2
		for n < len(s) && isWordPart(s[n]) && s[n] != '$' {
			n++
		}
		more, err := givenLen(s[n:])
		if err != nil {
			return token{}, 0, err
		}
		return take(tokParam, n+more)
	case c == '?' && (len(s) == 1 || !isDigit(s[1])):
		return take(tokMark, 1)
	case c == '?' || c == '@' || c == '$' || c == '#':
		return token{}, 0, fmt.Errorf("%q is not a parameter here; write parameters as :name", clip(s))
	case isWordStart(c):
		n := 1
		for n < len(s) && isWordPart(s[n]) {
			n++
		}
		return take(tokWord, n)
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		return take(tokNumber, numberLen(s))
	case c == ':':
		return token{}, 0, fmt.Errorf("a parameter needs a name: %s", clip(s))
	}
	for _, op := range []string{"->>", "->", "||", "==", "<>", "!=", "<=", ">=", "<<", ">>"} {
		if strings.HasPrefix(s, op) {
			return take(tokOperator, len(op))
		}
	}
	return take(tokOperator, 1)
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isWordStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func isWordPart(c byte) bool { return isWordStart(c) || isDigit(c) || c == '$' }

// isLineComment: MySQL wants white space behind "--", else it is two signs.
func (d Dialect) isLineComment(s string) bool {
	if d == MySQL && s[0] == '#' {
		return true
	}
	return strings.HasPrefix(s, "--") && (d == SQLite || len(s) == 2 || s[2] <= ' ')
}

// executable tells of comments whose inside the server runs, or, as a hint,
// reads: /*! /*M! /*+ and TiDB's /*T.
func executable(s string) bool {
	for _, p := range []string{"/*!", "/*M!", "/*+", "/*T"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// quotedLen measures a quoted piece in which a doubled quote stands for one,
// and, in MySQL's strings, a backslash takes the next byte along.
func (d Dialect) quotedLen(s string, q byte) (int, bool) {
	for i := 1; i < len(s); i++ {
		if d == MySQL && q != '`' && s[i] == '\\' {
			i++
			continue
		}
		if s[i] != q {
			continue
		}
		if i+1 < len(s) && s[i+1] == q {
			i++
			continue
		}
		return i + 1, true
	}
	return 0, false
}

func numberLen(s string) int {
	n := 0
	for n < len(s) {
		c := s[n]
		if (c == '+' || c == '-') && n > 0 && (s[n-1] == 'e' || s[n-1] == 'E') && !strings.HasPrefix(s, "0x") {
			n++
			continue
		}
		if !isWordPart(c) && c != '.' {
			break
		}
		n++
	}
	return n
}

// clip shortens text that is quoted in an error.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// neighbour is the position of the next token that is not space, or -1.
func (t *text) neighbour(i, step int) int {
	for i += step; i >= 0 && i < len(t.tokens); i += step {
		if t.tokens[i].kind != tokSpace {
			return i
		}
	}
	return -1
}

const globEscape = ` ESCAPE '\'`

// render writes the text for execution: "?" for each parameter, as many as a
// list has values, with the arguments in their order.
func (t *text) render(args Args) source.Statement {
	var b strings.Builder
	var out []source.Value
	for _, tok := range t.tokens {
		switch {
		case tok.kind != tokParam:
			b.WriteString(tok.s)
		case tok.list:
			for i, v := range args[tok.param].items() {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(t.dialect.placeholder(v))
				out = append(out, v)
			}
		default:
			v := args[tok.param].single()
			b.WriteString(t.dialect.placeholder(v))
			out = append(out, v)
			if tok.glob && t.dialect == SQLite { // MySQL's LIKE escapes so by itself
				b.WriteString(globEscape)
			}
		}
	}
	return source.Statement{SQL: b.String(), Args: out}
}

// prepared writes the text with one "?" for each parameter, for the database
// to describe.
func (t *text) prepared() string {
	return t.render(make(Args, len(t.names))).SQL
}

// forParser writes the text for the TiDB parser, with what the two languages
// merely spell differently spelled its way: comments go (SQLite's "--" needs
// no space behind it), [x] becomes "x", == becomes =. It returns the token
// at the byte offset of each "?".
func (t *text) forParser() (string, map[int]int) {
	var b strings.Builder
	at := map[int]int{}
	for i, tok := range t.tokens {
		switch {
		case tok.kind == tokSpace:
			b.WriteByte(' ')
		case tok.is("*") && t.between(i, "(", ")"):
			b.WriteString("'" + starMark + "'")
		case tok.kind == tokQuoted && tok.s[0] == '[':
			b.WriteString(`"` + strings.ReplaceAll(tok.s[1:len(tok.s)-1], `"`, `""`) + `"`)
		case tok.is("=="):
			b.WriteByte('=')
		case t.dialect == SQLite && t.isOperator(i):
			b.WriteString("<=>")
		case t.dialect == SQLite && t.isCollation(i):
			b.WriteString(collationNames[asciiLower(tok.s)])
		case tok.kind == tokParam:
			at[b.Len()] = i
			b.WriteByte('?')
			if tok.glob && t.dialect == SQLite {
				b.WriteString(globEscape)
			}
		default:
			b.WriteString(tok.s)
		}
	}
	return b.String(), at
}

// isOperator tells of IS between two operands; before a keyword it is part of
// another form.
func (t *text) isOperator(i int) bool {
	if !t.tokens[i].is("IS") {
		return false
	}
	next := t.at(t.neighbour(i, +1))
	for _, w := range []string{"NULL", "NOT", "TRUE", "FALSE", "DISTINCT"} {
		if next.is(w) {
			return false
		}
	}
	return true
}

// collationNames are the names under which the parser reads SQLite's own
// collations, which it does not know.
var collationNames = map[string]string{
	"binary": "utf8mb4_bin", "nocase": "utf8mb4_general_ci", "rtrim": "utf8mb4_unicode_ci",
}

// collationsNamed is the way back.
var collationsNamed = map[string]source.Collation{
	"utf8mb4_bin": source.CollationBinary, "utf8mb4_general_ci": source.CollationNoCase, "utf8mb4_unicode_ci": source.CollationRTrim,
}

func (t *text) isCollation(i int) bool {
	return t.tokens[i].kind == tokWord && collationNames[asciiLower(t.tokens[i].s)] != "" && t.at(t.neighbour(i, -1)).is("COLLATE")
}

// starMark stands for the star of COUNT(*), which the TiDB parser would read
// as COUNT(1).
const starMark = "\x01*"

// between tells whether the neighbours of token i are these two.
func (t *text) between(i int, before, after string) bool {
	p, n := t.neighbour(i, -1), t.neighbour(i, +1)
	return p >= 0 && n >= 0 && t.tokens[p].is(before) && t.tokens[n].is(after)
}

// hasCall tells whether a function of that name is called anywhere.
func (t *text) hasCall(name string) bool {
	for i, tok := range t.tokens {
		if tok.kind == tokWord && strings.EqualFold(tok.s, name) {
			if n := t.neighbour(i, +1); n >= 0 && t.tokens[n].is("(") {
				return true
			}
		}
	}
	return false
}

// misread refuses what the TiDB parser accepts and reads otherwise than
// SQLite in a way that our rendering could repeat.
func (t *text) misread() error {
	for i, tok := range t.tokens {
		if tok.is("FULL") {
			if n := t.neighbour(i, +1); n >= 0 && (t.tokens[n].is("JOIN") || t.tokens[n].is("OUTER")) {
				return unreadf("FULL JOIN is not read")
			}
		}
		if tok.kind == tokNumber && t.dialect == SQLite && len(tok.s) > 1 && strings.ContainsAny(tok.s[1:2], "xXbB") {
			return unreadf("the number %s is not read", clip(tok.s))
		}
	}
	return nil
}

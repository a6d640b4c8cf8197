package mysql

import (
	"strings"

	"edgecache/source"
)

// verb is the first keyword of a statement, upper-cased; "" when it cannot be
// told, and for texts with executable comments (/*! and /*M!, /*T!): other
// readers see other statements in them.
type verb string

// verbOf reads the first keyword. Parentheses before a SELECT are skipped.
func verbOf(sql string) verb {
	first, temporary, n := "", false, 0
	hidden := false
	words(sql, func(w word) bool {
		switch {
		case w.hidden || hidden:
			hidden = true
			return false
		case w.name == "(" && first == "":
		case first == "":
			first = strings.ToUpper(w.name)
			hidden = w.quoted || !nameByte(w.name[0])
		case n < 3: // CREATE OR REPLACE TEMPORARY
			n++
			temporary = temporary || strings.EqualFold(w.name, "TEMPORARY")
		}
		return true // to the end: an executable comment may stand anywhere
	})
	if hidden {
		return ""
	}
	if temporary && (first == "CREATE" || first == "DROP") {
		return "" // a session's own tables make no sense where sessions are pooled
	}
	return verb(first)
}

// kind sorts verbs. Only what is listed may be executed.
func (v verb) kind() source.StatementKind {
	switch v {
	case "SELECT", "WITH", "VALUES", "TABLE":
		// WITH may introduce UPDATE or DELETE in MySQL: the read-only session
		// refuses those as queries, and as writes they are not accepted.
		return source.StatementSelect
	case "INSERT", "REPLACE":
		return source.StatementInsert
	case "UPDATE":
		return source.StatementUpdate
	case "DELETE":
		return source.StatementDelete
	case "CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "CALL":
		return source.StatementDDL // ends the transaction, or may
	}
	return source.StatementOther
}

// word is one token that could be a name, or a punctuation mark.
type word struct {
	name   string
	quoted bool // in backticks or double quotes
	hidden bool // an executable comment begins here
}

// words gives the names and punctuation marks of a text to f, in order, until
// it says stop. Comments and texts in single quotes are left out. Double
// quotes count as quoted names: under ANSI_QUOTES they are, and elsewhere a
// name too many only widens.
func words(sql string, f func(word) bool) {
	for i := 0; i < len(sql); {
		c := sql[i]
		switch {
		case c == '\'' || c == '"' || c == '`':
			end, text := quotedAt(sql, i)
			if c != '\'' && !f(word{name: text, quoted: true}) {
				return
			}
			i = end
		case c == '#' || strings.HasPrefix(sql[i:], "--") && lineComment(sql[i+2:]):
			for i < len(sql) && sql[i] != '\n' {
				i++
			}
		case strings.HasPrefix(sql[i:], "/*"):
			rest := sql[i+2:]
			if strings.HasPrefix(rest, "!") || strings.HasPrefix(rest, "M!") || strings.HasPrefix(rest, "T!") {
				if !f(word{hidden: true}) {
					return
				}
			}
			end := strings.Index(rest, "*/")
			if end < 0 {
				return
			}
			i += 2 + end + 2
		case nameByte(c):
			start := i
			for i < len(sql) && nameByte(sql[i]) {
				i++
			}
			if !f(word{name: sql[start:i]}) {
				return
			}
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			i++
		default:
			i++
			if !f(word{name: string(c)}) {
				return
			}
		}
	}
}

// lineComment tells whether "--" before rest opens a comment.
func lineComment(rest string) bool { return rest == "" || rest[0] <= ' ' }

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// quotedAt reads the quoted text that begins at i, with doubled quotes and
// backslashes, and tells where it ends.
func quotedAt(sql string, i int) (end int, text string) {
	q := sql[i]
	var b strings.Builder
	for i++; i < len(sql); i++ {
		switch {
		case sql[i] == '\\' && q != '`' && i+1 < len(sql):
			i++
			b.WriteByte(sql[i])
		case sql[i] == q && i+1 < len(sql) && sql[i+1] == q:
			i++
			b.WriteByte(q)
		case sql[i] == q:
			return i + 1, b.String()
		default:
			b.WriteByte(sql[i])
		}
	}
	return len(sql), b.String()
}

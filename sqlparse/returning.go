package sqlparse

// cutReturning parts a write from its RETURNING, which the parser does not
// read and which writes nothing itself. The word is reserved in MariaDB, so
// outside of parentheses and quotes it can only be the clause.
func (t *text) cutReturning() (rest *text, found bool) {
	depth := 0
	for i, tok := range t.tokens {
		switch {
		case tok.is("("):
			depth++
		case tok.is(")"):
			depth--
		case depth == 0 && tok.kind == tokWord && tok.is("RETURNING"):
			return &text{dialect: t.dialect, names: t.names, tokens: t.tokens[:i]}, true
		}
	}
	return t, false
}

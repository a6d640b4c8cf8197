package sqlparse

import "fmt"

// mark finds what the mentions of list and glob parameters stand for. Both
// kinds are bound as something else than was given, so a mention anywhere but
// where that is wanted, or in a test for NULL, would answer wrongly in silence.
func (t *text) mark(lists, globs map[string]bool) error {
	var open []bool // for each open parenthesis: it follows IN
	for i := range t.tokens {
		tok := &t.tokens[i]
		p, n := t.at(t.neighbour(i, -1)), t.at(t.neighbour(i, +1))
		switch {
		case tok.is("("):
			open = append(open, p.is("IN"))
		case tok.is(")") && len(open) > 0:
			open = open[:len(open)-1]
		case tok.kind != tokParam:
		case lists[t.names[tok.param]]:
			inList := len(open) > 0 && open[len(open)-1]
			tok.list = inList && (p.is("(") || p.is(",")) && (n.is(")") || n.is(","))
			if !tok.list && !n.is("IS") {
				return fmt.Errorf("list parameter :%s belongs in IN (:%[1]s), or before IS NULL", t.names[tok.param])
			}
		case globs[t.names[tok.param]]:
			if err := t.markGlob(tok, i, p, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *text) markGlob(tok *token, i int, before, after token) error {
	name := t.names[tok.param]
	switch {
	case before.is("LIKE") && after.is("ESCAPE"):
		if t.at(t.neighbour(t.neighbour(i, +1), +1)).s != `'\'` {
			return fmt.Errorf("glob parameter :%s escapes with a backslash; leave ESCAPE out, it is added", name)
		}
	case before.is("LIKE") && (after == token{} || endsPattern(after)):
		tok.glob = true
	case before.is("LIKE"):
		return fmt.Errorf("glob parameter :%s must be the whole pattern of its LIKE, but %s follows it", name, clip(after.s))
	case !after.is("IS"):
		return fmt.Errorf("glob parameter :%s is a pattern and belongs behind LIKE, or before IS NULL", name)
	}
	return nil
}

// at is the token at i, or none.
func (t *text) at(i int) token {
	if i < 0 {
		return token{}
	}
	return t.tokens[i]
}

func endsPattern(t token) bool {
	for _, s := range []string{")", ",", ";", "AND", "OR", "THEN", "WHEN", "ELSE", "END", "GROUP", "ORDER", "LIMIT",
		"HAVING", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "ON", "JOIN", "LEFT", "INNER", "CROSS", "RETURNING", "AS"} {
		if t.is(s) {
			return true
		}
	}
	return false
}

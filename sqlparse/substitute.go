package sqlparse

import (
	"fmt"
	"strings"
)

// ParamNames lists the :name parameters of sql, each once, in order of first
// appearance.
func (d Dialect) ParamNames(sql string) ([]string, error) {
	t, err := scan(sql, d)
	if err != nil {
		return nil, err
	}
	return t.names, nil
}

// Substitute replaces the parameters of sql that fragments names by their SQL
// text, as choice parameters do. A fragment may hold parameters of its own; it
// may not break out of where it stands: its parentheses must balance and it
// may hold neither a semicolon nor an open comment.
func (d Dialect) Substitute(sql string, fragments map[string]string) (string, error) {
	t, err := scan(sql, d)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, tok := range t.tokens {
		if tok.kind != tokParam {
			b.WriteString(tok.s)
			continue
		}
		f, ok := fragments[t.names[tok.param]]
		if !ok {
			b.WriteString(tok.s)
			continue
		}
		if err := d.checkFragment(f); err != nil {
			return "", fmt.Errorf("choice :%s: %w", t.names[tok.param], err)
		}
		// Spaces keep the fragment's ends apart; the line break ends a "--".
		b.WriteString(" " + f + "\n")
	}
	return b.String(), nil
}

func (d Dialect) checkFragment(f string) error {
	t, err := scan(f, d)
	if err != nil {
		return err
	}
	depth := 0
	for _, tok := range t.tokens {
		switch {
		case tok.is("("):
			depth++
		case tok.is(")"):
			depth--
		case tok.is(";"):
			return fmt.Errorf("fragment %q holds a semicolon", clip(f))
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 {
		return fmt.Errorf("fragment %q has unbalanced parentheses", clip(f))
	}
	return nil
}

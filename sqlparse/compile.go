package sqlparse

import (
	"errors"

	"edgecache/source"
)

type text struct{}

// Substitute replaces the parameters of sql that fragments names by their SQL
// text, as choice parameters do.
func Substitute(sql string, fragments map[string]string) (string, error) {
	return sql, errors.New("sqlparse: not yet")
}

// ParamNames lists the :name parameters of sql, each once, in order of first
// appearance.
func ParamNames(sql string) ([]string, error) { return nil, errors.New("sqlparse: not yet") }

// Compile parses and analyses one statement. Its errors are fit for the author
// of the statement.
func Compile(in Input) (*Template, error) { return nil, errors.New("sqlparse: not yet") }

// Statement renders the template for execution with args.
func (t *Template) Statement(args Args) source.Statement { return source.Statement{} }

package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds on the shape of the text, checked before it is parsed: go-yaml's
// parser recurses per level and is quadratic in depth and in the keys of one
// map, so without them a megabyte of brackets would take minutes.
const (
	maxDepth = 64
	maxKeys  = 20_000 // of one map
)

// tree parses text into nodes; nil when it is no YAML, with the mistake noted.
func (r *reader) tree(data []byte) *node {
	if len(data) > MaxFileBytes {
		r.note(0, "", "the file is larger than %d MiB", MaxFileBytes>>20)
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		r.note(invalidLine(data), "", "this line is not UTF-8 text; save the file as UTF-8")
		return nil
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		r.note(1+bytes.Count(data[:i], []byte("\n")), "", "this line holds a NUL byte; the file must be text")
		return nil
	}
	file := r.parse(data)
	if file == nil {
		return nil
	}
	return r.document(file)
}

func (r *reader) document(file *ast.File) *node {
	b := &builder{reader: r, anchors: map[string]*node{}}
	var root *node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			r.note(lineOf(d.Body), "", "a second document (---) begins here; a file holds one")
			break
		}
		root = b.build(d.Body)
	}
	if root == nil {
		root = &node{}
	}
	return root
}

// parse runs go-yaml. A panic inside it is its bug on somebody's bad input,
// and is answered like the bad input.
func (r *reader) parse(data []byte) (file *ast.File) {
	defer func() {
		if recover() != nil {
			file = nil
			r.note(0, "", "this is not YAML that can be read; check its brackets, quotes and indentation")
		}
	}()
	tokens := lexer.Tokenize(string(data))
	if !r.shape(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(data, err)
		return nil
	}
	return file
}

// syntax notes go-yaml's own message, without its excerpt of the file, which
// might show a secret.
func (r *reader) syntax(data []byte, err error) {
	var e *yaml.SyntaxError
	if !errors.As(err, &e) || e.Token == nil || e.Token.Position == nil {
		r.note(0, "", "this is not YAML that can be read; check its brackets, quotes and indentation")
		return
	}
	line := e.Token.Position.Line
	hint := ""
	if text := lineText(data, line); strings.Contains(text, "${") && strings.ContainsAny(text, "{[") {
		hint = `; inside { } and [ ] a ${NAME} needs quotes: "${NAME}"`
	} else if strings.Contains(text, "\t") {
		hint = "; indent with spaces, not tabs"
	}
	r.note(line, "", "not valid YAML: %s%s", strings.ReplaceAll(e.GetMessage(), "\t", "tab"), hint)
}

func lineText(data []byte, line int) string {
	for ; line > 1; line-- {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return ""
		}
		data = data[i+1:]
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	return string(text)
}

func invalidLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		c, n := utf8.DecodeRune(data)
		if c == utf8.RuneError && n == 1 {
			return line
		}
		if c == '\n' {
			line++
		}
		data = data[n:]
	}
	return line
}

// level is one open block or bracket.
type level struct{ column, keys int }

// shape refuses text that is nested too deeply or has too many keys in one
// map. It follows tokens only, and counts rather more depth than there is.
func (r *reader) shape(tokens token.Tokens) bool {
	var flow, block []level
	marks := 0
	for _, tk := range tokens {
		line, column := tk.Position.Line, tk.Position.Column
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow = append(flow, level{})
		case token.SequenceEndType, token.MappingEndType:
			flow = flow[:max(0, len(flow)-1)]
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			if tk.Type == token.MappingValueType && tk.Prev != nil {
				column = tk.Prev.Position.Column
			}
			if len(flow) == 0 {
				block = open(block, column)
			}
			top := &block
			if len(flow) > 0 {
				top = &flow
			}
			if l := &(*top)[len(*top)-1]; tk.Type == token.MappingValueType {
				if l.keys++; l.keys > maxKeys {
					r.note(line, "", "a map has more than %d keys", maxKeys)
					return false
				}
			}
		}
		// Marks stack up in front of one value: !a !b &c ...
		switch tk.Type {
		case token.TagType, token.AnchorType, token.AliasType, token.MappingKeyType:
			marks++
		case token.SequenceEntryType, token.MappingValueType, token.CollectEntryType, token.MappingStartType, token.SequenceStartType:
			marks = 0
		}
		if len(flow)+len(block) > maxDepth || marks > maxDepth {
			r.note(line, "", "maps and lists are nested more than %d deep here", maxDepth)
			return false
		}
	}
	return true
}

// open closes the blocks that end before column, and opens one there unless
// one is open.
func open(block []level, column int) []level {
	for len(block) > 0 && block[len(block)-1].column > column {
		block = block[:len(block)-1]
	}
	if len(block) > 0 && block[len(block)-1].column == column {
		return block
	}
	return append(block, level{column: column})
}

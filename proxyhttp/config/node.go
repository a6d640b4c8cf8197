package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is what a node is, before anybody asks what it should be.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindMap
	kindBroken // a mistake was noted already; readers pass over it in silence
)

func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a number", "text", "a list", "a map", "a mistake"}[k]
}

// node is one value of the file. Aliases make several parents share a node, so
// nodes are not changed once built.
type node struct {
	kind kind
	line int
	// text is a scalar's value, after ${NAME} was replaced; a number's as written.
	text string
	// secret tells that text holds something from the environment, which
	// mistakes must not print.
	secret bool
	items  []*node
	pairs  []pair
}

type pair struct {
	key   string
	line  int
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for i := range n.pairs {
		if n.pairs[i].key == key {
			return n.pairs[i].value
		}
	}
	return nil
}

// lastLine is the last line on which a node of the tree below n begins.
func (n *node) lastLine() int {
	last := n.line
	for _, i := range n.items {
		last = max(last, i.lastLine())
	}
	for _, p := range n.pairs {
		last = max(last, p.line, p.value.lastLine())
	}
	return last
}

// builder turns go-yaml's tree into nodes.
type builder struct {
	*reader
	// anchors holds only finished nodes, so that no alias can lead into itself.
	anchors map[string]*node
}

func (b *builder) broken(line int, format string, args ...any) *node {
	b.note(line, "", format, args...)
	return &node{kind: kindBroken, line: line}
}

func lineOf(n ast.Node) int {
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

func (b *builder) build(n ast.Node) *node {
	if n == nil {
		return &node{}
	}
	line := lineOf(n)
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{line: line}
	case *ast.BoolNode:
		text := "false"
		if n.Value {
			text = "true"
		}
		return &node{kind: kindBool, line: line, text: text}
	case *ast.IntegerNode, *ast.FloatNode:
		return &node{kind: kindNumber, line: line, text: n.GetToken().Value}
	case *ast.StringNode:
		return b.scalar(line, n.Value, n.Token)
	case *ast.LiteralNode:
		return b.scalar(line, n.Value.Value, nil)
	case *ast.InfinityNode, *ast.NanNode:
		return b.broken(line, "infinity and NaN are no numbers here; write a finite number")
	case *ast.MappingNode:
		return b.mapping(line, n.Values)
	case *ast.MappingValueNode:
		return b.mapping(line, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out := &node{kind: kindList, line: line, items: make([]*node, 0, len(n.Values))}
		for _, v := range n.Values {
			out.items = append(out.items, b.build(v))
		}
		return out
	case *ast.AnchorNode:
		out := b.build(n.Value)
		b.anchors[anchorName(n.Name)] = out
		return out
	case *ast.AliasNode:
		// The name is not printed: an unquoted secret may begin with a star.
		if out := b.anchors[anchorName(n.Value)]; out != nil {
			return out
		}
		return b.broken(line, "this *alias has no &anchor before it; text that begins with * needs quotes")
	case *ast.TagNode:
		return b.tag(line, n)
	}
	return b.broken(line, "this kind of YAML has no meaning here; use plain maps, lists and values")
}

func anchorName(n ast.Node) string {
	if n == nil || n.GetToken() == nil {
		return ""
	}
	return n.GetToken().Value
}

// scalar makes text of a string. A plain word that is a number to JSON but not
// to go-yaml (1e5) is a number: a JSON file means what it means elsewhere.
func (b *builder) scalar(line int, text string, tk *token.Token) *node {
	if tk != nil && tk.Type == token.StringType && isNumber(text) {
		return &node{kind: kindNumber, line: line, text: text}
	}
	if strings.IndexByte(text, 0) >= 0 {
		return b.broken(line, "text must not hold a NUL byte")
	}
	out := &node{kind: kindString, line: line}
	var ok bool
	if out.text, out.secret, ok = b.expand(line, text); !ok {
		out.kind = kindBroken
	}
	return out
}

// tag reads `!!str 5` as text; other tags would change what a value is in ways
// that no key here needs.
func (b *builder) tag(line int, n *ast.TagNode) *node {
	if n.Start == nil || n.Start.Value != "!!str" || n.Value == nil {
		return b.broken(line, "a !tag has no meaning here; leave it away, and put text that begins with ! in quotes")
	}
	switch v := n.Value.(type) {
	case *ast.StringNode:
		return b.scalar(line, v.Value, nil)
	case *ast.LiteralNode:
		return b.scalar(line, v.Value.Value, nil)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return b.scalar(line, v.GetToken().Value, nil)
	}
	return b.broken(line, "!!str fits only a single value")
}

func (b *builder) mapping(line int, values []*ast.MappingValueNode) *node {
	out := &node{kind: kindMap, line: line, pairs: make([]pair, 0, len(values))}
	seen := make(map[string]int, len(values))
	var merged []*node
	for i, v := range values {
		at := lineOf(v.Key)
		if i == 0 {
			out.line = at
		}
		value := b.build(v.Value)
		if v.Key.IsMergeKey() {
			merged = append(merged, b.mergeable(at, value)...)
			continue
		}
		key, ok := keyText(v.Key)
		if !ok {
			b.note(at, "", "a key must be plain text")
			continue
		}
		if first, dup := seen[key]; dup {
			b.note(at, "", "%s is given twice, first on line %d; keep one of them", quote(key), first)
			continue
		}
		seen[key] = at
		if value.line == 0 {
			value.line = at
		}
		out.pairs = append(out.pairs, pair{key: key, line: at, value: value})
	}
	b.merge(out, seen, merged)
	return out
}

// mergeable lists the maps behind a `<<`.
func (b *builder) mergeable(line int, value *node) []*node {
	list := []*node{value}
	if value.kind == kindList {
		list = value.items
	}
	for _, n := range list {
		if n.kind == kindBroken {
			return nil
		}
		if n.kind != kindMap {
			b.note(line, "", "<< takes the *alias of a map, or a list of them")
			return nil
		}
	}
	return list
}

// merge adds the pairs of merged maps. What the map says itself wins, then the
// first that says it, as YAML has it.
func (b *builder) merge(out *node, seen map[string]int, merged []*node) {
	for _, m := range merged {
		for _, p := range m.pairs {
			if !b.step() {
				return
			}
			if _, ok := seen[p.key]; !ok {
				seen[p.key] = p.line
				out.pairs = append(out.pairs, p)
			}
		}
	}
}

func keyText(k ast.MapKeyNode) (string, bool) {
	switch k := k.(type) {
	case *ast.StringNode:
		return k.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return k.GetToken().Value, true
	case *ast.NullNode:
		return k.GetToken().Value, true
	}
	return "", false
}

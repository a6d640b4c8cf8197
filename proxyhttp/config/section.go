package config

import (
	"strconv"
	"strings"
	"time"
)

// section reads one map of the file, key by key. Every getter notes what is
// wrong and then returns the default, so that reading goes on.
type section struct {
	r        *reader
	n        *node
	where    string // how mistakes call it: "server", "parameter limit"
	endpoint string
}

// section opens a map and notes every key that is not in the table. An absent
// or empty map reads as one without keys.
func (r *reader) section(n *node, where, endpoint string, t table) *section {
	keys := t.names()
	s := &section{r: r, n: &node{}, where: where, endpoint: endpoint}
	if n == nil || n.kind == kindNull || n.kind == kindBroken {
		if n != nil {
			s.n.line = n.line
		}
		return s
	}
	if n.kind != kindMap {
		s.n.line = n.line
		s.note(n.line, "%s takes a map of keys (%s), not %s", s.name(), strings.Join(keys, ", "), n.kind)
		return s
	}
	s.n = n
	for _, p := range n.pairs {
		if !r.step() {
			return s
		}
		if !contains(keys, p.key) {
			s.note(p.line, "%s has no key %s; %s", s.name(), quote(p.key), suggest(p.key, keys))
		}
	}
	return s
}

func (s *section) name() string {
	if s.where == "" {
		return "the file"
	}
	return s.where
}

// key names a key in mistakes.
func (s *section) key(k string) string {
	if s.where == "" || s.where == "the endpoint" {
		return k
	}
	return k + " of " + s.where
}

func (s *section) note(line int, format string, args ...any) {
	s.r.note(line, s.endpoint, format, args...)
}

// line is where a key stands, or else where the section begins.
func (s *section) line(key string) int {
	for _, p := range s.n.pairs {
		if p.key == key {
			return p.line
		}
	}
	return s.n.line
}

// has tells whether the key is given, be it wrongly.
func (s *section) has(key string) bool {
	n := s.n.get(key)
	return n != nil && n.kind != kindNull
}

// value returns a key's node when there is something to read.
func (s *section) value(key string) *node {
	n := s.n.get(key)
	if n == nil || n.kind == kindNull || n.kind == kindBroken || !s.r.step() {
		return nil
	}
	return n
}

// wrong notes that a key has a value of the wrong kind.
func (s *section) wrong(key string, n *node, wants string) {
	hint := ""
	if strings.HasPrefix(wants, "text") && (n.kind == kindNumber || n.kind == kindBool) {
		hint = "; put it in quotes"
	}
	s.note(n.line, "%s takes %s, not %s%s", s.key(key), wants, n.kind, hint)
}

// text reads a string that must not be empty.
func (s *section) text(key, def string) string {
	n := s.value(key)
	if n == nil {
		return def
	}
	if n.kind != kindString {
		s.wrong(key, n, "text")
		return def
	}
	if strings.TrimSpace(n.text) == "" {
		s.note(n.line, "%s is empty; give it a value or leave the key away", s.key(key))
		return def
	}
	return n.text
}

// oneOf reads one of the allowed words.
func (s *section) oneOf(key, def string, allowed ...string) string {
	n := s.value(key)
	if n == nil {
		return def
	}
	word := n.text
	if n.kind == kindBool && contains(allowed, "off") && n.text == "false" {
		word = "off" // YAML 1.1 tools write off as false
	}
	if n.kind != kindString && word != "off" {
		s.wrong(key, n, "one of "+strings.Join(allowed, ", "))
		return def
	}
	if !contains(allowed, word) {
		s.note(n.line, "%s is %s; it takes one of %s%s", s.key(key), n.show(), strings.Join(allowed, ", "), closeTo(n, allowed))
		return def
	}
	return word
}

// boolean reads true or false; text that says so counts, since what comes from
// the environment is always text.
func (s *section) boolean(key string, def bool) bool {
	n := s.value(key)
	if n == nil {
		return def
	}
	if (n.kind == kindBool || n.kind == kindString) && (n.text == "true" || n.text == "false") {
		return n.text == "true"
	}
	s.note(n.line, "%s takes true or false, not %s", s.key(key), n.show())
	return def
}

// duration reads a time such as 24h; least is the shortest allowed.
func (s *section) duration(key string, def, least time.Duration) time.Duration {
	n := s.value(key)
	if n == nil {
		return def
	}
	if n.kind != kindString && n.kind != kindNumber {
		s.wrong(key, n, "a duration such as 90s, 15m, 24h or 7d")
		return def
	}
	d, ok := parseDuration(n.text)
	switch {
	case !ok:
		s.note(n.line, "%s is %s, which is no duration; write a number with a unit, such as 90s, 15m, 24h or 7d", s.key(key), n.show())
		return def
	case d < least && least > 0:
		s.note(n.line, "%s is %s; it must be more than zero", s.key(key), n.show())
		return def
	case d < least:
		s.note(n.line, "%s is %s; it must not be negative", s.key(key), n.show())
		return def
	}
	return d
}

// size reads a number of bytes such as 128MiB, more than zero.
func (s *section) size(key string, def int64) int64 {
	n := s.value(key)
	if n == nil {
		return def
	}
	if n.kind != kindString && n.kind != kindNumber {
		s.wrong(key, n, "a size such as 128MiB")
		return def
	}
	size, ok := parseSize(n.text)
	if !ok || size <= 0 {
		s.note(n.line, "%s is %s, which is no size; write a number of bytes more than zero, plain or with a unit such as 64KiB, 128MiB, 2GiB", s.key(key), n.show())
		return def
	}
	return size
}

// texts reads a list of strings; a single string is a list of one.
func (s *section) texts(key string, most int) []string {
	n := s.value(key)
	if n == nil {
		return nil
	}
	items := []*node{n}
	if n.kind == kindList {
		items = n.items
	} else if n.kind != kindString {
		s.wrong(key, n, "text or a list of texts")
		return nil
	}
	if len(items) > most {
		s.note(n.line, "%s has %d values; at most %d are allowed", s.key(key), len(items), most)
		return nil
	}
	out := make([]string, 0, len(items))
	for i, item := range items {
		switch {
		case !s.r.step():
			return nil
		case item.kind == kindBroken:
		case item.kind != kindString:
			s.note(item.line, "value %d of %s must be text, not %s", i+1, s.key(key), item.kind)
		case strings.TrimSpace(item.text) == "":
			s.note(item.line, "value %d of %s is empty", i+1, s.key(key))
		default:
			out = append(out, item.text)
		}
	}
	return out
}

// secret tells whether a key's value, or one in its list, came from the
// environment.
func (s *section) secret(key string) bool {
	n := s.n.get(key)
	if n == nil {
		return false
	}
	for _, item := range n.items {
		if item.secret {
			return true
		}
	}
	return n.secret
}

// shown prints one text of a key for a mistake, as show does.
func (s *section) shown(key, text string) string {
	n := node{kind: kindString, text: text, secret: s.secret(key)}
	return n.show()
}

// show prints a value for a mistake: shortened, and never one that came from
// the environment.
func (n *node) show() string {
	switch {
	case n.secret:
		return "a value from the environment"
	case n.kind == kindString:
		return quote(n.text)
	case n.kind == kindNumber || n.kind == kindBool:
		return shorten(n.text)
	}
	return n.kind.String()
}

const maxShown = 64

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := 0
	for i := range s {
		if i > maxShown-1 {
			break
		}
		cut = i
	}
	return s[:cut] + "…"
}

func quote(s string) string { return strconv.Quote(shorten(s)) }

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

package config

import (
	"os"
	"strings"
)

// Environ looks names up in the process's environment; it is what Load's
// callers pass as env.
func Environ(name string) (string, bool) { return os.LookupEnv(name) }

// maxExpanded bounds one string after replacing, so that a short file cannot
// repeat a long variable without end.
const maxExpanded = 1 << 20

// expand replaces ${NAME} and ${NAME:-default} in a string; $${ writes ${. As
// in a shell, the default also stands in for a variable that is empty. ok is
// false when a mistake was noted.
func (r *reader) expand(line int, s string) (out string, fromEnv, ok bool) {
	if r.env == nil || !strings.Contains(s, "${") {
		return s, false, true
	}
	var b strings.Builder
	ok = true
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), fromEnv, ok
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		ref, rest, closed := strings.Cut(s[i+2:], "}")
		if !closed {
			r.note(line, "", "a ${ has no closing }; write $${ for a literal ${")
			return "", true, false
		}
		s, fromEnv = rest, true
		value, good := r.lookup(line, ref)
		if ok = ok && good; b.Len()+len(value) > maxExpanded {
			r.note(line, "", "this text grows past %d MiB when its ${...} are replaced", maxExpanded>>20)
			return "", true, false
		}
		b.WriteString(value)
	}
}

func (r *reader) lookup(line int, ref string) (string, bool) {
	name, fallback, hasDefault := strings.Cut(ref, ":-")
	if !isIdentifier(name) {
		r.note(line, "", "between ${ and } stands the name of an environment variable, as in ${NAME} or ${NAME:-default}; write $${ for a literal ${")
		return "", false
	}
	value, set := r.env(name)
	switch {
	case hasDefault && value == "":
		return fallback, true
	case !set:
		r.note(line, "", "the environment variable %s is not set; set it, or write ${%s:-default}", name, name)
		return "", false
	case strings.IndexByte(value, 0) >= 0:
		r.note(line, "", "the environment variable %s holds a NUL byte", name)
		return "", false
	}
	return value, true
}

// isIdentifier tells whether s is a name: letters, digits and underscores, not
// beginning with a digit.
func isIdentifier(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= MaxNameBytes
}

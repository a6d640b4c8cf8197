package config

import "strconv"

// DefaultSelfCheck is how many hits there are to one that is compared with the
// source.
const DefaultSelfCheck = 10_000

const maxSelfCheck = 1_000_000_000

// SelfCheck says how often hits are compared with the source behind the scenes.
type SelfCheck struct {
	OneIn int // one hit in so many; 0 is never
}

func (r *reader) selfCheck(top *section) SelfCheck {
	s := r.section(top.n.get("self_check"), "self_check", "", selfCheckTable)
	return SelfCheck{OneIn: s.natural("one_in", DefaultSelfCheck, maxSelfCheck)}
}

// natural reads a whole number from 0 to most.
func (s *section) natural(key string, def, most int) int {
	n := s.value(key)
	if n == nil {
		return def
	}
	v, err := strconv.Atoi(n.text)
	if (n.kind == kindNumber || n.kind == kindString) && err == nil && v >= 0 && v <= most {
		return v
	}
	s.note(n.line, "%s is %s; it takes a whole number from 0 to %d", s.key(key), n.show(), most)
	return def
}

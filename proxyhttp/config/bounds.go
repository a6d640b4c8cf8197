package config

import (
	"strconv"
	"time"
)

// The largest values of an endpoint's own limits.
const (
	MaxRows  = 1_000_000
	MaxBytes = 1 << 30
	// MaxTimeout leaves the server time to write an answer before it gives up
	// the connection.
	MaxTimeout = 80 * time.Second
)

// limits reads what an endpoint allows its statements; zero is the server's
// own limit.
func (s *section) limits(e *Endpoint) {
	e.MaxRows = s.count("max_rows", MaxRows)
	if e.MaxBytes = s.size("max_bytes", 0); e.MaxBytes > MaxBytes {
		s.note(s.line("max_bytes"), "max_bytes is %s; at most 1GiB is allowed", s.n.get("max_bytes").show())
	}
	if e.Timeout = s.duration("timeout", 0, 1); e.Timeout > MaxTimeout {
		s.note(s.line("timeout"), "timeout is %s; at most %s is allowed", s.n.get("timeout").show(), formatDuration(MaxTimeout))
	}
}

// count reads a whole number from 1 to most; 0 when it is not given.
func (s *section) count(key string, most int) int {
	n := s.value(key)
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(n.text)
	if n.kind != kindNumber && n.kind != kindString || err != nil || i < 1 || i > most {
		s.note(n.line, "%s takes a whole number from 1 to %d, not %s", s.key(key), most, n.show())
		return 0
	}
	return i
}

// spellSize prints a size so that it reads back as the same.
func spellSize(n int64) string {
	if n == 0 {
		return ""
	}
	for _, u := range units {
		if u.bytes >= 1<<10 && u.bytes&(u.bytes-1) == 0 && n%u.bytes == 0 && n/u.bytes < 1<<10 {
			return strconv.FormatInt(n/u.bytes, 10) + u.suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

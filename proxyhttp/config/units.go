package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads Go's durations, and days in front: 90s, 1h30m, 7d, 1d12h.
// A bare number has no unit and is refused, except 0.
func parseDuration(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	var days time.Duration
	if n, rest, ok := strings.Cut(s, "d"); ok {
		i, err := strconv.ParseInt(n, 10, 64)
		if err != nil || i < 0 || i > 100*366 {
			return 0, false
		}
		if days, s = time.Duration(i)*24*time.Hour, rest; s == "" {
			return days, true
		}
		if s[0] == '-' || s[0] == '+' {
			return 0, false
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || days > math.MaxInt64-max(d, 0) {
		return 0, false
	}
	return days + d, true
}

// formatDuration prints a duration without its zero parts: 1h, not 1h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

var units = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// parseSize reads a number of bytes: 1048576, 128MiB, 1.5GiB. KiB count in
// 1024, KB in 1000.
func parseSize(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	for _, u := range units {
		n, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n = strings.TrimSpace(n)
		if i, err := strconv.ParseInt(n, 10, 64); err == nil {
			return i * u.bytes, i >= 0 && i <= math.MaxInt64/u.bytes
		}
		f, err := strconv.ParseFloat(n, 64)
		if err != nil || !isNumber(n) || u.bytes == 1 || f < 0 || f*float64(u.bytes) >= math.MaxInt64 {
			return 0, false
		}
		return int64(f * float64(u.bytes)), true
	}
	return 0, false
}

// maxNumber is the longest number that a file may hold.
const maxNumber = 128

// isNumber tells whether s is a number as JSON writes it. YAML's other forms
// (0x1F, 010, 1_000, +5) mean different things to different readers.
func isNumber(s string) bool {
	if len(s) > maxNumber {
		return false
	}
	s = strings.TrimPrefix(s, "-")
	digits := func() int {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n
	}
	zero := strings.HasPrefix(s, "0")
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if rest, ok := strings.CutPrefix(s, "."); ok {
		if s = rest; digits() == 0 {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if n := digits(); n == 0 || n > 4 {
			return false
		}
	}
	return s == ""
}

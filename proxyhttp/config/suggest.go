package config

import "strings"

// suggest says which of the names was probably meant, or lists them all.
func suggest(given string, names []string) string {
	if best := nearest(given, names); best != "" {
		return "did you mean " + best + "?"
	}
	if len(names) == 0 {
		return "there is none"
	}
	if len(names) > 20 {
		return "the first are " + strings.Join(names[:20], ", ")
	}
	return "it has " + strings.Join(names, ", ")
}

// closeTo is a suggestion for a value, or nothing.
func closeTo(n *node, allowed []string) string {
	if best := nearest(n.text, allowed); best != "" && !n.secret {
		return "; did you mean " + best + "?"
	}
	return ""
}

// nearest finds the name that given was probably meant to be: one that differs
// in case, dashes and underscores only, or in up to two letters, and in at
// most a third of them. "" when none is near.
func nearest(given string, names []string) string {
	if len(given) > MaxNameBytes {
		return ""
	}
	plain := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
	best, least := "", 3
	for _, name := range names {
		if plain(name) == plain(given) {
			return name
		}
		limit := min(2, (len(name)+1)/3)
		if d := distance(plain(given), plain(name), limit); d <= limit && d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to add, take away, change or swap with their
// neighbour between a and b; above limit any larger number.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

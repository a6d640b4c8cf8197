package sqlparse

import (
	"strconv"
	"strings"
)

// canonicalTime writes a date, or a date and time, with all its places. Of the
// spellings that the server takes it knows those that APIs use: T or a blank
// between date and time, seconds and their fractions or none. Others, and dates
// with zeros, are not ours to order.
func canonicalTime(s string) (string, bool) {
	const pattern = "0000-00-00 00:00:00.000000"
	if len(s) > 10 && s[10] == 'T' {
		s = s[:10] + " " + s[11:]
	}
	switch {
	case len(s) == 10 || len(s) == 16 || len(s) == 19 || len(s) > 20 && len(s) <= len(pattern):
		s += pattern[len(s):]
	default:
		return "", false
	}
	for i := range len(s) {
		if isDigit(pattern[i]) != isDigit(s[i]) || !isDigit(s[i]) && s[i] != pattern[i] {
			return "", false
		}
	}
	return s, s[:4] >= "1000" && s[11:13] < "24" && s[14:16] < "60" && s[17:19] < "60" && isDay(s)
}

// isDay tells whether the calendar has the day: "2024-02-29 ...".
func isDay(s string) bool {
	last := "31"
	switch s[5:7] {
	case "01", "03", "05", "07", "08", "10", "12":
	case "04", "06", "09", "11":
		last = "30"
	case "02":
		last = "28"
		if year, err := strconv.Atoi(s[:4]); err == nil && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			last = "29"
		}
	default:
		return false
	}
	return s[8:10] >= "01" && s[8:10] <= last
}

// clockKey orders times of day and spans of time: [-]HH:MM[:SS[.ffffff]], hours
// of three places where there are as many.
func clockKey(s string) (Key, bool) {
	rest, negative := strings.CutPrefix(s, "-")
	hours, rest, ok := strings.Cut(rest, ":")
	if !ok || len(hours) < 2 || len(hours) > 3 {
		return "", false
	}
	const pattern = "00:00.000000"
	switch {
	case len(rest) == 2 || len(rest) == 5 || len(rest) > 6 && len(rest) <= len(pattern):
		rest += pattern[len(rest):]
	default:
		return "", false
	}
	for i := range len(rest) {
		if isDigit(pattern[i]) != isDigit(rest[i]) || !isDigit(rest[i]) && rest[i] != pattern[i] {
			return "", false
		}
	}
	n, err := strconv.ParseInt(hours+rest[:2]+rest[3:5]+rest[6:], 10, 64)
	if err != nil || !isDigit(hours[0]) || rest[:2] >= "60" || rest[3:5] >= "60" || len(hours) == 3 && hours > "838" {
		return "", false
	}
	if negative {
		n = -n
	}
	return intKey(n), true
}

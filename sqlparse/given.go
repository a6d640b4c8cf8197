package sqlparse

import (
	"fmt"
	"strings"
)

// givenSuffix makes the companion of a parameter: where :city is NULL both for
// a request that leaves city out and for one that says null, :city.given is 1
// when the request has it, null included, and 0 when it has not.
//
//	UPDATE users SET city = CASE WHEN :city.given THEN :city ELSE city END
//
// No other parameter can have this name, and no SQL of either dialect has a
// point behind a placeholder.
const givenSuffix = ".given"

// GivenOf names the parameter that name is the companion of.
func GivenOf(name string) (base string, ok bool) { return strings.CutSuffix(name, givenSuffix) }

// givenLen measures the companion's suffix at the beginning of s, which stands
// right behind a parameter.
func givenLen(s string) (int, error) {
	if len(s) < 2 || s[0] != '.' || !isWordStart(s[1]) {
		return 0, nil
	}
	n := 1
	for n < len(s) && isWordPart(s[n]) {
		n++
	}
	if s[:n] != givenSuffix {
		return 0, fmt.Errorf("a parameter has no %s; :name%s tells whether the request gave it", clip(s[:n]), givenSuffix)
	}
	return n, nil
}

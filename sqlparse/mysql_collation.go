package sqlparse

import (
	"strings"

	"edgecache/source"
)

// Where the server told the weights of a collation, they decide
// (source.Weights). The tables here are for where it was not asked or could not
// tell: they know printable ASCII under collations that were held against a
// server, and nothing else.

// A charRank maps a character to its place under a collation; 0 is "not
// known", and text that holds such a character has no key.
type charRank [128]byte

// mysqlCollation is how a collation of MySQL or MariaDB orders the texts that
// we have a key for: those of printable ASCII. What lies outside (accents,
// control characters, expansions) is Undecided by construction.
type mysqlCollation struct {
	rank   *charRank
	padded bool // trailing spaces do not count
	folds  bool // case does not count
}

var (
	rankBinary  = ranksOf(printable)
	rankGeneral = ranksFolded(printable)
	// rankUCA is the order of the Unicode collation algorithm's default table
	// at the first level. The accents ^ and ` are left out: they moved between
	// its versions.
	rankUCA = ranksFolded(" _-,;:!?.'\"()[]{}@*/\\&#%+<=>|~$0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
)

// printable is ASCII from the space to the tilde, in its own order.
var printable = func() string {
	var b []byte
	for c := byte(' '); c < 0x7f; c++ {
		b = append(b, c)
	}
	return string(b)
}()

// mysqlCollations lists the collations of which the order above was held
// against a live server. Language-specific ones, with their contractions, are
// left out.
var mysqlCollations = map[source.Collation]mysqlCollation{
	"utf8mb4_bin":           {rankBinary, true, false},
	"utf8mb3_bin":           {rankBinary, true, false},
	"latin1_bin":            {rankBinary, true, false},
	"ascii_bin":             {rankBinary, true, false},
	"utf8mb4_general_ci":    {rankGeneral, true, true},
	"utf8mb3_general_ci":    {rankGeneral, true, true},
	"latin1_swedish_ci":     {rankGeneral, true, true},
	"ascii_general_ci":      {rankGeneral, true, true},
	"utf8mb4_unicode_ci":    {rankUCA, true, true},
	"utf8mb3_unicode_ci":    {rankUCA, true, true},
	"utf8mb4_uca1400_ai_ci": {rankUCA, true, true},
	"utf8mb3_uca1400_ai_ci": {rankUCA, true, true},
}

func ranksOf(order string) *charRank {
	r := &charRank{}
	for i := range len(order) {
		r[order[i]] = byte(i + 1)
	}
	return r
}

// ranksFolded gives both cases of a letter the place of the capital.
func ranksFolded(order string) *charRank {
	r := ranksOf(order)
	for c := 'A'; c <= 'Z'; c++ {
		r[c+'a'-'A'] = r[c]
	}
	return r
}

// fold maps text to bytes that compare under memcmp as the texts do.
func (c mysqlCollation) fold(s string) (string, bool) {
	if c.padded {
		s = strings.TrimRight(s, " ")
	}
	b := make([]byte, len(s))
	for i := range len(s) {
		if s[i] >= 0x80 || c.rank[s[i]] == 0 {
			return "", false
		}
		b[i] = c.rank[s[i]]
	}
	return string(b), true
}

// foldOn maps text to bytes that compare under memcmp as the texts do on l.
func foldOn(s string, l line) (string, bool) {
	if l.weights != nil {
		key, ok := l.weights.AppendKey(nil, s)
		return string(key), ok
	}
	c, ok := mysqlCollations[l.name]
	if !ok {
		return "", false
	}
	return c.fold(s)
}

// prefixOn is what foldOn gives for every text on l that begins with s begins
// with, or with characters that compare as those of s do. Blanks at its end are
// left out, for keys leave them out.
func prefixOn(s string, l line) (string, bool) {
	if l.weights != nil {
		key, ok := l.weights.AppendPrefix(nil, s)
		return string(key), ok
	}
	return foldOn(strings.TrimRight(s, " "), l)
}

// textOn makes a text of a key, for people to read.
func textOn(key string, l line) (string, bool) {
	if l.weights != nil {
		return l.weights.Text(key), true
	}
	if c, ok := mysqlCollations[l.name]; ok {
		return c.unfold(key), true
	}
	return "", false
}

// unfold gives, of two cases of a letter, the capital.
func (c mysqlCollation) unfold(key string) string {
	b := make([]byte, 0, len(key))
	for i := range len(key) {
		for ch := range c.rank {
			if c.rank[ch] == key[i] {
				b = append(b, byte(ch))
				break
			}
		}
	}
	return string(b)
}

package mysql

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"edgecache/source"
)

// How the server orders text is asked of the server: it tells the weight of
// every character (WEIGHT_STRING), and we make sure that the weight of a text
// is the weights of its characters in a row. That is so for collations with one
// weight a character; those of the Unicode algorithm have contractions ("ch" as
// one letter) and characters of no weight, so of them a repertoire of letters
// is taken, and pairs of it are tried. Afterwards comparisons, LIKE included,
// are tried at random. A collation that fails anywhere is not known by its
// weights, which costs precision and nothing else.
//
//	weigh   singles -> joined -> beyond -> padded -> likeDiffers -> tried
//
// What was found is kept for the process, by version of the server and
// collation; a witness, the weight of one text, tells servers apart that say
// they are the same and are not.

const (
	maxWeighed   = 24 // collations kept; past it text is decided as without weights
	weighTimeout = 10 * time.Second
)

type weighKey struct{ version, collation, witness string }

var weighed = struct {
	sync.Mutex
	kept map[weighKey]*source.Weights // nil: was tried and failed
}{kept: map[weighKey]*source.Weights{}}

// loadWeights gives the columns of text the weights of their collations. Of
// what cannot be weighed it leaves a line in the log, and no error.
func (d *DB) loadWeights(ctx context.Context, l *loader) {
	var scales []*scale
	l.each("SELECT DISTINCT c.COLLATION_NAME, c.CHARACTER_SET_NAME, s.MAXLEN FROM information_schema.COLUMNS c "+
		"JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME = c.CHARACTER_SET_NAME "+
		"WHERE c.TABLE_SCHEMA = DATABASE() ORDER BY 1", func(r []string) {
		if plainName(r[0]) && plainName(r[1]) { // they go into the text of statements
			scales = append(scales, &scale{collation: r[0], charset: r[1], width: int(number(r[2]))})
		}
	})
	if l.err != nil || len(scales) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, weighTimeout)
	defer cancel()
	found, left, why := d.weighAll(ctx, scales)
	if len(left) > 0 {
		d.o.Log.Warn("text under some collations is decided only where it is plain ASCII, if at all: their weights are not known",
			"source", d.o.Name, "collations", strings.Join(left, ", "), "error", why)
	}
	for _, t := range l.tables {
		for i := range t.Columns {
			t.Columns[i].Weights = found[t.Columns[i].Collation]
		}
	}
}

// weighAll weighs on a session of its own: what breaks there breaks nothing
// else. The collations that are left, with the last reason, are not known.
func (d *DB) weighAll(ctx context.Context, scales []*scale) (found map[source.Collation]*source.Weights, left []string, why error) {
	found = map[source.Collation]*source.Weights{}
	s, why := d.connect(ctx, roleControl)
	if s != nil {
		defer s.close()
	}
	for _, sc := range scales {
		if s == nil || s.broken {
			left = append(left, sc.collation)
			continue
		}
		sc.s = s
		w, err := d.weights(ctx, sc)
		if err != nil {
			left, why = append(left, sc.collation), err
		}
		found[source.Collation(sc.collation)] = w
	}
	return found, left, why
}

// weights looks among what was weighed before, else weighs.
func (d *DB) weights(ctx context.Context, sc *scale) (*source.Weights, error) {
	witness, err := sc.witness(ctx)
	if err != nil {
		return nil, err
	}
	key := weighKey{d.Version(), sc.collation, witness}
	weighed.Lock()
	w, known := weighed.kept[key]
	full := len(weighed.kept) >= maxWeighed
	weighed.Unlock()
	switch {
	case known:
		return w, nil
	case full:
		return nil, unavailable(nil, "more than %d collations are in use", maxWeighed)
	}
	w, err = sc.weigh(ctx)
	if err != nil && !isUnfit(err) {
		return nil, err // another time it may go well
	}
	weighed.Lock()
	defer weighed.Unlock()
	if other, known := weighed.kept[key]; known { // by another source, meanwhile
		return other, err
	}
	if len(weighed.kept) < maxWeighed {
		weighed.kept[key] = w
	}
	return w, err
}

// unfit says why a collation cannot be known by weights.
type unfit string

func (e unfit) Error() string { return string(e) }

func isUnfit(err error) bool {
	_, is := err.(unfit)
	return is
}

// scale weighs under one collation.
type scale struct {
	s         *session
	collation string
	charset   string
	width     int // the most bytes of a character
}

func (sc *scale) unfit(format string, args ...any) error {
	return unfit(sc.collation + ": " + fmt.Sprintf(format, args...))
}

func (sc *scale) weigh(ctx context.Context) (*source.Weights, error) {
	if sc.charset == "binary" || sc.width != 1 && sc.charset != "utf8mb4" && sc.charset != "utf8mb3" && sc.charset != "utf8" {
		return nil, sc.unfit("its character set is not weighed")
	}
	single, err := sc.singles(ctx)
	if err != nil {
		return nil, err
	}
	m := source.Weighing{Collation: source.Collation(sc.collation), Single: single, Whole: oneUnitEach(single)}
	switch {
	case m.Whole:
		err = sc.joinedAtRandom(ctx, single)
	case sc.width == 1:
		err = sc.joinedInPairs(ctx, single, [][]span{{{0, 0xffff}}})
	default:
		keepRepertoire(single)
		err = sc.joinedInPairs(ctx, single, scripts)
	}
	if err != nil {
		return nil, err
	}
	if err := sc.beyond(ctx, &m); err != nil {
		return nil, err
	}
	rows, err := sc.s.texts(ctx, "SELECT "+sc.text("a ")+" = "+sc.text("a"))
	if err != nil {
		return nil, err
	}
	m.Padded = rows[0][0] == "1"
	if m.NoLike, err = sc.likeDiffers(ctx, &m); err != nil {
		return nil, err
	}
	w := source.NewWeights(m)
	if w == nil {
		return nil, sc.unfit("a blank has no weight of its own")
	}
	if err := sc.tried(ctx, w, single); err != nil {
		return nil, err
	}
	return w, nil
}

// text spells a text in the collation; hexadecimal needs no escaping.
func (sc *scale) text(s string) string {
	return sc.under("_utf8mb4 x'" + hex.EncodeToString([]byte(s)) + "'")
}

// under converts an expression to the collation.
func (sc *scale) under(text string) string {
	return "CONVERT(" + text + " USING " + sc.charset + ") COLLATE " + sc.collation
}

// weight asks for the weight of a text.
func (sc *scale) weight(ctx context.Context, s string) (string, error) {
	rows, err := sc.s.texts(ctx, "SELECT WEIGHT_STRING("+sc.text(s)+")")
	if err != nil {
		return "", err
	}
	return rows[0][0], nil
}

// witness is the weight of a text of many letters.
func (sc *scale) witness(ctx context.Context) (string, error) {
	s := "The quick brown fox, jumps: over_the-lazy dog's 0123456789 back?"
	if sc.width > 1 {
		s += "ÀÉÎõüß ÅÄÖåäö çñøœ łźżčšž ğışİ αβγδΩ абвгдЯ ﬁ ａ 漢字 かな"
	}
	return sc.weight(ctx, s)
}

// sixteen numbers from 0 to 15 are multiplied to larger sets.
const sixteen = "(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 " +
	"UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL SELECT 10 UNION ALL SELECT 11 " +
	"UNION ALL SELECT 12 UNION ALL SELECT 13 UNION ALL SELECT 14 UNION ALL SELECT 15)"

// singles asks for the weight of every character alone, by code point.
func (sc *scale) singles(ctx context.Context) ([][]uint16, error) {
	if sc.width == 1 {
		return sc.bytes(ctx)
	}
	rows, err := sc.s.texts(ctx, "SELECT n, WEIGHT_STRING("+sc.under("CASE WHEN n < 128 THEN CHAR(n USING utf8mb4) "+
		"WHEN n < 2048 THEN CHAR(192 + (n >> 6), 128 + (n & 63) USING utf8mb4) "+
		"ELSE CHAR(224 + (n >> 12), 128 + ((n >> 6) & 63), 128 + (n & 63) USING utf8mb4) END")+
		") FROM (SELECT a.n * 4096 + b.n * 256 + c.n * 16 + d.n AS n FROM "+
		sixteen+" a, "+sixteen+" b, "+sixteen+" c, "+sixteen+" d) points WHERE n < 55296 OR n > 57343")
	if err != nil {
		return nil, err
	}
	single := make([][]uint16, 0x10000)
	room := make([]uint16, 0, 3*len(rows))
	for _, r := range rows {
		w := r[1]
		if len(w) == 3 && w[0] == 0 { // a code point of three bytes
			w = w[1:]
		}
		if len(w)%2 != 0 {
			return nil, sc.unfit("its weights are not of two bytes")
		}
		from := len(room)
		for i := 0; i < len(w); i += 2 {
			room = append(room, uint16(w[i])<<8|uint16(w[i+1]))
		}
		single[number(r[0])&0xffff] = room[from:len(room):len(room)]
	}
	return single, nil
}

// bytes asks for the characters of an 8-bit set, by way of the code points
// that they are read as. One that does not come back as it went is left out.
func (sc *scale) bytes(ctx context.Context) ([][]uint16, error) {
	char := "CHAR(n USING " + sc.charset + ")"
	rows, err := sc.s.texts(ctx, "SELECT CONVERT("+char+" USING utf8mb4), WEIGHT_STRING("+char+" COLLATE "+sc.collation+"), "+
		"HEX(CONVERT(CONVERT("+char+" USING utf8mb4) USING "+sc.charset+")) = LPAD(HEX(n), 2, '0'), n "+
		"FROM (SELECT a.n * 16 + b.n AS n FROM "+sixteen+" a, "+sixteen+" b) points")
	if err != nil {
		return nil, err
	}
	single := make([][]uint16, 0x10000)
	twice := map[rune]bool{}
	for _, r := range rows {
		c, n := utf8.DecodeRuneInString(r[0])
		if at := number(r[3]); at >= ' ' && at <= '~' && int64(c) != at {
			return nil, sc.unfit("its ASCII is another")
		}
		if r[2] != "1" || n == 0 || n != len(r[0]) || c == utf8.RuneError || c > 0xffff || len(r[1]) == 0 {
			continue
		}
		twice[c] = len(single[c]) > 0
		for i := range len(r[1]) {
			single[c] = append(single[c], uint16(r[1][i]))
		}
	}
	for c, again := range twice {
		if again {
			single[c] = nil
		}
	}
	return single, nil
}

func oneUnitEach(single [][]uint16) bool {
	for c, w := range single {
		if len(w) != 1 && (c < 0xd800 || c >= 0xe000) {
			return false
		}
	}
	return true
}

// span is the characters from one to another, both included.
type span struct{ from, to rune }

// scripts is the repertoire that is taken of the Unicode collations: letters,
// digits and marks that names, titles and addresses are made of, in scripts
// where characters stand for themselves. Left out are combining marks, the
// middle dot (in Catalan it joins two letters), the vowels of Thai and Indic
// scripts, Hangul, Han, and Latin letters that only linguists write.
//
// Pairs are tried inside each script and, in both orders, with ASCII, for that
// is where collations join; TestWeightsJoinAcrossScripts holds the rest.
var scripts = [][]span{
	{{0x20, 0x7e}, {0xa0, 0xb6}, {0xb8, 0x17f}, {0x18f, 0x18f}, {0x1a0, 0x1a1}, {0x1af, 0x1b0}, {0x1cd, 0x1dc}, {0x218, 0x21b},
		{0x1e00, 0x1eff}, {0x2010, 0x2026}, {0x2030, 0x203a}, {0x20a0, 0x20bf}, {0x2116, 0x2116}, {0x2122, 0x2122}},
	{{0x386, 0x386}, {0x388, 0x3ce}},
	{{0x400, 0x481}, {0x48a, 0x4ff}},
	{{0x531, 0x556}, {0x561, 0x586}},
	{{0x5d0, 0x5ea}},
	{{0x621, 0x63a}, {0x641, 0x64a}},
	{{0x10d0, 0x10f0}},
	{{0x3041, 0x3096}, {0x30a1, 0x30fa}},
}

// keepRepertoire forgets the characters outside of the scripts.
func keepRepertoire(single [][]uint16) {
	at := rune(0)
	kept := make([][]uint16, len(single))
	for _, script := range scripts {
		for _, s := range script {
			for at = s.from; at <= s.to; at++ {
				kept[at] = single[at]
			}
		}
	}
	copy(single, kept)
}

// known lists the characters of some spans that have a weight.
func known(single [][]uint16, spans []span) []rune {
	var out []rune
	for _, s := range spans {
		for c := s.from; c <= s.to; c++ {
			if len(single[c]) > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}

func everything(single [][]uint16) []rune { return known(single, []span{{0, 0xffff}}) }

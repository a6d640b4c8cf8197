package mysql

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"edgecache/source"
)

// What is believed of weights is tried on the server before anybody relies on
// it: that they join, that LIKE goes by them, that comparisons do.

const (
	weighSeed = 20   // any: the trials are the same each time
	chunk     = 4000 // about how many characters go into one text
)

// joinedAtRandom tries that weights join, on every character twice in two
// random orders. Weights of one unit each leave no room for anything else.
func (sc *scale) joinedAtRandom(ctx context.Context, single [][]uint16) error {
	rnd := rand.New(rand.NewPCG(weighSeed, weighSeed))
	order := everything(single)
	for range 2 {
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for at := 0; at < len(order); at += chunk {
			part := string(order[at:min(at+chunk, len(order))])
			w, err := sc.weight(ctx, part)
			if err != nil {
				return err
			}
			if w != sc.weightOf(part, single, len(w) == 3*utf8.RuneCountInString(part)) {
				return sc.unfit("weights of characters do not join to the weight of a text")
			}
		}
	}
	return nil
}

// weightOf is what the server ought to say of a text: of bytes in an 8-bit set,
// of code points of three bytes, else of units of two.
func (sc *scale) weightOf(text string, single [][]uint16, three bool) string {
	b := make([]byte, 0, 3*len(text))
	for _, c := range text {
		for _, u := range single[c&0xffff] {
			switch {
			case sc.width == 1:
				b = append(b, byte(u))
				continue
			case three:
				b = append(b, 0)
			}
			b = append(b, byte(u>>8), byte(u))
		}
	}
	return string(b)
}

// joinedInPairs tries that weights join, for all pairs of characters of each
// script, and of each with ASCII. A character that joins with another to a
// letter of their own is left out of the repertoire, unless both are ASCII:
// then the collation is left to itself. Three letters of which no two join are
// tried as well.
func (sc *scale) joinedInPairs(ctx context.Context, single [][]uint16, scripts [][]span) error {
	ascii := []span{{0x20, 0x7e}}
	for i, script := range scripts {
		some := known(single, script)
		slices.Reverse(some) // so that of a pair with ASCII the other is found
		n := len(some)
		if i > 0 {
			some = append(some, known(single, ascii)...)
		}
		bad, err := sc.strangers(ctx, single, some, n)
		if err != nil {
			return err
		}
		for _, c := range bad {
			if c < 0x80 {
				return sc.unfit("some pairs of ASCII characters make letters of their own")
			}
			single[c] = nil
		}
	}
	var triples strings.Builder
	for i := range 26 * 26 * 26 {
		triples.WriteString(string([]byte{byte('a' + i/676), byte('a' + i/26%26), byte('a' + i%26), ' '}))
	}
	w, err := sc.weight(ctx, triples.String())
	if err == nil && w != sc.weightOf(triples.String(), single, false) {
		err = sc.unfit("some three letters make one of their own")
	}
	return err
}

// strangers are those of the first n characters that do not join with every
// character from their own place on. For each there is a text in which it
// stands before and behind every other: the server makes it of the end of one
// with placeholders.
func (sc *scale) strangers(ctx context.Context, single [][]uint16, some []rune, n int) (bad []rune, err error) {
	const hole = "\x01"
	var all strings.Builder
	starts := make([]int, len(some))
	for i, c := range some {
		starts[i] = all.Len()
		if c != 1 {
			all.WriteString(string(c) + hole)
		}
	}
	if _, err := sc.s.run(ctx, "SET @weigh = x'"+hex.EncodeToString([]byte(all.String()))+"'"); err != nil {
		return nil, err
	}
	const perQuery = 100
	for at := 0; at < n; at += perQuery {
		var sums []string
		end := min(at+perQuery, n)
		for i := at; i < end; i++ {
			sums = append(sums, "MD5(WEIGHT_STRING("+sc.under(fmt.Sprintf("CONVERT(REPLACE(SUBSTRING(@weigh, %d), x'01', x'%x') USING utf8mb4)",
				starts[i]+1, string(some[i])))+"))")
		}
		rows, err := sc.s.texts(ctx, "SELECT "+strings.Join(sums, ", "))
		if err != nil {
			return nil, err
		}
		for i := at; i < end; i++ {
			text := strings.ReplaceAll(all.String()[starts[i]:], hole, string(some[i]))
			sum := md5.Sum([]byte(sc.weightOf(text, single, false)))
			if rows[0][i-at] != hex.EncodeToString(sum[:]) {
				bad = append(bad, some[i])
			}
		}
	}
	return bad, nil
}

// beyond finds out how characters outside the basic plane weigh: each as its
// own code point, or all as U+FFFD. A sample of every plane must agree.
func (sc *scale) beyond(ctx context.Context, m *source.Weighing) error {
	if !m.Whole || sc.charset != "utf8mb4" {
		return nil
	}
	text := []rune{0x1f600, utf8.MaxRune}
	for c := rune(0x10000); c <= utf8.MaxRune; c += 0x1ff {
		text = append(text, c)
	}
	w, err := sc.weight(ctx, string(text))
	if err != nil {
		return err
	}
	var self, replaced []byte
	u := m.Single[utf8.RuneError][0]
	for _, c := range text {
		self = append(self, byte(c>>16), byte(c>>8), byte(c))
		replaced = append(replaced, byte(u>>8), byte(u))
	}
	m.BeyondSelf, m.BeyondReplaced = w == string(self), w == string(replaced)
	return nil
}

// likeDiffers tells whether LIKE, which goes by single characters, takes other
// characters for the same than those of one weight: some collations give it a
// table of its own.
func (sc *scale) likeDiffers(ctx context.Context, m *source.Weighing) (bool, error) {
	texts, patterns, same := likePairs(m.Single, sc.width == 1)
	const atOnce = 256 // SUBSTRING counts characters from the start
	for at := 0; at < len(texts); at += atOnce {
		end := min(at+atOnce, len(texts))
		for name, part := range map[string][]rune{"@weigh": texts[at:end], "@pattern": patterns[at:end]} {
			if _, err := sc.s.run(ctx, "SET "+name+" = "+sc.text(string(part))); err != nil {
				return false, err
			}
		}
		rows, err := sc.s.texts(ctx, "SELECT n, SUBSTRING(@weigh, n + 1, 1) COLLATE "+sc.collation+" LIKE SUBSTRING(@pattern, n + 1, 1) "+
			"FROM (SELECT a.n * 16 + b.n AS n FROM "+sixteen+" a, "+sixteen+" b) points "+
			fmt.Sprintf("WHERE n < %d", end-at))
		if err != nil {
			return false, err
		}
		for _, r := range rows {
			if (r[1] == "1") != same[at+int(number(r[0]))] {
				return true, nil
			}
		}
	}
	return false, nil
}

// likePairs are characters to match with one another, and whether they should.
// Of 8-bit sets all pairs; else every character with the first of its weight,
// and those with their neighbours, as far as the scripts go in which letters
// have forms.
func likePairs(single [][]uint16, all bool) (texts, patterns []rune, same []bool) {
	add := func(c, p rune) {
		if p != '%' && p != '_' && p != '\\' {
			texts, patterns = append(texts, c), append(patterns, p)
			same = append(same, slices.Equal(single[c], single[p]))
		}
	}
	if all {
		order := everything(single)
		for _, c := range order {
			for _, p := range order {
				add(c, p)
			}
		}
		return texts, patterns, same
	}
	order := known(single, []span{{0, 0x24ff}, {0xf900, 0xffff}})
	slices.SortStableFunc(order, func(a, b rune) int { return slices.Compare(single[a], single[b]) })
	first := rune(-1)
	for _, c := range order {
		if first < 0 || !slices.Equal(single[first], single[c]) {
			if first >= 0 {
				add(c, first)
			}
			first = c
		}
		add(c, first)
	}
	return texts, patterns, same
}

const (
	trials        = 600
	longestTrial  = 6
	lettersOfPair = 5
)

// tried holds comparisons against the server: of Latin letters with the next
// by weight, and of random texts.
func (sc *scale) tried(ctx context.Context, w *source.Weights, single [][]uint16) error {
	var pairs [][2]string
	order := known(single, []span{{0x20, 0x17f}})
	slices.SortStableFunc(order, func(a, b rune) int { return slices.Compare(single[a], single[b]) })
	for i := 1; i < len(order); i++ {
		pairs = append(pairs, [2]string{string(order[i-1]), string(order[i])})
	}
	return sc.compared(ctx, w, append(pairs, trialTexts(rand.New(rand.NewPCG(weighSeed, 1)), everything(single))...))
}

// compared holds comparisons of pairs of texts against the server.
func (sc *scale) compared(ctx context.Context, w *source.Weights, pairs [][2]string) error {
	for part := range slices.Chunk(pairs, 100) {
		var asks, want, about []string
		for _, p := range part {
			kx, ok1 := w.AppendKey(nil, p[0])
			ky, ok2 := w.AppendKey(nil, p[1])
			if !ok1 || !ok2 {
				continue // the other case of a letter is not known
			}
			n := strings.Compare(string(kx), string(ky))
			x, y, pair := sc.text(p[0]), sc.text(p[1]), fmt.Sprintf("%q", p)
			asks = append(asks, x+" = "+y, x+" < "+y)
			want, about = append(want, bit(n == 0), bit(n < 0)), append(about, pair, pair)
		}
		if len(asks) == 0 {
			continue
		}
		rows, err := sc.s.texts(ctx, "SELECT "+strings.Join(asks, ", "))
		if err != nil {
			return err
		}
		for i := range want {
			if rows[0][i] != want[i] {
				return sc.unfit("%s compare otherwise than by weight", about[i])
			}
		}
	}
	return nil
}

func bit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// trialTexts draws pairs of texts of few different characters, so that they
// share beginnings, letters in two cases, and blanks and what is below them at
// ends.
func trialTexts(rnd *rand.Rand, order []rune) (out [][2]string) {
	for range trials {
		some := []rune{' ', ' '}
		if rnd.IntN(2) == 0 {
			some = append(some, order[rnd.IntN(min(40, len(order)))]) // control characters, where they are known
		}
		for range lettersOfPair {
			c := order[rnd.IntN(len(order))]
			if rnd.IntN(2) == 0 {
				c = order[rnd.IntN(min(0x250, len(order)))]
			}
			some = append(some, c, unicode.ToUpper(c), unicode.ToLower(c))
		}
		draw := func() string {
			text := make([]rune, rnd.IntN(longestTrial))
			for i := range text {
				text[i] = some[rnd.IntN(len(some))]
			}
			return string(text)
		}
		pair := [2]string{draw(), draw()}
		if rnd.IntN(2) == 0 {
			pair[1] = pair[0] + pair[1]
		}
		out = append(out, pair)
	}
	return out
}

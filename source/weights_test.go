package source

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// letters weigh as a collation would that folds case and accents, expands ß,
// knows a tab below the blank, and a blank that does not break as a blank.
func letters(padded bool) *Weights {
	single := make([][]uint16, 0x10000)
	set := func(chars string, units ...uint16) {
		for _, c := range chars {
			single[c] = units
		}
	}
	set("\t", 0x100)
	set(" \u00a0", 0x200)
	set("-", 0x210)
	set("aAäÄ", 0x300)
	set("bB", 0x310)
	set("sS", 0x400)
	set("ß", 0x400, 0x400)
	set("z", 0x9000)
	return NewWeights(Weighing{Collation: "letters", Single: single, Padded: padded})
}

// codePoints weigh as themselves, but for small letters.
func codePoints(change func(*Weighing)) *Weights {
	m := Weighing{Collation: "points", Single: make([][]uint16, 0x10000), Whole: true, Padded: true, BeyondReplaced: true}
	for c := range m.Single {
		m.Single[c] = []uint16{uint16(c)}
	}
	for c := 'a'; c <= 'z'; c++ {
		m.Single[c] = []uint16{uint16(c - 'a' + 'A')}
	}
	if change != nil {
		change(&m)
	}
	return NewWeights(m)
}

// naive compares as the standard says: the shorter text is filled up with
// blanks, unit by unit.
func naive(w *Weights, x, y string) (int, bool) {
	a, ok1 := w.units(nil, x)
	b, ok2 := w.units(nil, y)
	for w.padded && len(a) != len(b) {
		if len(a) < len(b) {
			a = append(a, w.pad)
		} else {
			b = append(b, w.pad)
		}
	}
	return slices.Compare(a, b), ok1 && ok2
}

func TestWeightKeysAgreeWithPaddedComparison(t *testing.T) {
	for _, w := range []*Weights{letters(true), letters(false), codePoints(nil), codePoints(func(m *Weighing) { m.Padded = false })} {
		texts := []string{""}
		for range 4 { // all texts of up to four of these
			for _, s := range texts {
				if utf8.RuneCountInString(s) == utf8.RuneCountInString(texts[len(texts)-1]) {
					for _, c := range "\t aAß" {
						texts = append(texts, s+string(c))
					}
				}
			}
		}
		texts = append(texts, "\u00a0", "a\u00a0", "a\u00a0\t", "a-b", "ss", "zß", "z", "ab")
		for _, x := range texts {
			for _, y := range texts {
				kx, ok1 := w.AppendKey(nil, x)
				ky, ok2 := w.AppendKey(nil, y)
				if !ok1 || !ok2 {
					t.Fatalf("%q or %q: no key", x, y)
				}
				if want, _ := naive(w, x, y); strings.Compare(string(kx), string(ky)) != want {
					t.Fatalf("padded %v: %q and %q: keys %x and %x, want %d", w.padded, x, y, kx, ky, want)
				}
				prefix, _ := w.AppendPrefix(nil, x)
				if strings.HasPrefix(y, x) && !strings.HasPrefix(string(ky), string(prefix)) {
					t.Fatalf("%q begins with %q, its key %x not with %x", y, x, ky, prefix)
				}
			}
		}
	}
}

func TestWeightsKnowOnlyWhatTheyWereTold(t *testing.T) {
	partial := letters(true)
	whole := codePoints(nil)
	for _, c := range []struct {
		w    *Weights
		text string
		ok   bool
	}{
		{partial, "äß", true}, {partial, "c", false}, {partial, "é", false}, {partial, "😀", false}, {partial, "a\x80", false}, {partial, "\xed\xa0\x80", false},
		{whole, "é漢", true}, {whole, "😀", true}, {whole, "\ufffd", true}, {whole, "\xff", false}, {whole, "a\xc3", false}, {whole, "\x00", true},
		{codePoints(func(m *Weighing) { m.BeyondReplaced = false }), "😀", false},
		{codePoints(func(m *Weighing) { m.Padded = false }), "\x00", false},
		{codePoints(func(m *Weighing) { m.Padded = false }), "\x01", true},
	} {
		if _, ok := c.w.AppendKey(nil, c.text); ok != c.ok {
			t.Errorf("%q: %v, want %v", c.text, ok, c.ok)
		}
	}
	same := func(w *Weights, a, b rune) bool {
		x, ok1 := w.Class(a)
		y, ok2 := w.Class(b)
		return ok1 && ok2 && x == y
	}
	switch {
	case !same(partial, 'ä', 'A'), same(partial, 'ß', 's'), !same(partial, 'ß', 'ß'), !same(whole, 'x', 'X'), !same(whole, '😀', '😁'), !same(whole, '😀', utf8.RuneError):
		t.Error("characters of one weight share a class, others do not")
	case same(codePoints(func(m *Weighing) { m.BeyondReplaced, m.BeyondSelf = false, true }), '😀', '😁'):
		t.Error("code points differ")
	}
	for name, w := range map[string]*Weights{
		"nothing":             NewWeights(Weighing{}),
		"no blank":            codePoints(func(m *Weighing) { m.Single[' '] = nil }),
		"a blank of two":      codePoints(func(m *Weighing) { m.Single[' '] = []uint16{1, 2} }),
		"whole with a hole":   codePoints(func(m *Weighing) { m.Single['x'] = nil }),
		"whole with an ß":     codePoints(func(m *Weighing) { m.Single['ß'] = []uint16{1, 2} }),
		"partial, many units": codePoints(func(m *Weighing) { m.Whole = false }),
	} {
		if w != nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestWeightsArePrinted(t *testing.T) {
	for _, c := range []struct {
		w          *Weights
		text, want string
	}{
		{letters(true), "Äb  ", "AB"}, {letters(true), "a\u00a0\tß", "A \tSS"}, {letters(false), "z ", "z "},
		{codePoints(nil), "École 漢", "ÉCOLE 漢"}, {codePoints(nil), "", ""},
	} {
		key, ok := c.w.AppendKey(nil, c.text)
		if got := c.w.Text(string(key)); !ok || got != c.want {
			t.Errorf("%q prints as %q, want %q", c.text, got, c.want)
		}
	}
	if s := letters(true).Size() + codePoints(nil).Size(); s > 32<<10 {
		t.Errorf("weights take %d bytes", s)
	}
}

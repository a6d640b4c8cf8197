package source

import (
	"slices"
	"sort"
	"unicode/utf8"
)

// Weights is how a server orders texts under one collation, as the server
// itself told it: the weights of single characters, of which the weight of a
// text is the concatenation. Whoever makes one has shown that on the server.
// What it does not know (a character outside its repertoire, broken UTF-8) it
// says so; it never guesses.
//
// A weight is a sequence of units, almost always one. There are two forms:
//
//	whole    every character of the basic plane has one unit; a page that is
//	         nil holds characters whose unit is their code point
//	partial  the characters of a repertoire only; units are numbered anew,
//	         from 1, so that keys are short
//
// A Weights is immutable. Two of them never compare with one another.
type Weights struct {
	collation Collation
	whole     bool
	padded    bool // the shorter text is filled up with blanks
	noLike    bool
	pad       uint32 // the unit of a blank
	beyond    beyond
	pages     [256]*[256]uint16
	longs     [][]uint32 // weights of several units: code - longCode is the index
	faces     []rune     // partial: by unit, a character of that weight
}

// beyond is the weight of characters outside the basic plane.
type beyond uint8

const (
	beyondUnknown  beyond = iota
	beyondSelf            // their code point
	beyondReplaced        // that of U+FFFD
)

// longCode and what is above it stand, in a partial form, for weights of
// several units.
const longCode = 0xf000

// Like tells whether LIKE takes two characters for the same exactly when their
// weights are the same.
func (w *Weights) Like() bool { return !w.noLike }

// Padded tells whether trailing blanks do not count.
func (w *Weights) Padded() bool { return w.padded }

// Collation is whose weights they are.
func (w *Weights) Collation() Collation { return w.collation }

// Size is about how many bytes the weights take.
func (w *Weights) Size() int {
	n := 8*len(w.pages) + 4*len(w.faces)
	for _, p := range w.pages {
		if p != nil {
			n += 2 * len(p)
		}
	}
	for _, l := range w.longs {
		n += 24 + 4*len(l)
	}
	return n
}

// Class is a number that two characters share exactly when their weights are
// the same. ok is false for a character that is not known.
func (w *Weights) Class(r rune) (class uint32, ok bool) {
	switch {
	case r > 0xffff:
		switch w.beyond {
		case beyondSelf:
			return uint32(r), true
		case beyondReplaced:
			return w.Class(utf8.RuneError)
		}
		return 0, false
	case r < 0 || r >= 0xd800 && r < 0xe000:
		return 0, false
	}
	class = uint32(r)
	if page := w.pages[r>>8]; page != nil {
		class = uint32(page[r&0xff])
	} else if !w.whole {
		return 0, false
	}
	// Without padding, ORDER BY fills its keys up with zeros, and would not tell
	// a unit of zero from the end.
	return class, class != 0 || w.whole && w.padded
}

// units appends the units of a text; false: a character is not known.
func (w *Weights) units(to []uint32, s string) ([]uint32, bool) {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n <= 1 {
			return nil, false
		}
		i += n
		class, ok := w.Class(r)
		switch {
		case !ok:
			return nil, false
		case !w.whole && class >= longCode:
			to = append(to, w.longs[class-longCode]...)
		default:
			to = append(to, class)
		}
	}
	return to, true
}

// What follows a blank inside a padded key tells how the rest compares with
// blanks without end.
const (
	restBelow = 1 // as in "a\t" where a tab is below a blank
	restNone  = 2 // the text ends here
	restAbove = 3
)

// AppendKey appends bytes that compare as the server compares texts. ok is
// false where that is not known.
//
// Under PAD SPACE "a" is compared with "a\t" as if it were "a" and blanks for
// ever, so a tab that is below a blank puts "a\t" before "a", and "a b" behind
// it. Hence a key ends with the unit of a blank and restNone, and every blank
// inside is followed by where the rest stands.
func (w *Weights) AppendKey(key []byte, s string) (_ []byte, ok bool) {
	key, _, ok = w.appendPrefix(key, s)
	if ok && w.padded {
		key = append(appendUnit(key, w.pad), restNone)
	}
	return key, ok
}

// AppendPrefix appends what the key of every text begins with that begins with
// characters of the weights of s. Blanks at the end of s are left out: a key
// does not tell them from the end.
func (w *Weights) AppendPrefix(key []byte, s string) (_ []byte, ok bool) {
	key, _, ok = w.appendPrefix(key, s)
	return key, ok
}

func (w *Weights) appendPrefix(key []byte, s string) (_ []byte, units []uint32, ok bool) {
	var room [64]uint32
	units, ok = w.units(room[:0], s)
	if !ok {
		return key, nil, false
	}
	if w.padded {
		for len(units) > 0 && units[len(units)-1] == w.pad {
			units = units[:len(units)-1]
		}
	}
	for i := 0; i < len(units); i++ {
		if !w.padded || units[i] != w.pad {
			key = appendUnit(key, units[i])
			continue
		}
		end := i
		for units[end] == w.pad { // ends: the last unit is none
			end++
		}
		rest := byte(restAbove)
		if units[end] < w.pad {
			rest = restBelow
		}
		for ; i < end; i++ {
			key = append(appendUnit(key, w.pad), rest)
		}
		i--
	}
	return key, units, true
}

// appendUnit writes a unit so that bytes compare as units do and none is the
// beginning of another: as UTF-8 does, surrogates included.
func appendUnit(b []byte, u uint32) []byte {
	switch {
	case u < 0x80:
		return append(b, byte(u))
	case u < 0x800:
		return append(b, 0xc0|byte(u>>6), 0x80|byte(u&0x3f))
	case u < 0x10000:
		return append(b, 0xe0|byte(u>>12), 0x80|byte(u>>6&0x3f), 0x80|byte(u&0x3f))
	}
	return append(b, 0xf0|byte(u>>18), 0x80|byte(u>>12&0x3f), 0x80|byte(u>>6&0x3f), 0x80|byte(u&0x3f))
}

// cutUnit reads what appendUnit wrote; broken bytes give nothing.
func cutUnit(key string) (u uint32, rest string) {
	n, c := 1, key[0]
	switch {
	case c >= 0xf0:
		n, u = 4, uint32(c&0x07)
	case c >= 0xe0:
		n, u = 3, uint32(c&0x0f)
	case c >= 0xc0:
		n, u = 2, uint32(c&0x1f)
	default:
		u = uint32(c)
	}
	if n > len(key) {
		return 0, ""
	}
	for i := 1; i < n; i++ {
		u = u<<6 | uint32(key[i]&0x3f)
	}
	return u, key[n:]
}

// Text makes a text of a key, or of the beginning of one, for people to read:
// of the characters that share a weight it takes one.
func (w *Weights) Text(key string) string {
	var out []rune
	for key != "" {
		var u uint32
		u, key = cutUnit(key)
		if w.padded && u == w.pad && key != "" {
			rest := key[0]
			key = key[1:]
			if rest == restNone {
				break
			}
		}
		switch {
		case w.whole:
			out = append(out, rune(u))
		case int(u) < len(w.faces):
			out = append(out, w.faces[u])
		default:
			out = append(out, utf8.RuneError)
		}
	}
	return string(out)
}

// Weighing is what a server said of one collation.
type Weighing struct {
	Collation Collation
	// Single holds the weights of the characters of the basic plane, in units,
	// by code point. One without units is not known; a whole form knows all.
	Single [][]uint16
	// Whole asks for the whole form: every weight is of one unit.
	Whole bool
	// Beyond tells, of a whole form, what stands outside the basic plane.
	BeyondSelf, BeyondReplaced bool
	Padded                     bool
	NoLike                     bool // LIKE compares in a way of its own
}

// NewWeights makes the value of what was weighed, or nil where it does not fit:
// a blank without a weight of one unit, a weight without units, too many.
func NewWeights(m Weighing) *Weights {
	w := &Weights{collation: m.Collation, whole: m.Whole, padded: m.Padded, noLike: m.NoLike}
	switch {
	case m.BeyondSelf && m.Whole:
		w.beyond = beyondSelf
	case m.BeyondReplaced && m.Whole:
		w.beyond = beyondReplaced
	}
	if len(m.Single) != 0x10000 || len(m.Single[' ']) != 1 {
		return nil
	}
	if m.Whole {
		return w.fillWhole(m.Single)
	}
	return w.fillPartial(m.Single)
}

func (w *Weights) fillWhole(single [][]uint16) *Weights {
	w.pad = uint32(single[' '][0])
	for hi := range w.pages {
		var page [256]uint16
		own := true
		for lo := range page {
			r := rune(hi<<8 | lo)
			if r >= 0xd800 && r < 0xe000 {
				continue
			}
			if len(single[r]) != 1 {
				return nil
			}
			page[lo] = single[r][0]
			own = own && rune(page[lo]) == r
		}
		if !own {
			w.pages[hi] = &page
		}
	}
	return w
}

// fillPartial numbers the units in their order, so that equal ones are equal
// and greater ones greater as before.
func (w *Weights) fillPartial(single [][]uint16) *Weights {
	face := map[uint16]rune{}
	var units []int
	for r, weight := range single {
		for _, u := range weight {
			if _, seen := face[u]; !seen {
				face[u] = utf8.RuneError
				units = append(units, int(u))
			}
		}
		// Of a letter's many forms the first is its plain capital.
		if len(weight) == 1 && face[weight[0]] == utf8.RuneError {
			face[weight[0]] = rune(r)
		}
	}
	sort.Ints(units)
	if len(units)+1 >= longCode {
		return nil
	}
	number := map[uint16]uint32{}
	w.faces = []rune{utf8.RuneError}
	for i, u := range units {
		number[uint16(u)] = uint32(i + 1)
		w.faces = append(w.faces, face[uint16(u)])
	}
	w.pad = number[single[' '][0]]
	long := map[string]uint16{}
	for r, weight := range single {
		if len(weight) == 0 || !w.padded && slices.Contains(weight, 0) {
			continue
		}
		code := uint16(number[weight[0]])
		if len(weight) > 1 {
			var seq []uint32
			var name []byte
			for _, u := range weight {
				seq = append(seq, number[u])
				name = append(name, byte(u>>8), byte(u))
			}
			var seen bool
			if code, seen = long[string(name)]; !seen {
				if longCode+len(w.longs) > 0xffff {
					return nil
				}
				code = uint16(longCode + len(w.longs))
				long[string(name)] = code
				w.longs = append(w.longs, seq)
			}
		}
		if w.pages[r>>8] == nil {
			w.pages[r>>8] = new([256]uint16)
		}
		w.pages[r>>8][r&0xff] = code
	}
	return w
}

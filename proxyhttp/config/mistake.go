package config

import (
	"fmt"
	"sort"
	"strings"
)

// Mistake is one thing that is wrong with a file, in a sentence that says what
// to do about it.
type Mistake struct {
	File     string
	Line     int    // 0: the file as a whole
	Endpoint string // "" when it belongs to none
	Message  string
}

// String prints the mistake in one line:
//
//	shop.yaml:12: endpoint users.list: ttl must be more than zero
func (m Mistake) String() string {
	var b strings.Builder
	if m.File != "" {
		b.WriteString(m.File + ":")
		if m.Line > 0 {
			fmt.Fprintf(&b, "%d:", m.Line)
		}
		b.WriteByte(' ')
	} else if m.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", m.Line)
	}
	if m.Endpoint != "" {
		b.WriteString("endpoint " + m.Endpoint + ": ")
	}
	b.WriteString(m.Message)
	return b.String()
}

// reader collects the mistakes of one file while it is read.
type reader struct {
	file     string
	env      func(string) (string, bool) // nil: references are left alone
	mistakes []Mistake
	noted    map[Mistake]bool
	overflow int
	// steps counts the values read, each time that an alias leads to them: a
	// file of the largest kind reads some 200,000, so only aliases that
	// multiply pass maxSteps.
	steps int
	// owners tell which endpoint a line belongs to.
	owners []owner
}

const maxSteps = 1 << 20

type owner struct {
	first, last int // lines
	name        string
}

// note adds a mistake. The same mistake is noted once, however many aliases
// lead to it.
func (r *reader) note(line int, endpoint, format string, args ...any) {
	m := Mistake{File: r.file, Line: line, Endpoint: endpoint, Message: fmt.Sprintf(format, args...)}
	if r.noted[m] {
		return
	}
	if len(r.mistakes) >= maxMistakes {
		r.overflow++
		return
	}
	if r.noted == nil {
		r.noted = map[Mistake]bool{}
	}
	r.noted[m] = true
	r.mistakes = append(r.mistakes, m)
}

// step tells whether reading may go on to one more node.
func (r *reader) step() bool {
	r.steps++
	if r.steps == maxSteps {
		r.note(0, "", "aliases (*name) expand to more than %d values; write the repeated parts once", maxSteps)
	}
	return r.steps < maxSteps
}

// result returns the mistakes in the order of their lines.
func (r *reader) result() []Mistake {
	for i := range r.mistakes {
		if m := &r.mistakes[i]; m.Endpoint == "" {
			m.Endpoint = r.ownerOf(m.Line)
		}
	}
	sort.SliceStable(r.mistakes, func(i, j int) bool { return r.mistakes[i].Line < r.mistakes[j].Line })
	if r.overflow > 0 {
		r.mistakes = append(r.mistakes, Mistake{File: r.file, Message: fmt.Sprintf("and %d mistakes more", r.overflow)})
	}
	return r.mistakes
}

// ownerOf names the endpoint that a line is in. Where several share a line, as
// in JSON without line breaks, it names none rather than the wrong one.
func (r *reader) ownerOf(line int) string {
	if line == 0 {
		return ""
	}
	i := sort.Search(len(r.owners), func(i int) bool { return r.owners[i].last >= line })
	if i == len(r.owners) || r.owners[i].first > line {
		return ""
	}
	if i+1 < len(r.owners) && r.owners[i+1].first <= line {
		return ""
	}
	return r.owners[i].name
}

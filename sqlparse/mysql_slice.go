package sqlparse

import (
	"strings"

	"edgecache/source"
)

// slice cuts the statement's text where its clauses begin. What is to follow
// FROM stands between two keywords; Head ends where WHERE, ORDER BY or LIMIT
// begins. The tree has shown that nothing else follows. Keywords inside
// parentheses are none of ours.
func (w *writePlanner) slice(before, after string) {
	const (
		start = iota
		from
		set
		where
		order
		limit
	)
	pieces := map[int]*piece{from: {}, set: {}, where: {}, order: {}, limit: {}}
	var head piece
	depth, marks, part := 0, 0, start
	for _, tok := range w.text.tokens {
		switch {
		case tok.is("("):
			depth++
		case tok.is(")"):
			depth--
		}
		next := part
		if depth == 0 {
			switch {
			case part == start && tok.is(before):
				next = from
			case part == from && tok.is(after) && after != "WHERE":
				next = set
			case tok.is("WHERE"):
				next = where
			case tok.is("ORDER"):
				next = order
			case tok.is("LIMIT"):
				next = limit
			}
		}
		if part < where && next < where {
			head.add(tok, marks)
		}
		if next == part && !tok.is("LOW_PRIORITY") && !(part == order && tok.is("BY") && pieces[order].blank()) {
			if p := pieces[part]; p != nil {
				p.add(tok, marks)
			}
		}
		part = next
		if tok.kind == tokMark {
			marks++
		}
	}
	p := w.plan
	p.Head, p.From, p.Where = head.done(), pieces[from].done(), pieces[where].done()
	p.Order, p.Limit = pieces[order].done(), pieces[limit].done()
}

// piece gathers tokens, comments reduced to a space.
type piece struct {
	text strings.Builder
	args []int
}

func (p *piece) add(tok token, marks int) {
	switch tok.kind {
	case tokSpace:
		p.text.WriteByte(' ')
		return
	case tokMark:
		p.args = append(p.args, marks)
	}
	p.text.WriteString(tok.s)
}

func (p *piece) blank() bool { return strings.TrimSpace(p.text.String()) == "" }

func (p *piece) done() source.Piece {
	return source.Piece{SQL: strings.TrimSpace(p.text.String()), Args: p.args}
}

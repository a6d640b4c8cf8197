package sqlite

import (
	"strconv"
	"strings"

	"edgecache/source"
)

// program is the compiled form of a statement.
type program struct {
	text    string
	reads   map[int64]bool  // roots of the b-trees that are opened to be read
	virtual bool            // virtual tables are opened
	calls   map[string]bool // functions that are called, lower-cased
}

// program lists what EXPLAIN does, without comments. Where it does not show a
// constant with all its digits or bytes, as for a REAL or a blob, the constants
// of the text and the views that it names are added.
func (c *conn) program(sql string, catalog *catalog) (*program, error) {
	s, err := c.prepare("EXPLAIN " + fromFirstWord(sql))
	if err != nil {
		return nil, err
	}
	defer s.finalize()
	out := &program{reads: map[int64]bool{}, calls: map[string]bool{}}
	var b strings.Builder
	inexact := false
	for {
		more, err := s.step()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		opcode := s.column(1).AsText()
		switch opcode {
		case "OpenRead":
			if s.column(4).AsInt() == 0 { // in the main database
				out.reads[s.column(3).AsInt()] = true
			}
		case "VOpen":
			out.virtual = true
		}
		if name, _, ok := strings.Cut(s.column(5).AsText(), "("); ok {
			out.calls[strings.ToLower(name)] = true // as Function, PureFunc, AggStep print it
		}
		inexact = inexact || opcode == "Real" || opcode == "Blob"
		b.WriteString(opcode)
		for i := 2; i <= 6; i++ { // p1, p2, p3, p4, p5
			b.WriteByte(' ')
			if opcode == "Transaction" && (i == 4 || i == 5) {
				continue // which schema, as this handle counts them
			}
			b.WriteString(operand(s.column(i)))
		}
		b.WriteByte('\n')
	}
	if inexact {
		b.WriteString(constants(sql))
		for _, name := range sortedKeys(s.print.viewsOf(catalog)) {
			b.WriteString("view " + name + "\n")
		}
	}
	out.text = b.String()
	return out, nil
}

// operand prints one operand on one line.
func operand(v source.Value) string {
	if v.Kind() != source.KindText {
		return v.String()
	}
	if strings.HasPrefix(v.AsText(), "vtab:") {
		return "vtab" // an address follows
	}
	return strconv.Quote(v.AsText())
}

// viewsOf lists the views that are read.
func (f *footprint) viewsOf(catalog *catalog) map[string]bool {
	out := map[string]bool{}
	for name := range f.reads {
		if catalog.schema.View(name) != nil {
			out[strings.ToLower(name)] = true
		}
	}
	return out
}

// constants lists the numbers and blobs of a text in order.
func constants(sql string) string {
	var b strings.Builder
	l := lexer{sql: sql}
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		if t.kind == tokenNumber || t.kind == tokenBlob {
			b.WriteString("constant " + l.text(t) + "\n")
		}
	}
	return b.String()
}

package sqlparse

import (
	"slices"
	"strconv"
	"strings"

	"edgecache/source"
)

// The proofs of held.go want keys and sort keys that an answer does not show.
// They are asked for behind its own columns and cut off before anybody sees
// them. In a frame, which has no DISTINCT, grouping or set operator, a further
// output changes no row.

// maxHidden bounds the columns that are asked for besides.
const maxHidden = 16

// hiddenName starts the names of hidden columns.
const hiddenName = "edgecache_key_"

// hide adds the wanted columns to what is executed, if the database takes them
// for what they are; else none.
func (f *frame) hide(a *analysis, b *block, outputs, wanted []*column) {
	if len(wanted) == 0 || len(wanted) > maxHidden {
		return
	}
	at := a.text.mainFrom()
	if at < 0 {
		return
	}
	var s strings.Builder
	for i, c := range wanted {
		name := b.nameOf(c)
		if name == nil {
			return
		}
		s.WriteString(", " + a.in.Dialect.quote(name[0]) + "." + a.in.Dialect.quote(name[1]) + " AS " + hiddenName + strconv.Itoa(i+1))
	}
	s.WriteString(" ")
	longer := a.text.insert(at, s.String())
	d, err := a.in.Describe(longer.prepared())
	if err != nil || len(d.Columns) != len(outputs)+len(wanted) || !sameColumns(d.Columns, a.desc.Columns) {
		return
	}
	for i, c := range wanted {
		got := d.Columns[len(outputs)+i]
		if a.in.Dialect == SQLite && !(strings.EqualFold(got.Table, c.occ.Table.Name) && strings.EqualFold(got.Column, c.occ.Table.Columns[c.idx].Name)) {
			return
		}
	}
	f.hidden = wanted
	a.longer = longer
}

// sameColumns tells that the answer starts with the columns of the original.
func sameColumns(longer, original []source.OutputColumn) bool {
	for i := range original {
		if longer[i] != original[i] {
			return false
		}
	}
	return true
}

// nameOf is how the block mentions a column of an occurrence directly in it:
// leaf and column; nil when it does not offer it.
func (b *block) nameOf(c *column) []string {
	var out []string
	b.from.eachLeaf(func(f *from) {
		switch {
		case f.alias == "":
		case f.occ != nil && f.occ == c.occ:
			out = []string{f.alias, c.occ.Table.Columns[c.idx].Name}
		case f.occ == nil && f.outputs != nil:
			if i := place(f.outputs, c); i >= 0 && f.cols[i] != "" && firstNamed(f.cols, i) {
				out = []string{f.alias, f.cols[i]}
			}
		}
	})
	return out
}

// firstNamed tells that a mention of the i-th name means the i-th column: of
// several of one name, it means the first.
func firstNamed(names []string, i int) bool {
	return !slices.ContainsFunc(names[:i], func(n string) bool { return strings.EqualFold(n, names[i]) })
}

// mainFrom is the position of the FROM of the outermost SELECT, -1 when it is
// not plain which one that is.
func (t *text) mainFrom() int {
	depth, selected := 0, false
	for i, tok := range t.tokens {
		switch {
		case tok.is("("):
			depth++
		case tok.is(")"):
			depth--
		case depth > 0 || tok.kind != tokWord:
		case tok.is("SELECT"):
			if selected {
				return -1
			}
			selected = true
		case tok.is("FROM") && selected:
			if p := t.neighbour(i, -1); p < 0 || t.tokens[p].is("DISTINCT") {
				return -1 // IS DISTINCT FROM
			}
			return i
		}
	}
	return -1
}

// insert returns the text with a piece put in front of token i.
func (t *text) insert(i int, piece string) *text {
	out := *t
	out.tokens = make([]token, 0, len(t.tokens)+1)
	out.tokens = append(out.tokens, t.tokens[:i]...)
	out.tokens = append(out.tokens, token{kind: tokSpace, s: piece})
	out.tokens = append(out.tokens, t.tokens[i:]...)
	return &out
}

// quote writes a name.
func (d Dialect) quote(s string) string {
	if d == MySQL {
		return "`" + strings.ReplaceAll(s, "`", "``") + "`"
	}
	return quoteName(s)
}

// Hidden is how many columns behind its own the answer of Statement carries.
func (t *Template) Hidden() int {
	if t.Query == nil || t.Query.frame == nil {
		return 0
	}
	return len(t.Query.frame.hidden)
}

package depgraph

import (
	"fmt"
	"sort"
	"strings"

	"edgecache/sqlparse"
)

// maxPrinted bounds one row image in a reason.
const maxPrinted = 160

// reason prints a verdict in one sentence. pairs is how many row changes were
// evaluated, so that the sentence does not pretend that there was only one.
func reason(t *Template, args sqlparse.Args, d *digest, v verdict, pairs int) string {
	switch v.rule {
	case RuleWhole:
		return v.whole
	case RuleTable:
		return "reads no changed table"
	case RuleColumn:
		return changeName(t, v.pair) + " sets " + setColumns(t, d, v.pair) + ", which it does not read"
	case RuleImage:
		return changeName(t, v.pair) + " changes no value that it reads"
	case RulePredicate:
		return changeName(t, v.pair) + ": " + failed(t, args, d, v.pair) + others(pairs)
	case RuleOutput:
		return changeName(t, v.pair) + ": every condition and output has the same value on both images"
	case RuleRecord:
		return changeName(t, v.pair) + ": the row is in no row of the answer, and the change does not bring it there"
	case RuleJoin:
		return changeName(t, v.pair) + ": no row of the other tables brings the row into the answer"
	case RuleWindow:
		return changeName(t, v.pair) + ": the row sorts after the last row of the answer"
	}
	return changeName(t, v.pair) + ": " + satisfied(t, args, v)
}

// changeName prints the row change as the occurrence sees it: UPDATE users AS u.
func changeName(t *Template, p pair) string {
	o := t.Occurrences[p.occ]
	s := opName(p.change.Op) + " " + o.TableName()
	if alias := o.AliasName(); alias != "" && !strings.EqualFold(alias, o.TableName()) {
		s += " AS " + alias
	}
	return s
}

// setColumns lists the columns that the UPDATE sets.
func setColumns(t *Template, d *digest, p pair) string {
	cols := append([]int(nil), d.assigned[lower(p.change.Table)]...)
	if c := d.confined[lower(p.change.Table)]; c != nil {
		cols = append(cols, c.columns...)
	}
	sort.Ints(cols)
	names := make([]string, 0, len(cols))
	for _, c := range cols {
		names = append(names, columnName(t.Occurrences[p.occ], c))
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func columnName(o Occurrence, col int) string {
	if c, ok := o.(Columned); ok {
		if names := c.ColumnNames(); col >= 0 && col < len(names) {
			return names[col]
		}
	}
	return fmt.Sprintf("column %d", col)
}

// failed says that no image of the row change satisfies the condition.
func failed(t *Template, args sqlparse.Args, d *digest, p pair) string {
	imgs := d.images(p.change)
	parts := make([]string, len(imgs))
	for i, img := range imgs {
		parts[i] = img.name + " image " + printed(img.row)
	}
	verb := " fail "
	if len(imgs) == 1 {
		verb = " fails "
	}
	return strings.Join(parts, " and ") + verb + condition(t.Occurrences[p.occ], args)
}

func others(pairs int) string {
	if pairs < 2 {
		return ""
	}
	return fmt.Sprintf(" (the first of %d row changes, of which none can match)", pairs)
}

// satisfied says which image satisfies, or may satisfy, which condition.
func satisfied(t *Template, args sqlparse.Args, v verdict) string {
	o := t.Occurrences[v.pair.occ]
	s := v.image.name + " image " + printed(v.image.row)
	switch {
	case describe(o, args) == "":
		return s + " is of a table that it reads without a condition"
	case v.truth == sqlparse.True:
		return s + " satisfies " + condition(o, args)
	}
	return s + " may satisfy " + condition(o, args)
}

func condition(o Occurrence, args sqlparse.Args) string {
	if s := describe(o, args); s != "" {
		return s
	}
	return "its condition"
}

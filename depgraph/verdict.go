package depgraph

import (
	"edgecache/source"
	"edgecache/sqlparse"
)

// Rule names what decided about an entry. All but the last two spare it, in the
// order in which they are tried; those affect it.
type Rule string

const (
	RuleTable     Rule = "table"     // the write touches no table that it reads
	RuleColumn    Rule = "column"    // the UPDATE sets no column that it reads
	RuleImage     Rule = "image"     // the UPDATE changes no value that it reads
	RulePredicate Rule = "predicate" // no image can satisfy its condition
	RuleOutput    Rule = "output"    // what it computes from the row stays the same
	RuleRecord    Rule = "record"    // the row is not in it, and stays out
	RuleWindow    Rule = "window"    // the row comes after its last one
	RuleJoin      Rule = "join"      // no partners bring the row into it
	RuleRow       Rule = "row"       // an image may satisfy its condition
	RuleWhole     Rule = "whole"     // a change that is not known by row
)

// rank orders the sparing rules from the cheapest. An entry that several row
// changes leave alone is spared by the last rule that was needed.
func (r Rule) rank() int {
	switch r {
	case RuleColumn:
		return 1
	case RuleImage:
		return 2
	case RulePredicate:
		return 3
	case RuleOutput:
		return 4
	case RuleRecord:
		return 5
	case RuleWindow:
		return 6
	case RuleJoin:
		return 7
	}
	return 0
}

// reading is what a write means to every instance of one template.
type reading struct {
	// rule spares whoever is spared, because of sparing, the first row change
	// that needed it.
	rule    Rule
	sparing pair
	// whole says why every instance is affected, "" when it is not so; wholeOf
	// names the table, where it is one.
	whole, wholeOf string
	// pairs are what each instance must be asked.
	pairs []pair
}

// pair is one row change as one occurrence sees it.
type pair struct {
	occ    int
	change *source.Change
}

// read tries the rules that need no arguments. A panic widens.
func (g *Graph) read(t *Template, d *digest) (r reading) {
	r.rule = RuleTable
	if !d.touches(t) {
		return r
	}
	defer func() {
		if recover() != nil {
			g.n.widened.Add(1)
			r = reading{rule: RuleTable, whole: "the template could not be evaluated"}
		}
	}()
	if d.everything != "" {
		r.whole = d.everything
		return r
	}
	for i, o := range t.Occurrences {
		name := lower(o.TableName())
		if why, ok := d.whole[name]; ok {
			c := d.confined[name]
			if c == nil || !c.spares(o) {
				r.whole, r.wholeOf = o.TableName()+": "+why, o.TableName()
				return r
			}
			r.note(pair{i, &c.change}, RuleColumn)
		}
		for _, c := range d.changes[name] {
			if malformed(o, c) {
				g.n.widened.Add(1)
				r.whole, r.wholeOf = o.TableName()+": a row image is not of the expected shape", o.TableName()
				return r
			}
			r.note(pair{i, c}, sparingRule(o, c, d.assigned))
		}
	}
	return r
}

func (r *reading) note(p pair, rule Rule) {
	if rule.rank() > r.rule.rank() {
		r.rule, r.sparing = rule, p
	}
	if rule == RulePredicate {
		r.pairs = append(r.pairs, p)
	}
}

// sparingRule names the rule that spares every instance of o from c, or
// RulePredicate when it depends on the instance. Assigned names the rule; the
// proof is that the images are the same.
func sparingRule(o Occurrence, c *source.Change, assigned map[string][]int) Rule {
	if c.Op != source.OpUpdate || !o.Unchanged(c) {
		return RulePredicate
	}
	cols, ok := assigned[lower(c.Table)]
	if !ok {
		return RuleImage
	}
	for _, col := range cols {
		if o.Reads(col) {
			return RuleImage
		}
	}
	return RuleColumn
}

// malformed tells that the images are not those of the operation, or not of
// the table: then nothing can be concluded from them.
func malformed(o Occurrence, c *source.Change) bool {
	switch c.Op {
	case source.OpInsert:
		if c.After == nil {
			return true
		}
	case source.OpDelete:
		if c.Before == nil {
			return true
		}
	case source.OpUpdate:
		if c.Before == nil || c.After == nil {
			return true
		}
	default:
		return true
	}
	if c.Before != nil && c.After != nil && len(c.Before) != len(c.After) {
		return true
	}
	width := len(c.Before)
	if c.Before == nil {
		width = len(c.After)
	}
	names, ok := o.(Columned)
	return ok && len(names.ColumnNames()) != width
}

// image is one of the two sides of a row change.
type image struct {
	name string
	row  source.Row
}

const (
	imageBefore = "before"
	imageAfter  = "after"
)

// images lists the sides that count: an update affects by the union of before
// and after.
func (d *digest) images(c *source.Change) []image {
	out := make([]image, 0, 2)
	if c.Before != nil {
		out = append(out, image{imageBefore, c.Before})
	}
	if c.After != nil && !d.onlyBefore {
		out = append(out, image{imageAfter, c.After})
	}
	return out
}

// mayUse evaluates one image for one instance: the condition itself, and then
// its region, since both over-approximate and what either excludes is excluded.
// A panic may match.
func (g *Graph) mayUse(o Occurrence, args sqlparse.Args, row source.Row) (may bool, truth sqlparse.Truth) {
	defer func() {
		if recover() != nil {
			g.n.widened.Add(1)
			may, truth = true, sqlparse.Undecided
		}
	}()
	truth = o.Match(args, row)
	if !truth.MayMatch() {
		return false, truth
	}
	r, _ := o.Region(args)
	return r.MayContain(row), truth
}

// ask decides what one row change means to one instance: affected by an image,
// or spared by the rule that it returns. held and partners may be nil.
func (g *Graph) ask(o Occurrence, args sqlparse.Args, held *sqlparse.Held, partners *sqlparse.Partners, d *digest, c *source.Change) (v verdict) {
	var before, after bool
	for _, img := range d.images(c) {
		may, truth := g.mayUse(o, args, img.row)
		if may && !v.affected {
			v.affected, v.rule, v.image, v.truth = true, RuleRow, img, truth
		}
		before = before || may && img.name == imageBefore
		after = after || may && img.name == imageAfter
	}
	if !v.affected {
		return verdict{rule: RulePredicate}
	}
	if rule := g.spared(o, args, held, partners, c, before, after); rule.rank() > 0 {
		return verdict{rule: rule}
	}
	return v
}

// spared tries the rules that go beyond the condition; a panic spares nothing.
func (g *Graph) spared(o Occurrence, args sqlparse.Args, held *sqlparse.Held, partners *sqlparse.Partners, c *source.Change, before, after bool) (r Rule) {
	h, ok := o.(Holder)
	if !ok {
		return ""
	}
	defer func() {
		if recover() != nil {
			g.n.widened.Add(1)
			r = ""
		}
	}()
	return Rule(h.Spared(args, held, partners, c, before, after))
}

// verdict is the decision about one instance, with what it rests on.
type verdict struct {
	affected bool
	rule     Rule
	pair     pair           // the row change that decided; change is nil for table and whole
	image    image          // RuleRow: the side that may satisfy the condition
	truth    sqlparse.Truth // RuleRow
	whole    string         // RuleWhole
}

// judge decides about one instance, linearly: the index's naive twin, and what
// fills are held against.
func (g *Graph) judge(t *Template, args sqlparse.Args, held *sqlparse.Held, d *digest) verdict {
	return g.judgeReading(t, args, held, d, g.read(t, d))
}

func (g *Graph) judgeReading(t *Template, args sqlparse.Args, held *sqlparse.Held, d *digest, r reading) verdict {
	if r.whole != "" {
		return verdict{affected: true, rule: RuleWhole, whole: r.whole}
	}
	out := verdict{rule: r.rule, pair: r.sparing}
	for _, p := range r.pairs {
		v := g.ask(t.Occurrences[p.occ], args, held, d.partners[asking{t, p.occ, p.change}], d, p.change)
		if v.affected || v.rule.rank() > out.rule.rank() {
			v.pair = p
			out = v
		}
		if v.affected {
			break
		}
	}
	return out
}

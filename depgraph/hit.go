package depgraph

import "edgecache/sqlparse"

// Hit is a verdict of RuleRow or RulePredicate in parts, for those who lay it
// out themselves.
type Hit struct {
	Table, Alias string
	Image        string // before or after; "" where neither may satisfy it
	// Condition is what the image satisfies, "" where the table is read without
	// one. Certain tells that it does; else it may.
	Condition string
	Certain   bool
}

// hit is nil for a verdict of another rule.
func (v verdict) hit(t *Template, args sqlparse.Args) *Hit {
	if v.rule != RuleRow && v.rule != RulePredicate || v.pair.change == nil {
		return nil
	}
	o := t.Occurrences[v.pair.occ]
	h := &Hit{Table: o.TableName(), Alias: o.AliasName(), Condition: describe(o, args)}
	if v.rule == RuleRow {
		h.Image, h.Certain = v.image.name, v.truth == sqlparse.True
	}
	return h
}

package depgraph

import "edgecache/sqlparse"

// Hit is a verdict of RuleRow in parts, for those who lay it out themselves.
type Hit struct {
	Table, Alias string
	Image        string // before or after
	// Condition is what the image satisfies, "" where the table is read without
	// one. Certain tells that it does; else it may.
	Condition string
	Certain   bool
}

// hit is nil for a verdict of another rule.
func (v verdict) hit(t *Template, args sqlparse.Args) *Hit {
	if v.rule != RuleRow {
		return nil
	}
	o := t.Occurrences[v.pair.occ]
	return &Hit{
		Table: o.TableName(), Alias: o.AliasName(), Image: v.image.name,
		Condition: describe(o, args), Certain: v.truth == sqlparse.True,
	}
}

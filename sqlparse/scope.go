package sqlparse

import "strings"

// scope is what names mean inside one block: the leaves of its FROM, then the
// blocks around it.
type scope struct {
	parent *scope
	leaves []*from
	// merged holds the columns of USING and NATURAL joins, lower-cased: which
	// side an unqualified mention means depends on the kind of the join, so we
	// resolve it to none. allMerged: NATURAL, any column may be merged.
	merged    map[string]bool
	allMerged bool
	ctes      []*cte
}

func (s *scope) findCTE(name string) *cte {
	for ; s != nil; s = s.parent {
		for i := len(s.ctes) - 1; i >= 0; i-- {
			if strings.EqualFold(s.ctes[i].name, name) {
				return s.ctes[i]
			}
		}
	}
	return nil
}

// resolve fills in where the column comes from. A name that it cannot place
// (an output alias, a column of a subquery, a merged column) keeps no
// occurrence and is Undecided when evaluated.
func (s *scope) resolve(c *column) {
	for ; s != nil; s = s.parent {
		var found []column
		for _, leaf := range s.leaves {
			if c.table != "" && !strings.EqualFold(leaf.alias, c.table) {
				continue
			}
			if o, i, ok := leaf.find(c.name); ok {
				found = append(found, column{occ: o, idx: i})
				o.mark(i)
			}
		}
		if len(found) == 0 {
			continue
		}
		c.placed = true
		if len(found) == 1 && (c.table != "" || !s.allMerged && !s.merged[strings.ToLower(c.name)]) {
			c.occ, c.idx = found[0].occ, found[0].idx
			return
		}
		for _, f := range found {
			f.occ.loosen(f.idx)
		}
		return
	}
}

// rowidColumn is the position of a rowid that is no column of its table.
const rowidColumn = -1

func (f *from) find(name string) (*Occurrence, int, bool) {
	if f.occ == nil {
		for i, c := range f.cols {
			if strings.EqualFold(c, name) {
				if f.outputs != nil && f.outputs[i] != nil {
					return f.outputs[i].occ, f.outputs[i].idx, true
				}
				return nil, 0, true
			}
		}
		return nil, 0, false
	}
	t := f.occ.Table
	if i := t.Column(name); i >= 0 {
		return f.occ, i, true
	}
	if isRowidName(name) && !t.WithoutRowid {
		if t.RowidColumn >= 0 {
			return f.occ, t.RowidColumn, true
		}
		return f.occ, rowidColumn, true
	}
	return nil, 0, false
}

func isRowidName(s string) bool {
	return strings.EqualFold(s, "rowid") || strings.EqualFold(s, "oid") || strings.EqualFold(s, "_rowid_")
}

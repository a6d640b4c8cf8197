package sqlparse

// condition is one conjunct that confines an occurrence.
type condition struct {
	e *expr // lowered
	// rejects is set where the occurrence may be null-supplied: the conjunct
	// then counts only if it is not True on a row of NULLs.
	rejects bool
}

// attachConditions finds, for each leaf of the block, the conjuncts that
// confine it; outer are those of the block around, if this one is a plain
// subquery of it. Proof for each of the forms below: let r be a row of the
// leaf's table on which the conjunct cannot be True, whatever the other tables
// hold. Then r adds nothing to the block's rows and hides none:
//
//   - WHERE, inner ON: every combination with r is filtered out, and r is no
//     part of any other.
//   - ON of the outer join that null-supplies r's side: r matches nothing, so
//     every preserved row finds the same partners with r as without.
//   - WHERE or ON further out than a join that null-supplies r: a combination
//     with r is filtered out; without r its preserved side could appear with
//     NULLs instead, and is filtered out too if the conjunct rejects NULLs.
//   - ON of a join that preserves r's side never confines it: r appears, with
//     NULLs, although ON fails.
//   - Conditions around a plain subquery: see plain.go.
//
// HAVING confines nothing: it sees groups. A conjunct with a subquery is
// Undecided where the subquery matters, hence harmless.
func (b *block) attachConditions(outer []condition) {
	where := conjuncts(lowerRows(b.where))
	var walk func(f *from, path []*from)
	walk = func(f *from, path []*from) {
		switch {
		case f == nil:
		case f.kind != joinNone:
			path = append(path[:len(path):len(path)], f)
			walk(f.left, path)
			walk(f.right, path)
		default:
			f.confine(conditionsOf(f, path, where, outer))
		}
	}
	walk(b.from, nil)
}

// confine gives the conditions to what the leaf stands for.
func (f *from) confine(conds []condition) {
	switch {
	case f.occ != nil:
		for _, c := range conds {
			if concerns(c.e, f.occ) {
				f.occ.conds = append(f.occ.conds, c)
			}
		}
	case f.outputs != nil:
		f.sub.blocks[0].attachConditions(conds)
	}
}

// conditionsOf walks from the leaf outwards; path holds the joins around it,
// outermost first.
func conditionsOf(leaf *from, path []*from, where []*expr, outer []condition) []condition {
	var out []condition
	supplied := false
	add := func(es []*expr) {
		for _, e := range es {
			out = append(out, condition{e, supplied})
		}
	}
	inner := leaf
	for i := len(path) - 1; i >= 0; i-- {
		j := path[i]
		onRight := j.right == inner
		preserved := j.kind == joinLeft && !onRight || j.kind == joinRight && onRight
		if !preserved {
			add(conjuncts(lowerRows(j.on)))
		}
		if j.kind == joinLeft && onRight || j.kind == joinRight && !onRight {
			supplied = true
		}
		inner = j
	}
	add(where)
	for _, c := range outer {
		out = append(out, condition{c.e, c.rejects || supplied})
	}
	return out
}

// concerns tells whether a conjunct can say anything about the occurrence: it
// mentions one of its columns, or no column at all (a switched-off query).
func concerns(e *expr, o *Occurrence) bool {
	own, any := false, false
	e.walk(func(x *expr) bool {
		switch x.op {
		case opColumn:
			any = true
			own = own || x.col.occ == o
		case opOpaque, opExists, opScalar, opInQuery:
			any = true
		}
		return true
	})
	return own || !any
}

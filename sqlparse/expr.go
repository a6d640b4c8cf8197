package sqlparse

import "edgecache/source"

// op is what an expr does with its arguments.
type op uint8

const (
	opOpaque  op = iota // not understood: value and truth are Undecided
	opLiteral           // val
	opParam             // param
	opColumn            // col
	opNot               // args[0]
	opNeg               //
	opPlus              // unary
	opAnd               // args...
	opOr                // args...
	opEq                // args[0], args[1]; the comparisons stand together
	opNe                //
	opLt                //
	opLe                //
	opGt                //
	opGe                //
	opAdd               // arithmetic
	opSub               //
	opMul               //
	opDiv               //
	opMod               //
	opBits              // & | << >>: name holds the operator
	opConcat            // ||
	opIs                // args[0] IS args[1]: equal, or both NULL
	opCollate           // args[0] COLLATE name
	opIsNull            // args[0]; not
	opBetween           // args[0] between args[1] and args[2]; not
	opIn                // args[0] in args[1:]; not
	opInQuery           // args[0] in (query); not
	opLike              // args[0] like args[1]; not; escape
	opCase              // args: [operand] when then when then ... [else]; flags below
	opCall              // name(args)
	opExists            // exists (query); not
	opScalar            // (query)
	opRow               // (args)
)

// expr is a node of our own reading of an expression. One node type for all
// operators keeps the walkers (render, lower, evaluate, resolve) short.
type expr struct {
	op    op
	args  []*expr
	not   bool
	val   source.Value
	raw   string // opLiteral, opOpaque: the text to render
	param int
	list  bool // opParam: expands to many values
	nth   int  // opParam: which placeholder of the text it is, from 1
	col   *column
	name  string
	// escape is the ESCAPE character of a LIKE, 0 for none.
	escape  byte
	operand bool // opCase: args starts with the operand
	hasElse bool // opCase: args ends with the ELSE
	// distinct of an aggregate; star for COUNT(*).
	distinct, star bool
	q              *query
}

// column is a resolved mention of a column.
type column struct {
	table, name string      // as written; table may be empty
	occ         *Occurrence // nil: not a base table's column, or an outer one
	idx         int         // position in occ.Table.Columns
	// placed: some leaf has a column of that name, whatever stands behind it.
	placed bool
}

func (o op) isComparison() bool { return o >= opEq && o <= opGe }

// walk calls f for e and everything below it, subqueries excluded; f returns
// false to stay out of a node.
func (e *expr) walk(f func(*expr) bool) {
	if e == nil || !f(e) {
		return
	}
	for _, a := range e.args {
		a.walk(f)
	}
}

// conjuncts splits at AND.
func conjuncts(e *expr) []*expr {
	if e == nil {
		return nil
	}
	if e.op != opAnd {
		return []*expr{e}
	}
	var out []*expr
	for _, a := range e.args {
		out = append(out, conjuncts(a)...)
	}
	return out
}

// query is a query expression with its ORDER BY and LIMIT.
type query struct {
	with      []*cte
	recursive bool
	blocks    []*block // more than one: combined by the set operators
	setOps    []string // between the blocks: "UNION", "UNION ALL", ...
	order     []orderItem
	limit     *expr
	offset    *expr
}

type cte struct {
	name  string
	cols  []string
	named bool // cols were written: name(a, b) AS (...)
	q     *query
}

type orderItem struct {
	e    *expr
	desc bool
}

// block is one SELECT.
type block struct {
	distinct bool
	items    []item
	from     *from
	where    *expr
	group    []*expr
	having   *expr
	scope    *scope
}

type item struct {
	e     *expr // nil: a star
	table string
	alias string
}

// from is a node of the FROM tree: a leaf (table, subquery, mention of a CTE)
// or a join.
type from struct {
	alias string
	// leaf
	occ  *Occurrence
	sub  *query // derived table or view
	view string // sub's name, if it is a view
	// outputs are the columns behind the names in cols, for a sub whose rows
	// are rows of its own FROM; nil for every other.
	outputs []*column
	cte     *cte
	cols    []string // names the leaf offers when it is no base table
	// join
	kind        joinKind
	left, right *from
	on          *expr
	using       []string
	natural     bool
	parens      bool
}

type joinKind uint8

const (
	joinNone joinKind = iota
	joinInner
	joinLeft
	joinRight
)

// eachLeaf visits the leaves from left to right.
func (f *from) eachLeaf(visit func(*from)) {
	if f == nil {
		return
	}
	if f.kind == joinNone {
		visit(f)
		return
	}
	f.left.eachLeaf(visit)
	f.right.eachLeaf(visit)
}

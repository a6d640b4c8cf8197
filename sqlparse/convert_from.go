package sqlparse

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// from converts a FROM tree. Leaves enter the scope before any ON is read, as
// ON may mention all of them up to its own join; a mention of a later one
// would have been refused by the database.
func (c *converter) from(n ast.ResultSetNode, s *scope) (*from, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.leave()
	switch n := n.(type) {
	case *ast.TableSource:
		return c.leaf(n, s)
	case *ast.Join:
		return c.join(n, s)
	}
	return nil, unreadf("a FROM of the form %T is not read", n)
}

func (c *converter) join(n *ast.Join, s *scope) (*from, error) {
	left, err := c.from(n.Left, s)
	if err != nil || n.Right == nil {
		return left, err
	}
	right, err := c.from(n.Right, s)
	if err != nil {
		return nil, err
	}
	if n.StraightJoin {
		return nil, unreadf("STRAIGHT_JOIN is not read")
	}
	right.parens = right.kind != joinNone
	f := &from{left: left, right: right, natural: n.NaturalJoin, kind: joinInner}
	switch n.Tp {
	case ast.LeftJoin:
		f.kind = joinLeft
	case ast.RightJoin:
		f.kind = joinRight
	}
	if n.NaturalJoin {
		s.allMerged = true
		f.eachLeaf(func(l *from) {
			if l.occ != nil {
				l.occ.markAll()
			}
			l.loosenAll()
		})
	}
	for _, u := range n.Using {
		f.using = append(f.using, u.Name.O)
		s.merged[strings.ToLower(u.Name.O)] = true
		f.eachLeaf(func(l *from) {
			if o, i, ok := l.find(u.Name.O); ok {
				o.mark(i)
				o.loosen(i)
			}
		})
	}
	if n.On != nil {
		f.on, err = c.expr(n.On.Expr, s)
	}
	return f, err
}

func (c *converter) leaf(n *ast.TableSource, s *scope) (*from, error) {
	if n.Lateral || len(n.ColumnNames) > 0 {
		return nil, unreadf("LATERAL and column lists in FROM are not read")
	}
	f := &from{alias: n.AsName.O}
	switch src := n.Source.(type) {
	case *ast.TableName:
		if err := c.named(f, src, s); err != nil {
			return nil, err
		}
	case *ast.SelectStmt, *ast.SetOprStmt:
		// A derived table does not see its siblings.
		q, err := c.query(src, s.parent)
		if err != nil {
			return nil, err
		}
		f.sub, f.cols = q, q.outputNames()
		f.outputs = q.plainOutputs()
	default:
		return nil, unreadf("a FROM of the form %T is not read", src)
	}
	s.leaves = append(s.leaves, f)
	return f, nil
}

// named resolves a name in FROM: a CTE, then a table, then a view.
func (c *converter) named(f *from, n *ast.TableName, s *scope) error {
	if !c.ownDatabase(n.Schema) {
		return unreadf("tables of another database (%s.%s) are not read", n.Schema.O, n.Name.O)
	}
	if len(n.IndexHints)+len(n.PartitionNames) > 0 || n.TableSample != nil || n.AsOf != nil {
		return unreadf("hints behind a table are not read")
	}
	name := n.Name.O
	if f.alias == "" {
		f.alias = name
	}
	if n.Schema.L == "" {
		if t := s.findCTE(name); t != nil {
			f.cte, f.cols = t, t.cols
			return nil
		}
	}
	if t := c.schema.Table(name); t != nil {
		f.occ = &Occurrence{Table: t, Alias: f.alias, dialect: c.dialect}
		c.occs = append(c.occs, f.occ)
		return nil
	}
	if c.schema.View(name) != nil {
		return c.view(f, name)
	}
	return unreadf("%s is neither a table nor a view", name)
}

// view expands a view into the query that it stands for. Its body sees
// nothing of the query around it.
func (c *converter) view(f *from, name string) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.leave()
	v := c.schema.View(name)
	if v.Hidden != "" {
		return unreadf("view %s: %s", name, v.Hidden)
	}
	t, err := scan(v.SQL, c.dialect)
	if err != nil {
		return unreadf("view %s: %s", name, err)
	}
	if err := t.misread(); err != nil {
		return unreadf("view %s: %s", name, err)
	}
	sql, at := t.forParser()
	if len(at) > 0 {
		return unreadf("view %s has parameters", name)
	}
	n, err := c.dialect.parseOne(sql)
	if err != nil {
		return unreadf("view %s: %s", name, err)
	}
	if c.dialect == MySQL {
		n.Accept(&c.survey)
	}
	was := c.inView
	c.inView = true
	q, err := c.query(n, nil)
	c.inView = was
	if err != nil {
		return unreadf("view %s: %s", name, err)
	}
	c.views[v] = q
	f.sub, f.view, f.cols = q, v.Name, v.Cols
	if f.cols == nil {
		f.cols = q.outputNames()
	}
	if f.outputs = q.plainOutputs(); len(f.outputs) != len(f.cols) {
		f.outputs = nil
	}
	return nil
}

package proxyhttp

import (
	"context"
	"fmt"
	"strings"

	"edgecache/proxyhttp/config"
	"edgecache/proxyhttp/scaffold"
	"edgecache/source"
	"edgecache/sqlparse"
)

// Advice is a small change after which matching would be more precise or
// cheaper, or reads would. Each was tried out before it is given: the changed
// condition builds a region, the changed ORDER BY compiles and is total, the
// index is used by the database's own plan. What cannot be tried is not said.
type Advice struct {
	// Kind is expression, wildcard, untyped, order, join or index.
	Kind    string   `json:"kind"`
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	Text    string   `json:"text"` // one sentence
}

// Checked is what `check` finds out.
type Checked struct {
	Sources   []SourceView      `json:"sources"`
	Endpoints []CheckedEndpoint `json:"endpoints"`
	Notes     []string          `json:"notes"`
}

// CheckedEndpoint is an endpoint with the advice for it.
type CheckedEndpoint struct {
	EndpointView
	Advice []Advice `json:"advice"`
}

// maxAdvice bounds what is said of one endpoint.
const maxAdvice = 10

// Check describes every endpoint in the order of the file, with advice. A
// database that cannot be asked gives none.
func (o *Offline) Check(ctx context.Context) *Checked {
	out := &Checked{Sources: o.s.sources(ctx), Endpoints: []CheckedEndpoint{}, Notes: []string{}}
	a := &adviser{ctx: ctx, samples: map[sampleKey][2]source.Value{}, ddl: map[*database]string{}}
	for _, e := range o.s.current().endpoints {
		out.Endpoints = append(out.Endpoints, CheckedEndpoint{EndpointView: e.view(), Advice: a.endpoint(e)})
	}
	return out
}

// adviser looks for advice, with what it asked the databases already.
type adviser struct {
	ctx     context.Context
	samples map[sampleKey][2]source.Value
	ddl     map[*database]string
}

func (a *adviser) endpoint(e *endpoint) []Advice {
	out := []Advice{}
	seen := map[string]bool{}
	if e.isWrite {
		return out
	}
	p := e.plan.Load()
	for _, name := range p.order {
		v := p.variants[name]
		for _, st := range v.statements {
			if st.Query == nil {
				continue
			}
			for _, adv := range a.statement(e, st.Template, v.template != nil) {
				if !seen[adv.Text] && len(out) < maxAdvice {
					seen[adv.Text] = true
					out = append(out, adv)
				}
			}
		}
	}
	return out
}

// statement advises about one query. What matching is like matters only where
// answers are kept.
func (a *adviser) statement(e *endpoint, t *sqlparse.Template, cached bool) (out []Advice) {
	args := a.sampleArgs(e, t)
	if cached {
		for _, o := range t.Query.Occurrences {
			for _, h := range o.Hints(args) {
				out = append(out, hintAdvice(o, h))
			}
		}
		out = append(out, a.order(e, t)...)
	}
	out = append(out, untypedAdvice(e, t)...)
	return append(out, a.reading(e.db, t, args)...)
}

func hintAdvice(o *sqlparse.Occurrence, h sqlparse.Hint) Advice {
	adv := Advice{Kind: string(h.Kind), Table: o.TableName(), Columns: []string{h.Column}}
	cost := "so each changed row of " + o.TableName() + " is held against every response of the endpoint"
	switch h.Kind {
	case sqlparse.HintExpression:
		adv.Text = fmt.Sprintf("%s hides %s in an expression, %s; a plain %s would be looked up (where that is not the same, keep the expression's value in a column of its own)", h.Was, h.Column, cost, h.Instead)
	case sqlparse.HintWildcard:
		adv.Text = fmt.Sprintf("%s begins with a wildcard, %s; %s, if the beginning is what is searched for, would be looked up", h.Was, cost, h.Instead)
	case sqlparse.HintUntyped:
		adv.Text = fmt.Sprintf("%s is on a column that is declared without a type, %s; with %s declared as TEXT the beginning of the pattern would be looked up", h.Was, cost, h.Column)
	}
	return adv
}

// untypedAdvice finds URL text that is compared, as text, with a SQLite column
// that has no type: no number is equal to it.
func untypedAdvice(e *endpoint, t *sqlparse.Template) (out []Advice) {
	for _, p := range t.Params {
		if d := e.cfg.Params[p.Name]; d != nil && d.Type != "" || p.Limit || len(p.Meets) != 1 {
			continue
		}
		m := p.Meets[0]
		c := &m.Table.Columns[m.Column]
		if e.db.dialect != sqlparse.SQLite || c.DeclType != "" || m.Column == m.Table.RowidColumn {
			continue
		}
		out = append(out, Advice{Kind: "untyped", Table: m.Table.Name, Columns: []string{c.Name}, Text: fmt.Sprintf(
			"%s of %s is declared without a type, so :%s is compared as text, which no number equals; declare the column's type, or that of %s under params",
			c.Name, m.Table.Name, p.Name, p.Name)})
	}
	return out
}

// order looks for the tie-break that an ORDER BY before a LIMIT lacks. The
// statement with it is compiled: only where data then determine the answer it
// is worth saying.
func (a *adviser) order(e *endpoint, t *sqlparse.Template) []Advice {
	q := t.Query
	if !q.Undetermined || q.Limit == "" || q.Precision != sqlparse.PrecisionRow {
		return nil
	}
	var keys []string
	for _, o := range q.Occurrences {
		key := o.Table.PrimaryKey
		if len(key) == 0 && o.Table.RowidColumn >= 0 {
			key = []int{o.Table.RowidColumn}
		}
		if len(key) == 0 {
			return nil
		}
		for _, i := range key {
			name := e.db.quoted(o.Table.Columns[i].Name)
			if len(q.Occurrences) > 1 {
				name = e.db.quoted(o.Alias) + "." + name
			}
			keys = append(keys, name)
		}
	}
	tail := strings.Join(keys, ", ")
	sql, added := withTieBreak(t.SQL, tail, e.db.dialect == sqlparse.MySQL)
	in := e.db.input(a.ctx, sql)
	in.Lists, in.Globs, in.DependsOn = ofType(e.cfg, config.TypeList), ofType(e.cfg, config.TypeGlob), e.cfg.DependsOn
	better, err := sqlparse.Compile(in)
	if err != nil || better.Query == nil || better.Query.Undetermined {
		return nil
	}
	return []Advice{{Kind: "order", Columns: keys, Text: fmt.Sprintf(
		"data do not determine which rows LIMIT lets in; %s %s, and they do", added, tail)}}
}

// withTieBreak puts more terms at the end of the outermost ORDER BY, or one in
// front of LIMIT.
func withTieBreak(sql, terms string, escapes bool) (out, how string) {
	tokens := sqlTokens(sql, escapes)
	depth, limit, ordered := 0, -1, false
	for i, tok := range tokens {
		switch {
		case tok == "(":
			depth++
		case tok == ")":
			depth--
		case depth == 0 && strings.EqualFold(tok, "ORDER"):
			ordered = true
		case depth == 0 && strings.EqualFold(tok, "LIMIT"):
			limit = i
		}
	}
	if limit < 0 {
		return sql, ""
	}
	head, tail := strings.Join(tokens[:limit], ""), strings.Join(tokens[limit:], "")
	if ordered {
		return strings.TrimRight(head, " \t\r\n") + ", " + terms + " " + tail, "end ORDER BY with"
	}
	return head + "ORDER BY " + terms + " " + tail, "add ORDER BY"
}

// quoted is a name as it stands in SQL.
func (db *database) quoted(name string) string {
	return scaffold.Quote(db.dialect == sqlparse.MySQL, name)
}

type sampleKey struct {
	db     *database
	table  string
	column int
}

// sampleArgs gives every parameter a value that a client could send: one that
// is in the column it meets, so that plans and regions are those of real
// requests. Several parameters that meet one column span it.
func (a *adviser) sampleArgs(e *endpoint, t *sqlparse.Template) sqlparse.Args {
	args := make(sqlparse.Args, len(t.Params))
	met := map[sampleKey]bool{}
	for i, p := range t.Params {
		v := source.Text("x")
		switch d := e.cfg.Params[p.Name]; {
		case p.Limit:
			v = source.Int(20)
		case len(p.Meets) > 0:
			key := sampleKey{e.db, p.Meets[0].Table.Name, p.Meets[0].Column}
			pair := a.sample(key, &p.Meets[0].Table.Columns[key.column])
			v = pair[0]
			if met[key] {
				v = pair[1]
			}
			met[key] = true
		case d != nil && (d.Type == config.TypeInt || d.Type == config.TypeFloat || d.Type == config.TypeDecimal || d.Type == config.TypeBool):
			v = source.Int(1)
		}
		if p.List {
			args[i] = sqlparse.List(v)
			continue
		}
		args[i] = sqlparse.One(v)
	}
	return args
}

// sample is the least and the greatest of the column's first values, or two
// that it could have.
func (a *adviser) sample(key sampleKey, c *source.Column) [2]source.Value {
	if v, ok := a.samples[key]; ok {
		return v
	}
	v := likely(c)
	name := key.db.quoted(c.Name)
	res, err := key.db.src.Query(a.ctx, source.Statement{SQL: "SELECT MIN(s), MAX(s) FROM (SELECT " + name + " AS s FROM " +
		key.db.quoted(key.table) + " WHERE " + name + " IS NOT NULL LIMIT 1000) AS first"}, source.Limits{Rows: 1, Bytes: 1 << 20})
	if err == nil && len(res.Rows) == 1 && given(res.Rows[0][0]) && given(res.Rows[0][1]) {
		v = [2]source.Value{res.Rows[0][0], res.Rows[0][1]}
	}
	a.samples[key] = v
	return v
}

func given(v source.Value) bool { return !v.IsUnknown() && !v.IsNull() }

// likely are values that an empty table could hold.
func likely(c *source.Column) [2]source.Value {
	two := func(low, high string) [2]source.Value { return [2]source.Value{source.Text(low), source.Text(high)} }
	switch c.Family {
	case source.FamilyNone:
		if c.Affinity.IsNumeric() {
			return [2]source.Value{source.Int(7), source.Int(8)}
		}
	case source.FamilyInt, source.FamilyUint, source.FamilyDecimal, source.FamilyFloat, source.FamilyYear, source.FamilyBit:
		return [2]source.Value{source.Int(7), source.Int(8)}
	case source.FamilyEnum, source.FamilySet:
		if len(c.Values) > 0 {
			return two(c.Values[0], c.Values[len(c.Values)-1])
		}
	case source.FamilyDate, source.FamilyDatetime, source.FamilyTimestamp:
		return two("2024-01-31", "2024-02-28")
	case source.FamilyTime:
		return two("10:00:00", "11:00:00")
	}
	return two("x", "y")
}

package proxyhttp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"edgecache/depgraph"
	"edgecache/proxyhttp/bind"
	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/sqlparse"
)

// compiler turns one endpoint's configuration into a plan, or into every
// mistake that it finds. Nothing of it runs on a request path.
type compiler struct {
	cfg      *config.Endpoint
	dialect  sqlparse.Dialect
	database string
	schema   *source.Schema
	describe func(sql string) (*source.Description, error)

	params   []sqlparse.Param // of all statements and variants, merged by name
	position map[string]int
	mistakes []config.Mistake
	failed   []failedStatement
}

// failedStatement is a statement that did not compile in one variant.
type failedStatement struct {
	index            int
	variant, message string
}

// compilePlan compiles cfg against the source's schema of now. An error says
// that the source could not be asked, which says nothing about the endpoint.
func compilePlan(ctx context.Context, cfg *config.Endpoint, db *database, lim Limits) (*plan, []config.Mistake, error) {
	epoch := db.epoch.Load() // before the schema is read: a change after it makes the plan outdated
	c := &compiler{cfg: cfg, dialect: db.dialect, database: db.database, schema: db.src.Schema(), position: map[string]int{}}
	var trouble error
	c.describe = func(sql string) (*source.Description, error) {
		ctx, cancel := context.WithTimeout(ctx, lim.Statement)
		defer cancel()
		d, err := db.src.Describe(ctx, sql)
		if err != nil && source.KindOf(err) != source.ErrInvalid {
			trouble = err
		}
		return d, err
	}
	p := c.compile()
	switch {
	case trouble != nil:
		return nil, nil, trouble
	case len(c.mistakes) > 0:
		return nil, c.mistakes, nil
	}
	p.epoch = epoch
	for _, v := range p.variants {
		if v.template != nil {
			v.template.Fingerprint = c.fingerprint(v, db.version)
		}
	}
	return p, nil, nil
}

func (c *compiler) compile() *plan {
	p := &plan{variants: map[string]*variant{}, globs: ofType(c.cfg, config.TypeGlob)}
	variants, err := bind.Variants(c.cfg.Params)
	if err != nil {
		c.mistake(c.cfg.LineOf("params"), err.Error())
		return nil
	}
	for _, bv := range variants {
		v := c.variant(bv)
		p.variants[v.name] = v
		p.order = append(p.order, v.name)
	}
	sort.Strings(p.order)
	c.blame(len(variants))
	c.checkDependsOn()
	if len(c.mistakes) > 0 {
		// The binder needs statements that compile; what is declared and never
		// used can be told without.
		c.checkDeclared()
		return nil
	}
	c.bind(p)
	p.notes = c.notes()
	return p
}

// variant compiles the endpoint's statements with the chosen fragments.
func (c *compiler) variant(bv bind.Variant) *variant {
	v := &variant{name: bv.Name}
	for i, sql := range c.cfg.SQL {
		st, err := c.statement(sql, bv.Fragments)
		if err != nil {
			c.failed = append(c.failed, failedStatement{i, bv.Name, err.Error()})
			continue
		}
		v.statements = append(v.statements, &statement{Template: st})
	}
	if !c.cfg.IsWrite() && len(v.statements) == 1 {
		c.finishRead(v)
	}
	return v
}

// statement compiles one text and checks that it is what its method says.
func (c *compiler) statement(sql string, fragments map[string]string) (*sqlparse.Template, error) {
	if len(fragments) > 0 {
		var err error
		if sql, err = c.dialect.Substitute(sql, fragments); err != nil {
			return nil, err
		}
	}
	t, err := sqlparse.Compile(sqlparse.Input{
		Dialect: c.dialect, Database: c.database, SQL: sql, Schema: c.schema, Describe: c.describe,
		Lists: ofType(c.cfg, config.TypeList), Globs: ofType(c.cfg, config.TypeGlob), DependsOn: c.cfg.DependsOn,
	})
	if err != nil {
		return nil, err
	}
	if err := checkKind(c.cfg, t.Kind); err != nil {
		return nil, err
	}
	if t.Kind.IsWrite() {
		if err := distinctReturning(t.Columns); err != nil {
			return nil, err
		}
	}
	for _, p := range t.Params {
		c.addParam(p)
	}
	return t, nil
}

// checkKind holds that GET reads and every other method writes.
func checkKind(cfg *config.Endpoint, k source.StatementKind) error {
	switch {
	case k == source.StatementDDL:
		return fmt.Errorf("the statement changes the schema; endpoints run SELECT, INSERT, UPDATE and DELETE")
	case k == source.StatementOther:
		return fmt.Errorf("the statement is none that endpoints run (SELECT, INSERT, UPDATE, DELETE); transactions are opened and closed by EdgeCache itself")
	case !cfg.IsWrite() && k.IsWrite():
		return fmt.Errorf("GET is mapped to a statement that writes (%s); map it to POST, PUT, PATCH or DELETE", k)
	case cfg.IsWrite() && !k.IsWrite():
		return fmt.Errorf("%s is mapped to a statement that only reads (%s); map it to GET", cfg.Method, k)
	}
	return nil
}

// addParam merges what the statements say about one parameter.
func (c *compiler) addParam(p sqlparse.Param) {
	i, ok := c.position[p.Name]
	if !ok {
		c.position[p.Name] = len(c.params)
		p.Meets = slices.Clone(p.Meets)
		c.params = append(c.params, p)
		return
	}
	have := &c.params[i]
	have.Limit = have.Limit || p.Limit
	have.List = have.List || p.List
	for _, m := range p.Meets {
		if !slices.Contains(have.Meets, m) {
			have.Meets = append(have.Meets, m)
		}
	}
}

// finishRead makes what only a GET needs: the renderer, and the template that
// the graph knows it by, or the reason why it is never cached.
func (c *compiler) finishRead(v *variant) {
	t := v.statements[0].Template
	columns := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		columns[i] = col.Name
	}
	v.render = newRenderer(columns)
	switch {
	case !c.cfg.Cache:
		v.bypass, v.why = "DISABLED", "the endpoint says cache: false"
	case t.Query == nil:
		v.bypass, v.why = "UNREADABLE", "nothing is known about what the statement reads"
	case t.Query.Uncacheable != "":
		v.bypass, v.why = "NONDETERMINISTIC", t.Query.Uncacheable
	default:
		v.template = &depgraph.Template{
			Endpoint: c.cfg.Name, Variant: v.name, Source: c.cfg.Source,
			Occurrences: occurrences(t.Query), Remember: c.cfg.Rehydrate != config.Off,
			Eventual: c.cfg.Consistency == config.Eventual, KeepStale: max(c.cfg.StaleWhileRevalidate, c.cfg.StaleIfError),
		}
	}
}

// checkDeclared refuses declarations that no SQL names, as the binder does: a
// typing mistake there would silently drop a parameter.
func (c *compiler) checkDeclared() {
	named := map[string]bool{}
	for _, sql := range c.cfg.SQL {
		names, err := c.dialect.ParamNames(sql)
		if err != nil {
			return // reported already, as a statement that does not compile
		}
		for _, n := range names {
			named[baseName(n)] = true
		}
	}
	for _, p := range c.params {
		named[baseName(p.Name)] = true // also those inside fragments
	}
	for _, n := range slices.Sorted(maps.Keys(c.cfg.Params)) {
		if !named[n] {
			c.mistake(c.cfg.LineOf("params", n), fmt.Sprintf("params declares %s, but no statement has :%s; correct one of the two, or take the declaration away", n, n))
		}
	}
}

// bind makes the binder and tells every statement where its arguments are.
func (c *compiler) bind(p *plan) {
	names := make([]string, len(c.params))
	for i, prm := range c.params {
		names[i] = prm.Name
	}
	for _, n := range c.unusedChoices() {
		c.mistake(c.cfg.LineOf("params", n), fmt.Sprintf("params declares %s, but no statement has :%s; correct one of the two, or take the declaration away", n, n))
	}
	b, errs := bind.New(bind.For(c.cfg), names, c.params)
	for _, err := range errs {
		c.mistake(c.lineOfParam(err.Error()), err.Error())
	}
	if len(c.mistakes) > 0 {
		return
	}
	p.binder = b
	for _, v := range p.variants {
		for _, st := range v.statements {
			sel, err := b.Selector(st.Params)
			if err != nil {
				c.mistake(c.cfg.LineOf("sql"), err.Error())
			}
			st.pick = sel
		}
	}
}

// unusedChoices lists choices that stand for SQL in no statement.
func (c *compiler) unusedChoices() []string {
	named := map[string]bool{}
	for _, sql := range c.cfg.SQL {
		names, err := c.dialect.ParamNames(sql)
		if err != nil {
			return nil
		}
		for _, n := range names {
			named[baseName(n)] = true
		}
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(c.cfg.Params)) {
		if c.cfg.Params[n].HasFragments() && !named[n] {
			out = append(out, n)
		}
	}
	return out
}

// lineOfParam finds the declaration that a sentence of the binder is about.
func (c *compiler) lineOfParam(message string) int {
	for _, word := range strings.FieldsFunc(message, func(r rune) bool { return r == ' ' || r == ',' }) {
		if c.cfg.Params[word] != nil {
			return c.cfg.LineOf("params", word)
		}
	}
	return c.cfg.LineOf("sql")
}

// blame turns failed statements into mistakes. What is wrong in every variant
// is wrong in the SQL as written, and names none.
func (c *compiler) blame(variants int) {
	type wrong struct {
		index   int
		message string
	}
	count, done := map[wrong]int{}, map[wrong]bool{}
	for _, f := range c.failed {
		count[wrong{f.index, f.message}]++
	}
	for _, f := range c.failed {
		w := wrong{f.index, f.message}
		if done[w] {
			continue
		}
		done[w] = true
		message := f.message
		if f.variant != "" && count[w] < variants {
			message = "with " + f.variant + ": " + message
		}
		if len(c.cfg.SQL) > 1 {
			message = "statement " + strconv.Itoa(f.index+1) + ": " + message
		}
		c.mistake(c.cfg.LineOf("sql", strconv.Itoa(f.index)), message)
	}
}

func (c *compiler) mistake(line int, message string) {
	c.mistakes = append(c.mistakes, config.Mistake{Line: line, Endpoint: c.cfg.Name, Message: message})
}

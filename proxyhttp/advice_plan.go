package proxyhttp

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"edgecache/source"
	"edgecache/source/mysql"
	"edgecache/source/sqlite"
	"edgecache/sqlparse"
)

// Advice about indexes follows the database's own plan. In SQLite an index is
// made in an empty copy of the schema, and only one that the plan then searches
// is named. A MySQL server is asked for the plan with real values, and an index
// is named only where it reads every row although columns are held against
// values and no index begins with one of them.

// reading advises about what a miss or a refresh costs the database.
func (a *adviser) reading(db *database, t *sqlparse.Template, args sqlparse.Args) []Advice {
	st := t.Statement(args)
	switch src := db.src.(type) {
	case *sqlite.DB:
		return a.readingSQLite(db, src, t, args, st)
	case *mysql.DB:
		return a.readingMySQL(db, src, t, args, st)
	}
	return nil
}

// ddlOf is the schema's text, asked for once. Triggers are left out: queries do
// not fire them.
func (a *adviser) ddlOf(db *database) string {
	if ddl, ok := a.ddl[db]; ok {
		return ddl
	}
	var ddl strings.Builder
	res, err := db.src.Query(a.ctx, source.Statement{SQL: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'index', 'view') " +
		"AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'table' DESC, type = 'index' DESC, rowid"}, source.Limits{Rows: 10_000, Bytes: 8 << 20})
	if err == nil {
		for _, r := range res.Rows {
			ddl.WriteString(r[0].AsText() + ";\n")
		}
	}
	a.ddl[db] = ddl.String()
	return a.ddl[db]
}

// planWith is the plan in an empty database of that schema; nil: none could be
// made, as with virtual tables of an unknown module.
func (a *adviser) planWith(ddl, sql string) []string {
	dir, err := os.MkdirTemp("", "edgecache-plan-")
	if err != nil {
		return nil
	}
	defer os.RemoveAll(dir) // a temporary folder
	db, err := sqlite.Open(a.ctx, sqlite.Options{Name: "plan", Path: filepath.Join(dir, "plan.db"), Init: ddl, PollInterval: -1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil
	}
	steps, err := db.QueryPlan(a.ctx, sql)
	if e := db.Close(); err != nil || e != nil {
		return nil
	}
	return steps
}

// candidate is an index that could help one occurrence.
type candidate struct {
	table   *source.Table
	alias   string
	columns []int
	equal   int // so many of them, from the front, are compared with one value
}

func (c candidate) names() []string {
	var out []string
	for _, i := range c.columns {
		out = append(out, c.table.Columns[i].Name)
	}
	return out
}

// adviceIndex is the name of the index that is tried.
const adviceIndex = "edgecache_advice"

func (a *adviser) readingSQLite(db *database, live *sqlite.DB, t *sqlparse.Template, args sqlparse.Args, st source.Statement) (out []Advice) {
	plan, err := live.QueryPlan(a.ctx, st.SQL)
	if err != nil {
		return nil
	}
	if adv, ok := joinAdvice(t, func(alias string) bool { return scansAll(plan, alias) }); ok {
		out = append(out, adv)
	}
	for _, o := range t.Query.Occurrences {
		for _, c := range candidatesSQLite(t.Query, o, args, plan) {
			if a.helps(db, c, st.SQL) {
				if adv, ok := a.indexAdvice(db, c); ok {
					out = append(out, adv)
				}
				break
			}
		}
	}
	return out
}

// scansAll tells that the plan reads every row of the table of that alias.
func scansAll(plan []string, alias string) bool {
	return slices.ContainsFunc(plan, func(step string) bool {
		rest, ok := cutFold(step, "SCAN "+alias)
		return ok && (rest == "" || rest[0] == ' ')
	})
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

var equalColumns = regexp.MustCompile(`^(\w+)\.(\w+) = (\w+)\.(\w+)$`)

// candidatesSQLite lists indexes to try: over the columns that the condition
// holds against values, and those that a join holds against another table's.
func candidatesSQLite(q *sqlparse.Query, o *sqlparse.Occurrence, args sqlparse.Args, plan []string) (out []candidate) {
	for _, j := range q.Joins {
		m := equalColumns.FindStringSubmatch(j)
		for side := 1; m != nil && side < len(m); side += 2 {
			if i := o.Table.Column(m[side+1]); m[side] == o.Alias && i >= 0 {
				out = append(out, candidate{table: o.Table, alias: o.Alias, columns: []int{i}, equal: 1})
			}
		}
	}
	if len(out) > 0 && !scansAll(plan, o.Alias) && !automaticIndex(plan, o.Alias) {
		out = nil
	}
	if scansAll(plan, o.Alias) {
		if c, ok := bounded(o, args); ok {
			out = append(out, c)
		}
	}
	return out
}

// automaticIndex tells that SQLite makes an index for each run of the query.
func automaticIndex(plan []string, alias string) bool {
	return slices.ContainsFunc(plan, func(step string) bool {
		rest, ok := cutFold(step, "SEARCH "+alias+" USING AUTOMATIC ")
		return ok && rest != ""
	})
}

// bounded is the index over the columns that the condition confines: points
// first, then one range.
func bounded(o *sqlparse.Occurrence, args sqlparse.Args) (candidate, bool) {
	c := candidate{table: o.Table, alias: o.Alias}
	r, _ := o.Region(args)
	if len(r) != 1 {
		return c, false
	}
	ranged := -1
	for _, d := range r[0] {
		switch {
		case d.Spans.AllPoints():
			c.columns = append(c.columns, d.Dim.Column)
		case ranged < 0:
			ranged = d.Dim.Column
		}
	}
	slices.Sort(c.columns)
	c.columns = slices.Compact(c.columns)
	c.equal = len(c.columns)
	if ranged >= 0 && !slices.Contains(c.columns, ranged) {
		c.columns = append(c.columns, ranged)
	}
	return c, len(c.columns) > 0
}

// helps makes the index in an empty copy and looks whether the plan searches it.
func (a *adviser) helps(db *database, c candidate, sql string) bool {
	ddl := a.ddlOf(db)
	if ddl == "" {
		return false
	}
	var names []string
	for _, n := range c.names() {
		names = append(names, db.quoted(n))
	}
	ddl += "CREATE INDEX " + adviceIndex + " ON " + db.quoted(c.table.Name) + " (" + strings.Join(names, ", ") + ");"
	return slices.ContainsFunc(a.planWith(ddl, sql), func(step string) bool {
		rest, ok := cutFold(step, "SEARCH "+c.alias+" USING ")
		return ok && strings.Contains(rest, "INDEX "+adviceIndex+" ")
	})
}

// sampled bounds the rows that are counted for a figure.
const sampled = 10_000

// Below these an index gains nothing that is worth a sentence.
const (
	fewRows   = 100
	leastGain = 2
)

// indexAdvice says what the index would save. An empty table is not known to
// stay small, so there it is said without a figure.
func (a *adviser) indexAdvice(db *database, c candidate) (Advice, bool) {
	var equal []string
	for _, i := range c.columns[:c.equal] {
		equal = append(equal, db.quoted(c.table.Columns[i].Name))
	}
	rows, kinds, ok := a.spread(db, db.quoted(c.table.Name), equal)
	if !ok || rows > 0 && rows < fewRows {
		return Advice{}, false
	}
	adv := Advice{Kind: "index", Table: c.table.Name, Columns: c.names()}
	what := fmt.Sprintf("an index on %s (%s) would let misses and refreshes read ", c.table.Name, strings.Join(c.names(), ", "))
	switch {
	case rows == 0 || c.equal == 0:
		adv.Text = what + "only the rows that are asked for, where now they read the whole table"
	case kinds < leastGain:
		return Advice{}, false
	default:
		adv.Text = what + fmt.Sprintf("about %d times fewer rows", kinds)
	}
	return adv, true
}

// spread counts the first rows of a table, and how many different values they
// have in the columns.
func (a *adviser) spread(db *database, table string, columns []string) (rows, kinds int64, ok bool) {
	list := strings.Join(columns, ", ")
	if list == "" {
		list = "1"
	}
	from := fmt.Sprintf("(SELECT %s FROM %s LIMIT %d) AS s", list, table, sampled)
	count := func(sql string) int64 {
		res, err := db.src.Query(a.ctx, source.Statement{SQL: sql}, source.Limits{Rows: 1})
		if err != nil || len(res.Rows) != 1 || res.Rows[0][0].Kind() != source.KindInt {
			return -1
		}
		return res.Rows[0][0].AsInt()
	}
	rows = count("SELECT COUNT(*) FROM " + from)
	kinds = count("SELECT COUNT(*) FROM (SELECT DISTINCT * FROM " + from + ") AS d")
	return rows, kinds, rows >= 0 && kinds >= 0
}

// joinAdvice finds two tables, each read as a whole, that no equality ties.
func joinAdvice(t *sqlparse.Template, scanned func(alias string) bool) (Advice, bool) {
	q := t.Query
	if len(q.Occurrences) != 2 || len(q.Joins) == 0 || q.Precision != sqlparse.PrecisionRow {
		return Advice{}, false
	}
	for _, j := range q.Joins {
		if strings.Contains(j, " = ") || strings.HasPrefix(j, "USING") {
			return Advice{}, false
		}
	}
	var names []string
	for _, o := range q.Occurrences {
		if !scanned(o.Alias) {
			return Advice{}, false
		}
		names = append(names, o.Alias)
	}
	return Advice{Kind: "join", Text: fmt.Sprintf("%s and %s are tied by %s, which is no equality, so each read tries every pair of their rows; columns that are equal would let it look partners up",
		names[0], names[1], strings.Join(q.Joins, " and "))}, true
}

func (a *adviser) readingMySQL(db *database, live *mysql.DB, t *sqlparse.Template, args sqlparse.Args, st source.Statement) (out []Advice) {
	plan, err := live.QueryPlan(a.ctx, st)
	if err != nil {
		return nil
	}
	scanned := func(alias string) bool {
		return slices.ContainsFunc(plan, func(p mysql.PlanStep) bool { return strings.EqualFold(p.Table, alias) && p.Type == "ALL" })
	}
	if adv, ok := joinAdvice(t, scanned); ok {
		out = append(out, adv)
	}
	for _, o := range t.Query.Occurrences {
		c, ok := bounded(o, args)
		if !ok || !scanned(o.Alias) || a.indexed(db, c) {
			continue
		}
		if adv, ok := a.indexAdvice(db, c); ok {
			out = append(out, adv)
		}
	}
	return out
}

// indexed tells that an index begins with one of the columns already, or that
// one of them cannot be indexed whole: the server then had a choice.
func (a *adviser) indexed(db *database, c candidate) bool {
	for _, i := range c.columns {
		switch c := &c.table.Columns[i]; {
		case c.Family == source.FamilyJSON, c.Family == source.FamilyOther,
			strings.Contains(strings.ToLower(c.DeclType), "text"), strings.Contains(strings.ToLower(c.DeclType), "blob"):
			return true
		}
	}
	res, err := db.src.Query(a.ctx, source.Statement{
		SQL:  "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1",
		Args: []source.Value{source.Text(c.table.Name)},
	}, source.Limits{Rows: 1000})
	if err != nil {
		return true // not known: nothing is said
	}
	for _, r := range res.Rows {
		if i := c.table.Column(r[0].AsText()); slices.Contains(c.columns, i) {
			return true
		}
	}
	return false
}

package depgraph

import (
	"fmt"
	"strconv"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// What sqlparse compiles fits.
var _ Occurrence = (*sqlparse.Occurrence)(nil)

// fakeOcc is an Occurrence with a condition in disjunctive normal form, whose
// Region and Match are built independently of each other. Its values compare
// as BINARY.
type fakeOcc struct {
	table, alias string
	names        []string
	reads        map[int]bool // nil: all
	where        [][]term     // nil: no condition
}

// term compares one column with arguments.
type term struct {
	col  int
	op   string // = in < >= between isnull <> opaque
	a, b int    // arguments
}

func (o *fakeOcc) TableName() string     { return o.table }
func (o *fakeOcc) AliasName() string     { return o.alias }
func (o *fakeOcc) ColumnNames() []string { return o.names }
func (o *fakeOcc) Reads(col int) bool    { return o.reads == nil || o.reads[col] }

func (o *fakeOcc) Unchanged(c *source.Change) bool {
	for i := range c.Before {
		if o.Reads(i) && (c.Before[i] != c.After[i] || c.Before[i].IsUnknown()) {
			return false
		}
	}
	return true
}

func (o *fakeOcc) Region(args sqlparse.Args) (sqlparse.Region, bool) {
	if o.where == nil {
		return sqlparse.Everything(), true
	}
	region := sqlparse.Nothing()
next:
	for _, conj := range o.where {
		byCol := map[int]sqlparse.Spans{}
		for _, t := range conj {
			spans, bounded := t.spans(args)
			if bounded && len(spans) == 0 {
				continue next
			}
			if _, ok := byCol[t.col]; bounded && !ok { // a second term on a column is residual
				byCol[t.col] = spans
			}
		}
		box := sqlparse.Box{}
		for col := range o.names {
			if spans, ok := byCol[col]; ok {
				box = append(box, sqlparse.Bound{Dim: sqlparse.Dim{Column: col, Collation: source.CollationBinary}, Spans: spans})
			}
		}
		if len(box) == 0 {
			return sqlparse.Everything(), false
		}
		region = append(region, box)
	}
	return region, false
}

func key(v source.Value) sqlparse.Key {
	k, _ := sqlparse.KeyOf(v, source.CollationBinary)
	return k
}

// spans bounds the term's column; no spans: never true.
func (t term) spans(args sqlparse.Args) (s sqlparse.Spans, bounded bool) {
	point := func(k sqlparse.Key) sqlparse.Span { return sqlparse.Span{Lo: sqlparse.Below(k), Hi: sqlparse.Above(k)} }
	switch t.op {
	case "opaque":
		return nil, false
	case "isnull":
		return sqlparse.Spans{{Lo: sqlparse.BelowNull, Hi: sqlparse.AboveNull}}, true
	case "in":
		keys := map[sqlparse.Key]bool{}
		for _, v := range args[t.a].List {
			if !v.IsNull() && !keys[key(v)] {
				keys[key(v)] = true
				s = append(s, point(key(v)))
			}
		}
		for i := range s { // insertion sort: spans are sorted
			for j := i; j > 0 && s[j].Lo.Compare(s[j-1].Lo) < 0; j-- {
				s[j], s[j-1] = s[j-1], s[j]
			}
		}
		return s, true
	}
	v := args[t.a].Value
	if v.IsNull() {
		return nil, true
	}
	k := key(v)
	switch t.op {
	case "=":
		return sqlparse.Spans{point(k)}, true
	case "<":
		return sqlparse.Spans{{Lo: sqlparse.AboveNull, Hi: sqlparse.Below(k)}}, true
	case ">=":
		return sqlparse.Spans{{Lo: sqlparse.Below(k), Hi: sqlparse.AboveAll}}, true
	case "<>":
		return sqlparse.Spans{{Lo: sqlparse.AboveNull, Hi: sqlparse.Below(k)}, {Lo: sqlparse.Above(k), Hi: sqlparse.AboveAll}}, true
	case "between":
		w := args[t.b].Value
		if w.IsNull() || key(w) < k {
			return nil, true
		}
		return sqlparse.Spans{{Lo: sqlparse.Below(k), Hi: sqlparse.Above(key(w))}}, true
	}
	panic("fake: " + t.op)
}

func (o *fakeOcc) Match(args sqlparse.Args, row source.Row) sqlparse.Truth {
	if o.where == nil {
		return sqlparse.True
	}
	out := sqlparse.False
	for _, conj := range o.where {
		truth := sqlparse.True
		for _, t := range conj {
			truth = and(truth, t.match(args, row[t.col]))
		}
		out = or(out, truth)
	}
	return out
}

func and(a, b sqlparse.Truth) sqlparse.Truth {
	for _, t := range []sqlparse.Truth{sqlparse.False, sqlparse.NullTruth, sqlparse.Undecided} {
		if a == t || b == t {
			return t
		}
	}
	return sqlparse.True
}

func or(a, b sqlparse.Truth) sqlparse.Truth {
	for _, t := range []sqlparse.Truth{sqlparse.True, sqlparse.Undecided, sqlparse.NullTruth} {
		if a == t || b == t {
			return t
		}
	}
	return sqlparse.False
}

func (t term) match(args sqlparse.Args, v source.Value) sqlparse.Truth {
	truth := func(b bool) sqlparse.Truth {
		if b {
			return sqlparse.True
		}
		return sqlparse.False
	}
	switch {
	case t.op == "opaque" || v.IsUnknown():
		return sqlparse.Undecided
	case t.op == "isnull":
		return truth(v.IsNull())
	case v.IsNull():
		return sqlparse.NullTruth
	case t.op == "in":
		out := sqlparse.False
		for _, w := range args[t.a].List {
			if w.IsNull() {
				out = or(out, sqlparse.NullTruth)
				continue
			}
			out = or(out, truth(key(v) == key(w)))
		}
		return out
	}
	w := args[t.a].Value
	if w.IsNull() {
		return sqlparse.NullTruth
	}
	switch t.op {
	case "=":
		return truth(key(v) == key(w))
	case "<":
		return truth(key(v) < key(w))
	case ">=":
		return truth(key(v) >= key(w))
	case "<>":
		return truth(key(v) != key(w))
	}
	hi := args[t.b].Value
	if hi.IsNull() {
		return sqlparse.NullTruth
	}
	return truth(key(v) >= key(w) && key(v) <= key(hi))
}

func (o *fakeOcc) Describe(args sqlparse.Args) string {
	var disj []string
	for _, conj := range o.where {
		var parts []string
		for _, t := range conj {
			parts = append(parts, o.describe(t, args))
		}
		disj = append(disj, strings.Join(parts, " AND "))
	}
	return strings.Join(disj, " OR ")
}

func (o *fakeOcc) describe(t term, args sqlparse.Args) string {
	name := o.names[t.col]
	switch t.op {
	case "opaque":
		return "f(" + name + ")"
	case "isnull":
		return name + " IS NULL"
	case "in":
		var vs []string
		for _, v := range args[t.a].List {
			vs = append(vs, v.String())
		}
		return name + " IN (" + strings.Join(vs, ", ") + ")"
	case "between":
		return fmt.Sprintf("%s BETWEEN %s AND %s", name, args[t.a].Value, args[t.b].Value)
	}
	return name + " " + t.op + " " + args[t.a].Value.String()
}

// Tables of the tests.
var columns = map[string][]string{
	"users":  {"id", "first_name", "age"},
	"orders": {"id", "user_id", "total"},
}

// occ parses "users [AS u] [reads a,b] [where age = 0 and id in 1 or ...]"; the numbers
// are arguments.
func occ(s string) *fakeOcc {
	head, where, conditional := strings.Cut(s, " where ")
	f := strings.Fields(head)
	o := &fakeOcc{table: f[0], alias: f[0], names: columns[f[0]]}
	for i := 1; i+1 < len(f); i += 2 {
		switch f[i] {
		case "AS":
			o.alias = f[i+1]
		case "reads":
			o.reads = map[int]bool{}
			for _, name := range strings.Split(f[i+1], ",") {
				o.reads[o.column(name)] = true
			}
		}
	}
	if !conditional {
		return o
	}
	for _, conj := range strings.Split(where, " or ") {
		var terms []term
		for _, text := range strings.Split(conj, " and ") {
			w := strings.Fields(text)
			t := term{col: o.column(w[0]), op: w[1]}
			if len(w) > 2 {
				t.a, _ = strconv.Atoi(w[2])
			}
			if len(w) > 3 {
				t.b, _ = strconv.Atoi(w[3])
			}
			terms = append(terms, t)
		}
		o.where = append(o.where, terms)
	}
	return o
}

func (o *fakeOcc) column(name string) int {
	for i, n := range o.names {
		if n == name {
			return i
		}
	}
	panic("fake: no column " + name)
}

// tmpl makes a template of occurrences in occ's language.
func tmpl(endpoint string, occs ...string) *Template {
	t := &Template{Endpoint: endpoint, Source: "main"}
	for _, s := range occs {
		t.Occurrences = append(t.Occurrences, occ(s))
	}
	return t
}

// value parses 12, 1.5, 'text', x, NULL, ?.
func value(s string) source.Value {
	s = strings.TrimSpace(s)
	switch {
	case s == "NULL":
		return source.Null()
	case s == "?":
		return source.Unknown()
	case strings.HasPrefix(s, "'"):
		return source.Text(strings.Trim(s, "'"))
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return source.Int(n)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return source.Float(f)
	}
	return source.Text(s)
}

// row parses (1, 'Lane', 30); "-" is no image.
func row(s string) source.Row {
	s = strings.TrimSpace(s)
	if s == "-" || s == "" {
		return nil
	}
	out := source.Row{}
	for _, v := range strings.Split(strings.Trim(s, "()"), ",") {
		out = append(out, value(v))
	}
	return out
}

// arguments parses "12 'Lane' (1,2)".
func arguments(s string) sqlparse.Args {
	var out sqlparse.Args
	for _, f := range strings.Fields(s) {
		if !strings.HasPrefix(f, "(") {
			out = append(out, sqlparse.One(value(f)))
			continue
		}
		arg := sqlparse.List()
		if f != "()" {
			arg.List = row(f)
		}
		out = append(out, arg)
	}
	return out
}

// write parses a write set, one change a line:
//
//	UPDATE users (1, 'Lane', 3) -> (1, 'Ada', 3)
//	INSERT users (1, 'Lane', 3)
//	DELETE users (1, 'Lane', 3)
//	ASSIGNED users first_name,age
//	WHOLE users: why
//	CONFINED users first_name,age
//	EVERYTHING: why
//	SCHEMA
//	SOURCE other
func write(text string) *source.WriteSet {
	ws := &source.WriteSet{Source: "main", Assigned: map[string][]int{}, Whole: map[string]string{}}
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		table, images, _ := strings.Cut(rest, " ")
		switch word {
		case "UPDATE":
			before, after, _ := strings.Cut(images, "->")
			ws.Changes = append(ws.Changes, source.Change{Table: table, Op: source.OpUpdate, Before: row(before), After: row(after)})
		case "INSERT":
			ws.Changes = append(ws.Changes, source.Change{Table: table, Op: source.OpInsert, After: row(images)})
		case "DELETE":
			ws.Changes = append(ws.Changes, source.Change{Table: table, Op: source.OpDelete, Before: row(images)})
		case "ASSIGNED":
			ws.Assigned[table] = columnsNamed(table, images)
		case "CONFINED":
			ws.WholeColumns = map[string][]int{table: columnsNamed(table, images)}
		case "WHOLE":
			ws.Whole[strings.TrimSuffix(table, ":")] = images
		case "EVERYTHING:":
			ws.Everything = rest
		case "SCHEMA":
			ws.SchemaChanged = true
		case "SOURCE":
			ws.Source = rest
		default:
			panic("fake: write " + line)
		}
	}
	return ws
}

func columnsNamed(table, list string) (out []int) {
	o := &fakeOcc{names: columns[table]}
	for _, name := range strings.Split(list, ",") {
		out = append(out, o.column(name))
	}
	return out
}

// entry makes an entry whose key and URL are the endpoint with its arguments.
func entry(t *Template, args string) *Entry {
	key := "/" + t.Endpoint + "?" + args
	return &Entry{Key: key, URL: key, Template: t, Args: arguments(args), Payload: key, Size: int64(len(key))}
}

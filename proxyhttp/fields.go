package proxyhttp

import (
	"encoding/json"
	"net/http"
	"sort"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// fields reads a JSON object of the control plane and collects what is wrong
// with it: unknown fields, wrong types.
type fields struct {
	m    map[string]any
	seen map[string]bool
	bad  []paramError
}

func newFields(m map[string]any) *fields { return &fields{m: m, seen: map[string]bool{}} }

func (f *fields) complain(name, detail string) {
	f.bad = append(f.bad, paramError{name, detail})
}

// text reads a string field; ok tells whether it is there.
func (f *fields) text(name string) (string, bool) {
	f.seen[name] = true
	v, ok := f.m[name]
	if !ok || v == nil {
		return "", false
	}
	s, isText := v.(string)
	if !isText {
		f.complain(name, "must be a string, not "+jsonKind(v))
	}
	return s, isText
}

// object reads a field that is an object; nil: absent.
func (f *fields) object(name string) map[string]any {
	f.seen[name] = true
	v, ok := f.m[name]
	if !ok || v == nil {
		return nil
	}
	m, isObject := v.(map[string]any)
	if !isObject {
		f.complain(name, "must be an object, not "+jsonKind(v))
	}
	return m
}

// list reads a field that is an array; nil: absent.
func (f *fields) list(name string) []any {
	f.seen[name] = true
	v, ok := f.m[name]
	if !ok || v == nil {
		return nil
	}
	l, isList := v.([]any)
	if !isList {
		f.complain(name, "must be an array, not "+jsonKind(v))
	}
	return l
}

// done reports everything that was wrong, unknown fields included.
func (f *fields) done() *problem {
	var names []string
	for n := range f.m {
		if !f.seen[n] {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		f.complain(n, "is not a field of this call")
	}
	if len(f.bad) == 0 {
		return nil
	}
	p := newProblem(http.StatusBadRequest, problemBadBody, f.bad[0].Name+": "+f.bad[0].Detail)
	p.Errors = f.bad
	return p
}

// adhoc is a statement given in a request of the control plane.
type adhoc struct {
	template  *sqlparse.Template
	statement source.Statement
}

// compileAdhoc reads {"sql":…,"args":{…}} against a source. The text runs, if
// at all, only inside a transaction that is rolled back.
func (s *Server) compileAdhoc(r *http.Request, db *database, sql string, args map[string]any) (*adhoc, *problem) {
	lists := map[string]bool{}
	for n, v := range args {
		if _, ok := v.([]any); ok {
			lists[n] = true
		}
	}
	in := db.input(r.Context(), sql)
	in.Lists = lists
	t, err := sqlparse.Compile(in)
	if err != nil {
		if k := source.KindOf(err); k == source.ErrBusy || k == source.ErrUnavailable || k == source.ErrTimeout {
			return nil, fromError(err, s.limits)
		}
		return nil, newProblem(http.StatusBadRequest, problemBadBody, "sql: "+err.Error())
	}
	if !t.Kind.IsWrite() || t.Kind == source.StatementDDL {
		return nil, newProblem(http.StatusBadRequest, problemBadBody, "sql: a write is wanted (INSERT, UPDATE, DELETE), this is "+strings.ToUpper(t.Kind.String()))
	}
	bound := make(sqlparse.Args, len(t.Params))
	used := map[string]bool{}
	for i, prm := range t.Params {
		used[baseName(prm.Name)] = true
		arg, ok := adhocArg(prm.Name, args)
		if !ok {
			return nil, newProblem(http.StatusBadRequest, problemBadBody, "args: "+prm.Name+" must be a scalar or a list of scalars")
		}
		bound[i] = arg
	}
	for n := range args {
		if !used[n] {
			return nil, newProblem(http.StatusBadRequest, problemBadBody, "args: the statement does not name :"+n)
		}
	}
	return &adhoc{template: t, statement: t.Statement(bound)}, nil
}

// jsonArg converts a decoded JSON value; an absent one is NULL.
func jsonArg(v any) (sqlparse.Arg, bool) {
	list, isList := v.([]any)
	if !isList {
		val, ok := jsonValue(v)
		return sqlparse.One(val), ok
	}
	var vs []source.Value
	for _, e := range list {
		val, ok := jsonValue(e)
		if !ok {
			return sqlparse.Arg{}, false
		}
		vs = append(vs, val)
	}
	return sqlparse.List(vs...), true
}

func jsonValue(v any) (source.Value, bool) {
	switch v := v.(type) {
	case nil:
		return source.Null(), true
	case string:
		return source.Text(v), true
	case bool:
		if v {
			return source.Int(1), true
		}
		return source.Int(0), true
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return source.Int(i), true
		}
		f, err := v.Float64()
		return source.Float(f), err == nil
	}
	return source.Value{}, false
}

// database finds the source that a request names; it may be left out where
// there is one.
func (s *Server) database(name string, given bool) (*database, *problem) {
	if !given && len(s.cfg.Sources) == 1 {
		return s.databases[s.cfg.Sources[0].Name], nil
	}
	if db := s.databases[name]; db != nil {
		return db, nil
	}
	var names []string
	for _, c := range s.cfg.Sources {
		names = append(names, c.Name)
	}
	detail := "there is no source " + name
	if !given {
		detail = "name the source"
	}
	return nil, newProblem(http.StatusBadRequest, problemBadBody, detail+"; there are "+strings.Join(names, ", "))
}

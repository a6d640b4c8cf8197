package proxyhttp

import (
	"edgecache/source"
	"edgecache/sqlparse"
)

// baseName is the parameter that a statement's parameter stands for: city for
// both :city and :city.given.
//
// A PATCH tells "leave it as it is" (absent) from "empty it" (null) by the
// second:
//
//	UPDATE users SET city = CASE WHEN :city.given THEN :city ELSE city END WHERE id = :id
//
// The column is assigned either way, to its own value where city is absent, so
// the row's images are equal in it and the rule image spares what reads no
// other column. COALESCE(:city, city) is shorter and cannot empty a column.
func baseName(name string) string {
	base, _ := sqlparse.GivenOf(name)
	return base
}

// adhocArg is the argument of one parameter of a statement that is given with
// its arguments; the companion :name.given is told by the presence of name.
func adhocArg(name string, args map[string]any) (sqlparse.Arg, bool) {
	base, companion := sqlparse.GivenOf(name)
	if !companion {
		return jsonArg(args[name])
	}
	if _, given := args[base]; given {
		return sqlparse.One(source.Int(1)), true
	}
	return sqlparse.One(source.Int(0)), true
}

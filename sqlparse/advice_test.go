package sqlparse_test

import (
	"fmt"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

// TestHints holds each hint: it is there, it is as printed, and the condition
// that it proposes is looked up and gives no further hint.
func TestHints(t *testing.T) {
	l := openLive(t, `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT, age INT, any, score REAL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INT, total INT);`)
	for _, c := range []struct{ where, want string }{
		{"lower(email) = :p", "expression email: lower(email) = :p => email = :p"},
		{":p = upper(email)", "expression email: :p = upper(email) => :p = email"},
		{"age + 1 > :n", "expression age: age + 1 > :n => age > :n"},
		{"age * 2 BETWEEN :n AND 10", "expression age: age * 2 BETWEEN :n AND 10 => age BETWEEN :n AND 10"},
		{"coalesce(age, 0) IN (1, :n)", "expression age: coalesce(age, 0) IN (1, :n) => age IN (1, :n)"},
		{"(:p IS NULL OR lower(email) = :p)", "expression email: lower(email) = :p => email = :p"},
		{"name LIKE '%' || :p", "wildcard name: name LIKE '%' || :p => name LIKE :p"},
		{"name LIKE ('%' || :p) || '%'", "wildcard name: name LIKE ('%' || :p) || '%' => name LIKE :p || '%'"},
		{"name LIKE '_a%'", "wildcard name: name LIKE '_a%' => name LIKE 'a%'"},
		{"any LIKE :p", "untyped any: any LIKE :p => any LIKE :p"},
		{"age = :n OR lower(email) = :p", "expression email: lower(email) = :p => email = :p"},
		{"lower(name) = :p OR lower(email) = :p", "expression name: lower(name) = :p => name = :p; expression email: lower(email) = :p => email = :p"},

		// What is looked up already, or made up for, or helped by no change.
		{"email = :p", ""},
		{"email = :p AND lower(name) = 'x'", ""},
		{"age = :n OR email = :p", ""},
		{"name LIKE :p", ""},
		{"name LIKE '%'", ""},
		{"name NOT LIKE '%x'", ""},
		{"any = :p", ""},
		{"age < score", ""},
		{"age + score > :n", ""},
		{"lower(name) = lower(email)", ""},
		{"lower(name) = :p OR age > score", ""},
		{"CASE age WHEN 1 THEN 2 ELSE 3 END = :n", ""},
		{"(:p IS NULL OR email = :p)", ""},
		{"1", ""},
		{"EXISTS (SELECT 1 FROM orders o WHERE o.user_id = users.id)", ""},
	} {
		if got := printHints(l, c.where); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.where, got, c.want)
			continue
		}
		for _, h := range strings.Split(c.want, "; ") {
			was, instead, ok := strings.Cut(h[strings.Index(h, ":")+1:], " => ")
			if !ok || strings.HasPrefix(h, "untyped") {
				continue
			}
			if got := printHints(l, strings.ReplaceAll(c.where, strings.TrimSpace(was), instead)); strings.Contains(got, instead) {
				t.Errorf("%s: after the change it says %s", c.where, got)
			}
		}
	}
}

func printHints(l *live, where string) string {
	tpl := l.compile("SELECT id FROM users WHERE " + where)
	args := make(sqlparse.Args, len(tpl.Params))
	for i, p := range tpl.Params {
		args[i] = sqlparse.One(source.Text("x"))
		if p.Name == "n" {
			args[i] = sqlparse.One(source.Int(7))
		}
	}
	var out []string
	for _, o := range tpl.Query.Occurrences {
		for _, h := range o.Hints(args) {
			out = append(out, fmt.Sprintf("%s %s: %s => %s", h.Kind, h.Column, h.Was, h.Instead))
		}
	}
	return strings.Join(out, "; ")
}

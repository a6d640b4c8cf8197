package proxyhttp

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source/mysql/mariatest"
)

// adviceSchema has a table of each size: people are many, cities few, ghosts
// none.
const adviceSchema = `
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT, age INTEGER, born TEXT, code);
CREATE INDEX people_by_age ON people (age);
CREATE TABLE cities (id INTEGER PRIMARY KEY, name TEXT, country TEXT, low INTEGER, high INTEGER);
CREATE TABLE ghosts (id INTEGER PRIMARY KEY, city TEXT);
CREATE TABLE visits (id INTEGER PRIMARY KEY, person INTEGER, place TEXT);
CREATE TABLE pairs (a TEXT NOT NULL, b TEXT NOT NULL, "order" TEXT, PRIMARY KEY (a, b));
INSERT INTO people WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
  SELECT i, 'name' || i, 'city' || (i % 8), i % 90, '2000-01-01', i FROM n;
INSERT INTO cities WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8) SELECT i, 'city' || i, 'CH', i, i FROM n;
INSERT INTO visits WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 800) SELECT i, i % 400, 'x' FROM n;
`

// adviceFor checks one GET and prints its advice, a line each.
func adviceFor(t *testing.T, dir, source, sql, params string) string {
	t.Helper()
	text := fmt.Sprintf("sources: {main: %s}\nendpoints:\n  - {name: e, route: GET /e, sql: %q, params: {%s}}\n", source, sql, params)
	cfg, mistakes := config.Parse(filepath.Join(dir, "advice.yaml"), []byte(text), nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	o, err := OpenOffline(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer func() {
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var lines []string
	for _, a := range o.Check(t.Context()).Endpoints[0].Advice {
		if a.Kind == "" || a.Text == "" || strings.Contains(a.Text, "\n") {
			t.Errorf("%s: %+v", sql, a)
		}
		lines = append(lines, a.Kind+": "+a.Text)
	}
	return strings.Join(lines, "\n")
}

// adviceCase is a query, a part of the advice for it, and the query after the
// advice was followed, for which there must be none. No want: no advice.
type adviceCase struct{ sql, params, want, followed, followedParams string }

func (c adviceCase) run(t *testing.T, dir, source string) {
	t.Helper()
	got := adviceFor(t, dir, source, c.sql, c.params)
	if c.want == "" {
		if got != "" {
			t.Errorf("%s:\n%s\nwant no advice", c.sql, got)
		}
		return
	}
	if !strings.Contains(got, c.want) || strings.Count(got, "\n") > 0 {
		t.Errorf("%s:\n%s\nwant only …%s…", c.sql, got, c.want)
	}
	if c.followed == "" {
		return
	}
	if got := adviceFor(t, dir, source, c.followed, c.followedParams); got != "" {
		t.Errorf("after the advice: %s:\n%s", c.followed, got)
	}
}

func adviceDir(t *testing.T) (dir, source string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "schema.sql"), []byte(adviceSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, "{driver: sqlite, dsn: advice.db, init: schema.sql}"
}

func TestAdvice(t *testing.T) {
	dir, source := adviceDir(t)
	for _, c := range []adviceCase{
		{"SELECT id FROM people WHERE age + 1 > :n", "n: {type: int}", "expression: age + 1 > :n hides age in an expression",
			"SELECT id FROM people WHERE age > :n", ""},
		{"SELECT id FROM people WHERE lower(name) = :p", "p: {type: string}", "a plain name = :p would be looked up", "", ""},
		{"SELECT id FROM people WHERE name LIKE '%' || :p", "p: {type: string}", "wildcard: name LIKE '%' || :p begins with a wildcard", "SELECT id FROM people WHERE name LIKE :p", ""},
		{"SELECT id FROM people WHERE code = :c AND age = 3", "", "untyped: code of people is declared without a type, so :c is compared as text",
			"SELECT id FROM people WHERE code = :c AND age = 3", "c: {type: int}"},
		{"SELECT id FROM people WHERE age = :a ORDER BY city LIMIT 5", "", "order: data do not determine which rows LIMIT lets in; end ORDER BY with id, and they do",
			"SELECT id FROM people WHERE age = :a ORDER BY city, id LIMIT 5", ""},
		{"SELECT id FROM people WHERE age = :a LIMIT :n", "", "add ORDER BY id, and they do", "SELECT id FROM people WHERE age = :a ORDER BY id LIMIT :n", ""},
		{`SELECT "order" FROM pairs ORDER BY "order" LIMIT 2`, "", "end ORDER BY with a, b, and they do", `SELECT "order" FROM pairs ORDER BY "order", a, b LIMIT 2`, ""},
		{"SELECT p.id FROM people p JOIN cities c ON c.name = p.city WHERE p.age = :a AND c.id = :c ORDER BY p.city LIMIT 3", "", "end ORDER BY with p.id, c.id, and they do", "", ""},
		{"SELECT p.id, c.id AS c FROM people p JOIN cities c ON p.name < c.name", "", "join: p and c are tied by p.name < c.name, which is no equality",
			"SELECT p.id, c.id AS c FROM people p JOIN cities c ON p.id = c.id", ""},
		{"SELECT id FROM people WHERE city = :city", "", "index: an index on people (city) would let misses and refreshes read about 8 times fewer rows",
			"SELECT id FROM people WHERE age = :age", ""},
		{"SELECT id FROM people WHERE city = :city AND born = :born", "", "index on people (city, born) would let misses and refreshes read about 8 times fewer rows", "", ""},
		{"SELECT id FROM ghosts WHERE city = :city", "", "only the rows that are asked for", "", ""},
		{"SELECT id FROM people WHERE name BETWEEN :a AND :b", "", "index on people (name) would let misses and refreshes read only the rows", "", ""},
		{"SELECT p.id, v.place FROM people p JOIN visits v ON v.person = p.id WHERE p.age = :a", "", "index on visits (person) would let misses and refreshes read about 400 times fewer rows", "", ""},

		// Nothing that helps, or nothing that is worth a sentence.
		{"SELECT id FROM cities WHERE country = :c", "", "", "", ""},                                   // few rows
		{"SELECT id FROM people WHERE born = :b AND id = :id", "", "", "", ""},                         // looked up by its key
		{"SELECT id FROM people WHERE (:city IS NULL OR city = :city) ORDER BY id", "", "", "", ""},    // no index would be used
		{"SELECT id FROM people WHERE born = :b", "", "", "", ""},                                      // all rows have one value
		{"SELECT id FROM people ORDER BY id LIMIT 5", "", "", "", ""},                                  // total
		{"SELECT city, COUNT(*) AS n FROM people GROUP BY city ORDER BY n LIMIT 5", "", "", "", ""},    // no key can be added
		{"SELECT id FROM people WHERE age = :a OR id = :b", "", "", "", ""},                            // OR across columns is matched exactly
		{"SELECT id FROM people WHERE lower(name) = :p AND age = :a", "p: {type: string}", "", "", ""}, // found by age
		{"SELECT id FROM people WHERE name LIKE :p AND age = 1", "p: {type: glob}", "", "", ""},
		{"SELECT c.id FROM cities c JOIN people p ON p.age BETWEEN c.low AND c.high", "", "", "", ""}, // searched by an index
	} {
		c.run(t, dir, source)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "edgecache-plan-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAdviceOnUntypedIsTrue shows what the advice says: a number is not found
// by URL text until the parameter is declared.
func TestAdviceOnUntypedIsTrue(t *testing.T) {
	h := start(t, func(s *setup) {
		s.schema = adviceSchema
		s.yaml = `
endpoints:
  - {name: a, route: GET /a, sql: SELECT id FROM people WHERE code = :c}
  - {name: b, route: GET /b, sql: SELECT id FROM people WHERE code = :c, params: {c: {type: int}}}
`
	})
	if got := h.get("/a?c=7").body; strings.TrimSpace(got) != "[]" {
		t.Error(got)
	}
	if got := h.get("/b?c=7").body; strings.TrimSpace(got) != `[{"id":7}]` {
		t.Error(got)
	}
}

func TestAdviceMariaDB(t *testing.T) {
	server := mariatest.Get(t)
	dsn := server.Database(t, `
CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40) NOT NULL, bio TEXT, age INT NOT NULL, KEY by_age (age));
CREATE TABLE cities (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL);
INSERT INTO people WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i, CONCAT('name', i), CONCAT('city', i % 8), 'x', i % 90 FROM n;
INSERT INTO cities VALUES (1, 'city1'), (2, 'city2');
ANALYZE TABLE people, cities;
`)
	source := fmt.Sprintf("{driver: mysql, dsn: %q}", dsn)
	cases := []adviceCase{
		{"SELECT id FROM people WHERE city = :city", "", "index: an index on people (city) would let misses and refreshes read about 8 times fewer rows", "", ""},
		{"SELECT id FROM people WHERE (:city IS NULL OR city = :city) ORDER BY name, id", "", "index on people (city)", "", ""},
		{"SELECT id FROM people WHERE lower(city) = :p AND age = :a", "p: {type: string}", "", "", ""},
		{"SELECT id FROM people WHERE age + 1 = :n", "n: {type: int}", "expression: age + 1 = :n hides age", "SELECT id FROM people WHERE age = :n", ""},
		{"SELECT id FROM people WHERE age = :a ORDER BY city LIMIT 5", "", "end ORDER BY with id, and they do", "SELECT id FROM people WHERE age = :a ORDER BY city, id LIMIT 5", ""},
		{"SELECT id FROM people WHERE age = :a", "", "", "", ""},
		{"SELECT id FROM people WHERE bio = :b", "", "", "", ""},
		{"SELECT id FROM cities WHERE name = :n", "", "", "", ""},
		{"SELECT p.id, c.id AS c FROM people p JOIN cities c ON p.name < c.name", "", "join: p and c are tied by p.name < c.name", "", ""},
	}
	for _, c := range cases {
		c.run(t, t.TempDir(), source)
	}
	// With the index the advice is gone, and the plan reads fewer rows.
	db := server.Open(t, dsn)
	if _, err := db.Exec("CREATE INDEX by_city ON people (city)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases[:2] {
		if got := adviceFor(t, t.TempDir(), source, c.sql, c.params); got != "" {
			t.Errorf("%s: with the index: %s", c.sql, got)
		}
	}
}

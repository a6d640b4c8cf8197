package sqlparse_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

// found is a case that a rule once got wrong, or that looks as if one could:
// a query, and a transaction that changes its answer.
type found struct {
	name, sql string
	args      map[string]source.Value
	before    []string // run before the answer is kept
	write     []string
	still     bool // the answer stays, whatever the rules say
}

const foundSchema = heldSchema + `
CREATE VIEW named AS SELECT name AS who, age AS years, note FROM users WHERE years > 3;
CREATE VIEW keyless AS SELECT name, city, age + 0 AS years FROM users;
CREATE TABLE pairs (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, x TEXT);
INSERT INTO pairs VALUES (1, 1, 1, 'one'), (2, 2, 1, 'two'), (3, 3, 2, 'three'), (4, 4, 3, 'four'), (5, 5, 9, 'five');
`

var heldFound = []found{
	{name: "alias of a plain subquery in its WHERE",
		sql:   `SELECT d.y FROM (SELECT age AS x, name AS y FROM users WHERE x > 3) d`,
		write: []string{`UPDATE users SET age = 9 WHERE id = 'u1'`}},
	{name: "alias of a view in its WHERE",
		sql:   `SELECT who FROM named`,
		write: []string{`UPDATE users SET age = 9 WHERE id = 'u1'`}},
	{name: "alias inside what is not read",
		sql:   `SELECT id, age AS x FROM users WHERE CAST(x AS CHAR) = '3' ORDER BY id LIMIT 20`,
		write: []string{`UPDATE users SET age = 3 WHERE id = 'u1'`}},
	{name: "alias inside what is not read, ordering",
		sql:   `SELECT id, name AS x FROM users ORDER BY CAST(x AS CHAR) || 'x', id LIMIT 3`,
		write: []string{`UPDATE users SET name = '0' WHERE id = 'u8'`}},
	{name: "position with a sign",
		sql:   `SELECT id, name FROM users ORDER BY +2, id LIMIT 3`,
		write: []string{`UPDATE users SET name = '0' WHERE id = 'u8'`}},
	{name: "position with a collation",
		sql:   `SELECT id, name FROM users ORDER BY 2 COLLATE BINARY, id LIMIT 3`,
		write: []string{`UPDATE users SET name = '0' WHERE id = 'u8'`}},
	{name: "a window function that orders",
		sql:   `SELECT id, name FROM users ORDER BY COUNT(1) OVER (PARTITION BY age) DESC, id LIMIT 3`,
		write: []string{`DELETE FROM users WHERE id = 'u8'`}},
	{name: "an alias that a star offers too",
		sql:   `SELECT *, age AS NAME FROM users ORDER BY name, id LIMIT 3`,
		write: []string{`UPDATE users SET name = '0', age = 99 WHERE id = 'u8'`}},
	{name: "an alias that a star offers too, descending",
		sql:   `SELECT *, age AS NAME FROM users ORDER BY name DESC, id LIMIT 3`,
		write: []string{`UPDATE users SET name = 'zzz', age = -1 WHERE id = 'u8'`}},
	{name: "two columns of one name in a derived table",
		sql:   `SELECT d.x FROM (SELECT p.id, q.id, q.x FROM pairs p JOIN pairs q ON q.b = p.a) d ORDER BY 1 LIMIT 10`,
		write: []string{`UPDATE pairs SET x = 'other' WHERE id = 5`, `UPDATE pairs SET x = 'other' WHERE id = 4`}},
	{name: "a column that only the database names",
		sql:   `SELECT d."x:1" AS other FROM (SELECT p.x, q.x FROM pairs p JOIN pairs q ON q.b = p.a) d`,
		write: []string{`UPDATE pairs SET x = 'other' WHERE id = 5`, `UPDATE pairs SET x = 'other' WHERE id = 4`}},
	{name: "a column that only the database names, inside what is not read",
		sql:   `SELECT CAST(d."x:1" AS CHAR) AS other FROM (SELECT p.x, q.x FROM pairs p JOIN pairs q ON q.b = p.a) d`,
		write: []string{`UPDATE pairs SET x = 'other' WHERE id = 5`, `UPDATE pairs SET x = 'other' WHERE id = 4`}},
	{name: "a column that only the database names, under an alias",
		sql:   `SELECT "x:1" AS "x:1" FROM (SELECT p.x, q.x FROM pairs p JOIN pairs q ON q.b = p.a) d`,
		write: []string{`UPDATE pairs SET x = 'other' WHERE id = 5`, `UPDATE pairs SET x = 'other' WHERE id = 4`}},
	{name: "a looked up row whose key moves on",
		sql:    `SELECT o.total, k.name FROM orders o JOIN keyless k ON k.name = o.note WHERE o.state = 'x' ORDER BY o.total`,
		before: []string{`UPDATE orders SET state = 'n', note = 'b' WHERE id = 5`},
		write:  []string{`UPDATE orders SET state = 'x' WHERE id = 5`, `UPDATE orders SET id = 500 WHERE id = 5`}},
}

func TestSparedFound(t *testing.T) {
	for _, c := range heldFound {
		t.Run(c.name, func(t *testing.T) { holdFound(openLive(t, foundSchema), &c) })
	}
}

// holdFound keeps an answer over one write, if the rules say so.
func holdFound(l *live, c *found) {
	l.t.Helper()
	run := func(sqls []string, decide func(*source.WriteSet)) {
		var sts []source.Statement
		for _, sql := range sqls {
			sts = append(sts, source.Statement{SQL: sql})
		}
		if _, err := l.Write(context.Background(), sts, decide); err != nil {
			l.t.Fatal(err)
		}
	}
	if len(c.before) > 0 {
		run(c.before, nil)
	}
	s := &stored{tpl: l.compile(c.sql)}
	for _, p := range s.tpl.Params {
		s.args = append(s.args, sqlparse.One(c.args[p.Name]))
	}
	s.fill(l)
	var rules []string
	var images string
	run(c.write, func(ws *source.WriteSet) { rules, images = s.spared(ws), ws.String() })
	now := l.rows(s.tpl.Statement(s.args))
	same := reflect.DeepEqual(s.visible(s.rows), s.visible(now))
	if rules != nil && !same {
		l.t.Errorf("%s\nwas spared by %v from %v\nimages %swas %v\nnow %v", c.sql, rules, c.write, images, s.rows, now)
	}
	if same && !c.still {
		l.t.Errorf("the write changes nothing, so the case shows nothing: %v", now)
	}
}

// TestDeclaredTablesAreSparedByNothingHeld: of a table that depends_on names,
// nobody knows how it is read besides.
func TestDeclaredTablesAreSparedByNothingHeld(t *testing.T) {
	for _, declared := range []bool{false, true} {
		l := openLive(t, foundSchema)
		in := l.input(`SELECT o.id, u.name FROM orders o JOIN users u ON u.id = o.user_id WHERE u.age > 4 ORDER BY o.id LIMIT 3`)
		if declared {
			in.DependsOn = []string{"Users"}
		}
		tpl, err := sqlparse.Compile(in)
		if err != nil {
			t.Fatal(err)
		}
		s := &stored{tpl: tpl}
		s.fill(l)
		for _, sql := range []string{`INSERT INTO users VALUES ('u99', 'z', 'Z', 9, '')`, `UPDATE users SET age = 8 WHERE id = 'u99'`, `DELETE FROM users WHERE id = 'u99'`} {
			if _, err := l.Write(context.Background(), []source.Statement{{SQL: sql}}, func(ws *source.WriteSet) {
				if rules := s.spared(ws); declared == (rules != nil) {
					t.Errorf("declared %v: %s is spared by %v", declared, sql, rules)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestPartnersAreSearched: partners are asked for only where indexes lead to
// them, for a write waits meanwhile.
func TestPartnersAreSearched(t *testing.T) {
	l := openLive(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, x);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER, y);
CREATE TABLE c (id INTEGER PRIMARY KEY, a_id INTEGER, y);
CREATE INDEX c_a ON c (a_id);`)
	row := source.Row{source.Int(1), source.Int(2)}
	for _, c := range []struct {
		sql   string
		asked string // the tables whose rows are completed
	}{
		{"SELECT a.x, b.y FROM a JOIN b ON b.a_id = a.id WHERE a.x = :p", "b"},
		{"SELECT a.x, c.y FROM a JOIN c ON c.a_id = a.id WHERE a.x = :p", "a c"},
		{"SELECT a.x, c.y FROM a JOIN c ON c.y = a.x WHERE a.x = :p", ""},
	} {
		asked := ""
		for _, o := range l.compile(c.sql).Query.Occurrences {
			change := source.Change{Table: o.TableName(), Op: source.OpInsert, After: row}
			if len(o.Table.Columns) == 3 {
				change.After = append(row[:2:2], source.Null())
			}
			if _, ok := o.Completion(&change); ok {
				asked = strings.TrimSpace(asked + " " + o.TableName())
			}
		}
		if asked != c.asked {
			t.Errorf("%s: partners of %q are asked for, want %q", c.sql, asked, c.asked)
		}
	}
}

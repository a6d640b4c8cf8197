package sqlite

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"edgecache/source"
)

func TestVerb(t *testing.T) {
	for sql, want := range map[string]verb{
		"select 1": "SELECT", "  ;; -- x\n/* y */ Values (1)": "VALUES", "": "", "/* open": "", "(SELECT 1)": "",
		"WITH a AS (SELECT ')') SELECT * FROM a":                                           "SELECT",
		"WITH RECURSIVE a(x, y) AS (SELECT (1)), [b)] AS MATERIALIZED (SELECT 1) DELETE x": "DELETE",
		"with \"delete\" as not materialized (select 1) update t set x = 1":                "UPDATE",
		"WITH replace AS (SELECT 1) INSERT INTO a SELECT * FROM replace":                   "INSERT",
		"REPLACE INTO x VALUES (1)":                                                        "REPLACE", "WITH": "", "WITH a": "", "WITH a AS (": "",
	} {
		if got := verbOf(sql); got != want {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

func TestViewBody(t *testing.T) {
	for sql, want := range map[string]string{
		"CREATE VIEW a AS SELECT 1": "SELECT 1",
		"create temp view if not exists main.\"a AS\" (x, \"y)\")as select 1": "select 1",
		"CREATE VIEW [as] AS/* c */WITH b AS (SELECT 1) SELECT * FROM b -- e": "WITH b AS (SELECT 1) SELECT * FROM b -- e",
		"CREATE TABLE a (x)": "", "CREATE VIEW": "", "CREATE VIEW a": "", "CREATE VIEW a (": "", "": "",
	} {
		if got := viewBody(sql); got != want {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

func TestOnlyBlankAndWords(t *testing.T) {
	for sql, want := range map[string]bool{
		"": true, " ;\n; -- x": true, "/* x": true, "/**/;": true, "x": false, "; 'x'": false, "--\nx": false, "/": false,
	} {
		if got := onlyBlank(sql); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
	for sql, want := range map[string]bool{
		"INSERT OR replace INTO x": true, "'REPLACE' \"REPLACE\" [REPLACE] /* REPLACE */ x'00' -- REPLACE": false,
		"replaced": false, ":replace": false, "it''s REPLACE": true,
	} {
		if got := hasWord(sql, "REPLACE"); got != want {
			t.Errorf("%q: %v", sql, got)
		}
	}
}

func TestFilePath(t *testing.T) {
	for dsn, want := range map[string]string{
		"a.db": "a.db", "/x/a?b.db": "/x/a?b.db", "file:a.db": "a.db", "file:///x/a%20b.db?mode=rwc&cache=private": "/x/a b.db",
		"file://localhost/x": "/x", "file:a.db#frag": "a.db",
	} {
		if got, err := filePath(dsn); err != nil || got != want {
			t.Errorf("%s: %q, %v", dsn, got, err)
		}
	}
}

// FuzzLexer: tokens lie in order within the text, and end.
func FuzzLexer(f *testing.F) {
	for _, s := range []string{"a 'b''c' \"d\" [e] `f` x'00' 1.5e-3 0x1e+5 ?1 :a -- c\n/* d */ ;", "'", "x'", "[", "/*", ".5", "1e", "$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		l := lexer{sql: sql}
		last := 0
		for n := 0; ; n++ {
			tok := l.next()
			if tok.start < last || tok.end < tok.start || tok.end > len(sql) || n > len(sql) {
				t.Fatalf("%q: token %+v behind %d", sql, tok, last)
			}
			if tok.kind == tokenEnd {
				break
			}
			if tok.end == tok.start {
				t.Fatalf("%q: empty token %+v", sql, tok)
			}
			last = tok.end
		}
		verbOf(sql)
		viewBody(sql)
		isSelfContained(sql)
	})
}

const readsSchema = `
CREATE TABLE a (id INTEGER PRIMARY KEY, x INTEGER, y TEXT, z REAL);
CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER, x INTEGER, w TEXT);
CREATE TABLE c (k TEXT PRIMARY KEY, x INTEGER, v) WITHOUT ROWID;
CREATE TABLE one (only);
CREATE INDEX ax ON a (x, y);
CREATE INDEX bw ON b (w) WHERE a_id > 1;
CREATE INDEX be ON b (x + 1);
CREATE INDEX cv ON c (v);
CREATE VIEW va AS SELECT id AS a_id, x AS q, y FROM a WHERE z > 1;
CREATE VIEW vn AS SELECT w FROM b NATURAL JOIN c;
`

var readsQueries = []string{
	"SELECT 1 FROM a NATURAL JOIN b", "SELECT w FROM a NATURAL JOIN b", "SELECT a.y FROM a JOIN b USING (id)",
	"SELECT count(*) FROM a LEFT JOIN b USING (id, x)", "SELECT 1 FROM va NATURAL JOIN b", "SELECT w FROM vn",
	"SELECT 1 FROM a, vn", "SELECT 1 FROM (SELECT id AS k, y AS v FROM a) NATURAL JOIN c",
	"WITH q AS (SELECT x AS k FROM a) SELECT 1 FROM q JOIN c USING (k)", "SELECT 1 FROM a NATURAL JOIN b NATURAL JOIN c",
	"SELECT * FROM a FULL JOIN b USING (x)", "SELECT x FROM a RIGHT JOIN b USING (x)", "SELECT y FROM a WHERE x = 1 AND y > 'b'",
	"SELECT w FROM b WHERE w > 'x' AND a_id > 1", "SELECT id FROM b WHERE x + 1 = 5", "SELECT x FROM c WHERE v = 1", "SELECT k FROM c",
	"SELECT y FROM a WHERE id IN one", "SELECT y FROM a WHERE id IN (SELECT a_id FROM b WHERE w = a.y)",
	"SELECT (SELECT max(v) FROM c WHERE c.x = a.x) FROM a", "SELECT y FROM a WHERE EXISTS (SELECT 1 FROM c WHERE k = y)",
	"SELECT y, sum(z) OVER (PARTITION BY x ORDER BY id) FROM a", "SELECT x FROM a GROUP BY y HAVING max(z) > 1 ORDER BY min(id)",
	"SELECT DISTINCT q FROM va", "SELECT x FROM a UNION SELECT x FROM b EXCEPT SELECT v FROM c",
	"WITH RECURSIVE r(n) AS (SELECT id FROM a UNION SELECT b.id FROM b, r WHERE a_id = n) SELECT n FROM r",
	"SELECT count(*) FROM a WHERE rowid > 3", "SELECT min(x), max(y) FROM a", "SELECT a.x FROM a JOIN b ON b.a_id = a.id ORDER BY b.w LIMIT 1",
	"SELECT y FROM a WHERE (x, y) IN (SELECT x, w FROM b)", "SELECT CASE WHEN x THEN y END FROM a ORDER BY z",
}

// TestReadsHoldTheProgram: every table and column that the compiled program
// reads is among Reads. (The authorizer alone misses some.)
func TestReadsHoldTheProgram(t *testing.T) {
	d := openTest(t, readsSchema)
	names := columnNames(t, d)
	for _, sql := range readsQueries {
		desc, err := d.Describe(context.Background(), sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		cursors := map[string][]string{}
		for _, line := range strings.Split(desc.Program, "\n") {
			f := strings.Fields(line)
			if len(f) < 4 {
				continue
			}
			switch f[0] {
			case "OpenRead":
				root, _ := strconv.ParseInt(f[2], 10, 64)
				cursors[f[1]] = names[root]
				if table := d.catalog.Load().roots[root]; desc.Reads[table] == nil {
					t.Errorf("%s: reads table %s\nsaid %v", sql, table, desc.Reads)
				}
			case "Column":
				i, _ := strconv.Atoi(f[2])
				columns := cursors[f[1]]
				if i >= len(columns) || columns[i] == "" {
					continue // a sorter, a subquery, an expression of an index
				}
				if columns[i] == "c.k" {
					continue // the key of a WITHOUT ROWID table serves as the row's address
				}
				table, column, _ := strings.Cut(columns[i], ".")
				if !strings.Contains(" "+strings.Join(desc.Reads[table], " ")+" ", " "+column+" ") {
					t.Errorf("%s: reads %s.%s\nsaid %v", sql, table, column, desc.Reads)
				}
			}
		}
	}
}

// columnNames lists, by root page, the columns stored there as table.column.
func columnNames(t *testing.T, d *DB) map[int64][]string {
	out := map[int64][]string{}
	for _, o := range readAll(t, d, "SELECT type, name, tbl_name, rootpage FROM sqlite_schema WHERE rootpage > 0") {
		name, table := o[1].AsText(), o[2].AsText()
		source := "SELECT name FROM pragma_table_info('" + name + "')"
		if o[0].AsText() == "index" || d.Schema().Table(table).WithoutRowid {
			if o[0].AsText() == "table" {
				name = "sqlite_autoindex_" + name + "_1"
			}
			source = "SELECT name FROM pragma_index_xinfo('" + name + "') ORDER BY seqno"
		}
		for _, r := range readAll(t, d, source) {
			column := ""
			if !r[0].IsNull() {
				column = table + "." + r[0].AsText()
			}
			out[o[3].AsInt()] = append(out[o[3].AsInt()], column)
		}
	}
	return out
}

// Programs are equal only where the statements do the same.
func TestPrograms(t *testing.T) {
	d := openTest(t, readsSchema+"CREATE VIRTUAL TABLE f USING fts5(t);"+
		"CREATE VIEW r1 AS SELECT * FROM a WHERE z > 0.1; CREATE VIEW r2 AS SELECT * FROM a WHERE z > 0.10000000000000001;")
	program := func(sql string) string {
		desc, err := d.Describe(context.Background(), sql)
		if err != nil || desc.Program == "" {
			t.Fatalf("%s: %v", sql, err)
		}
		return desc.Program
	}
	for _, p := range [][2]string{
		{"SELECT y FROM a WHERE x = 'q' AND z > 1", "select aa.y AS other from A aa where ((aa.x = 'q') and (z > 1)) -- c"},
		{"SELECT a.id FROM a JOIN b USING (id)", "SELECT p.id FROM a AS p JOIN b AS q ON p.id = q.id"},
		{"SELECT t FROM f WHERE f MATCH ?", "SELECT g.t FROM f AS g WHERE g.f MATCH ?"},
	} {
		if program(p[0]) != program(p[1]) {
			t.Errorf("differ: %s\n%s\n%s\n%s", p[0], program(p[0]), p[1], program(p[1]))
		}
	}
	for _, p := range [][2]string{
		{"SELECT x'0001'", "SELECT x'0002'"}, {"SELECT 0.1", "SELECT 0.10000000000000002"}, {"SELECT 'a'", "SELECT 'b'"},
		{"SELECT x FROM a", "SELECT z FROM a"}, {"SELECT x FROM a", "SELECT x FROM b"}, {"SELECT 1", "SELECT 2"},
		{"SELECT ?1, ?2", "SELECT ?2, ?1"}, {"SELECT y = 'a' FROM a", "SELECT y = 'a' COLLATE NOCASE FROM a"},
		{"SELECT * FROM r1, (SELECT 0.5)", "SELECT * FROM r2, (SELECT 0.5)"},
		{"SELECT * FROM r1", "SELECT * FROM r2"}, {"SELECT 9223372036854775807", "SELECT 9223372036854775806"},
	} {
		if program(p[0]) == program(p[1]) {
			t.Errorf("equal: %s and %s", p[0], p[1])
		}
	}
	// On another handle, and after other schemas, it is the same text.
	first := program("SELECT y FROM a WHERE x = 1")
	mustWrite(t, d, "CREATE TABLE later (q)")
	s := <-d.describer.free
	s.drop()
	d.describer.put(s)
	if again := program("SELECT y FROM a WHERE x = 1"); again != first {
		t.Errorf("another handle says\n%s\nnot\n%s", again, first)
	}
	var _ source.Source = d
}

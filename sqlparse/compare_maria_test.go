package sqlparse_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/source/mysql"
	"edgecache/source/mysql/mariatest"
	"edgecache/sqlparse"
)

func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }

// mariaColumns are one of each kind; texts in every listed collation.
var mariaColumns = []struct{ name, decl string }{
	{"i", "INT"}, {"ti", "TINYINT"}, {"u", "INT UNSIGNED"}, {"bu", "BIGINT UNSIGNED"}, {"b", "BIGINT"},
	{"d", "DECIMAL(12,3)"}, {"f", "FLOAT"}, {"db", "DOUBLE"},
	{"g", "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}, {"bin", "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
	{"uc", "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"}, {"l1", "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci"},
	{"lb", "VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin"}, {"u3", "VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci"},
	{"u3b", "VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin"}, {"u3u", "VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci"},
	{"ag", "VARCHAR(40) CHARACTER SET ascii COLLATE ascii_general_ci"}, {"ab", "VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin"},
	{"ua", "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_ai_ci"}, {"ub", "VARCHAR(40) CHARACTER SET utf8mb3 COLLATE utf8mb3_uca1400_ai_ci"},
	{"c", "CHAR(12) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}, {"tx", "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
	{"sp", "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_spanish2_ci"}, {"vb", "VARBINARY(40)"}, {"fb", "BINARY(6)"},
	{"da", "DATE"}, {"dt", "DATETIME(6)"}, {"d0", "DATETIME"}, {"ts", "TIMESTAMP(3) NULL"}, {"tm", "TIME"}, {"y", "YEAR"},
	{"e", "ENUM('b','a','1','')"}, {"st", "SET('b','a')"}, {"bt", "BIT(8)"}, {"j", "JSON"},
}

// mariaOperands are what columns are filled with, as far as they take it, and
// compared with: texts with case, blanks, marks and accents, numbers at the
// borders, numbers as texts, dates in several spellings.
var mariaOperands = []string{
	"NULL", "0", "1", "-1", "5", "127", "255", "256", "2147483648", "9223372036854775807", "18446744073709551615",
	"1.5", "0.100", "9.999", "-12.340", "1e0", "0.1e0", "1.5e300", "20240131", "2024",
	"''", "' '", "'a'", "'A'", "'a '", "'ab'", "'aB'", "'a b'", "'b'", "'B%'", "'a%'", "'a_'", "'_'", "'-'", "'a-1'", "'a_1'", "'a1'", "'A.1'",
	"'~'", "'['", "']'", "'('", "'{'", "'@'", "'*'", "'/'", "'&'", "'#'", "'%'", "'+'", "'<'", "'='", "'>'", "'|'", "'$'", "','", "';'", "':'", "'!'", "'?'", "'.'", "'\"'", "'`'", "'Z'", "'z'", "'^'", "'1'", "'01'", "'1.0'", "'1a'", "'é'", "'e'", "'ß'", "'ss'", "'ch'", "'cz'", "'a\\tb'", "'\\\\'", "'a\\'b'",
	"'2024-01-31'", "'2024-01-31 00:00:00'", "'2024-01-31 10:00:00.5'", "'2024-01-31 10:00:00.500000'", "'2024-1-31'", "'20240131'", "'2024-02-29'", "'10:00:00'",
	"x'61'",
}

func openMaria(t *testing.T) *live {
	t.Helper()
	var decls []string
	for _, c := range mariaColumns {
		decls = append(decls, c.name+" "+c.decl)
	}
	server := mariatest.Get(t)
	dsn := server.Database(t, fmt.Sprintf("CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n%s);\n", strings.Join(decls, ",\n")))
	filler := server.Open(t, dsn)
	rows := 0
	for i, v := range mariaOperands {
		other := mariaOperands[(i*7+3)%len(mariaOperands)]
		for _, w := range []string{v, other} {
			var names, values []string
			for n, c := range mariaColumns {
				if c.name == "j" {
					continue // takes hardly any of them
				}
				names = append(names, c.name)
				values = append(values, []string{v, w}[n%2])
			}
			// What a column does not take in any form is left out.
			if _, err := filler.Exec(fmt.Sprintf("INSERT IGNORE INTO t (%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(values, ", "))); err == nil {
				rows++
			}
		}
	}
	if rows < len(mariaOperands) {
		t.Fatalf("only %d rows", rows)
	}
	db, err := mysql.Open(context.Background(), mysql.Options{Name: "main", DSN: dsn, PollInterval: -1, Plan: sqlparse.PlanWrite})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &live{Source: db, t: t, dialect: sqlparse.MySQL, database: db.Database()}
}

// TestComparisonsAgreeWithMariaDB holds the cross product of columns, operators
// and operands against the server (I2): what is decided, is decided as the
// server does; what it selects is in the region.
func TestComparisonsAgreeWithMariaDB(t *testing.T) {
	l := openMaria(t)
	var names []string
	for _, c := range mariaColumns {
		names = append(names, c.name)
	}
	all := l.rows(source.Statement{SQL: "SELECT id, " + strings.Join(names, ", ") + " FROM t ORDER BY id"})
	values := map[string]source.Value{}
	for _, v := range mariaOperands {
		values[v] = l.literal(v)
	}
	var n tally
	decided := map[string]int{}
	for _, c := range mariaColumns {
		before := n.decided
		for _, form := range []string{
			"%s = :p", "%s <> :p", "%s < :p", "%s >= :p", ":p > %s", "NOT (%s <= :p)", "%s IN (:p, 'b', 'x1')", "%s IN (:p, 5, 7)",
			"%s NOT IN (:p, 'zz')", "%s BETWEEN :p AND 'b'", "%s NOT BETWEEN :p AND 100", "%s LIKE :p", "%s NOT LIKE :p",
			"%s + 1 = :p", "COALESCE(%s, 'a') = :p", "(%s, 1) = (:p, 1)", "(%s, 1) < (:p, 2)", "(%s = :p) = 1", "%s IS NULL OR %[1]s = :p",
			"CASE %s WHEN :p THEN 1 ELSE 0 END = 1", "-%s = :p", "%s AND :p = 1", "NOT %s AND :p = 1",
		} {
			tpl := l.compile("SELECT id FROM t WHERE " + fmt.Sprintf(form, c.name))
			if tpl.Query.Uncacheable != "" {
				t.Fatalf("%s: %s", tpl.SQL, tpl.Query.Uncacheable)
			}
			for _, v := range mariaOperands {
				holdAgainst(t, l, all, tpl, sqlparse.Args{sqlparse.One(values[v])}, &n)
			}
		}
		for _, v := range mariaOperands {
			for _, form := range []string{"%s = %s", "%s < %s", "%s LIKE %s", "%s IN (%s, 3)"} {
				holdAgainst(t, l, all, l.compile("SELECT id FROM t WHERE "+fmt.Sprintf(form, c.name, v)), nil, &n)
			}
		}
		for _, o := range mariaColumns {
			for _, op := range []string{"=", "<"} {
				sql := fmt.Sprintf("SELECT id FROM t WHERE %s %s %s", c.name, op, o.name)
				if tpl, err := sqlparse.Compile(l.input(sql)); err == nil {
					holdAgainst(t, l, all, tpl, nil, &n)
				}
			}
		}
		decided[c.name] = n.decided - before
	}
	t.Logf("decided %d, undecided %d: by column %v", n.decided, n.undecided, decided)
	for _, c := range []string{"i", "u", "bu", "d", "db", "g", "bin", "uc", "l1", "da", "dt", "ts"} {
		if decided[c] < 10_000 {
			t.Errorf("column %s: only %d comparisons are decided", c, decided[c])
		}
	}
}

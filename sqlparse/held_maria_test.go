package sqlparse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/source/mysql"
	"edgecache/source/mysql/mariatest"
	"edgecache/sqlparse"
)

// heldMariaTypes are types of columns to sort by and to have in a key, with
// values to store: neighbours in some order, alike under some collation.
var heldMariaTypes = []struct {
	name, decl string
	key        bool
	values     []string
}{
	{"i", "INT", true, []string{"1", "2", "3", "-1", "10", "0"}},
	{"bu", "BIGINT UNSIGNED", true, []string{"1", "2", "9223372036854775807", "9223372036854775808", "18446744073709551615"}},
	{"z", "INT(6) UNSIGNED ZEROFILL", true, []string{"1", "2", "30", "0"}},
	{"d", "DECIMAL(10,2)", true, []string{"1.50", "1.5", "-2", "10", "9.999", "0.005"}},
	{"f", "FLOAT", true, []string{"0.1", "0.2", "1.5", "16777217", "-0.0", "1e30"}},
	{"db", "DOUBLE", true, []string{"0.1", "0.2", "1.5", "-1e300", "0", "-0.0"}},
	{"g", text("utf8mb4", "general_ci"), true, []string{"'a'", "'A'", "'a '", "'b'", "'B'", "'é'", "'ab'", "'a\\t'", "'\U0001F600'"}},
	{"bi", text("utf8mb4", "bin"), true, []string{"'a'", "'A'", "'a '", "'b'", "'a\\t'", "'\U0001F600'", "'\uFFFD'"}},
	{"nb", text("utf8mb4", "nopad_bin"), true, []string{"'a'", "'A'", "'a '", "'b'", "'a\\t'"}},
	{"ua", text("utf8mb4", "uca1400_ai_ci"), true, []string{"'a'", "'A'", "'a '", "'\u00e9'", "'e'", "'\u00df'", "'ss'", "'-a'"}},
	{"l1", text("latin1", "swedish_ci"), true, []string{"'a'", "'A'", "'\u00e9'", "'b'", "'\u00c4'", "'z'"}},
	{"c", "CHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", true, []string{"'a'", "'A'", "'a '", "'b'", "''", "'a\\t'"}},
	{"cn", "CHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", true, []string{"'a'", "'A'", "'a '", "'b'", "''", "'a\\t'"}},
	{"vb", "VARBINARY(8)", true, []string{"'a'", "'A'", "'a '", "x'00'", "x'6100'", "''"}},
	{"fb", "BINARY(4)", true, []string{"'a'", "'A'", "'a '", "x'00'", "x'6100'", "''"}},
	{"bl", "BLOB", false, []string{"'a'", "'A'", "x'00'", "''"}},
	{"tx", "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", false, []string{"'a'", "'A'", "'b'", "''", "'\u00df'", "'ss'"}},
	{"da", "DATE", true, []string{"'2024-01-31'", "'2024-02-01'", "'1000-01-01'", "'2024-02-29'"}},
	{"dt", "DATETIME(2)", true, []string{"'2024-01-31 00:00:00'", "'2024-01-31 00:00:00.5'", "'2024-01-31 00:00:00.555'", "'2025-01-01'"}},
	{"ts", "TIMESTAMP(1) NULL", false, []string{"'2024-01-31 00:00:00'", "'2024-01-31 00:00:00.5'", "'2025-01-01'"}},
	{"tk", "TIMESTAMP", true, []string{"'2024-01-31 00:00:00'", "'2024-01-31 00:00:01'", "'2025-01-01'"}},
	{"tm", "TIME(1)", true, []string{"'10:00:00'", "'-10:00:00'", "'100:00:00'", "'10:00:00.5'"}},
	{"y", "YEAR", true, []string{"2024", "1999", "24", "2001"}},
	{"e", "ENUM('b','a','1','c') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", true, []string{"'b'", "'a'", "'1'", "'A'"}},
	{"st", "SET('b','a') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", true, []string{"'b'", "'a'", "'a,b'", "''"}},
	{"bt", "BIT(8)", true, []string{"1", "2", "b'11111111'", "0"}},
	{"uu", "UUID", true, []string{"'00000000-0000-0000-0000-000000000001'", "'ffffffff-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000100'"}},
	{"ip", "INET6", true, []string{"'::1'", "'::ffff'", "'2001:db8::1'"}},
}

// heldMariaTable is a table with a key of one type and an index on a column of
// it, and a view of it.
type heldMariaTable struct {
	name, key string
	keyed     bool
	values    []string
	queries   []string
}

func heldMariaTables() (schema string, tables []heldMariaTable) {
	var ddl strings.Builder
	for _, c := range heldMariaTypes {
		t := heldMariaTable{name: "t_" + c.name, key: "k", keyed: c.key, values: c.values}
		decl, index := c.decl+" NOT NULL", ", KEY (s)"
		if !c.key {
			t.key, decl, index = "id", "INT NOT NULL", ""
		}
		fmt.Fprintf(&ddl, "CREATE TABLE %s (%s %s, n INT NOT NULL, s %s, v INT, note VARCHAR(9), PRIMARY KEY (%s, n)%s);\n",
			t.name, t.key, decl, strings.TrimSuffix(c.decl, " NULL")+" NULL", t.key, index)
		fmt.Fprintf(&ddl, "CREATE VIEW w_%s AS SELECT %s AS kk, n AS nn, s AS ss, v AS vv, note FROM %s WHERE v < 4;\n", c.name, t.key, t.name)
		for _, q := range []string{
			"SELECT s, note FROM $t ORDER BY s, $k, n LIMIT 3",
			"SELECT v AS s, note, s AS v FROM $t WHERE n < :p ORDER BY v DESC, $k DESC, n LIMIT 2 OFFSET 1",
			"SELECT note FROM $t WHERE v = :p ORDER BY $k, n LIMIT 3",
			"SELECT note FROM $t WHERE v >= :p ORDER BY $k DESC, n DESC LIMIT :p",
			"SELECT s, note FROM $t WHERE v >= :p ORDER BY +1, 2 DESC, $k, n LIMIT 3",
			"SELECT v, s AS x FROM $t ORDER BY (2) DESC, TRUE, $k, n LIMIT 3",
			"SELECT a.note, b.v FROM $t a JOIN $t b ON a.v = b.n WHERE a.v < :p ORDER BY a.s, a.$k, a.n, b.$k, b.n LIMIT 4",
			"SELECT a.note, b.v FROM $t a LEFT JOIN $t b ON a.s = b.s AND b.v = :p ORDER BY a.n, a.$k, b.$k, b.n LIMIT 4",
			"SELECT d.ss, d.note AS x FROM $w d ORDER BY 1, d.kk, d.nn LIMIT 3",
			"SELECT d.note, d.vv + 1 AS up FROM (SELECT kk, nn, note, vv FROM $w WHERE nn <> :p) d ORDER BY d.kk, d.nn LIMIT 3",
			"SELECT d.x FROM (SELECT s AS x, v AS y, $k, n FROM $t) d WHERE d.y = :p ORDER BY d.x, d.$k, d.n LIMIT 2",
		} {
			t.queries = append(t.queries, strings.NewReplacer("$t", t.name, "$k", t.key, "$w", "w_"+c.name).Replace(q))
		}
		tables = append(tables, t)
	}
	return ddl.String(), tables
}

// write draws a statement; half of its values are arguments.
func (t *heldMariaTable) write(r *rand.Rand) (st source.Statement) {
	value := func(literal string) string {
		if v, ok := argumentOf(literal); ok && r.IntN(2) == 0 {
			st.Args = append(st.Args, v)
			return "?"
		}
		return literal
	}
	key := func() string {
		if !t.keyed {
			return value(fmt.Sprint(r.IntN(3)))
		}
		return value(pick(r, t.values))
	}
	sort := func() string {
		if r.IntN(12) == 0 {
			return "NULL"
		}
		return value(pick(r, t.values))
	}
	small := func() string { return value(fmt.Sprint(r.IntN(5))) }
	row := func() string { return t.key + " = " + key() + " AND n = " + fmt.Sprint(r.IntN(3)) }
	given := func() string {
		return fmt.Sprintf("(%s, %d, %s, %s, 'n%d')", key(), r.IntN(3), sort(), small(), r.IntN(3))
	}
	into := fmt.Sprintf("INTO %s (%s, n, s, v, note) VALUES ", t.name, t.key)
	switch r.IntN(14) {
	case 0, 1, 2:
		st.SQL = "REPLACE " + into + given()
	case 3:
		st.SQL = "INSERT " + into + given()
	case 4:
		st.SQL = "INSERT IGNORE " + into + given()
	case 5:
		st.SQL = "DELETE FROM " + t.name + " WHERE " + row()
	case 6, 7:
		st.SQL = "UPDATE " + t.name + " SET s = " + sort() + " WHERE " + row()
	case 8:
		st.SQL = "UPDATE " + t.name + " SET s = " + sort() + " WHERE v = " + small()
	case 9:
		st.SQL = "UPDATE " + t.name + " SET v = v + 1 WHERE " + row()
	case 10:
		st.SQL = "UPDATE " + t.name + " SET v = " + small() + ", note = 'm' WHERE n = " + small()
	case 11:
		st.SQL = "UPDATE " + t.name + " SET " + t.key + " = " + key() + " WHERE " + row()
	case 12:
		st.SQL = "INSERT " + into + given() + ", " + given() + " ON DUPLICATE KEY UPDATE note = 'u', v = " + small()
	default:
		st.SQL = "INSERT " + into + given() + " ON DUPLICATE KEY UPDATE s = VALUES(s)"
	}
	return st
}

// argumentOf reads a literal as a client would send it.
func argumentOf(literal string) (source.Value, bool) {
	switch {
	case literal[0] == '\'' && !strings.ContainsRune(literal, '\\'):
		return source.Text(literal[1 : len(literal)-1]), true
	case strings.Trim(literal, "-0123456789") == "" && len(literal) < 19:
		n, err := strconv.ParseInt(literal, 10, 64)
		return source.Int(n), err == nil
	case strings.Trim(literal, "-0123456789.") == "":
		return source.Decimal(literal), true
	}
	return source.Value{}, false
}

// TestSparedAgreesWithMariaDB is TestSparedAgreesWithSQLite on a server with
// real types: what is held as the key of a row, and as the place where an answer
// ends, must be what images say, read and foreseen (output, record, window).
func TestSparedAgreesWithMariaDB(t *testing.T) {
	schema, tables := heldMariaTables()
	k := newKeeping(t)
	dsn := mariatest.Get(t).Database(t, schema)
	db, err := mysql.Open(context.Background(), mysql.Options{Name: "main", DSN: dsn, PollInterval: -1, Plan: sqlparse.PlanWrite})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l := &live{Source: db, t: t, dialect: sqlparse.MySQL, database: db.Database()}
	for soak := soakUntil(t); ; {
		for i := range tables {
			table := &tables[i]
			for range 12 {
				_, _ = l.Write(context.Background(), []source.Statement{table.write(k.r)}, nil)
			}
			k.round(l, table.queries, 2, 14, func(string) source.Value { return source.Int(int64(k.r.IntN(4))) },
				func() source.Statement { return table.write(k.r) })
		}
		if !time.Now().Before(soak) {
			break
		}
	}
	k.report("output", "record", "window", "affected")
}

// TestSparedFoundMariaDB holds what was found, or looks as if it could be, against
// the server.
func TestSparedFoundMariaDB(t *testing.T) {
	long := strings.Repeat("a", 70)
	for _, c := range []struct {
		name, params, ddl, sql string
		write                  []string
		still                  bool
		args                   map[string]source.Value
	}{
		{name: "a key that is stored otherwise than given", ddl: "CREATE TABLE t (k BINARY(4) NOT NULL PRIMARY KEY, s INT)",
			sql: "SELECT s FROM t ORDER BY s, k", write: []string{"INSERT INTO t VALUES ('a', 1) ON DUPLICATE KEY UPDATE s = 2"}},
		{name: "a time that is rounded", ddl: "CREATE TABLE t (k DATETIME NOT NULL PRIMARY KEY, s INT)",
			sql: "SELECT s FROM t ORDER BY s, k", write: []string{"INSERT INTO t VALUES ('2024-01-01 00:00:00.7', 1) ON DUPLICATE KEY UPDATE s = 2"}},
		{name: "one of several rows that is rounded", ddl: "CREATE TABLE t (k DECIMAL(5,1) NOT NULL PRIMARY KEY, u INT NOT NULL UNIQUE, s INT);\nINSERT INTO t VALUES (1, 1, 1), (2, 2, 2)",
			sql: "SELECT k, s FROM t WHERE s > 2 ORDER BY k", write: []string{"INSERT INTO t VALUES (9.99, 9, 9), (1, 2, 2) ON DUPLICATE KEY UPDATE s = 2"}},
		{name: "a list whose collation is that of one of its items", ddl: "CREATE TABLE t (k INT NOT NULL PRIMARY KEY, g " + text("utf8mb4", "general_ci") + ", b " + text("utf8mb4", "bin") + ")",
			sql: "SELECT k FROM t WHERE g NOT IN ('A', b)", write: []string{"INSERT INTO t VALUES (1, 'a', 'x')"}},
		{name: "a list whose collation is named by one of its items", ddl: "CREATE TABLE t (k INT NOT NULL PRIMARY KEY, g " + text("utf8mb4", "general_ci") + ")",
			sql: "SELECT k FROM t WHERE g NOT IN ('A', 'b' COLLATE utf8mb4_bin)", write: []string{"INSERT INTO t VALUES (1, 'a')"}},
		{name: "a position that is a parameter", ddl: "CREATE TABLE t (k INT NOT NULL PRIMARY KEY, s INT);\nINSERT INTO t VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
			sql: "SELECT k, s FROM t ORDER BY :p, k LIMIT 2", args: map[string]source.Value{"p": source.Int(2)}, write: []string{"UPDATE t SET s = 0 WHERE k = 4"}},
		{name: "an aggregate in ORDER BY", ddl: "CREATE TABLE t (k INT NOT NULL PRIMARY KEY, s INT)",
			sql: "SELECT s FROM t WHERE s = 5 ORDER BY s, COUNT(*) LIMIT 1", write: []string{"INSERT INTO t VALUES (1, 5)"}},
		{name: "an aggregate in ORDER BY of a derived table", ddl: "CREATE TABLE t (k INT NOT NULL PRIMARY KEY, s INT);\nINSERT INTO t VALUES (3, 5), (4, 6)",
			sql: "SELECT d.k FROM (SELECT k FROM t ORDER BY COUNT(*)) d WHERE d.k = 3", write: []string{"DELETE FROM t WHERE k = 3"}},
		{name: "only the beginning of a text is sorted by", params: "&max_sort_length=8", ddl: "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, x VARCHAR(400) CHARACTER SET latin1 COLLATE latin1_bin);\n" +
			"INSERT INTO t VALUES (3, '" + long + "a'), (4, '" + long + "b'), (5, '" + long + "c')",
			sql: "SELECT id, x FROM t ORDER BY x, id LIMIT 2", write: []string{"INSERT INTO t VALUES (1, '" + long + "z')"}, still: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := mariatest.Get(t).Database(t, c.ddl)
			if c.params != "" {
				dsn += strings.Replace(c.params, "&", map[bool]string{true: "&", false: "?"}[strings.Contains(dsn, "?")], 1)
			}
			db, err := mysql.Open(context.Background(), mysql.Options{Name: "main", DSN: dsn, PollInterval: -1, Plan: sqlparse.PlanWrite})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			l := &live{Source: db, t: t, dialect: sqlparse.MySQL, database: db.Database()}
			holdFound(l, &found{sql: c.sql, write: c.write, still: c.still, args: c.args})
		})
	}
}

package mysql

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"edgecache/source"
)

// TestStoredAsForeseen sets columns of every type to values of every kind: what
// stored is certain of is what is read afterwards, type and bytes.
func TestStoredAsForeseen(t *testing.T) {
	types := []string{
		"TINYINT", "INT", "BIGINT", "INT UNSIGNED", "BIGINT UNSIGNED", "INT NOT NULL DEFAULT 1", "MEDIUMINT ZEROFILL", "YEAR", "BIT(9)", "BOOLEAN",
		"DECIMAL(6,2)", "DECIMAL(4,0)", "DECIMAL(20,10) UNSIGNED", "FLOAT", "DOUBLE", "DOUBLE(8,2)",
		"CHAR(4)", "VARCHAR(4)", "VARCHAR(3) COLLATE utf8mb4_bin", "VARCHAR(4) CHARACTER SET latin1", "VARCHAR(4) CHARACTER SET utf8mb3", "TINYTEXT", "LONGTEXT", "JSON",
		"BINARY(3)", "VARBINARY(3)", "TINYBLOB", "BLOB", "ENUM('a','ab','7')", "SET('a','b')",
		"DATE", "DATETIME", "DATETIME(3)", "DATETIME(6)", "TIMESTAMP NULL", "TIME", "TIME(2)", "UUID", "INET6",
	}
	values := []source.Value{
		source.Null(), source.Int(0), source.Int(1), source.Int(-7), source.Int(127), source.Int(128), source.Int(2024), source.Int(math.MaxInt64), source.Int(math.MinInt64),
		source.Uint(7), source.Uint(math.MaxUint64), source.Float(0), source.Float(math.Copysign(0, -1)), source.Float(0.1), source.Float(1e300), source.Float(2.5),
		source.Decimal("1.50"), source.Decimal("1.5"), source.Decimal("-0.00"), source.Decimal("0"), source.Decimal("-3"), source.Decimal("9.999"), source.Decimal("01.5"), source.Decimal("12345.67"),
		source.Text(""), source.Text("a"), source.Text("A"), source.Text("a "), source.Text("a   "), source.Text("ab  "), source.Text("abcd "), source.Text("abcde"), source.Text("é€"),
		source.Text("\U0001F600"), source.Text("\xff"), source.Text("a\x00"), source.Text("7"), source.Text("07"), source.Text("1.5"), source.Text("b,a"),
		source.Text(strings.Repeat("é", 127)), source.Text(strings.Repeat("é", 128)), source.Text(strings.Repeat("x", 255) + " "),
		source.Blob([]byte("a")), source.Blob([]byte("a\x00")), source.Blob([]byte("abcd")), source.Blob(nil), source.Blob([]byte{0xff}),
		source.Text("2024-02-29"), source.Text("2024-2-9"), source.Text("2023-02-29"), source.Text("0000-00-00"), source.Text("0001-01-01"), source.Text("2024-02-29 01:02:03"),
		source.Text("2024-02-29 01:02:03.5"), source.Text("2024-02-29 01:02:03.500"), source.Text("2024-02-29 01:02:03.500000"), source.Text("2024-02-29T01:02:03"),
		source.Text("01:02:03"), source.Text("123e4567-e89b-12d3-a456-426655440000"),
	}
	var list []string
	for i, c := range types {
		list = append(list, fmt.Sprintf("c%d %s", i, c))
	}
	d := openTest(t, "CREATE TABLE t (id INT PRIMARY KEY, "+strings.Join(list, ", ")+");\nINSERT INTO t (id) VALUES (1);")
	in := d.catalog.Load().infos["t"]
	certain := map[int]int{}
	for i := range types {
		for _, v := range values {
			want, ok := in.stored(i+1, v)
			if !ok {
				continue
			}
			st := source.Statement{SQL: fmt.Sprintf("UPDATE t SET c%d = ? WHERE id = 1", i), Args: []source.Value{v}}
			if _, err := d.Write(context.Background(), []source.Statement{st}, nil); err != nil {
				if k := source.KindOf(err); k != source.ErrConstraint && k != source.ErrInvalid {
					t.Fatal(err)
				}
				continue // refused, as it may be
			}
			certain[i]++
			if got := readAll(t, d, fmt.Sprintf("SELECT c%d FROM t", i))[0][0]; got != want {
				t.Errorf("%s set to %s holds %s, foreseen was %s", types[i], v, got, want)
			}
		}
	}
	if len(certain) < 20 {
		t.Errorf("only %d types were foreseen: %v", len(certain), certain)
	}
}

// TestNothingIsLeftOpen goes every way that a write can end, and looks at the
// sessions that are left.
func TestNothingIsLeftOpen(t *testing.T) {
	d := openTest(t, twoRows+"CREATE TABLE plain (id INT PRIMARY KEY) ENGINE = MyISAM;\nCREATE PROCEDURE opens() BEGIN START TRANSACTION; UPDATE u SET x = 5 WHERE id = 1; END;",
		func(o *Options) { o.Writers = 1 })
	for _, text := range []string{
		"UPDATE u SET x = 1 WHERE id = 1", "UPDATE u SET x = 1 WHERE id = 99", "UPDATE u SET x = x + 1 ORDER BY id LIMIT 0", "DELETE FROM u WHERE id = 99",
		"INSERT INTO u VALUES (1, '', 1)", "INSERT INTO u VALUES (1, ?, 1)", "UPDATE u SET nothing = 1", "UPDATE u SET x = 'word'", "SELECT 1", "DELETE FROM u WHERE id = 1; SELECT 1",
		"INSERT INTO plain VALUES (1)", "INSERT INTO plain VALUES (1)", "CREATE TABLE again (id INT)", "CREATE TABLE again (id INT)", "CREATE TABLE given AS SELECT * FROM u", "TRUNCATE again", "DROP TABLE nowhere",
		"CALL opens()", "CALL nothing()", "ALTER TABEL", "REPLACE INTO u VALUES (2, 'x', 1)", "INSERT INTO again SELECT id FROM u",
	} {
		_, _, _ = tryWrite(d, text)
		nothingOpen(t, d)
		_, _ = d.DryRun(context.Background(), []source.Statement{{SQL: text}})
		nothingOpen(t, d)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = write(d, context.Background(), func(*source.WriteSet) { panic("in beforeCommit") }, "UPDATE u SET x = 77 WHERE id = 2")
	}()
	nothingOpen(t, d)
	gone, leave := context.WithCancel(context.Background())
	_, err := write(d, gone, func(*source.WriteSet) { leave() }, "UPDATE u SET x = 77 WHERE id = 2")
	nothingOpen(t, d)
	if rows := readAll(t, d, "SELECT id FROM u WHERE x = 77"); err == nil || len(rows) > 0 {
		t.Error(err, rows)
	}
}

package sqlparse_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

// awkward are the operands of the cross product: every class, the borders of
// the integers, text that looks like a number and text that nearly does,
// blanks and case that a collation ignores.
var awkward = []string{
	"NULL", "0", "1", "-1", "2", "5", "10", "9007199254740993", "9223372036854775807", "-9223372036854775807",
	"0.0", "1.0", "1.5", "-0.5", "1e300", "9007199254740992.0",
	"''", "'0'", "'1'", "'1.0'", "'1.50'", "' 1'", "'1 '", "'1abc'", "'+1'", "'1e1'", "'0x1'", "'10'", "'-'", "'.5'",
	"'a'", "'A'", "'ab'", "'aB'", "'a '", "'a  '", "'abc'", "'b'", "'B%'", "'a%'", "'é'", "'É'", "'_'", "'nan'", "'inf'",
	"x''", "x'61'", "x'31'",
}

const awkwardSchema = `
CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  i INTEGER, r REAL, n NUMERIC, s TEXT, nc TEXT COLLATE NOCASE, rt TEXT COLLATE RTRIM, b BLOB, u,
  d DATE, k VARCHAR(10) NOT NULL DEFAULT ''
);
INSERT INTO t (i, r, n, s, nc, rt, b, u, d, k) VALUES %s;
CREATE TABLE other (x INTEGER PRIMARY KEY, y TEXT);
INSERT INTO other VALUES (1, 'a');`

func awkwardDatabase(t *testing.T) *live {
	var rows []string
	for _, v := range awkward {
		rows = append(rows, fmt.Sprintf("(%[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, %[1]s, COALESCE(%[1]s, ''))", v))
	}
	return openLive(t, fmt.Sprintf(awkwardSchema, strings.Join(rows, ",\n")))
}

var awkwardColumns = []string{"id", "i", "r", "n", "s", "nc", "rt", "b", "u", "d", "k"}

// tally counts how often a condition was decided, so that a test that decides
// nothing does not pass for a proof.
type tally struct{ decided, undecided, tight, loose, refused, wrong int }

// holdAgainst checks one condition with one binding on every row of t:
//
//	Match True        the database selects the row
//	not MayMatch      the database does not
//	selected          the region may contain the row (I2)
//	tight             the region contains exactly the rows that Match calls True
func holdAgainst(t *testing.T, l *live, all []source.Row, tpl *sqlparse.Template, args sqlparse.Args, n *tally) {
	t.Helper()
	o := tpl.Query.Occurrences[0]
	selected := map[int64]bool{}
	res, err := l.Query(context.Background(), tpl.Statement(args), source.Limits{})
	if err != nil {
		n.refused++ // such as an integer overflow: there is no answer to keep
		return
	}
	for _, r := range res.Rows {
		selected[r[0].AsInt()] = true
	}
	region, tight := o.Region(args)
	if tight {
		n.tight++
	} else {
		n.loose++
	}
	for _, row := range all {
		in := selected[row[0].AsInt()]
		truth := o.Match(args, row)
		if truth == sqlparse.Undecided {
			n.undecided++
		} else {
			n.decided++
		}
		contains := region.MayContain(row)
		if truth == sqlparse.True && !in || !truth.MayMatch() && in || in && !contains ||
			tight && (truth == sqlparse.Undecided || contains != (truth == sqlparse.True)) {
			t.Errorf("%s with %s on %s: Match %s, region %s (tight %v, contains %v), the database selects it: %v",
				tpl.SQL, o.Describe(args), row, truth, region.Format(o.Table), tight, contains, in)
			if n.wrong++; n.wrong >= 20 {
				t.FailNow()
			}
			return
		}
	}
}

func (l *live) allRows() []source.Row {
	return l.rows(source.Statement{SQL: "SELECT id, i, r, n, s, nc, rt, b, u, d, k FROM t ORDER BY id"})
}

func (l *live) literal(s string) source.Value {
	return l.rows(source.Statement{SQL: "SELECT " + s})[0][0]
}

// TestComparisonsAgreeWithSQLite holds the cross product of columns, operators
// and awkward operands, bound and written, against the database (I2).
func TestComparisonsAgreeWithSQLite(t *testing.T) {
	l := awkwardDatabase(t)
	all := l.allRows()
	var n tally
	for _, c := range awkwardColumns {
		for _, form := range []string{
			"%s = :p", "%s <> :p", "%s < :p", "%s <= :p", "%s > :p", "%s >= :p", ":p < %s", ":p = %s",
			"NOT (%s = :p)", "NOT (%s <= :p)", "%s IN (:p, 'b', 5)", "%s NOT IN (:p, 2)", "%s BETWEEN :p AND 'b'",
			"%s NOT BETWEEN :p AND 5", "%s LIKE :p", "%s NOT LIKE :p", "+%s = :p", "(%s || '') = :p", "COALESCE(%s, 1) = :p",
			"LOWER(%s) = :p", "LENGTH(%s) = :p", "%s + 1 = :p", "CASE WHEN %s = :p THEN 1 ELSE 0 END = 1",
			"CASE %s WHEN :p THEN NULL ELSE 1 END", "(%s = :p) = 1", "(%s, 1) = (:p, 1)", "(%s, 1) < (:p, 2)",
			"(%s, 1) IN ((:p, 1), (5, 2))", ":p IN (%s, 1)", "ABS(%s) = :p", "-%s = :p", "(%s = :p) IS NULL",
			"%s IS :p", "NOT (%s IS :p)", ":p IS %s", "%s COLLATE NOCASE = :p", "%s = :p COLLATE NOCASE", ":p COLLATE RTRIM < %s",
			"%s COLLATE BINARY IS :p", "%s COLLATE RTRIM IN (:p, 'b')", "%s COLLATE NOCASE BETWEEN :p AND 'b'",
			"%s COLLATE BINARY LIKE :p", "%s COLLATE NOCASE = :p COLLATE BINARY", "CASE %s COLLATE NOCASE WHEN :p THEN 1 END",
		} {
			tpl := l.compile("SELECT id FROM t WHERE " + fmt.Sprintf(form, c))
			if tpl.Query.Precision != sqlparse.PrecisionRow {
				t.Fatalf("%s: not read: %v", tpl.SQL, tpl.Query.Notes)
			}
			for _, v := range awkward {
				holdAgainst(t, l, all, tpl, sqlparse.Args{sqlparse.One(l.literal(v))}, &n)
			}
		}
		for _, form := range []string{"%s = %s", "%s < %s", "%s IN (%s)", "%s LIKE %s", "%s BETWEEN %s AND 10"} {
			for _, v := range awkward {
				tpl, err := sqlparse.Compile(l.input("SELECT id FROM t WHERE " + fmt.Sprintf(form, c, v)))
				if err != nil {
					t.Fatal(err)
				}
				if tpl.Query.Precision == sqlparse.PrecisionRow {
					holdAgainst(t, l, all, tpl, nil, &n)
				}
			}
		}
	}
	t.Logf("decided %d, undecided %d; tight %d, loose %d", n.decided, n.undecided, n.tight, n.loose)
	if n.decided < 5*n.undecided {
		t.Errorf("too few comparisons are decided: %+v", n)
	}
}

// TestColumnsComparedAgreeWithSQLite holds column against column.
func TestColumnsComparedAgreeWithSQLite(t *testing.T) {
	l := awkwardDatabase(t)
	var rows []string
	for i, v := range awkward {
		w := awkward[(i*7+3)%len(awkward)]
		rows = append(rows, fmt.Sprintf("(%[1]s, %[2]s, %[1]s, %[2]s, %[1]s, %[2]s, %[1]s, %[2]s, %[1]s)", v, w))
	}
	if _, err := l.Write(t.Context(), []source.Statement{{SQL: "INSERT INTO t (i, r, n, s, nc, rt, b, u, d) VALUES " + strings.Join(rows, ",")}}, func(*source.WriteSet) {}); err != nil {
		t.Fatal(err)
	}
	all := l.allRows()
	var n tally
	for _, a := range awkwardColumns {
		for _, b := range awkwardColumns {
			for _, op := range []string{"=", "<", ">=", "<>", "LIKE"} {
				tpl := l.compile(fmt.Sprintf("SELECT id FROM t WHERE %s %s %s", a, op, b))
				if tpl.Query.Precision == sqlparse.PrecisionRow {
					holdAgainst(t, l, all, tpl, nil, &n)
				}
			}
		}
	}
	t.Logf("decided %d, undecided %d", n.decided, n.undecided)
	if n.decided < n.undecided {
		t.Errorf("too few comparisons are decided: %+v", n)
	}
}

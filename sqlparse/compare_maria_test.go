package sqlparse_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"edgecache/source"
	"edgecache/source/mysql"
	"edgecache/source/mysql/mariatest"
	"edgecache/sqlparse"
)

func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }

type mariaColumn struct{ name, decl string }

// mariaColumns are one of each type that has a way of its own to compare.
var mariaColumns = []mariaColumn{
	{"i", "INT"}, {"ti", "TINYINT"}, {"u", "INT UNSIGNED"}, {"bu", "BIGINT UNSIGNED"}, {"b", "BIGINT"},
	{"d", "DECIMAL(12,3)"}, {"dw", "DECIMAL(30,4)"}, {"dn", "DECIMAL(6)"}, {"f", "FLOAT"}, {"db", "DOUBLE"}, {"du", "DOUBLE(8,2) UNSIGNED"},
	{"g", text("utf8mb4", "general_ci")}, {"bin", text("utf8mb4", "bin")}, {"l1", text("latin1", "swedish_ci")}, {"c", "CHAR(12) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"},
	{"vb", "VARBINARY(40)"}, {"fb", "BINARY(6)"}, {"bl", "BLOB"},
	{"da", "DATE"}, {"dt", "DATETIME(6)"}, {"d0", "DATETIME"}, {"ts", "TIMESTAMP(3) NULL"}, {"tm", "TIME"}, {"t3", "TIME(3)"}, {"y", "YEAR"},
	{"e", "ENUM('b','a','1','')  CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}, {"e2", "ENUM('a','é','b') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"},
	{"st", "SET('b','a') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}, {"bt", "BIT(8)"}, {"bw", "BIT(64)"},
}

// mariaOperands are what columns are filled with, as far as they take it, and
// compared with: numbers at the borders and as texts, dates in several
// spellings, texts with case, blanks, marks and accents.
var mariaOperands = []string{
	"NULL", "0", "1", "-1", "5", "127", "256", "2147483648", "9007199254740993", "9223372036854775807", "18446744073709551615",
	"1.5", "5.00", "0.1005", "-12.340", "123456789012345678.5", "1e0", "0.1e0", "1.5e300", "1e18", "20240131", "2024", "1901", "2155", "24", "TRUE",
	"''", "' '", "'a'", "'A'", "'a '", "'ab'", "'b'", "'B%'", "'a_'", "'%'", "'a,b'", "'b,a'", "'a\\0'", "'1'", "'01'", "'1.0'", "'1.5'", "'0.1'", "'-1'", "'+1'", "' 1'", "'1e0'", "'.5'",
	"'9007199254740993'", "'123456789012345'", "'1a'", "'é'", "'É'", "'ß'", "'a\\tb'",
	"'2024-01-31'", "'2024-01-31 00:00:00'", "'2024-01-31T00:00'", "'2024-01-31 10:00:00.5'", "'2024-01-31T10:00:00.123456'", "'2024-01-31 10:00'", "'2024-01-31T10:00:00Z'",
	"'2024-1-31'", "'2024-02-30'", "'20240131'", "'2024-02-29'", "'2023-02-29'", "'10:00:00'", "'10:00'", "'10:00:00.5'", "'-10:00:00'", "'123:00:00'", "'1:00:00'", "'2024'", "'24'",
	"x'61'", "x'00'", "x'01'", "x'610000000000'",
}

// textColumns hold texts under collations of every kind: one weight a
// character, of code points, of the Unicode algorithm in three versions, of
// 8-bit sets, padded and not, with contractions and with several levels.
var textColumns = []mariaColumn{
	{"g", text("utf8mb4", "general_ci")}, {"bin", text("utf8mb4", "bin")}, {"gn", text("utf8mb4", "general_nopad_ci")}, {"bn", text("utf8mb4", "nopad_bin")},
	{"uc", text("utf8mb4", "unicode_ci")}, {"un", text("utf8mb4", "unicode_nopad_ci")}, {"u5", text("utf8mb4", "unicode_520_ci")}, {"ua", text("utf8mb4", "uca1400_ai_ci")},
	{"sv", text("utf8mb4", "swedish_ci")}, {"sp", text("utf8mb4", "spanish2_ci")}, {"ac", text("utf8mb4", "uca1400_as_cs")},
	{"u3", text("utf8mb3", "general_ci")}, {"u3b", text("utf8mb3", "bin")}, {"l1", text("latin1", "swedish_ci")}, {"lb", text("latin1", "bin")}, {"lg", text("latin1", "german2_ci")},
	{"cy", text("cp1251", "general_ci")}, {"ag", text("ascii", "general_ci")}, {"bg", text("big5", "chinese_ci")},
	{"c", "CHAR(12) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"}, {"cn", "CHAR(12) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_nopad_ci"}, {"tx", "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"},
}

func text(charset, collation string) string {
	return fmt.Sprintf("VARCHAR(40) CHARACTER SET %s COLLATE %[1]s_%s", charset, collation)
}

// plainTexts are of printable ASCII, accentedTexts are not.
var (
	plainTexts = []string{
		"", " ", "a", "A", "a ", "a  ", " a", "ab", "aB", "AB ", "a b", "a  b", "abc", "b", "Z", "-", "a-b", "a_b", "a1", "10", "9",
		"~", "[", "@", "*", "\"", "`", "^", "'", "\\", "SS", "ch", "cz", "ae", "TH", "zoe",
	}
	accentedTexts = []string{
		"é", "É", "e\u0301", "è ", "ée", "Zoë", "ZOE\u0308", "zoë ", "ß", "ẞ", "Straße", "STRASSE", "ä", "Ä", "å", "ø", "Æ", "œ", "n\u0303", "þ", "ð", "Ł", "ż", "č", "ch\u030c",
		"ı", "İ", "i\u0307", "ğ", "ț", "Ế", "σ", "ς", "ά", "ж", "Ж", "и\u0306", "Анна", "анна ", "א", "ب", "が", "カ", "漢", "한", "เก", "\u00a0", "a\u00a0", "a\u00a0b", "a\u00a0\tb", "a\u2003", "a\u200bb", "\u00ad", "l·l", "€", "“a”", "№", "½", "ﬁ", "Ａ",
		"😀", "😁", "a😀 ", "\U0001d400", "\ufffd", "\uffff",
		"\t", "a\t", "a\tb", "a \t", "a  \tb", "\x00", "a\x00", "a\x00b", "\x1f", "a\x7f", "a\u0085",
	}
	likePatterns = []string{
		"%", "_", "__", "a%", "a_", "_b", "%a%", "a %", "%\t%", "a\\%", "\\\\", "é%", "É_", "_é", "%é%", "Zo_%", "zoë %", "ß%", "%ss%", "Stra_e", "strasse%", "%straß%", "č%", "%ch%",
		"😀%", "a😀%", "%😁", "АННА%", "%нн%", "a\x00%", "が%", "\u00a0%", "a\u00a0b%", "e_", "%\u0301", "l·%", "%ς", "a\u200b%",
	}
)

func quoted(texts ...string) (out []string) {
	for _, s := range texts {
		out = append(out, "'"+strings.NewReplacer("\\", "\\\\", "'", "\\'", "\x00", "\\0").Replace(s)+"'")
	}
	return out
}

// openMaria makes the table t, and beside it k with the same rows and an index
// on every column: what a comparison says must not depend on how rows are found.
func openMaria(t *testing.T, columns []mariaColumn, operands []string) *live {
	t.Helper()
	var decls, keys []string
	for _, c := range columns {
		decls = append(decls, c.name+" "+c.decl)
		switch c.name {
		case "tx", "bl":
			keys = append(keys, fmt.Sprintf("KEY (%s(40))", c.name))
		default:
			keys = append(keys, fmt.Sprintf("KEY (%s)", c.name))
		}
	}
	server := mariatest.Get(t)
	table := "CREATE TABLE %s (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n%s);\n"
	dsn := server.Database(t, fmt.Sprintf(table, "t", strings.Join(decls, ",\n"))+fmt.Sprintf(table, "k", strings.Join(append(decls, keys...), ",\n")))
	filler := server.Open(t, dsn)
	rows := 0
	for i, v := range operands {
		for _, w := range []string{v, operands[(i*7+3)%len(operands)]} {
			var names, values []string
			for n, c := range columns {
				names = append(names, c.name)
				values = append(values, []string{v, w}[n%2])
			}
			// What a column does not take in any form is left out.
			if _, err := filler.Exec(fmt.Sprintf("INSERT IGNORE INTO t (%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(values, ", "))); err == nil {
				rows++
			}
		}
	}
	if _, err := filler.Exec("INSERT INTO k SELECT * FROM t"); err != nil || rows < len(operands) {
		t.Fatalf("only %d rows, %v", rows, err)
	}
	db, err := mysql.Open(context.Background(), mysql.Options{Name: "main", DSN: dsn, PollInterval: -1, Plan: sqlparse.PlanWrite})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &live{Source: db, t: t, dialect: sqlparse.MySQL, database: db.Database()}
}

func (l *live) everyRow(columns []mariaColumn) []source.Row {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	return l.rows(source.Statement{SQL: "SELECT id, " + strings.Join(names, ", ") + " FROM t ORDER BY id"})
}

// trial is a condition with its arguments, to be held against the server.
type trial struct {
	tpl  *sqlparse.Template
	args sqlparse.Args
	// index is a column whose index the server is made to use as well.
	index string
}

// hold holds a trial against the server on every row, without an index and by
// one, and describes the first row on which they disagree (I2):
//
//	Match True        the database selects the row, either way
//	not MayMatch      the database does not, either way
//	selected          the region may contain the row
func (l *live) hold(all []source.Row, tr trial, n *tally) (wrong string) {
	st := tr.tpl.Statement(tr.args)
	statements := []source.Statement{st}
	if tr.index != "" {
		statements = append(statements, source.Statement{SQL: strings.Replace(st.SQL, "FROM t ", "FROM k FORCE INDEX ("+tr.index+") ", 1), Args: st.Args})
	}
	o := tr.tpl.Query.Occurrences[0]
	region, _ := o.Region(tr.args)
	for i, st := range statements {
		res, err := l.Query(context.Background(), st, source.Limits{})
		if err != nil {
			n.refused++ // such as an overflow, or a character that the set lacks
			return ""
		}
		selected := map[int64]bool{}
		for _, r := range res.Rows {
			selected[r[0].AsInt()] = true
		}
		for _, row := range all {
			in := selected[row[0].AsInt()]
			truth := o.Match(tr.args, row)
			if i == 0 && truth == sqlparse.Undecided {
				n.undecided++
			} else if i == 0 {
				n.decided++
			}
			if contains := region.MayContain(row); truth == sqlparse.True && !in || !truth.MayMatch() && in || in && !contains {
				return fmt.Sprintf("%s with %s on %s: Match %s, region %s (contains %v), the server selects it: %v",
					st.SQL, o.Describe(tr.args), row, truth, region.Format(o.Table), contains, in)
			}
		}
	}
	return ""
}

// holdAll holds the trials of each column, some columns at a time.
func (l *live) holdAll(t *testing.T, columns []mariaColumn, all []source.Row, trials func(c mariaColumn, hold func(*tally, trial)), tallies ...*tally) map[string]string {
	t.Helper()
	var mu sync.Mutex
	share := map[string]string{}
	work := make(chan mariaColumn)
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for c := range work {
				own := map[*tally]*tally{}
				for _, sum := range tallies {
					own[sum] = &tally{}
				}
				trials(c, func(sum *tally, tr trial) {
					if own[sum].wrong > 5 {
						return
					}
					if wrong := l.hold(all, tr, own[sum]); wrong != "" {
						own[sum].wrong++
						t.Error(wrong)
					}
				})
				mu.Lock()
				for _, sum := range tallies {
					sum.decided += own[sum].decided
					sum.undecided += own[sum].undecided
					share[c.name] += "/" + own[sum].percent()
				}
				mu.Unlock()
			}
		})
	}
	for _, c := range columns {
		work <- c
	}
	close(work)
	workers.Wait()
	return share
}

func (n tally) percent() string {
	return fmt.Sprintf("%d%%", 100*n.decided/max(n.decided+n.undecided, 1))
}

func one(v source.Value) sqlparse.Args { return sqlparse.Args{sqlparse.One(v)} }

// TestComparisonsAgreeWithMariaDB holds the cross product of columns, operators
// and operands against the server (I2): what is decided, is decided as the
// server does, by an index or without; what it selects is in the region.
func TestComparisonsAgreeWithMariaDB(t *testing.T) {
	l := openMaria(t, mariaColumns, mariaOperands)
	all := l.everyRow(mariaColumns)
	values := make([]source.Value, len(mariaOperands))
	for i, v := range mariaOperands {
		values[i] = l.literal(v)
	}
	var n tally
	share := l.holdAll(t, mariaColumns, all, func(c mariaColumn, hold func(*tally, trial)) {
		where := func(form string, args ...any) *sqlparse.Template {
			return l.compile("SELECT id FROM t WHERE " + fmt.Sprintf(form, append([]any{c.name}, args...)...))
		}
		for _, form := range []string{"%s = :p", "%s < :p", "%s >= :p", "%s IN (:p, 'b', 'x1')", "%s IN (:p)", "%s BETWEEN :p AND 'b'", "%s LIKE :p"} {
			tpl := where(form)
			for _, v := range values {
				hold(&n, trial{tpl, one(v), c.name})
			}
		}
		for _, form := range []string{
			"%s <> :p", "NOT (:p < %s)", "%s NOT IN (:p, 5)", "%s NOT BETWEEN :p AND 100", "%s BETWEEN '2024-01-01' AND :p", "%s + 1 = :p",
			"COALESCE(%s, 'a') = :p", "(%s, 1) < (:p, 2)", "CASE %s WHEN :p THEN 1 ELSE 0 END = 1", "-%s = :p",
		} {
			tpl := where(form)
			for _, v := range values {
				hold(&n, trial{tpl, one(v), ""})
			}
		}
		for _, v := range mariaOperands {
			hold(&n, trial{where("%s = %s", v), nil, c.name})
		}
		for _, o := range mariaColumns {
			for _, op := range []string{"=", "<"} {
				hold(&n, trial{where("%s "+op+" %s", o.name), nil, ""})
			}
		}
	}, &n)
	t.Logf("decided %s of %d: by column %v", n.percent(), n.decided+n.undecided, share)
	if n.decided < n.undecided/4 {
		t.Errorf("too few comparisons are decided: %+v", n)
	}
}

// TestTextsAgreeWithMariaDB holds texts, with accents and without, under
// collations of every kind.
func TestTextsAgreeWithMariaDB(t *testing.T) {
	l := openMaria(t, textColumns, quoted(append(append([]string{}, plainTexts...), accentedTexts...)...))
	all := l.everyRow(textColumns)
	var plain, accented, like tally
	share := l.holdAll(t, textColumns, all, func(c mariaColumn, hold func(*tally, trial)) {
		for _, form := range []string{"%s = :p", "%s < :p", "%s >= :p", "%s IN (:p, 'zoë', 'b')", "%s BETWEEN :p AND 'é'"} {
			tpl := l.compile("SELECT id FROM t WHERE " + fmt.Sprintf(form, c.name))
			for _, v := range plainTexts {
				hold(&plain, trial{tpl, one(source.Text(v)), ""})
			}
			for _, v := range accentedTexts {
				hold(&accented, trial{tpl, one(source.Text(v)), c.name})
			}
		}
		for _, o := range textColumns {
			if tpl, err := sqlparse.Compile(l.input(fmt.Sprintf("SELECT id FROM t WHERE %s <= %s", c.name, o.name))); err == nil {
				hold(&plain, trial{tpl, nil, ""})
			}
		}
		tpl := l.compile("SELECT id FROM t WHERE " + c.name + " LIKE :p")
		for _, v := range likePatterns {
			hold(&like, trial{tpl, one(source.Text(v)), c.name})
		}
		for _, v := range quoted(likePatterns...) {
			hold(&like, trial{l.compile("SELECT id FROM t WHERE " + c.name + " NOT LIKE " + v), nil, ""})
		}
	}, &plain, &accented, &like)
	t.Logf("decided with plain operands %s, with accented ones %s, LIKE %s; by column %v", plain.percent(), accented.percent(), like.percent(), share)
	if accented.decided < accented.undecided {
		t.Errorf("too few comparisons with accents are decided: %+v", accented)
	}
}

// TestColumnsMeetByIndex holds joins against the server: where two columns of a
// row are compared by us, it does not matter whether the server looks one up in
// an index for the value of the other.
func TestColumnsMeetByIndex(t *testing.T) {
	for _, columns := range [][]mariaColumn{mariaColumns, textColumns} {
		operands := mariaOperands
		if &columns[0] == &textColumns[0] {
			operands = quoted(append(append([]string{}, plainTexts...), accentedTexts...)...)
		}
		l := openMaria(t, columns, operands)
		all := l.everyRow(columns)
		pairs := 0
		for _, a := range columns {
			for _, b := range columns {
				if !l.decides(all, a, b) {
					continue
				}
				pairs++
				join := "SELECT COUNT(*), SUM(t.id * 1000 + k.id) FROM t STRAIGHT_JOIN k %s INDEX (%s) ON k.%[2]s = t.%s"
				scan := l.rows(source.Statement{SQL: fmt.Sprintf(join, "IGNORE", b.name, a.name)})[0]
				seek := l.rows(source.Statement{SQL: fmt.Sprintf(join, "FORCE", b.name, a.name)})[0]
				if scan.String() != seek.String() {
					t.Errorf("%s = %s: %s without an index, %s by one", a.name, b.name, scan, seek)
				}
			}
		}
		t.Logf("%d pairs", pairs)
	}
}

// decides tells whether we compare two columns of a row.
func (l *live) decides(all []source.Row, a, b mariaColumn) bool {
	tpl, err := sqlparse.Compile(l.input(fmt.Sprintf("SELECT id FROM t WHERE %s = %s", a.name, b.name)))
	if err != nil {
		return false
	}
	for _, row := range all {
		if truth := tpl.Query.Occurrences[0].Match(nil, row); truth == sqlparse.True || truth == sqlparse.False {
			return true
		}
	}
	return false
}

// TestAWrongWeightIsNoticed is the negative control: with the weights of
// another collation, comparisons are decided wrongly, and that is seen.
func TestAWrongWeightIsNoticed(t *testing.T) {
	columns := []mariaColumn{{"g", text("utf8mb4", "general_ci")}, {"uc", text("utf8mb4", "unicode_ci")}, {"gn", text("utf8mb4", "general_nopad_ci")}}
	l := openMaria(t, columns, quoted(append(append([]string{}, plainTexts...), accentedTexts...)...))
	all := l.everyRow(columns)
	table := l.Schema().Table("t")
	right := make([]*source.Weights, len(table.Columns))
	for i := range right {
		right[i] = table.Columns[i].Weights
	}
	for _, swap := range [][2]int{{1, 2}, {1, 3}} {
		bent := *table
		bent.Columns = append([]source.Column{}, table.Columns...)
		bent.Columns[swap[0]].Weights = right[swap[1]]
		in := l.input("SELECT id FROM t WHERE g = :p")
		in.Schema = source.NewSchema(1, []*source.Table{&bent}, nil)
		tpl, err := sqlparse.Compile(in)
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for _, v := range append(append([]string{}, plainTexts...), accentedTexts...) {
			if l.hold(all, trial{tpl, one(source.Text(v)), ""}, &tally{}) != "" {
				wrong++
			}
		}
		if wrong == 0 {
			t.Errorf("weights of column %d in place of those of column %d are not noticed", swap[1], swap[0])
		}
	}
}

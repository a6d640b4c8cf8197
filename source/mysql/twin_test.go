package mysql

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"edgecache/source"
)

const twinSchema = `
CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, n DECIMAL(10,2), f FLOAT, t VARCHAR(12), b VARBINARY(8), x BIGINT UNSIGNED, u VARCHAR(8) UNIQUE, ts TIMESTAMP(6) NULL ON UPDATE CURRENT_TIMESTAMP(6), v INT AS (id * 2) VIRTUAL, s VARCHAR(20) AS (CONCAT(t, '!')) STORED);
CREATE TABLE ci (k VARCHAR(6) PRIMARY KEY, e ENUM('a','b','c'), st SET('x','y'), d DATE, dt DATETIME(3), ti TIME, bi BIT(5), bin BINARY(3)) COLLATE utf8mb4_general_ci;
CREATE TABLE l1 (k CHAR(4) CHARACTER SET latin1, k2 DECIMAL(6,2), x INT, PRIMARY KEY (k2, k));
CREATE TABLE dk (d DATETIME PRIMARY KEY, x INT, u INT UNSIGNED UNIQUE);
CREATE TABLE bare (x INT, t VARCHAR(5));
CREATE TABLE p (id INT PRIMARY KEY, c VARCHAR(5) UNIQUE, x INT);
CREATE TABLE f1 (id INT PRIMARY KEY AUTO_INCREMENT, p INT, x INT, FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE f2 (id INT PRIMARY KEY, c VARCHAR(5), f INT, FOREIGN KEY (c) REFERENCES p (c) ON DELETE SET NULL ON UPDATE CASCADE, FOREIGN KEY (f) REFERENCES f1 (id) ON DELETE CASCADE);
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(10), n INT);
CREATE TABLE tr (id INT PRIMARY KEY, x INT, y INT);
CREATE TABLE late (id INT PRIMARY KEY, x INT);
INSERT INTO p VALUES (1, 'one', 1), (2, 'two', 2), (3, NULL, 3);
INSERT INTO f1 VALUES (1, 1, 1), (2, 2, 2);
INSERT INTO tr VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
CREATE TRIGGER t1 AFTER INSERT ON a FOR EACH ROW INSERT INTO log (what, n) VALUES ('a+', NEW.id);
CREATE TRIGGER t2 BEFORE UPDATE ON tr FOR EACH ROW SET NEW.y = NEW.x + 1;
CREATE TRIGGER t3 AFTER DELETE ON tr FOR EACH ROW UPDATE late SET x = x + 1;
CREATE TRIGGER t4 BEFORE INSERT ON late FOR EACH ROW SET NEW.id = IF(NEW.x = 3, NEW.id + 1, NEW.id);
`

// twinWrites are forms of statements; ? is filled with a random literal, # with
// a small number and @ with a short text.
var twinWrites = []string{
	"INSERT INTO a (n, f, t, b, x, u) VALUES (?, ?, @, @, #, @)",
	"INSERT INTO a (n, t) VALUES (?, @), (#, @), (#, DEFAULT)",
	"INSERT INTO a (id, u) VALUES (#, @)", "INSERT INTO a (id, u) VALUES (#, @), (NULL, @)",
	"INSERT IGNORE INTO a (id, u, t) VALUES (#, @, @)", "INSERT IGNORE INTO a (id, u) VALUES (#, @), (#, @)",
	"REPLACE INTO a (id, u, n) VALUES (#, @, #)", "REPLACE INTO a (id, u) VALUES (#, @), (#, @)", "REPLACE INTO a (u, t) VALUES (@, @)",
	"INSERT INTO a (id, u, n) VALUES (#, @, 1) ON DUPLICATE KEY UPDATE n = n + #",
	"INSERT INTO a (id, u, n) VALUES (#, @, 1), (#, @, 2), (#, NULL, 3) ON DUPLICATE KEY UPDATE n = VALUES(n), t = @",
	"INSERT INTO a (u, n) VALUES (@, #) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), n = #",
	"UPDATE a SET n = ?, f = # WHERE id % 3 = # % 3", "UPDATE a SET t = @ WHERE id = #", "UPDATE a SET x = # WHERE t = @",
	"UPDATE a SET id = id + 50 WHERE id = #", "UPDATE a SET u = @ WHERE id = #", "UPDATE a SET b = @ WHERE u IN (@, @) OR n > #",
	"UPDATE a SET n = # ORDER BY id LIMIT 2", "UPDATE a SET n = n", "UPDATE a SET t = @ WHERE t LIKE @ OR s = @", "UPDATE a AS q SET q.n = 1 WHERE q.v BETWEEN # AND #",
	"DELETE FROM a WHERE id = #", "DELETE FROM a WHERE n < ?", "DELETE FROM a LIMIT 1", "DELETE FROM a WHERE x IS NULL AND id > #",
	"INSERT INTO ci (k, e, st, d, dt, ti, bi, bin) VALUES (@, 'b', 'y,x', '2024-02-29', '2024-01-01 10:00:00.1', '-01:00:00', #, @)",
	"REPLACE INTO ci (k, e) VALUES (@, 'c'), (@, NULL)", "UPDATE ci SET e = 'a', bi = # WHERE k = @", "UPDATE ci SET k = @ WHERE k = @",
	"UPDATE ci SET d = '2024-01-0#', bin = @ WHERE k <> @", "DELETE FROM ci WHERE e = 'b'", "INSERT INTO ci (k, st) VALUES (@, '') ON DUPLICATE KEY UPDATE st = 'x'",
	"INSERT INTO l1 VALUES (@, #, #)", "INSERT INTO l1 (k, k2, x) VALUES (@, #.25, 1), (@, #.754, 2)", "UPDATE l1 SET x = # WHERE k2 > #", "UPDATE l1 SET k = @ WHERE k2 = #",
	"REPLACE INTO l1 VALUES (@, #, 3)", "DELETE FROM l1 WHERE k = @",
	"INSERT INTO dk VALUES ('2024-01-0# 00:00:00', #, #)", "INSERT INTO dk VALUES ('2024-01-0#', 1, NULL)", "INSERT INTO dk VALUES ('2024-01-0# 00:00:00.6', 1, NULL)",
	"REPLACE INTO dk VALUES ('2024-01-0# 00:00:00.6', 1, #)", "INSERT IGNORE INTO dk VALUES ('2024-01-0# 00:00:00.6', 7, #)",
	"INSERT INTO dk VALUES ('2024-01-0#', 1, #) ON DUPLICATE KEY UPDATE x = #", "UPDATE dk SET x = # WHERE d < '2024-01-0#'", "DELETE FROM dk WHERE u = #",
	"INSERT INTO bare VALUES (#, @)", "UPDATE bare SET x = #", "DELETE FROM bare WHERE t = @", "INSERT INTO bare SELECT id, u FROM a WHERE LENGTH(u) < 5",
	"INSERT INTO p VALUES (#, @, 1)", "REPLACE INTO p VALUES (#, @, 2)", "UPDATE p SET x = # WHERE id = #", "UPDATE p SET c = @ WHERE id = #", "UPDATE p SET id = # WHERE id = #",
	"DELETE FROM p WHERE id = #", "INSERT INTO p (id, c) VALUES (#, @) ON DUPLICATE KEY UPDATE x = #", "DELETE FROM p WHERE c IS NULL",
	"INSERT INTO f1 (p, x) VALUES (#, #)", "INSERT INTO f2 VALUES (#, @, #)", "INSERT INTO f2 (id, c) SELECT id, c FROM p", "DELETE FROM f1 WHERE x = #", "UPDATE f1 SET p = # WHERE id = #",
	"UPDATE f1 JOIN p ON p.id = f1.p SET f1.x = #, p.x = # WHERE p.id = #", "DELETE f1, p FROM f1 JOIN p ON p.id = f1.p WHERE p.id = #",
	"UPDATE tr SET x = # WHERE id = #", "UPDATE tr SET x = x", "UPDATE tr SET x = x + 1 WHERE y > #", "DELETE FROM tr WHERE id = #", "INSERT INTO tr VALUES (#, #, #)",
	"INSERT INTO tr VALUES (#, #, #) ON DUPLICATE KEY UPDATE x = VALUES(x)",
	"INSERT INTO late VALUES (#, #)", "REPLACE INTO late VALUES (#, #)", "UPDATE late SET x = # WHERE id = #",
	"DELETE FROM log WHERE n = #", "INSERT INTO log (what, n) SELECT what, # FROM log LIMIT 3",
	// what a statement chooses
	"UPDATE a SET t = @ ORDER BY n DESC, id LIMIT #", "UPDATE a SET x = x + 1 WHERE id > # ORDER BY t LIMIT #", "UPDATE l1 SET x = # ORDER BY RAND() LIMIT 2",
	"UPDATE a SET n = # WHERE id IN (SELECT n FROM log WHERE n > #)", "UPDATE a SET t = (SELECT MAX(what) FROM log) WHERE EXISTS (SELECT 1 FROM p WHERE p.id = a.id)",
	"UPDATE tr SET x = # WHERE y = (SELECT MAX(x) FROM p) LIMIT #", "UPDATE a SET t = @ WHERE NOW() > '2020-01-01' AND id = #", "UPDATE l1 SET x = # WHERE RAND() < 0.5",
	"UPDATE bare SET x = # LIMIT 1", "UPDATE bare SET x = x + 1, t = @ WHERE x > #", "DELETE FROM bare WHERE RAND() < 0.5 LIMIT 2",
	"DELETE FROM a WHERE id IN (SELECT n FROM log) ORDER BY id DESC LIMIT #", "DELETE FROM log ORDER BY n, id LIMIT #", "DELETE FROM f1 WHERE p IN (SELECT id FROM p WHERE x = #) LIMIT 1",
	"DELETE FROM late WHERE x IN (SELECT y FROM tr)", "DELETE FROM p WHERE id > # ORDER BY id LIMIT 1", "DELETE FROM tr ORDER BY x LIMIT #",
	// keys that are set
	"UPDATE a SET id = # WHERE u = @", "UPDATE a SET id = id + 10 ORDER BY id DESC", "UPDATE l1 SET k2 = #, x = 5 WHERE k = @", "UPDATE l1 SET k2 = k2 + 1 ORDER BY k2 DESC",
	"UPDATE l1 SET k = @, k2 = #.754 WHERE x = #", "UPDATE tr SET id = # WHERE id = #", "UPDATE dk SET d = '2024-01-0# 00:00:00', u = # WHERE x = #", "UPDATE dk SET d = '2024-01-0# 00:00:00.7' WHERE u = #",
	"UPDATE late SET id = id + # WHERE x = #", "UPDATE p SET id = id + 10 WHERE x = #", "UPDATE p SET c = CONCAT(c, 'x') WHERE id = #", "UPDATE p SET id = #, c = @ WHERE c = @", "UPDATE p SET c = NULL WHERE id = #",
	"UPDATE f1 SET id = # WHERE id = #", "UPDATE ci SET k = UPPER(k)", "UPDATE ci SET k = @, e = 'c' WHERE k = @",
	// values that are stored as given, or not
	"UPDATE p SET c = @, x = # WHERE id = #", "UPDATE p SET x = ? WHERE id < #", "UPDATE l1 SET x = ? WHERE k2 < #", "UPDATE dk SET u = ?, x = ?", "UPDATE bare SET x = ?, t = @ WHERE x = #",
	"UPDATE ci SET e = @, bin = @ WHERE e = 'a'", "UPDATE ci SET d = '2024-02-0#', dt = '2024-01-01 10:00:00.#00', ti = '0#:00:00' WHERE k = @", "UPDATE ci SET dt = '2024-01-01 10:00:00', st = 'y' WHERE k > @",
	"UPDATE a SET n = #, n = n + 1 WHERE id = #", "UPDATE f1 SET x = ?, x = # WHERE p = #",
	// joins
	"UPDATE a JOIN p ON a.id = p.id SET a.n = p.x, p.x = a.n + 1 WHERE p.id > #", "UPDATE a, log SET a.t = @, log.n = # WHERE a.id = log.n", "UPDATE log JOIN a ON a.id = log.n SET what = @ WHERE a.u = @",
	"UPDATE f2 LEFT JOIN p ON p.c = f2.c SET f2.f = NULL, p.x = # WHERE f2.id < #", "UPDATE a q JOIN a r ON r.id = q.id + 1 SET q.n = r.n", "UPDATE tr JOIN late USING (id) SET tr.x = late.x, late.x = #",
	"UPDATE bare JOIN p ON p.c = bare.t SET p.x = #", "UPDATE bare JOIN p ON p.c = bare.t SET bare.x = #", "UPDATE l1 NATURAL JOIN dk SET l1.x = # + 1", "UPDATE f1 STRAIGHT_JOIN p SET f1.x = p.x WHERE f1.p = p.id AND p.x > #",
	"DELETE a FROM a JOIN log ON log.n = a.id WHERE log.id > #", "DELETE FROM p, f2 USING p JOIN f2 ON f2.c = p.c WHERE p.id = #", "DELETE log, late FROM log JOIN late ON late.id = log.n",
	"DELETE q FROM a AS q JOIN p ON p.id = q.id WHERE p.x IN (#, #)", "DELETE f1 FROM f1 LEFT JOIN p ON p.id = f1.p WHERE p.x = # OR f1.x = #",
	// what a SELECT gives
	"INSERT INTO a (n, u) SELECT x, c FROM p WHERE x > #", "INSERT INTO log (what, n) SELECT @, id FROM a ORDER BY id LIMIT #", "INSERT INTO tr SELECT id + 10, x, y FROM tr WHERE id = #",
	"INSERT INTO late SELECT id + #, 3 FROM tr", "INSERT INTO bare (x) VALUES ((SELECT MAX(id) FROM a)), (#)", "INSERT INTO a (id, u) SELECT id + #, c FROM p", "INSERT IGNORE INTO p SELECT id + #, c, 1 FROM p",
	"REPLACE INTO late SELECT id, x FROM p WHERE id > #", "INSERT INTO p SELECT n, what, 1 FROM log WHERE n = # ON DUPLICATE KEY UPDATE x = #", "INSERT INTO a SET u = @, n = #", "INSERT INTO log (n) VALUES (LAST_INSERT_ID(#))",
}

var twinLiterals = []string{"NULL", "0", "1", "-7", "3.0", "2.5", "9.999", "'12'", "1e2", "12345678.91", "-0.004"}

var twinTexts = []string{"'a'", "'A'", "'b'", "'a '", "''", "'é'", "'e'", "'one'", "'two'", "NULL", "'ab'", "'5'", "'05'", "5", "'abcdefghijklm'", "'100%'", "'€'"}

// twinStatement fills a form, with literals or with arguments.
func twinStatement(r *rand.Rand) source.Statement {
	form := twinWrites[r.IntN(len(twinWrites))]
	bind := r.IntN(2) == 0
	var st source.Statement
	var b strings.Builder
	quoted := false
	put := func(text string, alone bool) {
		if bind && alone {
			b.WriteByte('?')
			st.Args = append(st.Args, twinValue(text))
			return
		}
		b.WriteString(text)
	}
	for i, c := range form {
		switch c {
		case '?':
			put(twinLiterals[r.IntN(len(twinLiterals))], true)
		case '@':
			put(twinTexts[r.IntN(len(twinTexts))], true)
		case '#':
			put(fmt.Sprint(r.IntN(8)), !quoted && !strings.HasPrefix(form[i+1:], "."))
		default:
			quoted = quoted != (c == '\'')
			b.WriteRune(c)
		}
	}
	st.SQL = b.String()
	return st
}

// twinValue is the argument that stands for a literal.
func twinValue(text string) source.Value {
	if text == "1e2" {
		return source.Float(100)
	}
	if strings.Contains(text, ".") && text[0] != '\'' && len(text)%2 == 0 {
		return source.Decimal(text)
	}
	return valueOf(text)
}

// dump reads every table.
func dump(t *testing.T, d *DB) map[string][]source.Row {
	out := map[string][]source.Row{}
	for _, table := range d.Schema().Tables() {
		in := d.catalog.Load().infos[strings.ToLower(table.Name)]
		out[table.Name] = readAll(t, d, "SELECT "+in.columnList("")+" FROM "+quoteName(table.Name))
	}
	return out
}

// takeOut removes one row that is the image, a known one before one of which
// something is unknown.
func takeOut(rows []source.Row, image source.Row) ([]source.Row, bool) {
	for _, same := range []func(a, b source.Row) bool{sameRow, maybeSame} {
		for i := range rows {
			if same(rows[i], image) {
				return append(rows[:i:i], rows[i+1:]...), true
			}
		}
	}
	return rows, false
}

// maybeSame takes what is unknown for anything.
func maybeSame(a, b source.Row) bool {
	for i := range a {
		if !a[i].IsUnknown() && !b[i].IsUnknown() && a[i] != b[i] {
			return false
		}
	}
	return true
}

// knownFirst sorts rows of which something is unknown to the end.
func knownFirst(rows []source.Row) []source.Row {
	unknown := func(r source.Row) int {
		if slices.ContainsFunc(r, source.Value.IsUnknown) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(rows, func(a, b source.Row) int { return unknown(a) - unknown(b) })
	return rows
}

// confined blanks the columns in which a Whole table may have changed.
func confined(rows []source.Row, columns []int) []source.Row {
	out := make([]source.Row, len(rows))
	for i, r := range rows {
		out[i] = slices.Clone(r)
		for _, c := range columns {
			out[i][c] = source.Null()
		}
	}
	return out
}

// chain applies the images to the state before and compares with the one after;
// tables that are Whole may hold anything.
func chain(before, after map[string][]source.Row, ws *source.WriteSet) error {
	if ws != nil && ws.Everything != "" {
		return nil
	}
	state := map[string][]source.Row{}
	for name, rows := range before {
		state[name] = append([]source.Row(nil), rows...)
	}
	if ws != nil {
		for _, c := range ws.Changes {
			if c.Before != nil {
				var ok bool
				if state[c.Table], ok = takeOut(state[c.Table], c.Before); !ok {
					return fmt.Errorf("no row has the before image of %s", c)
				}
			}
			if c.After != nil {
				state[c.Table] = append(state[c.Table], c.After)
			}
		}
	}
	for name, left := range after {
		if ws != nil && ws.Whole[name] != "" {
			columns, ok := ws.WholeColumns[strings.ToLower(name)]
			if !ok {
				continue
			}
			state[name], left = confined(state[name], columns), confined(left, columns)
		}
		for _, image := range knownFirst(state[name]) {
			var ok bool
			if left, ok = takeOut(left, image); !ok {
				return fmt.Errorf("table %s: the images end in %s, which is not there", name, image)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("table %s: %s is not explained by images", name, left[0])
		}
	}
	return nil
}

var twinSeeds = flag.Int("twin", 4, "databases that TestTwin fills; each is a seed")

// TestTwin holds the images of random writes against full reads before and
// after: in order, they lead from one state to the other. A failure prints its
// seed and the statements; -twin=N runs more.
func TestTwin(t *testing.T) {
	const rounds = 120
	committed, precise, images, kinds := 0, 0, 0, map[string]bool{}
	for seed := range uint64(*twinSeeds) {
		r := rand.New(rand.NewPCG(seed, 7))
		d := openTest(t, twinSchema)
		d.seams.noReturning = seed%2 == 1
		before := dump(t, d)
		for range rounds {
			var sts []source.Statement
			for range 1 + r.IntN(3) {
				sts = append(sts, twinStatement(r))
			}
			var ws *source.WriteSet
			res, err := d.Write(context.Background(), sts, func(shown *source.WriteSet) { ws = shown })
			nothingOpen(t, d)
			after := dump(t, d)
			if why := twinVerdict(before, after, ws, res, err); why != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, why, printStatements(sts), printWriteSet(d, ws))
			}
			if err == nil {
				committed++
				images += len(ws.Changes)
				if ws.Everything == "" && len(ws.Whole) == 0 {
					precise++
				}
				for _, c := range ws.Changes {
					kinds[c.Table+" "+c.Op.String()] = true
				}
			}
			before = after
		}
		_ = d.Close()
	}
	t.Logf("%d committed, %d of them by rows alone, %d images of %d kinds", committed, precise, images, len(kinds))
	if committed < *twinSeeds*rounds/4 || precise < committed/4 || len(kinds) < 15 {
		t.Errorf("too little was tried")
	}
}

func printStatements(sts []source.Statement) string {
	var b strings.Builder
	for _, st := range sts {
		fmt.Fprintf(&b, "%s -- %s\n", st.SQL, source.Row(st.Args))
	}
	return b.String()
}

// nothingOpen fails when a writing session that is in the pool has a transaction
// open.
func nothingOpen(t testing.TB, d *DB) {
	t.Helper()
	for range d.writers.size {
		sl, err := d.writers.take(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if sl.s != nil {
			if rows, err := sl.s.texts(context.Background(), "SELECT @@in_transaction, @@autocommit"); err != nil || rows[0][0] != "0" || rows[0][1] != "0" {
				t.Errorf("a writing session is left in the state %v: %v", rows, err)
			}
		}
		d.writers.put(sl)
	}
}

// twinVerdict says what is wrong with one write, if anything.
func twinVerdict(before, after map[string][]source.Row, ws *source.WriteSet, res *source.WriteResult, err error) error {
	if err == nil {
		if res.Outcome != source.OutcomeCommitted {
			return fmt.Errorf("outcome %s without an error", res.Outcome)
		}
		return errors.Join(chain(before, after, ws), assignedHolds(ws))
	}
	if k := source.KindOf(err); res.Outcome != source.OutcomeRolledBack || k != source.ErrConstraint && k != source.ErrInvalid {
		return fmt.Errorf("%s: %s: %w", res.Outcome, k, err)
	}
	return chain(before, after, nil)
}

// assignedHolds checks that no other column of an assigned table changed.
func assignedHolds(ws *source.WriteSet) error {
	for _, c := range ws.Changes {
		columns, ok := ws.Assigned[strings.ToLower(c.Table)]
		if !ok {
			continue
		}
		for i := range c.Before {
			if !contains(columns, i) && c.Before[i] != c.After[i] {
				return fmt.Errorf("column %d changed, assigned are %v: %s", i, columns, c)
			}
		}
	}
	return nil
}

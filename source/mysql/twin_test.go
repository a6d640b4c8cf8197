package mysql

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
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
}

var twinLiterals = []string{"NULL", "0", "1", "-7", "3.0", "2.5", "9.999", "'12'", "1e2", "12345678.91", "-0.004"}

var twinTexts = []string{"'a'", "'A'", "'b'", "'a '", "''", "'é'", "'e'", "'one'", "'two'", "NULL", "'ab'", "'5'", "'05'", "5", "'abcdefghijklm'", "'100%'", "'€'"}

func twinStatement(r *rand.Rand) string {
	var b strings.Builder
	for _, c := range twinWrites[r.IntN(len(twinWrites))] {
		switch c {
		case '?':
			b.WriteString(twinLiterals[r.IntN(len(twinLiterals))])
		case '@':
			b.WriteString(twinTexts[r.IntN(len(twinTexts))])
		case '#':
			fmt.Fprint(&b, r.IntN(8))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// dump reads every table.
func dump(t *testing.T, d *DB) map[string][]source.Row {
	out := map[string][]source.Row{}
	for _, table := range d.Schema().Tables() {
		in := d.catalog.Load().infos[strings.ToLower(table.Name)]
		out[table.Name] = readAll(t, d, "SELECT "+in.columnList()+" FROM "+quoteName(table.Name))
	}
	return out
}

// takeOut removes one row that is the image.
func takeOut(rows []source.Row, image source.Row) ([]source.Row, bool) {
	for i := range rows {
		if sameRow(rows[i], image) {
			return append(rows[:i:i], rows[i+1:]...), true
		}
	}
	return rows, false
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
			continue
		}
		for _, image := range state[name] {
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
		before := dump(t, d)
		for range rounds {
			var texts []string
			for range 1 + r.IntN(3) {
				texts = append(texts, twinStatement(r))
			}
			ws, res, err := tryWrite(d, texts...)
			after := dump(t, d)
			if why := twinVerdict(before, after, ws, res, err); why != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, why, strings.Join(texts, ";\n"), printWriteSet(d, ws))
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

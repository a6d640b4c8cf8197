package sqlite

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"edgecache/source"
)

const twinSchema = `
CREATE TABLE a (id INTEGER PRIMARY KEY, n NUMERIC, r REAL, t TEXT, b BLOB, x, u TEXT UNIQUE, i INTEGER DEFAULT 3);
CREATE TABLE plain (t TEXT, r REAL, x);
CREATE TABLE w (k1 TEXT, v REAL, k2 INTEGER, x, PRIMARY KEY (k2, k1)) WITHOUT ROWID;
CREATE TABLE g (a INTEGER, v1 AS (a + 1), r REAL, s REAL AS (r * 2) STORED, t TEXT, v2 TEXT AS (t || '!'), u UNIQUE);
CREATE TABLE gw (a INTEGER, v AS (a + 1), s AS (x) STORED, x, k PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE st (id INTEGER PRIMARY KEY, r REAL, y ANY, t TEXT) STRICT;
CREATE TABLE p (id INTEGER PRIMARY KEY, c TEXT UNIQUE);
CREATE TABLE f1 (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE, x);
CREATE TABLE f2 (p INTEGER REFERENCES p ON DELETE SET NULL ON UPDATE SET NULL, c TEXT REFERENCES p(c) ON UPDATE CASCADE ON DELETE CASCADE);
CREATE TABLE f3 (f INTEGER DEFAULT 1 REFERENCES f1 ON DELETE SET DEFAULT, x);
CREATE TABLE f4 (p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE sw (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u UNIQUE ON CONFLICT REPLACE, n NOT NULL ON CONFLICT REPLACE DEFAULT 7);
CREATE TABLE log (what TEXT, n);
CREATE TRIGGER t1 AFTER INSERT ON a BEGIN INSERT INTO log VALUES ('a+', new.n); END;
CREATE TRIGGER t2 BEFORE UPDATE OF x ON a BEGIN UPDATE a SET t = 'by trigger' WHERE id = new.id + 1; UPDATE a SET n = 5 WHERE id = old.id; END;
CREATE TRIGGER t3 AFTER DELETE ON f1 BEGIN UPDATE plain SET r = coalesce(r, 0) + 1 WHERE x = old.x; DELETE FROM log WHERE n = old.id; END;
CREATE TRIGGER t4 BEFORE DELETE ON a WHEN old.i = 13 BEGIN INSERT INTO log VALUES ('kept', old.id); SELECT RAISE(IGNORE); END;
CREATE TRIGGER t5 BEFORE INSERT ON plain WHEN new.x = 'dup' BEGIN DELETE FROM plain WHERE x = 'dup'; END;
CREATE TRIGGER t6 AFTER UPDATE ON w WHEN new.x = 1 BEGIN INSERT OR REPLACE INTO sw (id, u) VALUES (new.k2, new.k1); END;
INSERT INTO p VALUES (1, 'one'), (2, 'two');
INSERT INTO f1 VALUES (1, 1, 1);
INSERT INTO plain VALUES ('old', 1, 1), ('old', 2, 'dup');
INSERT INTO log VALUES ('short', 1);
ALTER TABLE plain ADD COLUMN d1 REAL DEFAULT 3;
ALTER TABLE plain ADD COLUMN d2 TEXT DEFAULT 5;
ALTER TABLE plain ADD COLUMN d3 DEFAULT 5.0;
ALTER TABLE plain ADD COLUMN d4 INTEGER DEFAULT '12';
ALTER TABLE plain ADD COLUMN d5 BLOB DEFAULT x'00ff';
ALTER TABLE plain ADD COLUMN d6 NUMERIC DEFAULT -0.0;
CREATE TABLE plain2 (t TEXT, r REAL, x, d1 REAL DEFAULT 3, d2 TEXT DEFAULT 5, d3 DEFAULT 5.0, d4 INTEGER DEFAULT '12', d5 BLOB DEFAULT x'00ff', d6 NUMERIC DEFAULT -0.0);
`

// twinWrites are forms of statements; ? is filled with a random literal and #
// with a small number.
var twinWrites = []string{
	"INSERT INTO a (n, r, t, b, x, u) VALUES (?, ?, ?, ?, ?, ?)",
	"INSERT INTO a VALUES (#, ?, ?, ?, ?, ?, ?, 13)",
	"INSERT OR REPLACE INTO a (id, x, r, u) VALUES (#, ?, ?, ?)",
	"REPLACE INTO a (id, u, t) VALUES (#, #, ?), (#, #, ?)",
	"INSERT OR IGNORE INTO a (id, u, b) VALUES (#, #, ?), (#, #, ?), (#, #, ?)",
	"INSERT INTO a (id, u, r) VALUES (#, #, ?) ON CONFLICT (id) DO UPDATE SET r = ?, u = excluded.u",
	"INSERT INTO a (id, u, r) VALUES (#, #, ?) ON CONFLICT DO NOTHING",
	"UPDATE a SET n = ?, r = ? WHERE id % 3 = # % 3",
	"UPDATE a SET x = ? WHERE id = #",
	"UPDATE a SET id = id + 1 WHERE id = #",
	"UPDATE OR REPLACE a SET u = # WHERE id = #",
	"UPDATE OR IGNORE a SET u = #, t = ?",
	"UPDATE OR REPLACE a SET id = # WHERE id < #",
	"UPDATE a SET r = p.id, t = p.c FROM p WHERE a.id = p.id",
	"UPDATE a SET b = zeroblob(#), t = hex(b), n = r WHERE id > #",
	"DELETE FROM a WHERE id = #", "DELETE FROM a WHERE r < ?", "DELETE FROM a",
	"INSERT INTO plain (t, r, x) VALUES (?, ?, ?), (?, ?, 'dup')",
	"UPDATE plain SET r = ?, d1 = ?", "UPDATE plain SET d6 = ?, d3 = ? WHERE x = #", "UPDATE plain SET rowid = rowid + 100",
	"DELETE FROM plain WHERE t = ?",
	"INSERT INTO plain2 SELECT * FROM plain", "INSERT INTO plain2 SELECT * FROM plain ORDER BY r", "DELETE FROM plain2",
	"UPDATE plain2 SET x = ?",
	"INSERT INTO w VALUES (?, ?, #, ?)", "REPLACE INTO w VALUES (#, ?, #, ?)", "UPDATE w SET v = ?, x = 1 WHERE k2 = #",
	"UPDATE w SET k1 = k1 || 'x', v = ?", "UPDATE OR REPLACE w SET k2 = #, k1 = # WHERE k2 > #", "DELETE FROM w WHERE k2 = #",
	"INSERT INTO w SELECT 'k' || id, r, id, x FROM a WHERE true ON CONFLICT DO UPDATE SET x = excluded.x",
	"INSERT INTO g (a, r, t, u) VALUES (#, ?, ?, ?)", "UPDATE g SET a = a + 1, r = ?", "UPDATE g SET t = ? WHERE a = #",
	"REPLACE INTO g (u, r) VALUES (#, ?)", "DELETE FROM g WHERE a > #", "INSERT INTO g (a, r) SELECT a, s FROM g LIMIT 2",
	"INSERT INTO gw (a, x, k) VALUES (#, ?, #)", "UPDATE gw SET x = ?, a = #", "REPLACE INTO gw (k, x) VALUES (#, ?)",
	"UPDATE gw SET k = k + 1 WHERE k = #", "DELETE FROM gw WHERE k = #",
	"INSERT INTO st VALUES (NULL, #, ?, 'text')", "UPDATE st SET r = #, y = ?", "UPDATE st SET r = 2.5 WHERE id = #",
	"INSERT OR IGNORE INTO p VALUES (#, #), (#, #)", "REPLACE INTO p VALUES (#, #)", "UPDATE p SET id = # + 20 WHERE id = #",
	"UPDATE p SET c = c || '-' WHERE id = #", "DELETE FROM p WHERE id = #", "DELETE FROM p",
	"INSERT INTO f1 (p, x) VALUES (1, ?)", "INSERT INTO f1 (p, x) SELECT id, # FROM p", "DELETE FROM f1 WHERE p = #",
	"INSERT INTO f2 SELECT id, c FROM p", "INSERT INTO f3 SELECT id, x FROM f1", "INSERT INTO f4 VALUES (#)",
	"INSERT INTO f4 SELECT id FROM p", "DELETE FROM f4",
	"INSERT INTO sw VALUES (#, #, ?)", "UPDATE sw SET u = # WHERE id = #", "INSERT INTO sw (id) VALUES (#)", "UPDATE sw SET id = #",
	"DELETE FROM log WHERE n = #", "INSERT INTO log SELECT what, # FROM log LIMIT 3",
}

var twinLiterals = []string{
	"NULL", "0", "1", "-7", "3.0", "2.5", "-0.0", "0.0", "1e300", "9e999", "9007199254740993", "9223372036854775807",
	"'12'", "'12.0'", "' 12'", "'1e3'", "'abc'", "''", "'a' || char(0) || 'b'", "'a' || char(0) || 'c'", "char(0)",
	"x''", "x'00'", "x'616263'", "zeroblob(2)", "'ä€'", "CAST(x'ff61' AS TEXT)", "true", "-9223372036854775808.0", "4.9e-324",
}

func twinStatement(r *rand.Rand) string {
	var b strings.Builder
	for _, c := range twinWrites[r.IntN(len(twinWrites))] {
		switch c {
		case '?':
			b.WriteString(twinLiterals[r.IntN(len(twinLiterals))])
		case '#':
			fmt.Fprint(&b, r.IntN(8))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// dump reads every table by SQL.
func dump(t *testing.T, d *DB) map[string][]source.Row {
	out := map[string][]source.Row{}
	for _, table := range d.Schema().Tables() {
		var names []string
		for i := range table.Columns {
			names = append(names, quoteName(table.Columns[i].Name))
		}
		out[table.Name] = readAll(t, d, "SELECT "+strings.Join(names, ", ")+" FROM "+quoteName(table.Name))
	}
	return out
}

// agrees tells whether an image may be of the row: Unknown is any value.
func agrees(image, row source.Row) bool {
	if len(image) != len(row) {
		return false
	}
	for i := range image {
		if !image[i].IsUnknown() && !row[i].IsUnknown() && image[i] != row[i] {
			return false
		}
	}
	return true
}

// unknowns counts them.
func unknowns(row source.Row) (n int) {
	for _, v := range row {
		if v.IsUnknown() {
			n++
		}
	}
	return n
}

// takeOut removes the row that agrees best with the image.
func takeOut(rows []source.Row, image source.Row) ([]source.Row, bool) {
	best := -1
	for i := range rows {
		if agrees(image, rows[i]) && (best < 0 || unknowns(rows[i]) < unknowns(rows[best])) {
			best = i
		}
	}
	if best < 0 {
		return rows, false
	}
	return append(rows[:best:best], rows[best+1:]...), true
}

// chain applies the images to the state before and compares with the one after.
func chain(before, after map[string][]source.Row, changes []source.Change) error {
	state := map[string][]source.Row{}
	for name, rows := range before {
		state[name] = append([]source.Row(nil), rows...)
	}
	for _, c := range changes {
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
	for name, rows := range after {
		left := append([]source.Row(nil), rows...)
		for _, exact := range []bool{true, false} { // what is known first
			for _, image := range state[name] {
				if (unknowns(image) == 0) != exact {
					continue
				}
				var ok bool
				if left, ok = takeOut(left, image); !ok {
					return fmt.Errorf("table %s: the images end in %s, which is not there", name, image)
				}
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("table %s: %s is not explained by images", name, left[0])
		}
	}
	return nil
}

var twinDatabases = flag.Int("twin", 8, "databases that TestTwin fills; each is a seed")

// TestTwin holds the images of random writes against full reads before and
// after: in order, they lead from one state to the other. A failure prints its
// seed and the statements; -twin=N runs more.
func TestTwin(t *testing.T) {
	const rounds = 60 // per database, for its tables grow
	committed, seen := 0, map[string]bool{}
	for seed := range uint64(*twinDatabases) {
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
			if why := twinVerdict(d, before, after, ws, res, err); why != nil {
				t.Fatalf("seed %d: %v\n%s\n%s", seed, why, strings.Join(texts, ";\n"), ws)
			}
			if err == nil {
				committed++
				for _, c := range ws.Changes {
					seen[c.Table+" "+c.Op.String()] = true
				}
			}
			before = after
		}
		_ = d.Close()
	}
	if committed < *twinDatabases*rounds/2 || len(seen) < 35 {
		t.Errorf("only %d committed, %d kinds of change", committed, len(seen))
	}
}

// twinVerdict says what is wrong with one write, if anything.
func twinVerdict(d *DB, before, after map[string][]source.Row, ws *source.WriteSet, res *source.WriteResult, err error) error {
	if err == nil {
		if res.Outcome != source.OutcomeCommitted {
			return fmt.Errorf("outcome %s without an error", res.Outcome)
		}
		return errors.Join(chain(before, after, ws.Changes), assignedHolds(d, ws))
	}
	if k := source.KindOf(err); res.Outcome != source.OutcomeRolledBack || k != source.ErrConstraint && k != source.ErrInvalid {
		return fmt.Errorf("%s: %w", res.Outcome, err)
	}
	return chain(before, after, nil)
}

// assignedHolds checks that no other column of an assigned table changed.
func assignedHolds(d *DB, ws *source.WriteSet) error {
	for _, c := range ws.Changes {
		columns, ok := ws.Assigned[strings.ToLower(c.Table)]
		if !ok {
			continue
		}
		set := map[int]bool{}
		for _, i := range columns {
			set[i] = true
		}
		for i := range c.Before {
			if !set[i] && c.Before[i] != c.After[i] {
				return fmt.Errorf("column %d changed, assigned are %v: %s", i, columns, c)
			}
		}
	}
	return nil
}

// TestDescribedWrites: whatever a statement changed, its description had said
// that it might.
func TestDescribedWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7))
	d := openTest(t, twinSchema)
	for range 300 {
		text := twinStatement(r)
		desc, err := d.Describe(context.Background(), text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		may := map[written]bool{}
		for _, w := range desc.Writes {
			may[written{w.Table, w.Op}] = true
		}
		ws, _, err := tryWrite(d, text)
		if err != nil {
			continue
		}
		for _, c := range ws.Changes {
			if !may[written{c.Table, c.Op}] {
				t.Fatalf("%s\nchanged %s\ndescribed %v", text, c, desc.Writes)
			}
		}
	}
}

// Affinity, by what SQLite does with a text that looks like a number.
func TestAffinityTwin(t *testing.T) {
	for _, declared := range []string{
		"", "INT", "integer", "TINYINT", "CHARINT", "POINT", "VARCHAR(3)", "clob", "tExT", "BLOB", "CHARBLOB", "BLOBCHAR",
		"REAL", "double precision", "FLOAT", "FLOATING POINT", "REALBLOB", "BLOBREAL", "REALTEXT", "DATE", "DECIMAL(3,1)",
		"BOOLEAN", "STRING", "ANY", "JSON", "İNT", "REA L", "int generated",
	} {
		d := openTest(t, "CREATE TABLE a (x "+declared+")")
		mustWrite(t, d, "INSERT INTO a VALUES ('1'), (1), (1.5), ('1.0'), (x'31')")
		got := ""
		for _, row := range readAll(t, d, "SELECT typeof(x) FROM a") {
			got += row[0].AsText()[:1]
		}
		want := map[source.Affinity]string{
			source.AffinityBlob: "tirtb", source.AffinityText: "ttttb", source.AffinityInteger: "iirib",
			source.AffinityNumeric: "iirib", source.AffinityReal: "rrrrb",
		}[d.Schema().Table("a").Columns[0].Affinity]
		if got != want {
			t.Errorf("%q: affinity %s, SQLite stores %s", declared, d.Schema().Table("a").Columns[0].Affinity, got)
		}
	}
}

func TestAsStored(t *testing.T) {
	if v := asStored(source.Int(math.MaxInt64), source.AffinityReal); v != source.Float(math.MaxInt64) {
		t.Error(v)
	}
	if v := asStored(source.Int(1), source.AffinityNumeric); v != source.Int(1) {
		t.Error(v)
	}
}

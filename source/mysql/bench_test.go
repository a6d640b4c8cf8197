package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
)

// costs are writes with the round trips that they take: those of the statements
// themselves and of their images, and COMMIT.
var costs = []struct {
	sql   string
	args  func(i int64) []source.Value
	trips int
	blind int // where the server knows no RETURNING
}{
	{"UPDATE u SET x = ? WHERE id = ?", func(i int64) []source.Value { return []source.Value{source.Int(i), source.Int(1)} }, 3, 3},
	{"UPDATE u SET x = x + ? WHERE id = ?", func(int64) []source.Value { return []source.Value{source.Int(1), source.Int(1)} }, 4, 4},
	{"INSERT INTO u (id, status, x) VALUES (?, ?, 1)", func(i int64) []source.Value { return []source.Value{source.Int(10 + i), source.Text("new")} }, 2, 3},
	{"DELETE FROM u WHERE id = ?", func(i int64) []source.Value { return []source.Value{source.Int(10 + i)} }, 2, 3},
	{"REPLACE INTO u (id, x) VALUES (?, ?)", func(i int64) []source.Value { return []source.Value{source.Int(2), source.Int(i)} }, 4, 4},
	{"INSERT INTO u (id, x) VALUES (?, 1) ON DUPLICATE KEY UPDATE x = x + 1", func(int64) []source.Value { return []source.Value{source.Int(3)} }, 4, 4},
}

// TestRoundTrips counts what a write costs, with its statements prepared.
func TestRoundTrips(t *testing.T) {
	for _, blind := range []bool{false, true} {
		d := openTest(t, twoRows, func(o *Options) { o.Writers = 1 })
		d.seams.noReturning = blind
		for _, c := range costs {
			for i := range int64(2) { // the first prepares
				before := trips(t, d)
				st := source.Statement{SQL: c.sql, Args: c.args(i)}
				if _, err := d.Write(context.Background(), []source.Statement{st}, nil); err != nil {
					t.Fatal(err)
				}
				want := c.trips
				if blind {
					want = c.blind
				}
				if got := trips(t, d) - before; i == 1 && got != want {
					t.Errorf("blind %v: %s takes %d round trips, not %d", blind, c.sql, got, want)
				}
			}
		}
	}
}

// trips reads the counter of the one writing session.
func trips(t *testing.T, d *DB) int {
	sl, err := d.writers.take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer d.writers.put(sl)
	if sl.s == nil {
		return 0
	}
	return sl.s.trips
}

// BenchmarkWrite runs each write through us, as the same transaction sent
// straight to the server, and as a statement in autocommit mode, in turns, and
// reports the medians and their ratios.
func BenchmarkWrite(b *testing.B) {
	for _, c := range costs {
		b.Run(c.sql[:6], func(b *testing.B) {
			server := mariatest.Get(b)
			dsn := server.Database(b, twoRows)
			d := openDSN(b, dsn)
			db := server.Open(b, dsn)
			db.SetMaxOpenConns(1)
			st, err := db.Prepare(c.sql)
			if err != nil {
				b.Fatal(err)
			}
			var ours, transaction, alone []time.Duration
			i := int64(0)
			for b.Loop() {
				for _, run := range []struct {
					into *[]time.Duration
					f    func(args []source.Value) error
				}{
					{&ours, func(args []source.Value) error {
						_, err := d.Write(context.Background(), []source.Statement{{SQL: c.sql, Args: args}}, func(*source.WriteSet) {})
						return err
					}},
					{&transaction, func(args []source.Value) error { return direct(db, st, args) }},
					{&alone, func(args []source.Value) error { _, err := st.Exec(anys(args)...); return err }},
				} {
					i++
					args := c.args(i)
					start := time.Now()
					if err := run.f(args); err != nil {
						b.Fatal(err)
					}
					*run.into = append(*run.into, time.Since(start))
				}
			}
			us, them, single := median(ours), median(transaction), median(alone)
			b.ReportMetric(float64(us.Microseconds()), "µs/write")
			b.ReportMetric(float64(us)/float64(them), "of-transaction")
			b.ReportMetric(float64(us)/float64(single), "of-autocommit")
			b.ReportMetric(float64((us - them).Microseconds()), "µs-more")
		})
	}
}

func direct(db *sql.DB, st *sql.Stmt, args []source.Value) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	if _, err := tx.Stmt(st).Exec(anys(args)...); err != nil {
		return fmt.Errorf("%w, %w", err, tx.Rollback())
	}
	return tx.Commit()
}

func anys(args []source.Value) (out []any) {
	for _, a := range args {
		out = append(out, a.Any())
	}
	return out
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

func BenchmarkQuery(b *testing.B) {
	d := openTest(b, twoRows)
	for b.Loop() {
		if _, err := d.Query(context.Background(), source.Statement{SQL: "SELECT * FROM u WHERE id = ?", Args: []source.Value{source.Int(1)}},
			source.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

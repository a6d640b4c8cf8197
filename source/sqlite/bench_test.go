package sqlite

import (
	"context"
	"database/sql"
	"testing"

	"edgecache/source"
)

const benchUpdate = "UPDATE t SET x = x + 1 WHERE id = ?"

func BenchmarkQuery(b *testing.B) {
	d := openTest(b, accounts)
	st := source.Statement{SQL: "SELECT id, x FROM t WHERE id = ?", Args: []source.Value{source.Int(1)}}
	for b.Loop() {
		if _, err := d.Query(context.Background(), st, source.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	d := openTest(b, accounts)
	sts := []source.Statement{{SQL: benchUpdate, Args: []source.Value{source.Int(1)}}}
	for b.Loop() {
		if _, err := d.Write(context.Background(), sts, func(*source.WriteSet) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDirectWrite is the same write through database/sql.
func BenchmarkDirectWrite(b *testing.B) {
	d := openTest(b, accounts)
	db, err := sql.Open("sqlite", d.path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for b.Loop() {
		if _, err := db.Exec(benchUpdate, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	d := openTest(b, accounts)
	for b.Loop() {
		lookNow(d)
	}
}

func BenchmarkDescribe(b *testing.B) {
	d := openTest(b, accounts)
	for b.Loop() {
		if _, err := d.Describe(context.Background(), "SELECT id, x FROM t WHERE id = ?"); err != nil {
			b.Fatal(err)
		}
	}
}

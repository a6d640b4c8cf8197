package mysql

import (
	"context"
	"testing"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
)

// BenchmarkUpdate is one proxied UPDATE by key; BenchmarkUpdateDirect the same
// transaction sent straight to the server, for comparison in one run.
func BenchmarkUpdate(b *testing.B) {
	d := openTest(b, twoRows)
	i := int64(0)
	for b.Loop() {
		i++
		if _, err := d.Write(context.Background(), []source.Statement{
			{SQL: "UPDATE u SET x = ? WHERE id = ?", Args: []source.Value{source.Int(i), source.Int(1)}},
		}, func(*source.WriteSet) {}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdateDirect(b *testing.B) {
	server := mariatest.Get(b)
	db := server.Open(b, server.Database(b, twoRows))
	st, err := db.Prepare("UPDATE u SET x = ? WHERE id = ?")
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Stmt(st).Exec(i, 1); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
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

package depgraph

import (
	"fmt"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"
)

// benchGraph holds n entries of ten templates on one table, each with one kind
// of condition.
func benchGraph(b *testing.B, kind string, n int) (*Graph, []*Template) {
	b.Helper()
	where := map[string]string{"eq": " where id = 0", "range": " where age between 0 1", "coarse": " where age opaque"}[kind]
	g, err := New(Options{MaxBytes: 1 << 32})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { g.Close() })
	var ts []*Template
	for i := 0; i < 10; i++ {
		t := tmpl(fmt.Sprintf("t%d", i), "users"+where)
		if err := g.Register(t); err != nil {
			b.Fatal(err)
		}
		ts = append(ts, t)
	}
	for i := 0; i < n; i++ {
		mustInstall(b, g, benchEntry(ts[i%len(ts)], i))
	}
	return g, ts
}

func benchEntry(t *Template, i int) *Entry {
	v := source.Int(int64(i / 10))
	key := fmt.Sprintf("%s-%d", t.Endpoint, i)
	return &Entry{
		Key: key, URL: "/v1/" + key, Template: t, Size: 1024,
		Args:    sqlparse.Args{sqlparse.One(v), sqlparse.One(v)},
		Records: []Record{{"users", fmt.Sprint(i / 10)}},
	}
}

// BenchmarkPublish is one row UPDATE, matched and rolled back. Ten entries are
// affected, but for coarse, where all are.
func BenchmarkPublish(b *testing.B) {
	for _, kind := range []string{"eq", "range", "coarse"} {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				g, _ := benchGraph(b, kind, n)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					i = (i + 7919) % (n / 10)
					v := source.Int(int64(i))
					row := source.Row{v, source.Text("a"), v}
					after := source.Row{v, source.Text("b"), v}
					in := g.Publish(&source.WriteSet{Source: "main", Changes: []source.Change{
						{Table: "users", Op: source.OpUpdate, Before: row, After: after},
					}})
					in.Settle(source.OutcomeRolledBack)
				}
			})
		}
	}
}

func BenchmarkGet(b *testing.B) {
	g, _ := benchGraph(b, "eq", 100_000)
	keys := make([]string, 1024)
	for i := range keys {
		keys[i] = fmt.Sprintf("t%d-%d", i*97%10, i*97)
	}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, s := g.Get(keys[i%len(keys)]); s != StateFresh {
				b.Fatal(s)
			}
		}
	})
}

func BenchmarkInstall(b *testing.B) {
	for _, kind := range []string{"eq", "range"} {
		b.Run(kind, func(b *testing.B) {
			g, ts := benchGraph(b, kind, 10_000)
			b.ReportAllocs()
			i := 10_000
			for b.Loop() {
				i++
				mustInstall(b, g, benchEntry(ts[i%len(ts)], i%200_000))
			}
		})
	}
}

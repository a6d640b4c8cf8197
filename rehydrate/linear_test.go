package rehydrate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"edgecache/depgraph"
	"edgecache/rehydrate"
	"edgecache/source"
	"edgecache/sqlparse"
)

// point is an occurrence of the condition k = :k on a table rows(k, v).
type point struct{}

func (point) TableName() string                            { return "rows" }
func (point) AliasName() string                            { return "rows" }
func (point) Reads(int) bool                               { return true }
func (point) Unchanged(*source.Change) bool                { return false }
func (point) Region(sqlparse.Args) (sqlparse.Region, bool) { return sqlparse.Everything(), false }
func (point) Describe(a sqlparse.Args) string              { return "k = " + a[0].Value.String() }
func (point) Match(a sqlparse.Args, r source.Row) sqlparse.Truth {
	if a[0].Value == r[0] {
		return sqlparse.True
	}
	return sqlparse.False
}

// table counts the writes of each row. Reads and commits are atomic, as in a
// database; the graph is the real one.
type table struct {
	graph *depgraph.Graph
	fill  *rehydrate.Filler
	tmpl  *depgraph.Template

	writers   [rowCount]sync.Mutex // one write of a row at a time
	mu        sync.Mutex
	committed [rowCount]int64
	answered  [rowCount]int64
}

const rowCount = 3

func (tb *table) seen(k int) (committed, answered int64) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return tb.committed[k], tb.answered[k]
}

func (tb *table) add(row *int64) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	*row++
}

// write runs the write protocol around a commit; some writes roll back.
func (tb *table) write(k int, commit bool) {
	tb.writers[k].Lock()
	defer tb.writers[k].Unlock()
	v, _ := tb.seen(k)
	row := func(v int64) source.Row { return source.Row{source.Int(int64(k)), source.Int(v)} }
	in := tb.graph.Publish(&source.WriteSet{Changes: []source.Change{
		{Table: "rows", Op: source.OpUpdate, Before: row(v), After: row(v + 1)},
	}})
	runtime.Gosched()
	if !commit {
		in.Settle(source.OutcomeRolledBack)
		return
	}
	tb.add(&tb.committed[k])
	runtime.Gosched()
	in.Settle(source.OutcomeCommitted)
	tb.add(&tb.answered[k])
}

// read is a client: a hit, or a fill.
func (tb *table) read(k int) (v int64, err error) {
	key := fmt.Sprint(k)
	lookup := func() *depgraph.Entry {
		if e, s := tb.graph.Get(key); s == depgraph.StateFresh {
			return e
		}
		return nil
	}
	if e := lookup(); e != nil {
		return e.Payload.(int64), nil
	}
	args := sqlparse.Args{sqlparse.One(source.Int(int64(k)))}
	out, err := tb.fill.Fill(context.Background(), rehydrate.Job{
		Key: key, Template: tb.tmpl, Args: args, Lookup: lookup,
		Read: func(context.Context) (*depgraph.Entry, error) {
			runtime.Gosched()
			v, _ := tb.seen(k)
			runtime.Gosched()
			return &depgraph.Entry{Key: key, URL: "/" + key, Template: tb.tmpl, Args: args, Payload: v, Size: 100}, nil
		},
	})
	if err != nil {
		return 0, err
	}
	return out.Entry.Payload.(int64), nil
}

// TestReadsAreLinearizable runs clients and writers freely over the real graph:
// no client may get a value older than the last write that was answered before
// it came, nor one that was not committed when it was answered (I1, I5).
func TestReadsAreLinearizable(t *testing.T) {
	g, err := depgraph.New(depgraph.Options{MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	tb := &table{graph: g, tmpl: &depgraph.Template{Endpoint: "rows.get", Source: "main", Occurrences: []depgraph.Occurrence{point{}}}}
	if err := g.Register(tb.tmpl); err != nil {
		t.Fatal(err)
	}
	tb.fill = rehydrate.NewFiller(g, rehydrate.FillOptions{})

	var readers, others sync.WaitGroup
	done := make(chan struct{})
	for i := range 2 {
		others.Go(func() {
			r := rand.New(rand.NewPCG(5, uint64(i)))
			for {
				select {
				case <-done:
					return
				default:
					tb.write(r.IntN(rowCount), r.IntN(8) > 0)
				}
			}
		})
	}
	for i := range 6 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(6, uint64(i)))
			for range 3000 {
				k := r.IntN(rowCount)
				_, before := tb.seen(k)
				v, err := tb.read(k)
				after, _ := tb.seen(k)
				if err != nil || v < before || v > after {
					t.Errorf("row %d: got %d, %v; want %d to %d", k, v, err, before, after)
					return
				}
			}
		})
	}
	readers.Wait()
	close(done)
	others.Wait()
	if err := g.Audit(); err != nil {
		t.Error(err)
	}
	s := tb.fill.Stats()
	if s.Fills != s.Started+s.Joined+s.Busy+s.Closed || s.Started != s.Landed || s.Flights != 0 {
		t.Errorf("the counters do not add up: %+v", s)
	}
	t.Logf("%+v", s)
}

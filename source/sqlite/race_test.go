package sqlite

import (
	"context"
	"sync"
	"testing"
	"time"

	"edgecache/source"
)

// Everything at once: readers never see half of a write, the schema may change
// under them, strangers write, callers go away.
func TestConcurrentUse(t *testing.T) {
	h := &heard{}
	d := openTest(t, accounts+"CREATE TABLE strange (a)", listening(h), func(o *Options) { o.PollInterval = time.Millisecond; o.Readers = 3 })
	other := stranger(t, d.path)
	do(t, other, "PRAGMA busy_timeout = 5000")
	var all sync.WaitGroup
	run := func(n int, f func(i int)) {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range n {
				f(i)
			}
		}()
	}
	ctx := context.Background()
	for range 3 {
		run(60, func(int) {
			res, err := d.Query(ctx, source.Statement{SQL: "SELECT min(x) + max(x) FROM t WHERE id < 3"}, source.Limits{})
			if err != nil {
				t.Error(err)
			} else if got := res.Rows[0][0].AsInt(); got%10 != 0 {
				t.Errorf("a reader saw half of a write: %d", got)
			}
		})
	}
	for range 2 {
		run(30, func(i int) {
			_, err := d.Write(ctx, sqls("UPDATE t SET x = x + 3 WHERE id = 1", "UPDATE t SET x = x - 3 WHERE id = 2"), nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	run(20, func(i int) {
		short, cancel := context.WithTimeout(ctx, time.Duration(i)*100*time.Microsecond)
		defer cancel()
		_, _ = d.Query(short, source.Statement{SQL: endless + "SELECT count(*) FROM n"}, source.Limits{})
		_, _ = d.Write(short, sqls("UPDATE t SET x = 1"+" WHERE id = 9"), nil)
	})
	run(10, func(i int) {
		if _, _, err := tryWrite(d, "CREATE TABLE extra"+itoa(int64(i))+" (a)"); err != nil {
			t.Error(err)
		}
	})
	run(20, func(int) {
		if _, err := d.Describe(ctx, "SELECT * FROM t"); err != nil {
			t.Error(err)
		}
		_ = d.Schema().Table("t")
		_ = d.Stats()
	})
	run(10, func(int) {
		if _, err := other.Exec("INSERT INTO strange VALUES (1)"); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
	lookNow(d)
	if h.count() == 0 {
		t.Error("the stranger was not noticed")
	}
}

package mysql

import (
	"context"
	"strings"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
)

const viewed = `CREATE TABLE a (id INT PRIMARY KEY, x INT);
CREATE TABLE b (id INT PRIMARY KEY, x INT);
CREATE VIEW w AS SELECT id, x FROM a;
CREATE VIEW Wx AS SELECT id FROM a;
CREATE VIEW ww AS SELECT id FROM w WHERE x > 0;
INSERT INTO a VALUES (1, 1);
INSERT INTO b VALUES (2, 2);`

// TestRedefinedViewIsNoticedByTheRead forces the schedule of views.go: the
// query that reads through the new view tells before its answer is returned.
func TestRedefinedViewIsNoticedByTheRead(t *testing.T) {
	var told []*source.WriteSet
	d := openTest(t, viewed, func(o *Options) { o.OnForeignWrite = func(ws *source.WriteSet) { told = append(told, ws) } })
	other := mariatest.Get(t).Open(t, d.o.DSN)
	for _, step := range []struct{ ddl, query, want string }{
		{"", "SELECT id FROM w", "(1)"},
		{"CREATE OR REPLACE VIEW w AS SELECT id, x FROM b", "SELECT id FROM w", "(2)"},
		{"CREATE OR REPLACE VIEW w AS SELECT id, x FROM a", "SELECT id FROM ww", "(1)"}, // a view in a view
		{"CREATE OR REPLACE VIEW ww AS SELECT 7 AS id", "SELECT id FROM `ww`", "(7)"},
		{"CREATE OR REPLACE VIEW Wx AS SELECT id, x FROM b", "SELECT id FROM Wx", "(2)"},
		{"", "SELECT id FROM Wx", "(2)"},
		{"CREATE VIEW w3 AS SELECT id, x FROM b", "SELECT id FROM a", "(1)"}, // not one that is read
	} {
		told = nil
		if step.ddl != "" {
			if _, err := other.Exec(step.ddl); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // told once
			if rows := readAll(t, d, step.query); len(rows) != 1 || rows[0].String() != step.want {
				t.Errorf("%s: %s: %v", step.ddl, step.query, rows)
			}
		}
		redefined := strings.HasPrefix(step.ddl, "CREATE OR REPLACE")
		if len(told) > 1 || (len(told) == 1) != redefined || redefined && (!told[0].SchemaChanged || told[0].Everything == "") {
			t.Errorf("%s: told %v", step.ddl, told)
		}
	}
}

// TestViewsAreHeldWhileRead: between the rows and the look at the definitions
// nobody can redefine a view.
func TestViewsAreHeldWhileRead(t *testing.T) {
	d := openTest(t, viewed)
	readAll(t, d, "SELECT id FROM ww")
	c, err := mariatest.Get(t).Open(t, d.o.DSN).Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ExecContext(context.Background(), "SET lock_wait_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	held := 0
	d.seams.afterRead = func() {
		for _, view := range []string{"w", "ww"} {
			if _, err := c.ExecContext(context.Background(), "CREATE OR REPLACE VIEW "+view+" AS SELECT id, x FROM b"); numberOf(err) == 1205 {
				held++
			}
		}
	}
	readAll(t, d, "SELECT id FROM ww")
	if held != 2 {
		t.Errorf("%d of 2 views were held", held)
	}
	d.seams.afterRead = nil
	if _, err := c.ExecContext(context.Background(), "CREATE OR REPLACE VIEW w AS SELECT id, x FROM b"); err != nil {
		t.Errorf("held after the read: %v", err)
	}
}

// TestRest: a change is met by a look within 500 ms of the end of the last one,
// as long as looks take no more than 60 ms; slow ones come less often.
func TestRest(t *testing.T) {
	for look, want := range map[time.Duration]time.Duration{
		4 * time.Millisecond: 250 * time.Millisecond, 35 * time.Millisecond: 250 * time.Millisecond,
		60 * time.Millisecond: 420 * time.Millisecond, time.Minute: longestRest,
	} {
		if got := rest(defaultPollInterval, look); got != want || look < time.Second && got+look > 500*time.Millisecond {
			t.Errorf("%v after %v", got, look)
		}
	}
}

// TestPollNotices: a change of the schema is told unasked. On an idle machine it
// takes the 270 ms that it logs.
func TestPollNotices(t *testing.T) {
	told := make(chan time.Time, 10)
	d := openTest(t, viewed, func(o *Options) {
		o.PollInterval = 0
		o.OnForeignWrite = func(*source.WriteSet) { told <- time.Now() }
	})
	other := mariatest.Get(t).Open(t, d.o.DSN)
	for _, ddl := range []string{
		"CREATE TRIGGER t1 AFTER UPDATE ON a FOR EACH ROW DELETE FROM b", "CREATE OR REPLACE VIEW w AS SELECT id, x FROM b",
		"ALTER TABLE a ADD y INT", "DROP TRIGGER t1", "DROP TABLE a",
	} {
		if _, err := other.Exec(ddl); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		select {
		case noticed := <-told:
			t.Logf("%s: told after %v", ddl, noticed.Sub(at).Round(time.Millisecond))
		case <-time.After(time.Minute):
			t.Fatalf("%s: not told", ddl)
		}
	}
}

func BenchmarkReadThroughView(b *testing.B) {
	d := openTest(b, viewed)
	for _, c := range []struct{ name, query string }{
		{"table", "SELECT id FROM a WHERE id = 1"}, {"view", "SELECT id FROM w WHERE id = 1"}, {"two", "SELECT id FROM ww WHERE id = 1"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				readAll(b, d, c.query)
			}
		})
	}
}

func BenchmarkLookAtSchema(b *testing.B) {
	d := openTest(b, viewed)
	for b.Loop() {
		if _, err := d.Refresh(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

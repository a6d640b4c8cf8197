package proxyhttp

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // another program with the same database open

	"edgecache/source"
)

// other opens the database as another program would.
func (h *harness) other() *sql.DB {
	h.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.dir, "test.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = db.Close() })
	return db
}

func (h *harness) exec(db *sql.DB, text string) {
	h.t.Helper()
	if _, err := db.Exec(text); err != nil {
		h.t.Fatal(err)
	}
}

func TestForeignWritesAreNoticed(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	h.exec(h.other(), "UPDATE users SET name = 'Far' WHERE id = '1'")
	eventually(t, "the new name", func() bool { return strings.Contains(h.get("/v1/users/1").body, "Far") })
	if log := h.log.String(); !strings.Contains(log, "endpoint=(foreign)") {
		t.Errorf("no line in the log:\n%s", log)
	}
}

// A new schema compiles the endpoints anew, and what no longer fits says so
// until it fits again.
func TestSchemaChangesRecompile(t *testing.T) {
	h := start(t, withYAML(`
  - {name: viewed, route: GET /v1/viewed, sql: SELECT n FROM v}
`), withSchema("CREATE VIEW v AS SELECT name AS n FROM users WHERE id = '1';"))
	other := h.other()
	h.miss("/v1/viewed")
	h.miss("/v1/things")

	h.exec(other, "DROP VIEW v; CREATE VIEW v AS SELECT total AS n FROM orders WHERE id = 1; ALTER TABLE things ADD COLUMN extra DEFAULT 7")
	eventually(t, "compiled anew and kept", func() bool {
		a := h.get("/v1/viewed")
		return strings.Contains(a.cache(), "hit") && a.body == `[{"n":100}]`+"\n" && strings.Contains(h.get("/v1/things").body, `"extra":7`)
	})
	// The read set is that of the new view.
	h.write("DELETE", "/v1/users/1", "")
	if a := h.get("/v1/viewed"); a.body != "[]\n" {
		t.Errorf("got %s", a.body)
	}

	h.exec(other, "DROP VIEW v")
	eventually(t, "said to be broken", func() bool {
		a := h.get("/v1/viewed")
		return a.StatusCode == 500 && strings.Contains(a.body, "endpoint-broken") && strings.Contains(a.body, "no such table: v")
	})
	eventually(t, "one line for all endpoints", func() bool {
		return strings.Contains(h.log.String(), `msg="endpoints compiled for a new schema" source=main endpoints=`+strconv.Itoa(len(h.s.current().endpoints))+" broken=1 ")
	})
	if n := strings.Count(h.log.String(), "compiled for a new schema"); n > 4 {
		t.Errorf("%d lines for two changes of the schema", n)
	}
	h.exec(other, "CREATE VIEW v AS SELECT 5 AS n")
	eventually(t, "whole again", func() bool { a := h.get("/v1/viewed"); return a.StatusCode == 200 && a.body == `[{"n":5}]`+"\n" })
}

// A notice of a new schema that comes while a fill reads overtakes it (I5).
func TestFillAcrossASchemaChangeIsNotKept(t *testing.T) {
	h := start(t)
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	got := make(chan *answer, 1)
	go func() { got <- h.get("/v1/users/1") }()
	<-entered
	h.s.foreign(h.s.databases["main"], &source.WriteSet{Source: "main", SchemaChanged: true})
	h.tap.set(nil)
	close(release)
	if a := <-got; a.StatusCode != 200 || !strings.Contains(a.cache(), "detail=") {
		t.Errorf("got %d %s", a.StatusCode, a.cache())
	}
}

// The race that load tells: the notice comes between a reader's look at the
// plan and its token, so no write is published after the token. The one free
// place among the flights is the seam: the second reader waits for it.
func TestFillThroughAnOutdatedPlanIsNotKept(t *testing.T) {
	h := start(t, withLimits(Limits{Flights: 1}))
	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.set(func(context.Context) error { entered <- struct{}{}; <-release; return nil })
	first, second := make(chan *answer, 1), make(chan *answer, 1)
	go func() { first <- h.get("/v1/users/1") }()
	<-entered
	h.tap.set(nil)
	go func() { second <- h.get("/v1/users/2") }()
	eventually(t, "the second reader waits", func() bool { return h.s.filler.Stats().Flights == 2 })
	h.s.foreign(h.s.databases["main"], &source.WriteSet{Source: "main", SchemaChanged: true})
	close(release)
	<-first
	if a := <-second; a.StatusCode != 200 || a.cache() != "edgecache; fwd=bypass; detail=SCHEMA" {
		t.Errorf("got %d %s", a.StatusCode, a.cache())
	}
	eventually(t, "kept under the new plan", func() bool { return strings.Contains(h.get("/v1/users/2").cache(), "hit") })
}

// A source that cannot be asked says nothing about an endpoint: it is asked
// again, and meanwhile the endpoint reads through.
func TestRefreshTriesAgain(t *testing.T) {
	h := start(t)
	h.tap.undescribed.Store(3)
	h.s.foreign(h.s.databases["main"], &source.WriteSet{Source: "main", SchemaChanged: true})
	eventually(t, "kept again", func() bool {
		a := h.get("/v1/users/1")
		if a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return strings.Contains(a.cache(), "hit")
	})
	if n := h.tap.undescribed.Load(); n >= 0 {
		t.Errorf("%d failures left", n)
	}
}

func TestDatabaseGoneAndBack(t *testing.T) {
	h := start(t)
	h.miss("/v1/users/1")
	file := filepath.Join(h.dir, "test.db")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readyz says no", func() bool { return h.admin("GET", "/readyz", "").StatusCode == 503 })
	if a := h.get("/v1/users/2"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || strings.Contains(a.body, h.dir) {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	if a := h.do("PUT", "/v1/users/1", `{"firstName":"x"}`); a.StatusCode != 503 {
		t.Errorf("a write: %d %s", a.StatusCode, a.body)
	}
	h.hit("/v1/users/1")
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readyz says yes", func() bool { return h.admin("GET", "/readyz", "").StatusCode == 200 })
	if a := h.get("/v1/users/2"); a.StatusCode != 200 {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}

func TestLockedDatabaseIs503(t *testing.T) {
	h := start(t, withLimits(Limits{BusyWait: 1}))
	h.miss("/v1/users/1")
	other := h.other()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE things SET t = 'x'"); err != nil {
		t.Fatal(err)
	}
	if a := h.do("PUT", "/v1/users/1", `{"firstName":"x"}`); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	h.hit("/v1/users/1")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	h.write("PUT", "/v1/users/1", `{"firstName":"x"}`)
}

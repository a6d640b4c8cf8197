package proxyhttp

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

// harness is a server over a real SQLite file, with a tap on its source.
type harness struct {
	t       testing.TB
	s       *Server
	tap     *tap
	clock   *clock
	data    *httptest.Server
	control *httptest.Server
	dir     string
	log     *logBuffer
	served  bool // by a test itself
}

// tap stands between the server and its source: it counts, and lets a test
// step in.
type tap struct {
	source.Source
	queries atomic.Int64

	mu      sync.Mutex
	onQuery func(ctx context.Context) error
	onWrite func(stage string) error

	undescribed atomic.Int64 // how many calls of Describe fail first
}

func (p *tap) Describe(ctx context.Context, sql string) (*source.Description, error) {
	if p.undescribed.Add(-1) >= 0 {
		return nil, &source.Error{Kind: source.ErrBusy, Message: "locked"}
	}
	return p.Source.Describe(ctx, sql)
}

func (p *tap) set(f func(ctx context.Context) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onQuery = f
}

func (p *tap) setWrite(f func(stage string) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onWrite = f
}

func (p *tap) Query(ctx context.Context, st source.Statement, lim source.Limits) (*source.Result, error) {
	p.queries.Add(1)
	p.mu.Lock()
	f := p.onQuery
	p.mu.Unlock()
	if f != nil {
		if err := f(ctx); err != nil {
			return nil, err
		}
	}
	return p.Source.Query(ctx, st, lim)
}

func (p *tap) Write(ctx context.Context, sts []source.Statement, before func(*source.WriteSet)) (*source.WriteResult, error) {
	p.mu.Lock()
	f := p.onWrite
	p.mu.Unlock()
	if f == nil {
		return p.Source.Write(ctx, sts, before)
	}
	if err := f("begin"); err != nil {
		return nil, err
	}
	res, err := p.Source.Write(ctx, sts, func(ws *source.WriteSet) {
		before(ws)
		_ = f("published")
	})
	if e := f("committed"); e != nil {
		return nil, e
	}
	return res, err
}

func (p *tap) Ping(ctx context.Context) error {
	p.mu.Lock()
	f := p.onQuery
	p.mu.Unlock()
	if f != nil {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return p.Source.Ping(ctx)
}

// clock is the injected clock of TTL and Age.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const testSchema = `
CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT NOT NULL, city TEXT, age INTEGER);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, total INTEGER NOT NULL CHECK (total >= 0));
CREATE TABLE things (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, d DECIMAL(10,2));
INSERT INTO users VALUES ('1', 'Ada', 'Bern', 36), ('2', 'Bob', 'Rome', 41), ('3', 'Cyd', NULL, 9), ('123-abc', 'Lane', 'Bern', 20);
INSERT INTO orders VALUES (1, '1', 100), (2, '1', 250), (3, '2', 70);
INSERT INTO things VALUES (1, 9007199254740993, 0.1, 'a"<b>', x'00ff', 12.50), (2, NULL, 2.0, '', x'', NULL);
`

const testEndpoints = `
endpoints:
  - name: users.list
    route: GET /v1/users
    sql: |
      SELECT id, name AS firstName, city FROM users
      WHERE (:city IS NULL OR city = :city) AND (:id IS NULL OR id LIKE :id) ORDER BY id LIMIT :limit
    params:
      id: {type: glob}
      limit: {type: int, default: 20, min: 1, max: 100}
    tags: [people]
  - name: users.get
    route: GET /v1/users/{id}
    sql: SELECT id, name AS firstName, city, age FROM users WHERE id = :id
    result: one
    ttl: 1h
    rehydrate: lazy
  - name: users.byIds
    route: GET /v1/usersByIds
    sql: SELECT id, name FROM users WHERE id IN (:ids) ORDER BY id
    params: {ids: {type: list, max: 3}}
  - name: users.sorted
    route: GET /v1/sorted
    sql: SELECT id, name FROM users ORDER BY :sort
    params: {sort: {type: choice, default: id, choices: {id: id, -name: "name DESC, id"}}}
  - name: users.add
    route: POST /v1/users
    sql: INSERT INTO users (id, name, city, age) VALUES (:id, :name, :city, :age)
    params: {id: {type: string, required: true}, name: {type: string, required: true}}
  - name: users.update
    route: PUT /v1/users/{id}
    sql: UPDATE users SET name = :firstName WHERE id = :id
  - name: users.remove
    route: DELETE /v1/users/{id}
    sql: DELETE FROM users WHERE id = :id
  - name: orders.list
    route: GET /v1/orders
    sql: SELECT id, user_id AS userId, total FROM orders WHERE user_id = :userId ORDER BY id
    params: {userId: {required: true}}
    rehydrate: "off"
    client_ttl: 1m
  - name: orders.place
    route: POST /v1/orders
    sql:
      - INSERT INTO orders (user_id, total) VALUES (:userId, :total)
      - UPDATE users SET age = age + 1 WHERE id = :userId
  - name: things
    route: GET /v1/things
    sql: SELECT * FROM things ORDER BY id
  - name: random
    route: GET /v1/random
    sql: SELECT random() AS n
  - name: uncached
    route: GET /v1/uncached
    sql: SELECT id FROM users ORDER BY id
    cache: false
  - name: greeting
    route: GET /v1/greeting
    sql: SELECT name, :lang AS lang FROM users WHERE id = '1'
    params: {lang: {type: string, in: header}}
    vary: [Accept-Language]
`

// setup is what an option may change.
type setup struct {
	Options
	yaml, schema string
}

type option func(*setup)

func withLimits(l Limits) option   { return func(s *setup) { s.Limits = l } }
func withYAML(add string) option   { return func(s *setup) { s.yaml += add } }
func withSchema(add string) option { return func(s *setup) { s.schema += add } }

const testHead = "sources: {main: {driver: sqlite, dsn: test.db, init: schema.sql}}\n"

// parseConfig writes the files of a configuration and reads it.
func parseConfig(t testing.TB, dir, schema, yaml string) (*config.Config, []config.Mistake) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "schema.sql"), []byte(schema), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Parse(filepath.Join(dir, "test.yaml"), []byte(testHead+yaml), func(string) (string, bool) { return "", false })
}

func start(t testing.TB, opts ...option) *harness {
	t.Helper()
	h := &harness{t: t, clock: newClock(), dir: t.TempDir(), log: &logBuffer{}}
	o := setup{yaml: testEndpoints, schema: testSchema}
	o.Options = Options{Now: h.clock.now, Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Version: "test",
		Open: func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
			src, err := OpenSource(ctx, c, onForeign, lim, log)
			h.tap = &tap{Source: src}
			return h.tap, err
		}}
	for _, f := range opts {
		f(&o)
	}
	cfg, mistakes := parseConfig(t, h.dir, o.schema, o.yaml)
	if len(mistakes) > 0 {
		t.Fatalf("the test's own configuration: %v", mistakes)
	}
	o.Config = cfg
	s, err := New(t.Context(), o.Options)
	if err != nil {
		t.Fatal(err)
	}
	h.s = s
	s.retryRefresh = time.Millisecond
	s.accepting.Store(true)
	h.data, h.control = httptest.NewServer(s.Data()), httptest.NewServer(s.Control())
	t.Cleanup(func() {
		h.data.Close()
		h.control.Close()
		if h.served {
			return // and closed
		}
		if err := s.graph.Audit(); err != nil {
			t.Errorf("audit: %v", err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// answer is a response that was read whole.
type answer struct {
	*http.Response
	body string
}

func (a *answer) cache() string { return a.Header.Get("Cache-Status") }

func (h *harness) send(base, method, path, body string, headers ...string) *answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, base+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close() // read only
	data, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return &answer{res, string(data)}
}

func (h *harness) get(path string, headers ...string) *answer {
	h.t.Helper()
	return h.send(h.data.URL, "GET", path, "", headers...)
}

func (h *harness) do(method, path, body string, headers ...string) *answer {
	h.t.Helper()
	return h.send(h.data.URL, method, path, body, headers...)
}

func (h *harness) admin(method, path, body string, headers ...string) *answer {
	h.t.Helper()
	return h.send(h.control.URL, method, path, body, headers...)
}

// hit demands a hit, miss a stored miss.
func (h *harness) hit(path string, headers ...string) *answer {
	h.t.Helper()
	a := h.get(path, headers...)
	if !strings.HasPrefix(a.cache(), "edgecache; hit; ttl=") {
		h.t.Fatalf("GET %s: %d %s, want a hit: %s", path, a.StatusCode, a.cache(), a.body)
	}
	return a
}

func (h *harness) miss(path string, headers ...string) *answer {
	h.t.Helper()
	a := h.get(path, headers...)
	if c := a.cache(); !strings.HasPrefix(c, "edgecache; fwd=") || !strings.HasSuffix(c, "; stored") {
		h.t.Fatalf("GET %s: %d %s, want a stored miss: %s", path, a.StatusCode, c, a.body)
	}
	return a
}

// write demands a 200 and returns EdgeCache-Invalidated.
func (h *harness) write(method, path, body string) string {
	h.t.Helper()
	a := h.do(method, path, body)
	if a.StatusCode != 200 {
		h.t.Fatalf("%s %s: %d %s", method, path, a.StatusCode, a.body)
	}
	return a.Header.Get("EdgeCache-Invalidated")
}

func (a *answer) json(t testing.TB, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), out); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// eventually waits for what another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("not within 10 s: " + what)
		}
		time.Sleep(time.Millisecond)
	}
}

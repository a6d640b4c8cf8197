package scaffold_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
	"edgecache/proxyhttp/scaffold"
	"edgecache/source"
	"edgecache/source/mysql/mariatest"
	"edgecache/source/sqlite"

	"github.com/cockroachdb/datadriven"
)

func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }

// written makes the mapping file of a database.
func written(t *testing.T, driver, dsn, inFile string) *scaffold.File {
	t.Helper()
	src, err := proxyhttp.OpenSource(t.Context(), &config.Source{Name: "main", Driver: driver, DSN: dsn}, func(*source.WriteSet) {},
		proxyhttp.DefaultLimits(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}()
	f, err := scaffold.Read(t.Context(), src, scaffold.Options{Driver: driver, DSN: inFile, Name: "the test"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func sqliteFile(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	db, err := sqlite.Open(t.Context(), sqlite.Options{Name: "main", Path: path, Init: script, PollInterval: -1})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGolden prints the mapping file of each schema in testdata.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var f *scaffold.File
			if d.Cmd == "mysql" {
				f = written(t, config.DriverMySQL, mariatest.Get(t).Database(t, d.Input), "${EDGECACHE_DSN}")
			} else {
				f = written(t, config.DriverSQLite, sqliteFile(t, d.Input), "test.db")
			}
			text := string(f.YAML())
			return text[strings.Index(text, "sources:"):] + "left out:\n" + strings.Join(f.LeftOut(), "\n") + "\n"
		})
	})
}

// api is a mapping file that is served.
type api struct {
	t   *testing.T
	web *httptest.Server
	cfg *config.Config
}

// serve demands that check finds no mistake, and serves.
func serve(t *testing.T, file string, yaml []byte, dsn string) *api {
	t.Helper()
	cfg, mistakes := config.Parse(file, yaml, func(name string) (string, bool) { return dsn, name == "EDGECACHE_DSN" })
	if len(mistakes) > 0 {
		t.Fatalf("%s\n%s", proxyhttp.Mistakes(mistakes).Error(), yaml)
	}
	s, err := proxyhttp.New(t.Context(), proxyhttp.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	web := httptest.NewServer(s.Data())
	t.Cleanup(func() {
		web.Close()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &api{t, web, cfg}
}

func (a *api) do(method, path, body string, status int) string {
	a.t.Helper()
	req, err := http.NewRequest(method, a.web.URL+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	res, err := a.web.Client().Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if res.StatusCode != status {
		a.t.Errorf("%s %s %s: %d %s, want %d", method, path, body, res.StatusCode, text, status)
	}
	return strings.TrimSpace(string(text))
}

// everyGET asks each list, and each single row of each list.
func (a *api) everyGET() {
	a.t.Helper()
	lists, rows := 0, 0
	for _, e := range a.cfg.Endpoints {
		if e.Method != "GET" || e.Result != config.Many {
			continue
		}
		lists++
		var list []map[string]any
		dec := json.NewDecoder(strings.NewReader(a.do("GET", escaped(e.Path), "", 200)))
		dec.UseNumber()
		if err := dec.Decode(&list); err != nil {
			a.t.Errorf("%s: %v", e.Route, err)
		}
		for _, one := range a.cfg.Endpoints {
			if one.Name != strings.TrimSuffix(e.Name, ".list")+".get" {
				continue
			}
			if len(list) == 0 {
				a.t.Errorf("%s: no row to look at", e.Route)
			}
			for _, row := range list {
				rows++
				a.do("GET", filled(one, row), "", 200)
			}
		}
		for name := range e.Params {
			a.do("GET", escaped(e.Path)+"?"+name+"=1", "", 200)
		}
	}
	if lists < 3 || rows < 3 {
		a.t.Errorf("only %d lists and %d rows", lists, rows)
	}
}

// filled puts a row's key into the path.
func filled(e *config.Endpoint, row map[string]any) string {
	segments := strings.Split(e.Path, "/")
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			s = fmt.Sprint(row[strings.TrimSuffix(name, "}")])
		}
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

func escaped(path string) string {
	segments := strings.Split(path, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

// trip posts a row, reads it, changes it in both ways, and removes it.
type trip struct {
	path, post     string // post "": there is none
	row, created   string
	put, replaced  string
	patch, patched string
}

func (tr trip) take(a *api) {
	a.t.Helper()
	if tr.post != "" {
		a.do("POST", tr.path, tr.post, 200)
	}
	same := func(what, want string) {
		a.t.Helper()
		if got := a.do("GET", tr.row, "", 200); got != want {
			a.t.Errorf("%s after %s: %s, want %s", tr.row, what, got, want)
		}
	}
	same("POST", tr.created)
	if tr.put != "" {
		a.do("PUT", tr.row, tr.put, 200)
		same("PUT", tr.replaced)
	}
	if tr.patch != "" {
		a.do("PATCH", tr.row, tr.patch, 200)
		same("PATCH", tr.patched)
	}
	if got := a.do("DELETE", tr.row, "", 200); !strings.HasPrefix(got, `{"rowsAffected":1,`) {
		a.t.Errorf("DELETE %s: %s", tr.row, got)
	}
	a.do("GET", tr.row, "", 404)
}

const nastySQLite = `
CREATE TABLE users (id TEXT PRIMARY KEY NOT NULL, first_name TEXT NOT NULL, email TEXT UNIQUE, city TEXT, password_hash TEXT,
  created TEXT NOT NULL DEFAULT "then", status TEXT DEFAULT 'new', Kind TEXT NOT NULL DEFAULT plain);
CREATE INDEX by_city ON users (city, first_name);
CREATE TABLE "order" (id INTEGER PRIMARY KEY, "select" TEXT, "limit" INT NOT NULL, "after" TEXT, total DECIMAL(10,2), twice INT GENERATED ALWAYS AS ("limit" * 2) VIRTUAL);
CREATE INDEX by_limit ON "order" ("limit");
CREATE TABLE "Größe der ""Dinge"" & mehr?" ("Länge in cm" REAL, "naïve key" TEXT NOT NULL, "2nd" INT NOT NULL DEFAULT (3 + 4), "${HOME}" TEXT, "日本" TEXT, PRIMARY KEY ("naïve key", "2nd"));
CREATE TABLE "größe der dinge" (a INT);
CREATE TABLE pairs (a INT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, data BLOB);
CREATE TABLE blobs (id BLOB PRIMARY KEY, n INT);
CREATE TABLE must (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE keyless (a, b TEXT);
CREATE TABLE untyped (k PRIMARY KEY, v);
CREATE TABLE only (id INTEGER PRIMARY KEY);
CREATE TABLE "a b" (id INTEGER PRIMARY KEY, x INT);
CREATE TABLE "a-b" (id INTEGER PRIMARY KEY, x INT);
CREATE TABLE "1" (rank INTEGER PRIMARY KEY, "key" TEXT, "window" BOOLEAN, "groups" ANY);
CREATE VIEW "the view" AS SELECT id, first_name AS "first name", city FROM users;
CREATE VIEW broken AS SELECT nope FROM missing;
CREATE VIEW totals AS SELECT city, COUNT(*) AS n FROM users GROUP BY city;
CREATE VIRTUAL TABLE docs USING fts5(body);
INSERT INTO users (id, first_name) VALUES ('1', 'Ada'), ('a/b', 'Bob'), ('%', 'Cyd');
INSERT INTO "order" (id, "limit") VALUES (1, 2);
INSERT INTO "Größe der ""Dinge"" & mehr?" ("naïve key", "2nd") VALUES ('x y', 1);
INSERT INTO pairs VALUES (1, 'b');
INSERT INTO files (name, data) VALUES ('n', x'00ff');
INSERT INTO must (data) VALUES (x'01');
INSERT INTO untyped VALUES (1, 'x'), (2, NULL);
INSERT INTO only VALUES (1);
INSERT INTO "a b" VALUES (1, 1);
INSERT INTO "a-b" VALUES (1, 1);
INSERT INTO "1" VALUES (1, 'k', 1, 'g');
`

func TestNastySQLite(t *testing.T) {
	path := sqliteFile(t, nastySQLite)
	f := written(t, config.DriverSQLite, path, path)
	a := serve(t, filepath.Join(filepath.Dir(path), "edgecache.yaml"), f.YAML(), "")
	a.everyGET()
	for _, tr := range []trip{
		{
			path: "/v1/users", post: `{"id":"9","first_name":"Eve","city":"Bern","password_hash":"x"}`, row: "/v1/users/9",
			created: `{"id":"9","first_name":"Eve","email":null,"city":"Bern","created":"then","status":"new","Kind":"plain"}`,
			put:     `{"first_name":"Eva","status":null,"created":"now"}`, replaced: `{"id":"9","first_name":"Eva","email":null,"city":null,"created":"now","status":null,"Kind":"plain"}`,
			patch: `{"city":"Rome"}`, patched: `{"id":"9","first_name":"Eva","email":null,"city":"Rome","created":"now","status":null,"Kind":"plain"}`,
		},
		{
			path: "/v1/order", post: `{"select":"s","limit":4,"after":"a","total":1.25}`, row: "/v1/order/2",
			created: `{"id":2,"select":"s","limit":4,"after":"a","total":1.25,"twice":8}`,
			put:     `{"limit":5}`, replaced: `{"id":2,"select":null,"limit":5,"after":null,"total":null,"twice":10}`,
			patch: `{"after":"z"}`, patched: `{"id":2,"select":null,"limit":5,"after":"z","total":null,"twice":10}`,
		},
		{
			path: escaped("/v1/Größe-der-Dinge-mehr"), post: `{"naive_key":"k/1","Laenge_in_cm":1.5,"HOME":"h","column5":"日"}`, row: escaped("/v1/Größe-der-Dinge-mehr") + "/k%2F1/7",
			created: `{"Laenge_in_cm":1.5,"naive_key":"k/1","_2nd":7,"HOME":"h","column5":"日"}`,
			put:     `{}`, replaced: `{"Laenge_in_cm":null,"naive_key":"k/1","_2nd":7,"HOME":null,"column5":null}`,
			patch: `{"HOME":"x"}`, patched: `{"Laenge_in_cm":null,"naive_key":"k/1","_2nd":7,"HOME":"x","column5":null}`,
		},
		{path: "/v1/pairs", post: `{"a":7,"b":"x"}`, row: "/v1/pairs/7/x", created: `{"a":7,"b":"x"}`},
		{
			path: "/v1/files", post: `{"name":"m"}`, row: "/v1/files/2", created: `{"id":2,"name":"m","data":null}`,
			put: `{"name":"o"}`, replaced: `{"id":2,"name":"o","data":null}`, patch: `{}`, patched: `{"id":2,"name":"o","data":null}`,
		},
		{path: "/v1/untyped", post: `{"k":5,"v":true}`, row: "/v1/untyped/5", created: `{"k":5,"v":1}`, put: `{"v":"t"}`, replaced: `{"k":5,"v":"t"}`},
		{path: "/v1/only", post: `{}`, row: "/v1/only/2", created: `{"id":2}`},
		{path: "/v1/must", row: "/v1/must/1", created: `{"id":1,"data":"AQ=="}`},
		{path: "/v1/1", post: `{"key":"k2","window":true,"groups":3}`, row: "/v1/1/2", created: `{"rank":2,"key":"k2","window":1,"groups":3}`},
	} {
		tr.take(a)
	}
	a.do("POST", "/v1/users", `{"id":"8"}`, 400) // first_name is required
	for path, want := range map[string]string{
		"/v1/users?city=Rome": `[]`, "/v1/order?limit=2": `[{"id":1,"select":null,"limit":2,"after":null,"total":null,"twice":4}]`,
		"/v1/order?limit=3": `[]`, "/v1/order?after_2=1": `[]`, "/v1/only?after=0&limit=1": `[{"id":1}]`,
		"/v1/totals": `[{"city":null,"n":3}]`, "/v1/users/a%2Fb": `{"id":"a/b","first_name":"Bob","email":null,"city":null,"created":"then","status":"new","Kind":"plain"}`,
	} {
		if got := a.do("GET", path, "", 200); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, e := range a.cfg.Endpoints {
		for _, gone := range []string{"docs", "broken"} {
			if strings.Contains(e.Route, gone) {
				t.Errorf("%s is mapped", e.Route)
			}
		}
	}
}

const nastyMaria = `
CREATE TABLE users (id VARCHAR(20) NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(60) UNIQUE, api_key VARCHAR(40),
  status ENUM('new','old') NOT NULL DEFAULT 'new', note VARCHAR(20) DEFAULT 'it''s', born DATE, seen DATETIME(3),
  made TIMESTAMP NOT NULL DEFAULT '2020-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP, price DECIMAL(10,2) NOT NULL DEFAULT 0.50, big BIGINT UNSIGNED, doc JSON);
CREATE TABLE ` + "`order`" + ` (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, ` + "`select`" + ` INT, ` + "`limit`" + ` INT NOT NULL, twice INT AS (` + "`limit`" + ` * 2) STORED, KEY by_limit (` + "`limit`" + `));
CREATE TABLE ` + "`Größe der Dinge`" + ` (` + "`naïve key`" + ` VARCHAR(20) NOT NULL, ` + "`2nd`" + ` INT NOT NULL DEFAULT 7, ` + "`a``b`" + ` TEXT, PRIMARY KEY (` + "`naïve key`, `2nd`" + `));
CREATE TABLE pics (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(10), data LONGBLOB, place POINT, bits BIT(4));
CREATE TABLE hashes (h BINARY(4) PRIMARY KEY, n INT);
CREATE TABLE keyless (a INT, b TEXT);
CREATE TABLE only (id INT AUTO_INCREMENT PRIMARY KEY);
CREATE TABLE days (day DATE PRIMARY KEY, n INT NOT NULL DEFAULT 1, made DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE VIEW ` + "`the view`" + ` AS SELECT id, name AS ` + "`the name`" + ` FROM users;
INSERT INTO users (id, name) VALUES ('1', 'Ada'), ('a b', 'Bob');
INSERT INTO ` + "`order` (`limit`)" + ` VALUES (2);
INSERT INTO ` + "`Größe der Dinge` (`naïve key`)" + ` VALUES ('x y');
INSERT INTO pics (name, data) VALUES ('n', 'd');
INSERT INTO only VALUES (1);
INSERT INTO days (day, made) VALUES ('2024-01-31', NULL);
`

func TestNastyMariaDB(t *testing.T) {
	dsn := mariatest.Get(t).Database(t, nastyMaria)
	f := written(t, config.DriverMySQL, dsn, "${EDGECACHE_DSN}")
	yaml := f.YAML()
	if strings.Contains(string(yaml), dsn) {
		t.Error("the DSN is in the file")
	}
	a := serve(t, filepath.Join(t.TempDir(), "edgecache.yaml"), yaml, dsn)
	a.everyGET()
	user := func(name, email, status, note, price, big string) string {
		return fmt.Sprintf(`{"id":"9","name":%s,"email":%s,"status":%s,"note":%s,"born":"2000-02-29","seen":null,"made":"2020-01-01 00:00:00","price":%s,"big":%s,"doc":null}`, name, email, status, note, price, big)
	}
	for _, tr := range []trip{
		{
			path: "/v1/users", post: `{"id":"9","name":"Eve","born":"2000-02-29","big":9223372036854775807}`, row: "/v1/users/9",
			created: user(`"Eve"`, "null", `"new"`, `"it's"`, "0.50", "9223372036854775807"),
		},
		{
			path: "/v1/order", post: `{"select":3,"limit":4}`, row: "/v1/order/2", created: `{"id":2,"select":3,"limit":4,"twice":8}`,
			put: `{"limit":5}`, replaced: `{"id":2,"select":null,"limit":5,"twice":10}`,
			patch: `{"select":1}`, patched: `{"id":2,"select":1,"limit":5,"twice":10}`,
		},
		{
			path: escaped("/v1/Größe-der-Dinge"), post: `{"naive_key":"k","a_b":"t"}`, row: escaped("/v1/Größe-der-Dinge/k/7"),
			created: `{"naive_key":"k","_2nd":7,"a_b":"t"}`, put: `{}`, replaced: `{"naive_key":"k","_2nd":7,"a_b":null}`,
			patch: `{"a_b":"u"}`, patched: `{"naive_key":"k","_2nd":7,"a_b":"u"}`,
		},
		{
			path: "/v1/pics", post: `{"name":"m"}`, row: "/v1/pics/2", created: `{"id":2,"name":"m","data":null,"place":null,"bits":null}`,
			put: `{"name":"o"}`, replaced: `{"id":2,"name":"o","data":null,"place":null,"bits":null}`,
		},
		{path: "/v1/only", post: `{}`, row: "/v1/only/2", created: `{"id":2}`},
		{
			path: "/v1/days", post: `{"day":"2024-02-29","made":null}`, row: "/v1/days/2024-02-29", created: `{"day":"2024-02-29","n":1,"made":null}`,
			put: `{"n":5,"made":"2024-01-01 01:02:03"}`, replaced: `{"day":"2024-02-29","n":5,"made":"2024-01-01 01:02:03"}`,
			patch: `{"made":null}`, patched: `{"day":"2024-02-29","n":5,"made":null}`,
		},
	} {
		tr.take(a)
	}
	a.do("PUT", "/v1/users/1", `{"name":"Ida","status":"old","price":2}`, 200)
	if got := a.do("GET", "/v1/users/1", "", 200); !strings.Contains(got, `"name":"Ida","email":null,"status":"old","note":"it's"`) || !strings.Contains(got, `"price":2.00`) {
		t.Error(got)
	}
	a.do("PATCH", "/v1/users/1", `{"note":null,"doc":"{}"}`, 200)
	if got := a.do("GET", "/v1/users/1", "", 200); !strings.Contains(got, `"name":"Ida","email":null,"status":"old","note":null`) || !strings.Contains(got, `"doc":"{}"`) {
		t.Error(got)
	}
	a.do("POST", "/v1/order", `{"select":1}`, 400)
}

// An endpoint that is taken back leaves a comment, and the rest stands.
func TestDrop(t *testing.T) {
	path := sqliteFile(t, "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);")
	f := written(t, config.DriverSQLite, path, path)
	n := f.Endpoints()
	if !f.Drop("t.get", "because") || f.Drop("t.get", "again") || f.Drop("nope", "x") || f.Endpoints() != n-1 || f.Tables() != 1 {
		t.Errorf("%d endpoints of %d", f.Endpoints(), n)
	}
	if text := string(f.YAML()); strings.Contains(text, "name: t.get") || !strings.Contains(text, "# Not mapped: GET /v1/t/{id}: because") {
		t.Error(text)
	}
	if got := strings.Join(f.LeftOut(), ";"); got != "t: no GET /v1/t/{id}: because" {
		t.Error(got)
	}
}

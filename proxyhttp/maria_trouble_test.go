package proxyhttp

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"edgecache/proxyhttp/config"
	"edgecache/source/mysql/mariatest"
)

// troubleShop is what the tests of trouble with a server ask for. It is served
// to a user without extraordinary rights, as it should be in earnest.
const troubleShop = `
CREATE TABLE users (id INT NOT NULL PRIMARY KEY, name VARCHAR(200), old VARCHAR(20) CHARACTER SET latin1, n INT NOT NULL DEFAULT 0);
CREATE TABLE posts (id INT NOT NULL PRIMARY KEY, user_id INT NOT NULL, title VARCHAR(40));
CREATE VIEW titles AS SELECT id, title FROM posts;
INSERT INTO users VALUES (1, 'Ada', 'a', 0), (2, 'Bob', 'b', 0);
INSERT INTO posts VALUES (1, 1, 'One'), (2, 2, 'Two');
`

const troubleConfig = `
sources:
  main: {driver: mysql, dsn: %q}
endpoints:
  - {name: get, route: "GET /users/{id}", sql: "SELECT id, name, old, n FROM users WHERE id = :id", result: one}
  - {name: posts, route: "GET /posts", sql: "SELECT id, title FROM posts ORDER BY id"}
  - {name: titles, route: "GET /titles", sql: "SELECT title FROM titles ORDER BY id"}
  - {name: quoted, route: "GET /quoted", sql: 'SELECT "x" AS x, name || 0 AS y FROM users WHERE id = :id', params: {id: {type: int, default: 1}}}
  - {name: put, route: "PUT /users/{id}", sql: "UPDATE users SET name = COALESCE(:name, name), old = COALESCE(:old, old) WHERE id = :id"}
  - {name: putOld, route: "PUT /old/{id}", sql: "UPDATE users SET old = :old WHERE id = :id"}
  - {name: raise, route: "PUT /raise/{id}", sql: "UPDATE users SET n = GREATEST(n, :n) WHERE id = :id"}
  - {name: retitle, route: "PUT /posts/{id}", sql: "UPDATE posts SET title = :title WHERE id = :id"}
`

// inTrouble is a server before a database in trouble.
type inTrouble struct {
	t   *testing.T
	s   *Server
	web *httptest.Server
	log *logBuffer
}

// appDSN makes a database with a user of its own and the given rights.
func appDSN(t *testing.T, server *mariatest.Server, rights string) (dsn, database string) {
	t.Helper()
	admin := server.Database(t, troubleShop)
	database, _, _ = strings.Cut(admin[strings.LastIndex(admin, "/")+1:], "?")
	user := "app_" + database
	server.Exec(t, "CREATE USER "+user+"@'%' IDENTIFIED BY 's3cret'", "GRANT "+rights+" ON "+database+".* TO "+user+"@'%'")
	t.Cleanup(func() { _, _ = server.Admin().Exec("DROP USER " + user + "@'%'") })
	return server.DSN(database, user, "s3cret"), database
}

const allRights = "SELECT, INSERT, UPDATE, DELETE, SHOW VIEW, TRIGGER, EXECUTE"

func newMaria(t *testing.T, dsn string, lim Limits, log io.Writer) (*Server, error) {
	t.Helper()
	cfg, mistakes := config.Parse("maria.yaml", fmt.Appendf(nil, troubleConfig, dsn), config.Environ)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return New(t.Context(), Options{Config: cfg, Limits: lim, Log: slog.New(slog.NewTextHandler(log, nil))})
}

func startMaria(t *testing.T, dsn string, lim Limits) *inTrouble {
	t.Helper()
	m := &inTrouble{t: t, log: &logBuffer{}}
	var err error
	if m.s, err = newMaria(t, dsn, lim, m.log); err != nil {
		t.Fatal(err)
	}
	m.s.retryRefresh = 10 * time.Millisecond
	m.s.accepting.Store(true)
	t.Cleanup(func() { _ = m.s.Close(context.Background()) })
	m.web = httptest.NewServer(m.s.Data())
	t.Cleanup(m.web.Close)
	return m
}

func (m *inTrouble) do(method, path, body string) *answer {
	m.t.Helper()
	a, err := m.try(method, path, body)
	if err != nil {
		m.t.Fatal(err)
	}
	return a
}

func (m *inTrouble) try(method, path, body string) (*answer, error) {
	req, err := http.NewRequest(method, m.web.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := m.web.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && (!json.Valid(text) || strings.Contains(string(text), "s3cret")) {
		err = fmt.Errorf("%s %s: %s", method, path, text)
	}
	return &answer{res, string(text)}, err
}

// want demands a status, and that the Cache-Status and the body hold texts.
func (m *inTrouble) want(method, path, body string, status int, cache, contains string) *answer {
	m.t.Helper()
	a := m.do(method, path, body)
	if a.StatusCode != status || !strings.Contains(a.cache(), cache) || !strings.Contains(a.body, contains) {
		m.t.Errorf("%s %s %s: %d %s %s, want %d %s %s", method, path, body, a.StatusCode, a.cache(), a.body, status, cache, contains)
	}
	if a.StatusCode >= 502 && a.Header.Get("Retry-After") == "" {
		m.t.Errorf("%s %s: %d without Retry-After", method, path, a.StatusCode)
	}
	return a
}

// eventuallyWant waits for what the look at the schema, or a server that comes
// back, brings about.
func (m *inTrouble) eventuallyWant(path string, status int, contains string) {
	m.t.Helper()
	eventually(m.t, fmt.Sprintf("GET %s: %d %s", path, status, contains), func() bool {
		a, err := m.try("GET", path, "")
		return err == nil && a.StatusCode == status && strings.Contains(a.body, contains)
	})
}

// TestMariaDBCannotStart: what is wrong is said at the line of the source, with
// what mends it, and without the DSN.
func TestMariaDBCannotStart(t *testing.T) {
	server := mariatest.Own(t)
	good, name := appDSN(t, server, allRights)
	blind, blindName := appDSN(t, server, "INSERT, UPDATE")
	change := func(from, to string) string { return strings.Replace(good, from, to, 1) }
	for _, c := range []struct {
		dsn, want string
		before    func(t *testing.T)
	}{
		{change("s3cret", "wr0ng-s3cret"), "the database refuses the user or the password of the DSN", nil},
		{change("/"+name, "/nowhere_s3cret"), "a privilege is missing: GRANT SELECT, INSERT, UPDATE, DELETE ON `nowhere_s3cret`.* TO the user of the DSN mends it", nil},
		{server.DSN("nowhere", "", ""), "the database that the DSN names does not exist", nil},
		{"root:s3cret@nowhere", "the DSN cannot be read: it must look like user:password@tcp(host:3306)/database", nil},
		{blind, "a privilege is missing: GRANT SELECT ON `" + blindName + "`.`", nil},
		{good, "consistency: strict cannot be kept: the server is read-only, as replicas are: point the DSN at the primary",
			func(t *testing.T) { server.Global(t, "read_only", "1") }},
		{good, "the database server has no free connection (max_connections)", func(t *testing.T) { fillUp(t, server) }},
	} {
		t.Run("", func(t *testing.T) {
			if c.before != nil {
				c.before(t)
			}
			s, err := newMaria(t, c.dsn, Limits{}, io.Discard)
			if err == nil {
				_ = s.Close(context.Background())
				t.Fatal("started; want " + c.want)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			for _, secret := range []string{"s3cret@", "wr0ng", "127.0.0.1", "app_"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v names %s", err, secret)
				}
			}
		})
	}
}

// fillUp takes every connection that ordinary users can have, until the end of
// the test or until free is called.
func fillUp(t *testing.T, server *mariatest.Server) (free func()) {
	t.Helper()
	server.Global(t, "max_connections", "20")
	user := "filler"
	server.Exec(t, "CREATE OR REPLACE USER filler@'%' IDENTIFIED BY 'pw'")
	db, err := sql.Open("mysql", server.DSN("", user, "pw"))
	if err != nil {
		t.Fatal(err)
	}
	var taken []*sql.Conn
	free = func() {
		for _, c := range taken {
			_ = c.Close()
		}
		_ = db.Close()
	}
	t.Cleanup(func() { free() })
	for range 100 {
		c, err := db.Conn(context.Background())
		if err != nil && strings.Contains(err.Error(), "1040") {
			return free
		}
		if err != nil { // one that ended just now
			continue
		}
		taken = append(taken, c)
	}
	t.Fatal("there was always another connection")
	return free
}

// TestMariaDBWithoutConnections: what is kept is served, the rest is a 503 that
// says why, and all is well once there are connections again.
func TestMariaDBWithoutConnections(t *testing.T) {
	server := mariatest.Own(t)
	dsn, name := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	m.want("GET", "/users/1", "", 200, "stored", `"Ada"`)
	endSessions(t, server, name)
	free := fillUp(t, server)
	m.want("GET", "/users/1", "", 200, "hit", `"Ada"`)
	m.want("GET", "/users/2", "", 503, "", "the database server has no free connection (max_connections)")
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 503, "", "the database server has no free connection (max_connections)")
	m.want("GET", "/users/1", "", 200, "hit", `"Ada"`)
	free()
	m.eventuallyWant("/users/2", 200, `"Bob"`)
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 200, "", `"rowsAffected":1`)
	m.want("GET", "/users/1", "", 200, "", `"Eve"`)
}

// endSessions kills the sessions of the user of appDSN.
func endSessions(t *testing.T, server *mariatest.Server, database string) {
	t.Helper()
	rows, err := server.Admin().Query("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ?", "app_"+database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		_, _ = server.Admin().Exec(fmt.Sprintf("KILL %d", id)) // one may have gone by itself
	}
}

// TestMariaDBRefusesValues: what the database refuses changes nothing that is
// kept, and is told in its words.
func TestMariaDBRefusesValues(t *testing.T) {
	server := mariatest.Own(t)
	server.Global(t, "max_allowed_packet", "65536")
	dsn, _ := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	m.want("GET", "/users/1", "", 200, "stored", `"Ada"`)
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/old/1", `{"old":"Ω"}`, 409, `Incorrect string value: '\\xCE\\xA9' for column `},
		{"/users/1", `{"old":"Ω"}`, 400, "Illegal mix of collations"}, // COALESCE finds no common character set
		{"/users/1", `{"old":"` + strings.Repeat("x", 21) + `"}`, 409, "Data too long for column 'old' at row 1"},
		{"/users/1", `{"name":"` + strings.Repeat("x", 70_000) + `"}`, 413, "the statement with its arguments is larger than max_allowed_packet"},
	} {
		m.want("PUT", c.path, c.body, c.status, "", c.want)
		m.want("GET", "/users/1", "", 200, "hit", `"Ada"`)
	}
	m.want("PUT", "/old/1", `{"old":"é"}`, 200, "", `"rowsAffected":1`)
	m.want("GET", "/users/1", "", 200, "", `"old":"é"`)
}

// TestMariaDBGlobalVariables: what is set for the whole server is none of ours,
// in sessions that are open and in new ones.
func TestMariaDBGlobalVariables(t *testing.T) {
	server := mariatest.Own(t)
	dsn, name := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	plain := m.want("GET", "/quoted?id=1", "", 200, "stored", `{"x":"x","y":`).body
	for _, v := range [][2]string{
		{"sql_mode", "'ANSI,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'"}, {"tx_isolation", "'READ-UNCOMMITTED'"}, {"time_zone", "'+09:00'"},
		{"autocommit", "0"}, {"sql_select_limit", "1"}, {"completion_type", "1"}, {"collation_server", "latin1_bin"},
		{"character_set_client", "latin1"}, {"foreign_key_checks", "0"},
	} {
		server.Global(t, v[0], v[1])
	}
	for _, sessions := range []string{"open", "new"} {
		if sessions == "new" {
			endSessions(t, server, name)
		}
		for id, want := range map[int]string{1: plain, 2: plain} {
			if a := m.do("GET", fmt.Sprintf("/quoted?id=%d", id), ""); a.body != want {
				t.Errorf("%s sessions: %s, want %s", sessions, a.body, want)
			}
		}
		m.want("PUT", "/users/1", fmt.Sprintf(`{"name":"É%s"}`, sessions), 200, "", `"rowsAffected":1`)
		m.want("GET", "/users/1", "", 200, "stored", `"É`+sessions+`"`)
		m.want("GET", "/posts", "", 200, "", `"Two"`) // all rows, whatever sql_select_limit
	}
}

// TestMariaDBReadOnly: a server that is made read-only refuses writes and goes
// on being read.
func TestMariaDBReadOnly(t *testing.T) {
	server := mariatest.Own(t)
	dsn, _ := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	m.want("GET", "/users/1", "", 200, "stored", `"Ada"`)
	server.Global(t, "read_only", "1")
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 503, "", "the database server is read-only")
	m.want("GET", "/users/1", "", 200, "hit", `"Ada"`)
	m.want("GET", "/users/2", "", 200, "stored", `"Bob"`)
	server.Exec(t, "SET GLOBAL read_only = 0")
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 200, "", `"rowsAffected":1`)
	m.want("GET", "/users/1", "", 200, "", `"Eve"`)
}

// TestMariaDBTableDropped: a table that is dropped, changed or made anew behind
// our back, and a view that is redefined.
func TestMariaDBTableDropped(t *testing.T) {
	server := mariatest.Get(t)
	dsn, name := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	db := server.Open(t, server.DSN(name, "", ""))
	exec := func(text string) {
		t.Helper()
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	m.want("GET", "/posts", "", 200, "stored", `"One"`)
	m.want("GET", "/users/1", "", 200, "stored", `"Ada"`)
	m.want("GET", "/titles", "", 200, "stored", `"One"`)
	// The view reads users now; a write to users that comes before any look at
	// the schema must be seen in what was read since.
	exec("CREATE OR REPLACE VIEW titles AS SELECT id, name AS title FROM users")
	m.want("PUT", "/posts/1", `{"title":"Uno"}`, 200, "", "") // drops the old answer
	m.want("GET", "/titles", "", 200, "", `"Ada"`)
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 200, "", "")
	m.want("GET", "/titles", "", 200, "", `"Eve"`)
	exec("DROP TABLE posts")
	m.eventuallyWant("/posts", 500, "doesn't exist")
	a := m.do("GET", "/posts", "")
	if !strings.Contains(a.body, problemEndpointBroken) || !strings.Contains(a.body, "posts") {
		t.Error(a.body)
	}
	m.eventuallyWant("/users/1", 200, `"Eve"`)
	exec("CREATE TABLE posts (id INT NOT NULL PRIMARY KEY, user_id INT NOT NULL, title VARCHAR(40))")
	exec("INSERT INTO posts VALUES (7, 1, 'New')")
	m.eventuallyWant("/posts", 200, `[{"id":7,"title":"New"}]`)
	eventually(t, "a write to the new table", func() bool {
		return m.do("PUT", "/posts/7", `{"title":"Newer"}`).StatusCode == 200
	})
	m.want("GET", "/posts", "", 200, "", `"Newer"`)
}

// TestMariaDBPrivilegesAtRunTime: what is taken away is named with the GRANT that
// gives it back.
func TestMariaDBPrivilegesAtRunTime(t *testing.T) {
	server := mariatest.Get(t)
	dsn, name := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	m.want("GET", "/users/1", "", 200, "stored", `"Ada"`)
	server.Exec(t, "REVOKE UPDATE ON "+name+".* FROM app_"+name+"@'%'")
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 503, "", "a privilege is missing: GRANT UPDATE ON `"+name+"`.`users` TO the user of the DSN mends it")
	m.want("GET", "/users/1", "", 200, "", `"Ada"`)
	server.Exec(t, "GRANT UPDATE ON "+name+".* TO app_"+name+"@'%'")
	endSessions(t, server, name)
	m.want("PUT", "/users/1", `{"name":"Eve"}`, 200, "", `"rowsAffected":1`)
	m.want("GET", "/users/1", "", 200, "", `"Eve"`)
}

// TestMariaDBHiddenView: an endpoint that reads a view whose text is hidden works
// and is not cached, and what is told says which GRANT would change that.
func TestMariaDBHiddenView(t *testing.T) {
	server := mariatest.Get(t)
	dsn, name := appDSN(t, server, strings.Replace(allRights, "SHOW VIEW, ", "", 1))
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	for _, title := range []string{"Uno", "Eins"} {
		m.want("PUT", "/posts/1", `{"title":"`+title+`"}`, 200, "", `"rowsAffected":1`)
		m.want("GET", "/titles", "", 200, "fwd=bypass", title)
	}
	m.want("GET", "/posts", "", 200, "stored", `"Eins"`)
	want := "GRANT SHOW VIEW ON `" + name + "`.`titles` to it shows it"
	for _, e := range m.s.current().endpoints {
		if e.cfg.Name == "titles" && !strings.Contains(e.view().Uncached, want) {
			t.Errorf("%s, want %s", e.view().Uncached, want)
		}
	}
}

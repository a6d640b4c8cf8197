package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source/mysql/mariatest"
)

const mariaConventions = `
sources:
  main: {driver: mysql, dsn: %q}
endpoints:
  - {name: get, route: "GET /users/{id}", sql: "SELECT id, first_name AS firstName, price FROM users WHERE id = :id", result: one}
  - {name: names, route: "GET /names", sql: "SELECT id, first_name FROM users ORDER BY id"}
  - name: patch
    route: PATCH /users/{id}
    sql: UPDATE users SET first_name = CASE WHEN :firstName.given THEN :firstName ELSE first_name END, price = CASE WHEN :price.given THEN :price ELSE price END WHERE id = :id
  - {name: add, route: "POST /orders", sql: "INSERT INTO orders (user_id, total) VALUES (:user, :total) RETURNING id, total"}
  - {name: remove, route: "DELETE /orders/{user}", sql: "DELETE FROM orders WHERE user_id = :user RETURNING id", max_rows: 1}
  - {name: flat, route: "GET /flat/{id}", sql: "SELECT id FROM flat WHERE id = :id", result: one}
  - {name: flat.put, route: "PUT /flat/{id}", sql: "UPDATE flat SET id = id WHERE id = :id"}
`

// The conventions of the data plane on a real MariaDB server.
func TestMariaDBConventions(t *testing.T) {
	dsn := mariatest.Get(t).Database(t, mariaShop+"CREATE TABLE flat (id INT PRIMARY KEY) ENGINE=MyISAM;")
	cfg, mistakes := config.Parse("maria.yaml", fmt.Appendf(nil, mariaConventions, dsn), config.Environ)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s, err := New(t.Context(), Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	h := &harness{t: t, s: s, data: httptest.NewServer(s.Data())}
	t.Cleanup(h.data.Close)

	for _, c := range []struct{ method, path, body, want, invalidated string }{
		{"PATCH", "/users/123-abc", `{}`, `{"rowsAffected":1,"lastInsertId":null}`, "0"},
		{"PATCH", "/users/123-abc", `{"price":null}`, `{"rowsAffected":1,"lastInsertId":null}`, "1"},
		{"PATCH", "/users/123-abc", `{"price":9.99}`, `{"rowsAffected":1,"lastInsertId":null}`, "1"},
		{"POST", "/orders", `{"user":"9","total":3.5}`, `{"rowsAffected":1,"lastInsertId":null,"rows":[{"id":3,"total":3.50}]}`, "0"},
		{"DELETE", "/orders/123-abc", "", `{"rowsAffected":1,"lastInsertId":null,"rows":[{"id":1}]}`, "0"},
	} {
		h.get("/users/123-abc")
		h.get("/names")
		a := h.do(c.method, c.path, c.body)
		if a.StatusCode != 200 || a.body != c.want+"\n" && c.body != `{}` || a.Header.Get("EdgeCache-Invalidated") != c.invalidated {
			t.Errorf("%s %s %s: %d %s, invalidated %s", c.method, c.path, c.body, a.StatusCode, a.body, a.Header.Get("EdgeCache-Invalidated"))
		}
	}
	if a := h.get("/users/123-abc"); a.body != `{"id":"123-abc","firstName":"Lane","price":9.99}`+"\n" {
		t.Errorf("after the patches: %s", a.body)
	}
	if a := h.do("DELETE", "/orders/9", ""); a.StatusCode != 500 || !strings.Contains(a.body, "more than 1 rows") {
		t.Errorf("past the limit: %d %s", a.StatusCode, a.body)
	}
	if a := h.do("PUT", "/flat/1", "", "If-Match", `"x"`); a.StatusCode != http.StatusNotImplemented || !strings.Contains(a.body, "flat takes no part in transactions") {
		t.Errorf("a table without transactions: %d %s", a.StatusCode, a.body)
	}
	h.oneWriterWins(10)
}

// oneWriterWins sends two writes with one tag at once, again and again.
func (h *harness) oneWriterWins(rounds int) {
	h.t.Helper()
	for n := range rounds {
		tag := h.get("/users/123-abc").Header.Get("ETag")
		codes := make(chan int, 2)
		for w := range 2 {
			go func() {
				codes <- h.do("PATCH", "/users/123-abc", fmt.Sprintf(`{"firstName":"w%d-%d"}`, n, w), "If-Match", tag).StatusCode
			}()
		}
		if a, b := <-codes, <-codes; min(a, b) != http.StatusOK || max(a, b) != http.StatusPreconditionFailed {
			h.t.Errorf("round %d: %d and %d", n, a, b)
		}
	}
	if a := h.do("PATCH", "/users/123-abc", `{}`, "If-None-Match", "*"); a.StatusCode != http.StatusPreconditionFailed {
		h.t.Errorf("If-None-Match: %d %s", a.StatusCode, a.body)
	}
}

package proxyhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source/mysql/mariatest"
)

func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }

const mariaShop = `
CREATE TABLE users (id VARCHAR(20) NOT NULL PRIMARY KEY, first_name VARCHAR(40) NOT NULL, big BIGINT UNSIGNED, price DECIMAL(10,2), seen DATETIME(3), UNIQUE KEY by_name (first_name));
CREATE TABLE orders (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id VARCHAR(20) NOT NULL, total DECIMAL(10,2) NOT NULL, FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);
INSERT INTO users VALUES ('123-abc', 'Lane', 18446744073709551615, 12.50, '2024-01-31 10:00:00.5'), ('9', 'Ada', NULL, NULL, NULL);
INSERT INTO orders (user_id, total) VALUES ('123-abc', 1.10), ('9', 2);
`

const mariaConfig = `
sources:
  main: {driver: mysql, dsn: %q}
endpoints:
  - {name: get, route: "GET /users/{id}", sql: "SELECT id, first_name AS firstName, big, price, seen FROM users WHERE id = :id", result: one}
  - {name: list, route: "GET /users", sql: "SELECT id FROM users WHERE (:name IS NULL OR first_name = :name) AND (:min IS NULL OR price >= :min) ORDER BY id"}
  - {name: orders, route: "GET /orders", sql: "SELECT o.id, u.first_name AS name, o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE o.user_id = :user ORDER BY o.id"}
  - {name: put, route: "PUT /users/{id}", sql: "UPDATE users SET first_name = COALESCE(:name, first_name), price = COALESCE(:price, price) WHERE id = :id"}
  - {name: add, route: "POST /orders", sql: "INSERT INTO orders (user_id, total) VALUES (:user, :total)"}
  - {name: remove, route: "DELETE /users/{id}", sql: "DELETE FROM users WHERE id = :id"}
`

// TestMariaDB walks the loop on a real MariaDB server: map, cache, write
// through, invalidate exactly, and every value with its type and digits.
func TestMariaDB(t *testing.T) {
	dsn := mariatest.Get(t).Database(t, mariaShop)
	cfg, mistakes := config.Parse("maria.yaml", fmt.Appendf(nil, mariaConfig, dsn), config.Environ)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s, err := New(t.Context(), Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	web := httptest.NewServer(s.Data())
	t.Cleanup(web.Close)

	do := func(method, path, body string) (status int, header http.Header, text string) {
		t.Helper()
		req, err := http.NewRequest(method, web.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := web.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		if err != nil || !json.Valid(b) {
			t.Fatalf("%s %s: %s (%v)", method, path, b, err)
		}
		return res.StatusCode, res.Header, strings.TrimSpace(string(b))
	}
	get := func(path, cache, want string) {
		t.Helper()
		_, h, text := do("GET", path, "")
		if !strings.HasPrefix(h.Get("Cache-Status"), "edgecache; "+cache) || text != want {
			t.Errorf("GET %s: %s %s, want %s %s", path, h.Get("Cache-Status"), text, cache, want)
		}
	}
	lane := `{"id":"123-abc","firstName":"Lane","big":18446744073709551615,"price":12.50,"seen":"2024-01-31 10:00:00.500"}`
	get("/users/123-abc", "fwd=uri-miss; stored", lane)
	get("/users/123-abc", "hit", lane)
	get("/users?name=LANE&min=12.5", "fwd=uri-miss; stored", `[{"id":"123-abc"}]`)
	get("/users?name=Ada", "fwd=uri-miss; stored", `[{"id":"9"}]`)
	get("/orders?user=123-abc", "fwd=uri-miss; stored", `[{"id":1,"name":"Lane","total":1.10}]`)
	get("/orders?user=9", "fwd=uri-miss; stored", `[{"id":2,"name":"Ada","total":2.00}]`)

	// The unique name is Ada's already.
	if status, _, text := do("PUT", "/users/123-abc", `{"name":"ADA"}`); status != http.StatusConflict {
		t.Errorf("%d %s", status, text)
	}
	get("/users/123-abc", "hit", lane)

	// first_name is read by the record, one list, and one user's orders.
	status, h, text := do("PUT", "/users/123-abc", `{"name":"Lena","price":9.99}`)
	if status != http.StatusOK || text != `{"rowsAffected":1,"lastInsertId":null}` {
		t.Fatalf("%d %s", status, text)
	}
	// The orders of user 9 join users too, but hold no row of this one.
	if n := h.Get("EdgeCache-Invalidated"); n != "3" {
		t.Errorf("invalidated %s, want 3", n)
	}
	get("/orders?user=9", "hit", `[{"id":2,"name":"Ada","total":2.00}]`)
	get("/users?name=Ada", "hit", `[{"id":"9"}]`)
	if _, _, text := do("GET", "/users/123-abc", ""); !strings.Contains(text, `"Lena"`) || !strings.Contains(text, `9.99`) {
		t.Errorf("after the write: %s", text)
	}
	if _, _, text := do("POST", "/orders", `{"user":"9","total":"3.25"}`); text != `{"rowsAffected":1,"lastInsertId":3}` {
		t.Errorf("insert: %s", text)
	}
	if _, _, text := do("GET", "/orders?user=9", ""); text != `[{"id":2,"name":"Ada","total":2.00},{"id":3,"name":"Ada","total":3.25}]` {
		t.Errorf("after the insert: %s", text)
	}
	// A cascade is in no row image; it must be followed all the same.
	if _, _, text := do("DELETE", "/users/9", ""); text != `{"rowsAffected":1,"lastInsertId":null}` {
		t.Errorf("delete: %s", text)
	}
	if _, _, text := do("GET", "/orders?user=9", ""); text != `[]` {
		t.Errorf("after the cascade: %s", text)
	}
	if status, _, text := do("GET", "/users/9", ""); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
}

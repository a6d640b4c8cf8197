package proxyhttp

import (
	"strings"
	"testing"
)

const patchEndpoints = `
  - name: users.patch
    route: PATCH /v1/users/{id}
    sql: |
      UPDATE users SET
        name = CASE WHEN :name.given THEN :name ELSE name END,
        city = CASE WHEN :city.given THEN :city ELSE city END,
        age  = CASE WHEN :age.given THEN :age ELSE age END
      WHERE id = :id
  - name: users.cities
    route: GET /v1/cities
    sql: SELECT id, city FROM users ORDER BY id
  - name: users.ages
    route: GET /v1/ages
    sql: SELECT id, age FROM users ORDER BY id
`

// A PATCH leaves alone what its body leaves out, and empties what its body
// says is null. What reads only columns that it left alone stays cached.
func TestPatch(t *testing.T) {
	h := start(t, withYAML(patchEndpoints))
	for _, c := range []struct{ body, want, invalidated string }{
		{`{}`, `{"id":"1","firstName":"Ada","city":"Bern","age":36}`, "0"},
		{`{"city":null}`, `{"id":"1","firstName":"Ada","city":null,"age":36}`, "2"},
		{`{"city":"Rome","unknown":7}`, `{"id":"1","firstName":"Ada","city":"Rome","age":36}`, "2"},
		{`{"city":"Rome"}`, `{"id":"1","firstName":"Ada","city":"Rome","age":36}`, "0"},
		{`{"age":null,"name":"Eve"}`, `{"id":"1","firstName":"Eve","city":"Rome","age":null}`, "2"},
		{`{"age":"37","id":"1"}`, `{"id":"1","firstName":"Eve","city":"Rome","age":37}`, "2"},
		{`{"city.given":true,"city":"Oslo","age.given":1}`, `{"id":"1","firstName":"Eve","city":"Oslo","age":37}`, "2"},
		{`{"age.given":1}`, `{"id":"1","firstName":"Eve","city":"Oslo","age":37}`, "0"},
	} {
		h.get("/v1/users/1")
		h.get("/v1/cities")
		h.get("/v1/ages")
		a := h.do("PATCH", "/v1/users/1", c.body, "Content-Type", "application/merge-patch+json")
		if a.StatusCode != 200 || !strings.HasPrefix(a.body, `{"rowsAffected":1,`) || a.Header.Get("EdgeCache-Invalidated") != c.invalidated {
			t.Errorf("%s: %d %s, invalidated %s, want %s", c.body, a.StatusCode, a.body, a.Header.Get("EdgeCache-Invalidated"), c.invalidated)
		}
		if !strings.Contains(c.body, "city") {
			h.hit("/v1/cities")
		}
		if !strings.Contains(c.body, "age") {
			h.hit("/v1/ages")
		}
		if got := h.get("/v1/users/1").body; got != c.want+"\n" {
			t.Errorf("after %s: %s, want %s", c.body, got, c.want)
		}
	}
	if a := h.do("PATCH", "/v1/users/1", `{"age":"old"}`); a.StatusCode != 400 || !strings.Contains(a.body, "age must be an integer") {
		t.Errorf("a bad value: %d %s", a.StatusCode, a.body)
	}
	if a := h.do("PATCH", "/v1/users/1", `{"name":null}`); a.StatusCode != 409 {
		t.Errorf("null for a column that takes none: %d %s", a.StatusCode, a.body)
	}
	if a := h.do("OPTIONS", "/v1/users/1", ""); a.Header.Get("Accept-Patch") != "application/merge-patch+json, application/json" {
		t.Errorf("OPTIONS: %v", a.Header)
	}
	if a := h.do("OPTIONS", "/v1/cities", ""); a.Header.Get("Accept-Patch") != "" {
		t.Errorf("OPTIONS without PATCH: %v", a.Header)
	}
}

// A statement that is explained or reported has its companions told by its
// arguments.
func TestPatchIsExplained(t *testing.T) {
	h := start(t, withYAML(patchEndpoints))
	h.miss("/v1/cities")
	const sql = `"sql":"UPDATE users SET city = CASE WHEN :city.given THEN :city ELSE city END WHERE id = '1'"`
	for args, affected := range map[string]bool{`{}`: false, `{"city":null}`: true, `{"city":"Rome"}`: true} {
		a := h.admin("POST", "/v1/explain", `{`+sql+`,"args":`+args+`}`)
		if a.StatusCode != 200 || strings.Contains(a.body, `"affected":true`) != affected {
			t.Errorf("%s: %d %s", args, a.StatusCode, a.body)
		}
	}
	if a := h.admin("POST", "/v1/explain", `{`+sql+`,"args":{"town":"x"}}`); a.StatusCode != 400 {
		t.Errorf("an unknown argument: %d %s", a.StatusCode, a.body)
	}
}

// A companion with another name is a mistake at start, at its line.
func TestMistypedCompanion(t *testing.T) {
	bad := mistakesOf(t, "endpoints:\n  - {route: 'PATCH /v1/u/{id}', sql: 'UPDATE users SET city = CASE WHEN :city.present THEN :city ELSE city END WHERE id = :id'}\n")
	if !strings.Contains(bad, ".given") || !strings.Contains(bad, "test.yaml:3") {
		t.Errorf("got %s", bad)
	}
}

func TestReturningRows(t *testing.T) {
	h := start(t, withYAML(`
  - route: POST /v1/returned
    sql: INSERT INTO users (id, name, city) VALUES (:id, :name, :city) RETURNING id, name AS firstName, age
  - route: DELETE /v1/returned/{city}
    sql:
      - DELETE FROM users WHERE city = :city RETURNING id
      - UPDATE things SET i = 1 WHERE id = 99
    max_rows: 1
  - route: PUT /v1/returned/{id}
    sql: UPDATE things SET t = :t WHERE id = :id RETURNING t
    max_bytes: 4
`))
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/v1/returned", `{"id":"8","name":"Ole","city":"Oslo"}`, `{"rowsAffected":1,"lastInsertId":5,"rows":[{"id":"8","firstName":"Ole","age":null}]}`},
		{"DELETE", "/v1/returned/Oslo", "", `{"rowsAffected":1,"lastInsertId":null,"rows":[{"id":"8"}]}`},
		{"DELETE", "/v1/returned/Oslo", "", `{"rowsAffected":0,"lastInsertId":null,"rows":[]}`},
		{"PUT", "/v1/returned/1", `{"t":"abcd"}`, `{"rowsAffected":1,"lastInsertId":null,"rows":[{"t":"abcd"}]}`},
	} {
		if a := h.do(c.method, c.path, c.body); a.StatusCode != 200 || a.body != c.want+"\n" {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.StatusCode, a.body)
		}
	}
	cached := h.miss("/v1/users").body
	for _, c := range [][3]string{{"DELETE", "/v1/returned/Bern", ""}, {"PUT", "/v1/returned/1", `{"t":"abcde"}`}} {
		a := h.do(c[0], c[1], c[2])
		if a.StatusCode != 500 || !strings.Contains(a.body, "answer-too-large") || !strings.Contains(a.body, "max_rows") {
			t.Errorf("past the limit: %d %s", a.StatusCode, a.body)
		}
	}
	if a := h.hit("/v1/users"); a.body != cached {
		t.Errorf("a write past its limit was done: %s", a.body)
	}
	bad := mistakesOf(t, "endpoints:\n  - {route: POST /v1/u, sql: 'INSERT INTO users (id, name) VALUES (1, 2) RETURNING id, name AS id'}\n")
	if !strings.Contains(bad, "two columns the name id") {
		t.Errorf("got %s", bad)
	}
}

// mistakesOf starts a server with a configuration that is wrong and prints what
// it says.
func mistakesOf(t *testing.T, yaml string) string {
	t.Helper()
	cfg, mistakes := parseConfig(t, t.TempDir(), testSchema, yaml)
	var b strings.Builder
	for _, m := range mistakes {
		b.WriteString(m.String() + "\n")
	}
	s, err := New(t.Context(), Options{Config: cfg})
	if err != nil {
		b.WriteString(err.Error())
	} else if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return b.String()
}

package proxyhttp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
)

// keptMappings is a store that outlives a server, and fails when told to.
type keptMappings struct {
	memoryMappings
	failing sync.Map // "put", "delete" or "list" to an error
}

func (k *keptMappings) fail(call string) error {
	if err, ok := k.failing.Load(call); ok {
		return err.(error)
	}
	return nil
}

func (k *keptMappings) PutMapping(name string, doc []byte) error {
	if err := k.fail("put"); err != nil {
		return err
	}
	return k.memoryMappings.PutMapping(name, doc)
}

func (k *keptMappings) DeleteMapping(name string) error {
	if err := k.fail("delete"); err != nil {
		return err
	}
	return k.memoryMappings.DeleteMapping(name)
}

func (k *keptMappings) Mappings() (map[string][]byte, error) {
	if err := k.fail("list"); err != nil {
		return nil, err
	}
	return k.memoryMappings.Mappings()
}

func (k *keptMappings) names() []string { return slices.Sorted(maps.Keys(k.docs)) }

func withMappings(k MappingStore) option { return func(s *setup) { s.Mappings = k } }

const (
	cities   = `{"name":"cities","route":"GET /v1/cities","sql":"SELECT DISTINCT city FROM users WHERE city IS NOT NULL ORDER BY city"}`
	cityOnly = `{"route":"GET /v1/cities","sql":"SELECT id FROM users WHERE city = 'Bern' ORDER BY id"}`
)

// admin200 demands a status of the control plane.
func (h *harness) demand(status int, method, path, body string) *answer {
	h.t.Helper()
	a := h.admin(method, path, body)
	if a.StatusCode != status {
		h.t.Fatalf("%s %s: %d %s, want %d", method, path, a.StatusCode, a.body, status)
	}
	return a
}

func TestMappingsComeAndGo(t *testing.T) {
	h := start(t)
	if a := h.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("before: %d", a.StatusCode)
	}
	a := h.demand(201, "POST", "/v1/endpoints", cities)
	if a.Header.Get("Location") != "/v1/endpoints/cities" || !strings.Contains(a.body, `"origin":"registered","persisted":false,"note":"store.path is :memory:`) {
		t.Errorf("got %s, %s", a.Header.Get("Location"), a.body)
	}
	if a := h.miss("/v1/cities"); a.body != `[{"city":"Bern"},{"city":"Rome"}]`+"\n" {
		t.Errorf("got %s", a.body)
	}
	h.hit("/v1/cities")
	if n := h.write("PUT", "/v1/users/1", `{"firstName":"Eve"}`); n != "0" {
		t.Errorf("a write that it does not read affects %s", n)
	}
	h.write("DELETE", "/v1/users/2", "")
	if a := h.get("/v1/cities"); a.body != `[{"city":"Bern"}]`+"\n" {
		t.Errorf("after a write: %s", a.body)
	}
	h.hit("/v1/cities")

	// The same again keeps the entries, another SQL drops them.
	h.demand(200, "PUT", "/v1/endpoints/cities", cities)
	h.hit("/v1/cities")
	h.demand(200, "PUT", "/v1/endpoints/cities", cityOnly)
	if a := h.miss("/v1/cities"); a.body != `[{"id":"1"},{"id":"123-abc"}]`+"\n" {
		t.Errorf("under the new SQL: %s", a.body)
	}
	h.demand(200, "GET", "/v1/endpoints/cities", "")
	if a := h.demand(204, "DELETE", "/v1/endpoints/cities", ""); a.body != "" {
		t.Errorf("a 204 with %s", a.body)
	}
	if a := h.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("after: %d", a.StatusCode)
	}
	h.demand(404, "DELETE", "/v1/endpoints/cities", "")
	h.demand(404, "GET", "/v1/endpoints/cities", "")
	h.demand(201, "PUT", "/v1/endpoints/cities", cities)
	h.miss("/v1/cities")
}

// A name may be a route, and a mapping may write.
func TestNamesAreRoutesAndMappingsWrite(t *testing.T) {
	h := start(t)
	a := h.demand(201, "POST", "/v1/endpoints", `{"route":"PATCH /v1/users/{id}/city","sql":"UPDATE users SET city = :city WHERE id = :id"}`)
	where := a.Header.Get("Location")
	if where != "/v1/endpoints/PATCH%20%2Fv1%2Fusers%2F%7Bid%7D%2Fcity" {
		t.Errorf("got %s", where)
	}
	h.miss("/v1/users/1")
	if n := h.write("PATCH", "/v1/users/1/city", `{"city":"Oslo"}`); n != "1" {
		t.Errorf("affected %s", n)
	}
	if a := h.demand(200, "GET", where, ""); !strings.Contains(a.body, `"name":"PATCH /v1/users/{id}/city"`) {
		t.Errorf("got %s", a.body)
	}
	h.demand(204, "DELETE", where, "")
	if a := h.do("PATCH", "/v1/users/1/city", `{}`); a.StatusCode != 404 {
		t.Errorf("after: %d", a.StatusCode)
	}
	yaml := h.admin("POST", "/v1/endpoints", "route: GET /v1/y\nsql: SELECT 1 AS x\n", "Content-Type", "application/yaml")
	if yaml.StatusCode != 201 {
		t.Errorf("YAML: %d %s", yaml.StatusCode, yaml.body)
	}
}

func TestMappingsAreRefused(t *testing.T) {
	h := start(t, withLimits(Limits{Body: 4000}))
	h.demand(201, "POST", "/v1/endpoints", cities)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               []string
	}{
		{"POST", "/v1/endpoints", cities, 409, []string{"cities is registered already; PUT /v1/endpoints/cities replaces it"}},
		{"POST", "/v1/endpoints", `{"name":"users.get","route":"GET /x","sql":"SELECT 1 AS x"}`, 409, []string{"users.get is in ", "test.yaml", "the file wins"}},
		{"PUT", "/v1/endpoints/users.get", `{"route":"GET /x","sql":"SELECT 1 AS x"}`, 409, []string{"the file wins"}},
		{"DELETE", "/v1/endpoints/users.get", "", 409, []string{"users.get is in ", "test.yaml; remove it there"}},
		{"POST", "/v1/endpoints", `{"name":"x","route":"GET /v1/users/{other}","sql":"SELECT 1 AS x"}`, 409, []string{"answers the same requests as GET /v1/users/{id} of users.get, an endpoint of ", "test.yaml"}},
		{"PUT", "/v1/endpoints/x", `{"route":"GET /v1/cities","sql":"SELECT 1 AS x"}`, 409, []string{"GET /v1/cities of cities, a registered endpoint"}},
		{"PUT", "/v1/endpoints/x", `{"name":"y","route":"GET /x","sql":"SELECT 1 AS x"}`, 400, []string{"the body names the endpoint y and the URL x"}},
		{"DELETE", "/v1/endpoints/nope", "", 404, []string{"nope"}},
		{"POST", "/v1/endpoints", `{"route":"GET /x","sql":"SELECT nope FROM users"}`, 400, []string{"mistakes", `"errors":[{"name":"GET /x","detail":"line 1: endpoint GET /x: no such column: nope"}]`}},
		{"POST", "/v1/endpoints", "{\"route\":\"GET x\",\n\"colour\":1,\n\"ttl\":\"soon\"}", 400, []string{"there are 4 mistakes, and nothing was changed", "line 2: endpoint GET x: the endpoint has no key \\\"colour\\\"", "line 3: endpoint GET x: ttl", "sql is missing", "must begin with /"}},
		{"PUT", "/v1/endpoints/x", `{"route":"GET /x","sql":["DELETE FROM users"]}`, 400, []string{"GET is mapped to a statement that writes"}},
		{"PUT", "/v1/endpoints/x", `{"route":"GET /x","sql":"SELECT id FROM users WHERE id = :id","params":{"idd":{"type":"int"}}}`, 400, []string{"params declares idd"}},
		{"PUT", "/v1/endpoints/x", `{"route":"GET /x","sql":"SELECT 1 AS x","source":"other"}`, 400, []string{"there is no source"}},
		{"POST", "/v1/endpoints", `{`, 400, []string{"not valid JSON"}},
		{"POST", "/v1/endpoints", `[]`, 400, []string{"an endpoint takes a map of keys"}},
		{"POST", "/v1/endpoints", ``, 400, []string{"not valid JSON: it ends too early"}},
		{"POST", "/v1/endpoints", `{"sql":"` + strings.Repeat("x", 5000) + `"}`, 413, []string{"4000 bytes"}},
		{"PATCH", "/v1/endpoints/cities", `{}`, 405, []string{"DELETE, GET, HEAD, PUT"}},
		{"DELETE", "/v1/endpoints", ``, 405, []string{"GET, HEAD, POST"}},
		{"POST", "/v1/reload", `{"x":1}`, 400, []string{"not a field"}},
		{"GET", "/v1/reload", ``, 405, []string{"POST"}},
	} {
		a := h.admin(c.method, c.path, c.body)
		if a.StatusCode != c.status {
			t.Errorf("%s %s %.80s: %d %s", c.method, c.path, c.body, a.StatusCode, a.body)
		}
		for _, want := range c.want {
			if !strings.Contains(a.body, want) {
				t.Errorf("%s %s %.80s lacks %s: %s", c.method, c.path, c.body, want, a.body)
			}
		}
	}
	if a := h.admin("POST", "/v1/endpoints", `{}`, "Content-Type", "text/plain"); a.StatusCode != 415 {
		t.Errorf("text: %d", a.StatusCode)
	}
	if a := h.admin("POST", "/v1/endpoints", `{}`, "Content-Encoding", "br"); a.StatusCode != 415 {
		t.Errorf("br: %d", a.StatusCode)
	}
	if names := len(h.s.current().endpoints); names != strings.Count(testEndpoints, "- name:")+1 {
		t.Errorf("%d endpoints", names)
	}
}

// What is said about a mapping is what check says about the same in a file.
func TestMistakesAreThoseOfCheck(t *testing.T) {
	h := start(t)
	for _, body := range []string{
		`{"name":"x","route":"GET /x","sql":"SELECT nope FROM users"}`,
		`{"name":"x","route":"GET /x","sql":"SELECT id FROM users WHERE id = :a OR age = :a"}`,
		`{"name":"x","route":"GET /x","sql":"SELECT id, id FROM users","ttl":5}`,
		`{"name":"x","route":"POST /x","sql":["DELETE FROM users","SELECT 1 AS x"]}`,
		`{"name":"x","route":"GET /x","sql":"SELECT id FROM users ORDER BY :s","params":{"s":{"type":"choice","choices":{"a":"id","b":"nope"}}}}`,
	} {
		dir := t.TempDir()
		cfg, mistakes := parseConfig(t, dir, testSchema, "endpoints: ["+body+"]\n")
		var want, got []string
		for _, m := range AllMistakes(t.Context(), cfg, mistakes) {
			want = append(want, m.Endpoint+": "+m.Message)
		}
		var p struct {
			Errors []struct{ Name, Detail string }
		}
		h.demand(400, "POST", "/v1/endpoints", body).json(t, &p)
		for _, e := range p.Errors {
			got = append(got, strings.TrimPrefix(e.Detail, "line 1: endpoint "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", body, got, want)
		}
	}
}

// TestWhatWasGotCanBePut holds that an answer is a mapping with the same meaning.
func TestWhatWasGotCanBePut(t *testing.T) {
	h := start(t)
	h.demand(201, "POST", "/v1/endpoints", cities)
	h.demand(201, "POST", "/v1/endpoints", `{"name":"full","route":"GET /v1/full/{id}","sql":"SELECT id FROM users WHERE id = :id AND age > :age AND city IN (:c) ORDER BY :s",
		"params":{"age":{"type":"int","default":3,"min":1,"max":99,"in":"query"},"c":{"type":"list","default":["Bern"],"max":5},"s":{"type":"choice","default":"b","choices":{"b":"id","a":"age, id"}}},
		"result":"one","ttl":"90s","client_ttl":"5s","consistency":"eventual","stale_while_revalidate":"10s","stale_if_error":"1m","rehydrate":"off","vary":["Accept"],"cache":false,"depends_on":["orders"],"records":["$.id"],"tags":["a","b"]}`)
	var list struct{ Endpoints []json.RawMessage }
	h.demand(200, "GET", "/v1/endpoints", "").json(t, &list)
	if len(list.Endpoints) != len(h.s.current().endpoints) {
		t.Errorf("%d are shown", len(list.Endpoints))
	}
	for i, doc := range list.Endpoints {
		e := h.s.current().endpoints[i]
		cfg, mistakes := config.DecodeEndpoint(doc, h.s.cfg, config.Decode{Ignore: answersFor})
		if len(mistakes) > 0 || !e.cfg.Equal(cfg) {
			t.Errorf("%s came back as %v, %v", doc, cfg, mistakes)
		}
	}
	full := h.demand(200, "GET", "/v1/endpoints/full", "").body
	h.demand(200, "PUT", "/v1/endpoints/full", full)
	if again := h.demand(200, "GET", "/v1/endpoints/full", "").body; again != full {
		t.Errorf("%s\nbecame\n%s", full, again)
	}
}

func TestMappingsOutliveARestart(t *testing.T) {
	store := &keptMappings{}
	h := start(t, withMappings(store))
	if a := h.demand(201, "POST", "/v1/endpoints", cities); !strings.Contains(a.body, `"persisted":true`) || strings.Contains(a.body, "note") {
		t.Errorf("got %s", a.body)
	}
	h.demand(201, "PUT", "/v1/endpoints/gone", `{"route":"GET /v1/gone","sql":"SELECT 1 AS x"}`)
	h.demand(204, "DELETE", "/v1/endpoints/gone", "")
	h.demand(201, "PUT", "/v1/endpoints/b", `{"route":"GET /v1/b","sql":"SELECT 1 AS x"}`)
	h.demand(200, "PUT", "/v1/endpoints/b", `{"route":"GET /v1/b","sql":"SELECT 2 AS x"}`)
	h2 := start(t, withMappings(store))
	h2.miss("/v1/cities")
	if a := h2.miss("/v1/b"); a.body != "[{\"x\":2}]\n" {
		t.Errorf("got %s", a.body)
	}
	if a := h2.get("/v1/gone"); a.StatusCode != 404 {
		t.Errorf("what was deleted: %d", a.StatusCode)
	}
	if a := h2.demand(200, "GET", "/v1/endpoints/cities", ""); a.body != h.demand(200, "GET", "/v1/endpoints/cities", "").body {
		t.Errorf("got %s", a.body)
	}
}

// The store itself keeps mappings over its own end.
func TestMappingsInTheStoreItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edge.store")
	open := func() *depgraph.Vault {
		v, err := depgraph.OpenVault(depgraph.VaultOptions{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := open()
	h := start(t, withMappings(v))
	h.demand(201, "POST", "/v1/endpoints", cities)
	if err := v.Close(nil); err != nil {
		t.Fatal(err)
	}
	v = open()
	h = start(t, withMappings(v))
	h.miss("/v1/cities")
	h.demand(204, "DELETE", "/v1/endpoints/cities", "")
	if err := v.Close(nil); err != nil {
		t.Fatal(err)
	}
	v = open()
	h = start(t, withMappings(v))
	if a := h.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("got %d", a.StatusCode)
	}
	if err := v.Close(nil); err != nil {
		t.Fatal(err)
	}
}

// What does not fit when the server starts is kept, said, and shown.
func TestUnfitMappingsAreKept(t *testing.T) {
	store := &keptMappings{}
	for name, doc := range map[string]string{
		"users.get": `{"route":"GET /v1/mine","sql":"SELECT 1 AS x"}`,                    // a name of the file
		"mine":      `{"name":"mine","route":"GET /v1/users/{x}","sql":"SELECT 1 AS x"}`, // a route of the file
		"broken":    `{"name":"broken","route":"GET /v1/broken","sql":"SELECT nope FROM extra"}`,
		"odd":       `{"name":"odd","colour":1}`,
		"junk":      `{`,
		"cities":    cities,
	} {
		if err := store.PutMapping(name, []byte(doc)); err != nil {
			t.Fatal(err)
		}
	}
	h := start(t, withMappings(store))
	h.miss("/v1/cities")
	if a := h.get("/v1/broken"); a.StatusCode != 404 {
		t.Errorf("not served means %d", a.StatusCode)
	}
	if a := h.miss("/v1/users/1"); !strings.Contains(a.body, "Ada") {
		t.Errorf("the file wins, and says %s", a.body)
	}
	for name, why := range map[string]string{
		"users.get": "its name is that of an endpoint of ", "mine": "answers the same requests as GET /v1/users/{id} of users.get, an endpoint of ",
		"broken": "no such table: extra", "odd": "the endpoint has no key", "junk": "not valid JSON",
	} {
		if n := strings.Count(h.log.String(), `msg="a registered mapping is not served" endpoint=`+name+" mistake="); n != 1 {
			t.Errorf("%d lines about %s", n, name)
		}
		if list := h.demand(200, "GET", "/v1/endpoints", "").body; !strings.Contains(list, `"mistake":"not served: `) || !strings.Contains(list, why) {
			t.Errorf("the list lacks %s: %s", why, list)
		}
	}
	if a := h.demand(200, "GET", "/v1/endpoints/broken", ""); !strings.Contains(a.body, `"sql":["SELECT nope FROM extra"]`) || !strings.Contains(a.body, `"mistake":"not served: no such table: extra"`) {
		t.Errorf("got %s", a.body)
	}
	h.demand(409, "POST", "/v1/endpoints", `{"name":"broken","route":"GET /v1/other","sql":"SELECT 1 AS x"}`)
	h.demand(409, "POST", "/v1/endpoints", `{"name":"other","route":"GET /v1/broken","sql":"SELECT 1 AS x"}`)

	// The schema comes, and the mapping fits.
	h.exec(h.other(), "CREATE TABLE extra (nope); INSERT INTO extra VALUES (5)")
	eventually(t, "it fits again", func() bool { return h.get("/v1/broken").StatusCode == 200 })
	h.hit("/v1/broken")
	if !strings.Contains(h.log.String(), `msg="a registered mapping fits again" endpoint=broken`) {
		t.Error("no line in the log")
	}
	h.demand(200, "PUT", "/v1/endpoints/odd", `{"route":"GET /v1/odd","sql":"SELECT 1 AS x"}`)
	h.demand(204, "DELETE", "/v1/endpoints/junk", "")
	if a := h.demand(200, "DELETE", "/v1/endpoints/users.get", ""); !strings.Contains(a.body, "goes on being served") {
		t.Errorf("got %s", a.body)
	}
	h.demand(409, "DELETE", "/v1/endpoints/users.get", "")
	if got := strings.Join(store.names(), " "); got != "broken cities mine odd" {
		t.Errorf("the store has %s", got)
	}
}

// A store that refuses changes nothing.
func TestStoreRefuses(t *testing.T) {
	store := &keptMappings{}
	h := start(t, withMappings(store))
	h.demand(201, "POST", "/v1/endpoints", cities)
	h.miss("/v1/cities")
	store.failing.Store("put", errors.New("disk full: secret path"))
	store.failing.Store("delete", errors.New("disk full: secret path"))
	for _, a := range []*answer{
		h.demand(503, "PUT", "/v1/endpoints/cities", cityOnly),
		h.demand(503, "POST", "/v1/endpoints", `{"route":"GET /v1/x","sql":"SELECT 1 AS x"}`),
		h.demand(503, "DELETE", "/v1/endpoints/cities", ""),
	} {
		if !strings.Contains(a.body, "nothing was changed") || strings.Contains(a.body, "secret") {
			t.Errorf("got %s", a.body)
		}
	}
	h.hit("/v1/cities")
	if a := h.get("/v1/x"); a.StatusCode != 404 {
		t.Errorf("got %d", a.StatusCode)
	}
	h.demand(400, "PUT", "/v1/endpoints/"+strings.Repeat("n", 201), cityOnly)

	// One that says it will write later is believed, and the answer says so.
	store.failing.Store("put", fmt.Errorf("%w: disk full", depgraph.ErrNotKept))
	store.failing.Store("delete", depgraph.ErrNotKept)
	for range 2 {
		if a := h.demand(200, "PUT", "/v1/endpoints/cities", cityOnly); !strings.Contains(a.body, `"persisted":false,"note":"the store cannot be written now`) {
			t.Errorf("got %s", a.body)
		}
	}
	store.failing.Delete("put")
	if a := h.demand(200, "PUT", "/v1/endpoints/cities", cityOnly); !strings.Contains(a.body, `"persisted":true`) {
		t.Errorf("got %s", a.body)
	}
	h.demand(204, "DELETE", "/v1/endpoints/cities", "")
	if a := h.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("got %d", a.StatusCode)
	}
	store.failing.Store("list", errors.New("unreadable"))
	cfg, _ := parseConfig(t, t.TempDir(), testSchema, testEndpoints)
	if _, err := New(t.Context(), Options{Config: cfg, Mappings: store}); err == nil || !strings.Contains(err.Error(), "registered mappings cannot be read") {
		t.Errorf("got %v", err)
	}
}

// A source that cannot be asked says nothing about a mapping.
func TestMappingWithoutItsSource(t *testing.T) {
	h := start(t)
	h.tap.undescribed.Store(1)
	if a := h.demand(503, "POST", "/v1/endpoints", cities); a.Header.Get("Retry-After") == "" {
		t.Errorf("got %s", a.body)
	}
	h.demand(201, "POST", "/v1/endpoints", cities)
}

func TestMappingsTogetherHaveALimit(t *testing.T) {
	h := start(t, withLimits(Limits{Mappings: 500}))
	h.demand(201, "POST", "/v1/endpoints", cities)
	if a := h.demand(409, "POST", "/v1/endpoints", `{"route":"GET /v1/x","sql":"SELECT '`+strings.Repeat("x", 300)+`' AS x"}`); !strings.Contains(a.body, "500 bytes") {
		t.Errorf("got %s", a.body)
	}
	if a := h.get("/v1/x"); a.StatusCode != 404 {
		t.Errorf("got %d", a.StatusCode)
	}
}

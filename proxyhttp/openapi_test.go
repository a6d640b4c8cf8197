package proxyhttp_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"edgecache/fixtures/shop"
	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
)

// described is a server with its two planes.
type described struct {
	t             *testing.T
	data, control *httptest.Server
}

// describe serves a configuration; with none it is the demo.
func describe(t *testing.T, text, schema string) *described {
	t.Helper()
	dir := t.TempDir()
	if text == "" {
		text, schema = shop.Config, shop.Schema
	}
	for name, content := range map[string]string{"shop.yaml": text, "schema.sql": schema} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, mistakes := config.Load(filepath.Join(dir, "shop.yaml"), func(string) (string, bool) { return "", false })
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s, err := proxyhttp.New(t.Context(), proxyhttp.Options{Config: cfg, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	d := &described{t, httptest.NewServer(s.Data()), httptest.NewServer(s.Control())}
	t.Cleanup(func() {
		d.data.Close()
		d.control.Close()
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return d
}

func (d *described) document() []byte {
	d.t.Helper()
	res, err := http.Get(d.control.URL + "/v1/openapi.json")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close() // read only
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatal(res.Status, err)
	}
	return data
}

// valid holds the document against the official schema of OpenAPI 3.1.
func (d *described) valid() validator.Validator {
	d.t.Helper()
	text := bytes.ReplaceAll(d.document(), []byte("http://127.0.0.1:8080"), []byte(d.data.URL))
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		d.t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		d.t.Fatal(errs)
	}
	if ok, wrong := v.ValidateDocument(); !ok {
		for _, w := range wrong {
			d.t.Errorf("%s: %s: %+v", w.Message, w.Reason, w.SchemaValidationErrors)
		}
		d.t.FailNow()
	}
	return v
}

// TestOpenAPIOfTheDemo holds the document against the official schema, and
// requests and live answers of every endpoint of the demo against the document.
func TestOpenAPIOfTheDemo(t *testing.T) {
	d := describe(t, "", "")
	v := d.valid()
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/users", "", 200}, {"GET", "/v1/users?firstName=Lane&limit=3&id=123*", "", 200},
		{"GET", "/v1/users/123-abc", "", 200}, {"GET", "/v1/users/nobody", "", 404},
		{"GET", "/v1/usersWithOrders?limit=5", "", 200}, {"GET", "/v1/users/123-abc/orders", "", 200},
		{"GET", "/v1/users/123-abc/totals", "", 200}, {"GET", "/v1/orderTotals", "", 200},
		{"GET", "/v1/products?category=books&minPrice=200&maxPrice=5000&sort=-price", "", 200}, {"GET", "/v1/products/4", "", 200},
		{"GET", "/v1/orders/1", "", 200}, {"GET", "/v1/orders/1/items", "", 200},
		{"GET", "/v1/stores?south=45&north=47&west=4&east=8", "", 200}, {"GET", "/v1/stores/1", "", 200},
		{"POST", "/v1/users", `{"id":"new","firstName":"N","lastName":"E","email":"n@example.com","city":null}`, 200},
		{"POST", "/v1/users", `{"id":"new","firstName":"N","lastName":"E","email":"n@example.com"}`, 409},
		{"PUT", "/v1/users/new", `{"firstName":"Nora"}`, 200}, {"DELETE", "/v1/users/new", "", 200},
		{"POST", "/v1/checkout", `{"userId":"123-abc","productId":4,"quantity":2}`, 200},
		{"POST", "/v1/products", `{"name":"x","category":"books","price":5}`, 200},
		{"PUT", "/v1/orders/1", `{"status":"shipped"}`, 200},
	} {
		req, err := http.NewRequest(c.method, d.data.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, res.StatusCode, data)
		}
		_ = res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(data))
		req.Body = io.NopCloser(strings.NewReader(c.body))
		if ok, wrong := v.ValidateHttpRequestResponse(req, res); !ok {
			for _, w := range wrong {
				t.Errorf("%s %s: %s: %s: %+v\n%s", c.method, c.path, w.Message, w.Reason, w.SchemaValidationErrors, data)
			}
		}
	}
	// And the document refuses what the server refuses.
	for _, target := range []string{"/v1/users?limit=1000", "/v1/users?limit=x", "/v1/products?sort=size", "/v1/stores?south=45"} {
		req, err := http.NewRequest("GET", d.data.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ok, _ := v.ValidateHttpRequest(req); ok {
			t.Errorf("%s is a valid request", target)
		}
	}
}

const odd = `
sources: {main: {dsn: odd.db, init: schema.sql}}
server: {auth: {tokens: [{token: abc, claims: {tenant: a}}]}}
endpoints:
`

const oddSchema = `
CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(10,2), raw BLOB, born DATE, at DATETIME, flag BOOLEAN, x);
INSERT INTO t VALUES (1, 'a', 12.5, x'00', '2020-01-02', '2020-01-02 03:04:05', 1, 'y');
CREATE TABLE u (id INTEGER PRIMARY KEY, t_id INTEGER NOT NULL, note TEXT NOT NULL);
`

// TestOpenAPI prints the operations of the endpoints in its input.
func TestOpenAPI(t *testing.T) {
	datadriven.RunTest(t, "testdata/openapi", func(t *testing.T, dd *datadriven.TestData) string {
		d := describe(t, odd+dd.Input+"\n", oddSchema)
		d.valid()
		var doc struct{ Paths map[string]any }
		if err := json.Unmarshal(d.document(), &doc); err != nil {
			t.Fatal(err)
		}
		for _, item := range doc.Paths {
			for _, op := range item.(map[string]any) {
				responses := op.(map[string]any)["responses"].(map[string]any)
				for status, r := range responses { // the same in all
					if status != "200" {
						delete(responses, status)
					} else {
						delete(r.(map[string]any), "headers")
					}
				}
			}
		}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(doc.Paths); err != nil {
			t.Fatal(err)
		}
		return b.String()
	})
}

package proxyhttp

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

func TestBodiesAreReadWholeOrRefused(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, c := range []struct {
		body, media string
		want        string // what the problem says; "" when it is read
		status      int
	}{
		{`{"a":1}`, "", "", 0},
		{`{"a":1}`, "application/json; charset=utf-8", "", 0},
		{`{"a":1}`, "application/merge-patch+json", "", 0},
		{"", "text/plain", "", 0},
		{" \n", "", "", 0},
		{`{"a":1}`, "text/plain", "send application/json", 415},
		{`{"a":1}`, "application/x-www-form-urlencoded", "", 0},
		{`a=1&b=2`, "application/x-www-form-urlencoded", "send application/json", 415},
		{`{"a":1`, "application/x-www-form-urlencoded", "malformed JSON", 400},
		{`{"a":1`, "", "malformed JSON at line 1, column 7: unexpected end", 400},
		{"{\n  \"a\": tru\n}", "", "malformed JSON at line 2, column 11", 400},
		{`{"a":1} x`, "", "malformed JSON at line 1, column 9", 400},
		{`{"a":01}`, "", "malformed JSON at line 1, column 7", 400},
		{`[1]`, "", "it is an array", 400},
		{`"x"`, "", "it is a string", 400},
		{`{"a":1,"a":2}`, "", `the key "a" appears twice`, 400},
		{`{"a":{"b":1,"b":2}}`, "", `the key "b" appears twice`, 400},
		{"{\"a\":\"\xff\"}", "", "not valid UTF-8", 400},
		{`{"a":"\ud800"}`, "", "half of a surrogate pair", 400},
		{`{"a":"\ud83d\ude00"}`, "", "", 0},
		{`{"a":"\uFFFD"}`, "", "", 0},
		{`{"a":1e999}`, "", "", 0}, // what binds it says what is wrong with it
		{`{"a":1e9x}`, "", "malformed JSON at line 1, column 9", 400},
		{`{"a":` + deep + `}`, "", "deeper than 32", 400},
		{`{"a":"` + strings.Repeat("x", 200) + `"}`, "", "a body may have 100 bytes", 413},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		if c.media != "" {
			r.Header.Set("Content-Type", c.media)
		}
		_, p := readObject(httptest.NewRecorder(), r, 100)
		switch {
		case c.want == "" && p != nil:
			t.Errorf("%s: refused: %v", c.body, p)
		case c.want != "" && (p == nil || p.Status != c.status || !strings.Contains(p.Detail, c.want)):
			t.Errorf("%s: got %+v, want %d %s", c.body, p, c.status, c.want)
		}
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	v, err := decodeJSON([]byte(`{"n":12345678901234567890.10,"l":[1,null,true,"x",{"k":[]}]}`))
	want := map[string]any{"n": json.Number("12345678901234567890.10"), "l": []any{json.Number("1"), nil, true, "x", map[string]any{"k": []any{}}}}
	if err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("got %#v, %v", v, err)
	}
}

// A chunked body has no length that could be looked at first.
func TestChunkedBodiesAreBounded(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"a":"`+strings.Repeat("x", 200)+`"}`))
	r.ContentLength = -1
	if _, p := readObject(httptest.NewRecorder(), r, 100); p == nil || p.Status != 413 {
		t.Errorf("got %+v", p)
	}
}

func TestEncodedBodiesAreRefused(t *testing.T) {
	for enc, status := range map[string]int{"": 0, "identity": 0, "Identity": 0, "gzip": 415, "br, identity": 415} {
		r, w := httptest.NewRequest("POST", "/", strings.NewReader(`{"a":1}`)), httptest.NewRecorder()
		r.Header.Set("Content-Encoding", enc)
		_, p := readObject(w, r, 100)
		if p == nil && status != 0 || p != nil && p.Status != status {
			t.Errorf("%q: %+v, want %d", enc, p, status)
		}
		if accept := w.Header().Get("Accept-Encoding"); (accept == "identity") != (status == 415) {
			t.Errorf("%q: Accept-Encoding %q", enc, accept)
		}
	}
}

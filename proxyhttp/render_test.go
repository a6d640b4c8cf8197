package proxyhttp

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"edgecache/source"
)

// The naive twin of appendString is encoding/json.
func TestStringsAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "text") {
			s = rapid.String().Draw(t, "runes") + "\u2028\u2029<&>"
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSuffix(b.String(), "\n")
		// encoding/json escapes U+FFFD that it put in itself; we write it as it is.
		want = strings.ReplaceAll(want, `\ufffd`, "\ufffd")
		if got := string(appendString(nil, s)); got != want {
			t.Fatalf("%q: got %s, want %s", s, got, want)
		}
	})
}

func TestValuesKeepTypeAndDigits(t *testing.T) {
	for _, c := range []struct {
		v    source.Value
		want string
	}{
		{source.Null(), "null"},
		{source.Unknown(), "null"},
		{source.Int(math.MaxInt64), "9223372036854775807"},
		{source.Int(math.MinInt64), "-9223372036854775808"},
		{source.Float(1), "1.0"},
		{source.Float(0.1), "0.1"},
		{source.Float(1e300), "1e+300"},
		{source.Float(math.Inf(1)), "9e999"},
		{source.Float(math.Inf(-1)), "-9e999"},
		{source.Text("a\"b\\\n<é>\x01"), `"a\"b\\\n<é>\u0001"`},
		{source.Text("bad \xff byte"), "\"bad \ufffd byte\""},
		{source.Blob([]byte{0, 1, 255}), `"AAH/"`},
		{source.Blob(nil), `""`},
	} {
		if got := string(appendValue(nil, c.v)); got != c.want {
			t.Errorf("%v: got %s, want %s", c.v, got, c.want)
		}
	}
}

func TestObjectsKeepTheOrderOfTheSelect(t *testing.T) {
	r := newRenderer([]string{"z", "a \"q\"", "m"})
	rows := []source.Row{{source.Int(1), source.Text("x"), source.Null()}, {source.Int(2), source.Text("y"), source.Float(2.5)}}
	want := `[{"z":1,"a \"q\"":"x","m":null},{"z":2,"a \"q\"":"y","m":2.5}]` + "\n"
	if got := string(r.many(rows)); got != want {
		t.Errorf("many: got %s", got)
	}
	if got := string(r.many(nil)); got != "[]\n" {
		t.Errorf("no rows: got %s", got)
	}
	if got := string(r.one(rows[0])); got != `{"z":1,"a \"q\"":"x","m":null}`+"\n" {
		t.Errorf("one: got %s", got)
	}
	if r.fits([]string{"z", "m"}) || r.fits([]string{"z", "m", "a"}) || !r.fits([]string{"z", "a \"q\"", "m"}) {
		t.Error("fits is wrong")
	}
}

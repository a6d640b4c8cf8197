package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHostileShapes holds that no small text costs much time: each case took
// go-yaml seconds to hours, or all memory, without the bounds on shape, steps
// and text.
func TestHostileShapes(t *testing.T) {
	head := "sources: {main: {dsn: x}}\n"
	repeat := func(f string, n int) string {
		var b strings.Builder
		for i := range n {
			if strings.Contains(f, "%") {
				fmt.Fprintf(&b, f, i)
			} else {
				b.WriteString(f)
			}
		}
		return b.String()
	}
	indent := func() string {
		var b strings.Builder
		for i := range 2000 {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	for name, c := range map[string]struct{ text, want string }{
		"brackets": {repeat("[", 1<<20), "nested more than"},
		"braces":   {repeat("{a: ", 1<<18), "nested more than"},
		"dashes":   {repeat("- ", 1<<20), "nested more than"},
		"marks":    {repeat("? ", 1<<20), "nested more than"},
		"tags":     {repeat("!a ", 1<<19), "nested more than"},
		"anchors":  {repeat("&a ", 1<<19), "nested more than"},
		"indents":  {indent(), "nested more than"},
		"keys":     {repeat("k%d: 1\n", 100_000), "more than 20000 keys"},
		"flow":     {"{" + repeat("k%d: 1,", 100_000) + "}", "more than 20000 keys"},
		"laughs": {head + "params: &p {" + repeat("p%d: {type: int},", 90) + "}\nendpoints:\n" + repeat("- {route: \"GET /%d\", sql: s, params: *p}\n", 9000),
			"expand to more than"},
		"merges":   {head + "x: &a {" + repeat("k%d: 1,", 15000) + "}\ny:\n" + repeat("- {<<: *a}\n", 10000), "expand to more than"},
		"variable": {head + "store: {path: \"" + repeat("${LONG}", 10000) + "\"}", "grows past"},
		"mistakes": {head + "endpoints:\n" + repeat("- {route: x, zz: 1}\n", 3000), "mistakes more"},
	} {
		start := time.Now()
		_, mistakes := Parse("f.yaml", []byte(c.text), func(string) (string, bool) { return strings.Repeat("x", 1000), true })
		if text := fmt.Sprint(mistakes); !strings.Contains(text, c.want) {
			t.Errorf("%s: want %q among %d mistakes: %.300s", name, c.want, len(mistakes), text)
		}
		// Far above what any takes, far below what each took.
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %s", name, d)
		}
		if len(mistakes) > maxMistakes+1 {
			t.Errorf("%s: %d mistakes", name, len(mistakes))
		}
	}
}

// TestManyEndpoints reads the most that a file may have, and one more.
func TestManyEndpoints(t *testing.T) {
	var b strings.Builder
	b.WriteString("sources: {main: {dsn: x}}\nendpoints:\n")
	for i := range MaxEndpoints {
		fmt.Fprintf(&b, "- name: e%d\n  route: GET /v1/e%d/{id}\n  sql: |\n    SELECT id FROM t\n    WHERE id = :id\n  params:\n    id: {type: int, min: 1}\n  ttl: 1h\n", i, i)
	}
	c, mistakes := Parse("f.yaml", []byte(b.String()), nil)
	if len(mistakes) > 0 || len(c.Endpoints) != MaxEndpoints || c.Endpoints[9999].Line != 3+8*9999 {
		t.Fatalf("%d endpoints, %.300v", len(c.Endpoints), mistakes)
	}
	b.WriteString("- {name: one.more, route: GET /x, sql: s}\n")
	if _, mistakes := Parse("f.yaml", []byte(b.String()), nil); len(mistakes) != 1 || !strings.Contains(mistakes[0].Message, "at most 10000") {
		t.Fatalf("%.300v", mistakes)
	}
}

func TestTextOfTheFile(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"windows":  {"\ufeffsources: {main: {dsn: x}}\r\nstore: {max_memory: 5}\r\nzz: 1\r\n", `f.yaml:3: the file has no key "zz"; it has server, admin, store, log, self_check, sources, defaults, endpoints`},
		"not text": {"a: 1\nb: \xff\n", "f.yaml:2: this line is not UTF-8 text; save the file as UTF-8"},
		"nul":      {"a: 1\nb: x\x00\n", "f.yaml:2: this line holds a NUL byte; the file must be text"},
		"nul text": {"sources: {main: {dsn: x}}\nstore: {path: \"a\\0b\"}\n", "f.yaml:2: text must not hold a NUL byte"},
	} {
		_, mistakes := Parse("f.yaml", []byte(c.text), nil)
		if len(mistakes) != 1 || mistakes[0].String() != c.want {
			t.Errorf("%s: %v, want %s", name, mistakes, c.want)
		}
	}
}

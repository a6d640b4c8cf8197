package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"edgecache/proxyhttp"
)

// TestJSONIsDocumented holds that every field that --json prints is named by
// `edgecache help json`.
func TestJSONIsDocumented(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" || !f.IsExported() {
				continue
			}
			if !f.Anonymous {
				mark := regexp.QuoteMeta(name)
				if strings.Contains(options, "omitempty") {
					mark += `\?`
				}
				if !regexp.MustCompile(`\b` + mark + `(\W|$)`).MatchString(jsonText) {
					t.Errorf("%s.%s: %s%s is not in the help", typ, f.Name, name, map[bool]string{true: "?"}[strings.Contains(options, "omitempty")])
				}
			}
			walk(f.Type)
		}
	}
	for _, v := range []any{proxyhttp.Checked{}, proxyhttp.Explanation{}, registered{}, build{}} {
		walk(reflect.TypeOf(v))
	}
	if len(seen) < 10 {
		t.Errorf("only %d types", len(seen))
	}
}

// Every command that answers a question has --json.
func TestEveryAnswerCanBeJSON(t *testing.T) {
	for _, path := range []string{"check", "explain", "graph", "endpoints list", "endpoints add", "endpoints rm", "purge", "stats", "version"} {
		cmd, _, err := newRoot().Find(strings.Fields(path))
		if err != nil || cmd.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json (%v)", path, err)
		}
	}
}

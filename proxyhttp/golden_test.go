package proxyhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestGolden runs sessions against a server over the test schema and holds
// what it answers:
//
//	data METHOD PATH, admin METHOD PATH     with the body, if any, below
//	idle                                    waits until every refill is done
//
// The answer prints as its status, the headers that say something, and its
// body, JSON indented. The clock stands still.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/sessions", func(t *testing.T, path string) {
		h := start(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "idle" { // until every refill is done
				eventually(t, "idle", func() bool { q := h.s.queue.Stats(); return q.Length+q.Running == 0 })
				return ""
			}
			method, target, headers := d.CmdArgs[0].Key, "", []string{}
			for i, a := range d.CmdArgs[1:] {
				if i == 0 {
					target = a.String()
					continue
				}
				headers = append(headers, a.Key, a.Vals[0])
			}
			base := h.data.URL
			if d.Cmd == "admin" {
				base = h.control.URL
			}
			return printAnswer(h.send(base, method, target, strings.TrimSpace(d.Input), headers...))
		})
	})
}

var (
	bytesField = regexp.MustCompile(`"bytes": [0-9]+`)
	idField    = regexp.MustCompile(`"requestId": "[0-9a-f]{16}"`)
)

func printAnswer(a *answer) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.StatusCode)
	for _, name := range []string{"Cache-Status", "Age", "Cache-Control", "Allow", "Retry-After", "Edgecache-Invalidated", "Content-Type"} {
		if v := a.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(a.body), "", " "); err != nil {
		out.Reset()
		out.WriteString(a.body)
	}
	// What an entry weighs is for depgraph to say.
	text := bytesField.ReplaceAllString(strings.TrimSpace(out.String()), `"bytes": N`)
	b.WriteString(idField.ReplaceAllString(text, `"requestId": "ID"`) + "\n")
	return b.String()
}

// TestMistakes holds what is said about wrong configurations: each case is the
// endpoints of a file, the answer every mistake of it, all at once. The lines
// count from the file's own first line, which names the source.
func TestMistakes(t *testing.T) {
	datadriven.RunTest(t, "testdata/mistakes", func(t *testing.T, d *datadriven.TestData) string {
		dir := t.TempDir()
		cfg, mistakes := parseConfig(t, dir, testSchema, "endpoints:\n"+d.Input+"\n")
		out := Mistakes(AllMistakes(t.Context(), cfg, mistakes)).Error() + "\n"
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("checking left %v, %v", entries, err)
		}
		return strings.ReplaceAll(out, filepath.Join(dir, "test.yaml"), "test.yaml")
	})
}

package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/creack/pty"
)

// TestWalk walks every command against a running server and holds what it
// prints, on a terminal and not. Commands:
//
//	schema        SQL of the database that comes next
//	serve         YAML: a server that runs until the file ends
//	file NAME     a file in the folder of the configuration
//	get           URLs of the data plane, one a line
//	run           one command line; prints its output and exit code
//	              (args: tty=COLUMNS for a terminal, env=(NAME=VALUE), in for standard input)
//
// In what is run, CONTROL and DATA stand for the server's addresses and DIR for
// its folder. Ports, times and versions are masked. Run with -rewrite to accept
// new output.
func TestWalk(t *testing.T) {
	datadriven.Walk(t, "testdata/walk", func(t *testing.T, path string) {
		w := &walk{t: t, dir: t.TempDir(), schema: schema}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t = t
			return w.step(d)
		})
	})
}

type walk struct {
	t                          *testing.T
	dir, schema, data, control string
}

func (w *walk) step(d *datadriven.TestData) string {
	switch d.Cmd {
	case "schema":
		w.schema = d.Input
	case "file":
		w.write(d.CmdArgs[0].Key, d.Input)
	case "serve":
		w.write("schema.sql", w.schema)
		w.write("edge.yaml", d.Input)
		w.data, w.control = serving(w.t, filepath.Join(w.dir, "edge.yaml"))
	case "get":
		for _, path := range strings.Fields(d.Input) {
			res, err := http.Get(w.data + path)
			if err != nil {
				w.t.Fatal(err)
			}
			_ = res.Body.Close()
		}
	case "run":
		return w.run(d)
	default:
		w.t.Fatalf("unknown command %s", d.Cmd)
	}
	return ""
}

func (w *walk) write(name, text string) {
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *walk) run(d *datadriven.TestData) string {
	columns := 0
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "tty":
			a.Scan(w.t, 0, &columns)
		case "env":
			for _, v := range a.Vals {
				name, value, _ := strings.Cut(v, "=")
				w.t.Setenv(name, value)
			}
		default:
			w.t.Fatalf("unknown argument %s", a.Key)
		}
	}
	line, in, _ := strings.Cut(d.Input, "\n")
	args := w.args(line)
	var code int
	var out string
	if columns > 0 {
		code, out = w.onTerminal(columns, args)
	} else {
		code, out = w.plainly(args, in)
	}
	out = w.mask(out)
	if code != 0 {
		out += fmt.Sprintf("exit %d\n", code)
	}
	return out
}

func (w *walk) plainly(args []string, in string) (int, string) {
	var out, errs bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&out)
	root.SetErr(&errs)
	code := exitCode(root.ExecuteContext(w.t.Context()), &errs)
	return code, out.String() + errs.String()
}

// onTerminal runs a command on a terminal of that width.
func (w *walk) onTerminal(columns int, args []string) (int, string) {
	w.t.Setenv("TERM", "xterm")
	screen, tty, err := pty.Open()
	if err != nil {
		w.t.Skipf("no terminals on this machine: %v", err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: uint16(columns)}); err != nil {
		w.t.Fatal(err)
	}
	seen := make(chan string)
	go func() {
		text, _ := io.ReadAll(screen) // ends with an error when the other side is closed
		seen <- string(text)
	}()
	code := run(w.t.Context(), args, tty, tty)
	_ = tty.Close()
	text := <-seen
	_ = screen.Close()
	return code, strings.ReplaceAll(text, "\r\n", "\n")
}

// args splits a line as a shell does, quotes included.
func (w *walk) args(line string) []string {
	var out []string
	var b strings.Builder
	quote, some := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(r)
		case r == '\'' || r == '"':
			quote, some = r, true
		case r == ' ':
			if b.Len() > 0 || some {
				out = append(out, b.String())
			}
			b.Reset()
			some = false
		default:
			b.WriteRune(r)
		}
	}
	for i := range out {
		out[i] = strings.NewReplacer("CONTROL", w.control, "DATA", w.data, "DIR", w.dir).Replace(out[i])
	}
	return out[1:] // edgecache itself
}

var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`127\.0\.0\.1:[1-9]\d{4,}`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`), "TIME"},
	{regexp.MustCompile(`edgecache \S+ \(commit \S+, go\S+ \S+\)`), "edgecache VERSION"},
	{regexp.MustCompile(`SQLite \d[\d.]*`), "SQLite VERSION"},
	{regexp.MustCompile(`"(version|commit|go|os|arch|uptime)": "[^"]*"`), `"$1": "MASKED"`},
	{regexp.MustCompile(`"(bytes|earned|spent|oldestAge|stored|expires|age)": \d+`), `"$1": N`},
	{regexp.MustCompile(`(entries +.*) in \d+ (B|KiB)`), "$1 in BYTES"},
}

func (w *walk) mask(text string) string {
	for _, a := range []struct{ addr, name string }{{w.control, "CONTROL"}, {w.data, "DATA"}, {w.dir, "DIR"}} {
		if a.addr != "" {
			text = strings.ReplaceAll(text, a.addr, a.name)
		}
	}
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return strings.ReplaceAll(text, "\x1b", "␛")
}

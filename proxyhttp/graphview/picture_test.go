package graphview

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"
)

// TestPictures holds both pictures of a graph, given as JSON.
func TestPictures(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var g Graph
			dec := json.NewDecoder(strings.NewReader(d.Input))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&g); err != nil {
				t.Fatal(err)
			}
			draw := map[string]func(*Graph) []byte{"dot": DOT, "svg": SVG}[d.Cmd]
			out := draw(&g)
			if !bytes.Equal(out, draw(&g)) {
				t.Error("drawn twice, it differs")
			}
			if err := sound(d.Cmd, out); err != nil {
				t.Error(err)
			}
			return string(out)
		})
	})
}

// sound tells what is wrong with a picture as its readers see it.
func sound(format string, out []byte) error {
	if format == "dot" {
		return parsed(out)
	}
	texts := 0
	for dec := xml.NewDecoder(bytes.NewReader(out)); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch el.Name.Local {
		case "svg", "g", "title", "style", "rect", "circle", "path", "text":
			texts++
		default:
			return fmt.Errorf("an element %s", el.Name.Local)
		}
		for _, a := range el.Attr {
			if n := a.Name.Local; strings.HasPrefix(n, "on") || n == "href" || n == "style" {
				return fmt.Errorf("an attribute %s", n)
			}
		}
	}
	if texts == 0 {
		return errors.New("empty")
	}
	return nil
}

// parsed asks Graphviz, where it is installed.
func parsed(out []byte) error {
	path, err := exec.LookPath("dot")
	if err != nil {
		return nil
	}
	cmd := exec.Command(path, "-Tcanon")
	cmd.Stdin = bytes.NewReader(out)
	if text, err := cmd.CombinedOutput(); err != nil || bytes.Contains(text, []byte("Warning")) || bytes.Contains(text, []byte("Error")) {
		return fmt.Errorf("dot: %v: %s\n%s", err, text, out)
	}
	return nil
}

// drawGraph draws a graph of any strings at all.
func drawGraph(t *rapid.T) *Graph {
	awkward := rapid.SampledFrom([]string{"", "users", `a\`, `"`, `\"`, `\N\l`, "<script>", "]]>", "&amp;", "&#x22;", "-->", "'", "\x00", "\xff", "\u202e", "\ufffe", "表", "x y z", strings.Repeat("long", 90), strings.Repeat("w ", 90), "${x}", "%d%s"})
	text := rapid.OneOf(awkward, rapid.String())
	texts := rapid.SliceOfN(text, 0, 3)
	g := &Graph{Counted: rapid.Bool().Draw(t, "counted")}
	for range rapid.IntRange(0, 3).Draw(t, "tables") {
		g.Tables = append(g.Tables, Table{Name: text.Draw(t, "table"), Entries: rapid.IntRange(0, 9).Draw(t, "n")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "endpoints") {
		e := Endpoint{Name: text.Draw(t, "name"), Route: text.Draw(t, "route"), Note: text.Draw(t, "note"), Write: rapid.Bool().Draw(t, "write"), States: map[string]int{"fresh": 2, "stale": 1}}
		for range rapid.IntRange(0, 2).Draw(t, "uses") {
			table := text.Draw(t, "used")
			if len(g.Tables) > 0 && rapid.Bool().Draw(t, "known") {
				table = g.Tables[0].Name
			}
			e.Add(Use{Table: table, Alias: text.Draw(t, "alias"), Op: rapid.SampledFrom([]string{"", "UPDATE", "DELETE"}).Draw(t, "op"), Columns: texts.Draw(t, "columns"), Filter: text.Draw(t, "filter")})
		}
		g.Endpoints = append(g.Endpoints, e)
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			g.Entries = append(g.Entries, Entry{URL: text.Draw(t, "url"), Endpoint: e.Name, State: rapid.SampledFrom([]string{"fresh", "suspended", "stale", "odd"}).Draw(t, "state"),
				Depends: []Depend{{Table: text.Draw(t, "dt"), Predicate: text.Draw(t, "predicate")}}})
		}
	}
	return g
}

// TestSVGOfAnything: whatever the strings are, an SVG is well-formed, holds
// nothing but shapes and text, and no text leaves its card, no card its column.
func TestSVGOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := drawGraph(t)
		if err := sound("svg", SVG(g)); err != nil {
			t.Fatal(err)
		}
		p := layOut(g)
		columns := map[int]int{} // x to where the last card ended
		for _, c := range p.cards {
			if c.y < columns[c.x] {
				t.Fatalf("cards overlap at %d, %d", c.x, c.y)
			}
			columns[c.x] = c.y + c.h
			if c.x+c.w > p.width || c.y+c.h > p.height {
				t.Fatalf("a card leaves the picture: %+v", c)
			}
			for _, l := range c.lines {
				if right := padX + l.indent + width(l.text)*29/4; right > c.w || l.y > c.h {
					t.Fatalf("%q leaves its card: %d of %d, %d of %d", l.text, right, c.w, l.y, c.h)
				}
			}
		}
	})
}

// TestDOTOfAnything asks Graphviz about awkward names, many in one graph: a
// process each is slow.
func TestDOTOfAnything(t *testing.T) {
	if _, err := exec.LookPath("dot"); err != nil {
		t.Skip("Graphviz is not installed")
	}
	all := &Graph{}
	for seed := range 40 {
		g := rapid.Custom(drawGraph).Example(seed)
		all.Tables = append(all.Tables, g.Tables...)
		all.Endpoints = append(all.Endpoints, g.Endpoints...)
		all.Entries = append(all.Entries, g.Entries...)
	}
	for _, counted := range []bool{false, true} {
		all.Counted = counted
		if err := parsed(DOT(all)); err != nil {
			t.Error(err)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"/v1/users?a=é表": "/v1/users?a=é表",
		"a\u202egpj.exe": `a\u{202e}gpj.exe`,
		"\x00\n\x7f":     `\u{0}\u{a}\u{7f}`,
		"a\xffb":         `a\xffb`,
		"\u200b\ufeff":   `\u{200b}\u{feff}`,
		"\u2028\ufffe":   `\u{2028}\u{fffe}`,
		"":               "",
	} {
		if got := visible(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		s        string
		n, lines int
		want     string
	}{
		{"", 5, 2, ""},
		{"short", 5, 2, "short"},
		{"one two three", 7, 3, "one two|three"},
		{"one two three four", 7, 2, "one two|three…"},
		{"abcdefghij", 4, 3, "abcd|efgh|ij"},
		{"abcdefghij", 4, 2, "abcd|efg…"},
		{"表表表", 4, 2, "表表|表"},
		{"表", 1, 2, "…"},
		{"one", 3, 1, "one"},
	} {
		if got := strings.Join(wrap(c.s, c.n, c.lines), "|"); got != c.want {
			t.Errorf("%q in %d lines of %d: %s, want %s", c.s, c.lines, c.n, got, c.want)
		}
	}
}

func TestAddMergesUses(t *testing.T) {
	var e Endpoint
	columns := make([]string, 1, 4)
	columns[0] = "id"
	e.Add(Use{Table: "users", Columns: columns})
	e.Add(Use{Table: "USERS", Columns: []string{"id", "name"}})
	e.Add(Use{Table: "users", Filter: "id = 1"})
	if got := fmt.Sprint(e.Uses); got != "[{users   [id name] } {users   [] id = 1}]" {
		t.Errorf("got %s", got)
	}
	if columns[:2][1] != "" {
		t.Error("the caller's columns were written to")
	}
}

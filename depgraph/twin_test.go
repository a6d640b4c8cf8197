package depgraph

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"edgecache/source"
	"edgecache/sqlparse"

	"pgregory.net/rapid"
)

// The naive twin: after every step Publish, through the index, must suspend
// exactly the entries that the linear verdict names; on templates that it
// suspends as a whole, at least them. Audit recounts everything after each step.
//
// A failing case prints its seed; replay it with -rapid.seed, or through the
// file that rapid leaves in testdata/rapid.

// terms are conditions on users(id, first_name, age) whose arguments are drawn
// with each entry; arity is how many they take. A capital L is a list.
var terms = []struct{ text, arity string }{
	{"id = %d", "v"}, {"age = %d", "v"}, {"first_name = %d", "v"}, {"id in %d", "L"}, {"first_name in %d", "L"},
	{"age < %d", "v"}, {"age >= %d", "v"}, {"first_name < %d", "v"}, {"id between %d %d", "vv"},
	{"age between %d %d", "vv"}, {"age <> %d", "v"}, {"first_name isnull", ""}, {"age opaque", ""},
}

var smallValues = rapid.OneOf(
	rapid.Map(rapid.Int64Range(0, 4), source.Int),
	rapid.Map(rapid.SampledFrom([]float64{0.5, 1, 2.5}), source.Float),
	rapid.Map(rapid.SampledFrom([]string{"", "a", "ab", "b", "abcdefgh", "abcdefgi"}), source.Text),
	rapid.Just(source.Null()),
	rapid.Map(rapid.SampledFrom([]int64{1 << 53, 1<<53 + 1}), source.Int),
)

var images = rapid.Map(rapid.SliceOfN(rapid.OneOf(smallValues, smallValues, smallValues, rapid.Just(source.Unknown())), 3, 3),
	func(vs []source.Value) source.Row { return vs })

// condition draws "where ..." and the arity of its arguments.
func drawCondition(t *rapid.T) (where, arity string) {
	var disj []string
	for d := rapid.IntRange(0, 2).Draw(t, "disjuncts"); d > 0; d-- {
		var conj []string
		for c := rapid.IntRange(1, 3).Draw(t, "conjuncts"); c > 0; c-- {
			term := rapid.SampledFrom(terms).Draw(t, "term")
			args := make([]any, len(term.arity))
			for i := range args {
				args[i] = len(arity) + i
			}
			arity += term.arity
			conj = append(conj, fmt.Sprintf(term.text, args...))
		}
		disj = append(disj, strings.Join(conj, " and "))
	}
	if disj == nil {
		return "", ""
	}
	return " where " + strings.Join(disj, " or "), arity
}

func drawArgs(t *rapid.T, arity string) sqlparse.Args {
	args := sqlparse.Args{}
	for _, kind := range arity {
		if kind == 'L' {
			args = append(args, sqlparse.List(rapid.SliceOfN(smallValues, 0, 4).Draw(t, "list")...))
			continue
		}
		args = append(args, sqlparse.One(smallValues.Draw(t, "arg")))
	}
	return args
}

func drawWrite(t *rapid.T) *source.WriteSet {
	ws := &source.WriteSet{Source: "main"}
	for n := rapid.IntRange(0, 4).Draw(t, "changes"); n > 0; n-- {
		c := source.Change{Table: "users", Op: rapid.SampledFrom([]source.Op{source.OpInsert, source.OpUpdate, source.OpDelete}).Draw(t, "op")}
		if c.Op != source.OpInsert {
			c.Before = images.Draw(t, "before")
		}
		if c.Op == source.OpInsert {
			c.After = images.Draw(t, "after")
		}
		if c.Op == source.OpUpdate {
			c.After = append(source.Row{}, c.Before...)
			col := rapid.IntRange(0, 2).Draw(t, "column")
			c.After[col] = images.Draw(t, "after")[col]
		}
		ws.Changes = append(ws.Changes, c)
	}
	switch rapid.IntRange(0, 60).Draw(t, "wide") {
	case 0:
		ws.Whole = map[string]string{"Users": "TRUNCATE"}
	case 1:
		ws.Everything = "CALL"
	case 2:
		if len(ws.Changes) > 0 { // a row of another shape
			ws.Changes[0].After, ws.Changes[0].Before = source.Row{source.Int(1)}, nil
		}
	case 3, 4, 5:
		ws.Whole = map[string]string{"Users": "LIMIT"}
		ws.WholeColumns = map[string][]int{"users": rapid.SliceOfN(rapid.IntRange(0, 3), 1, 2).Draw(t, "columns")}
	}
	return ws
}

// twin is one random run.
type twin struct {
	g         *Graph
	templates []*Template
	arity     []string
	open      []*Intent
	n         int
}

func newTwin(t *rapid.T, o Options) *twin {
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w := &twin{g: g}
	for i := rapid.IntRange(1, 4).Draw(t, "templates"); i > 0; i-- {
		where, arity := drawCondition(t)
		reads := rapid.SampledFrom([]string{"", " reads id", " reads id,first_name"}).Draw(t, "reads")
		if where != "" {
			reads = "" // a condition reads its columns
		}
		tm := tmpl(fmt.Sprintf("t%d", i), "users"+reads+where)
		tm.Remember = i%2 == 0
		if i == 3 {
			tm.Occurrences = append(tm.Occurrences, occ("orders"), occ("users AS again where id = 0"))
			if arity == "" || arity[0] != 'v' {
				tm.Occurrences = tm.Occurrences[:2]
			}
		}
		if err := g.Register(tm); err != nil {
			t.Fatal(err)
		}
		w.templates, w.arity = append(w.templates, tm), append(w.arity, arity)
	}
	return w
}

func (w *twin) install(t *rapid.T) {
	i := rapid.IntRange(0, len(w.templates)-1).Draw(t, "template")
	w.n++
	key := fmt.Sprintf("k%d", rapid.IntRange(0, 60).Draw(t, "key"))
	w.g.Install(w.g.Token(), &Entry{
		Key: key, URL: key, Template: w.templates[i], Args: drawArgs(t, w.arity[i]), Size: 10,
		Records: []Record{{"users", key}}, RecordsUnknown: map[string]bool{"orders": true},
	})
}

// publish returns what the index and what the linear scan name.
func (w *twin) publish(ws *source.WriteSet) (index, naive []string, wide map[string]bool) {
	for _, v := range w.g.Explain(ws, nil).Entries {
		if v.Affected {
			naive = append(naive, v.Key)
		}
	}
	i := w.g.Publish(ws)
	w.open = append(w.open, i)
	wide = map[string]bool{}
	for _, e := range i.affected {
		index = append(index, e.Key)
	}
	for _, r := range i.wide {
		for _, e := range r.entries() {
			index = append(index, e.Key)
			wide[e.Key] = true
		}
	}
	sort.Strings(index)
	sort.Strings(naive)
	return index, naive, wide
}

// differ says in which entries the two disagree; "" is nowhere.
func differ(index, naive []string, wide map[string]bool) string {
	var out []string
	in := map[string]bool{}
	for _, k := range index {
		in[k] = true
	}
	for _, k := range naive {
		if !in[k] {
			out = append(out, "missed "+k)
		}
		delete(in, k)
	}
	for k := range in {
		if !wide[k] {
			out = append(out, "over-named "+k)
		}
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

func (w *twin) step(t *rapid.T) {
	step := rapid.IntRange(0, 11).Draw(t, "step")
	if len(w.open) > 2 {
		step = 8
	}
	switch step {
	case 0, 1, 2, 3, 4, 5, 11:
		w.install(t)
	case 6, 7:
		ws := drawWrite(t)
		entries := w.g.Stats().Entries
		index, naive, wide := w.publish(ws)
		if d := differ(index, naive, wide); d != "" {
			t.Fatalf("%s\nafter\n%s", d, ws)
		}
		i := w.open[len(w.open)-1]
		sum := i.Affected()
		for _, n := range i.Spared() {
			sum += n
		}
		if sum != entries || i.Affected() != len(index) {
			t.Fatalf("%d affected, %v spared, %d entries", i.Affected(), i.Spared(), entries)
		}
	case 8, 9:
		if len(w.open) > 0 {
			n := rapid.IntRange(0, len(w.open)-1).Draw(t, "intent")
			w.open[n].Settle(rapid.SampledFrom([]source.Outcome{
				source.OutcomeCommitted, source.OutcomeRolledBack, source.OutcomeUnknown,
			}).Draw(t, "outcome"))
			w.open = append(w.open[:n], w.open[n+1:]...)
		}
	case 10:
		key := fmt.Sprintf("k%d", rapid.IntRange(0, 60).Draw(t, "key"))
		w.g.Purge(Filter{Record: &Record{"users", key}})
	}
	if err := w.g.Audit(); err != nil {
		t.Fatal(err)
	}
}

func TestTwin(t *testing.T) {
	tight := bounds{
		shapes: 2, points: 2, rects: 2, boxes: 2, items: 5, lookups: 24, rechecks: 30,
		heavyRows: 2, heavyBytes: 1 << 20, open: 2, explain: defaultBounds.explain,
	}
	coarse := defaultBounds
	coarse.shapes = 0
	for _, run := range []struct {
		name string
		o    Options
		b    bounds
	}{
		{"roomy", Options{}, defaultBounds},
		{"evicting", Options{MaxBytes: 16 << 10}, defaultBounds},
		{"short log", Options{LogLength: 1}, defaultBounds},
		{"tight bounds", Options{}, tight},
		{"coarse only", Options{}, coarse},
	} {
		t.Run(run.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newTwin(t, run.o)
				w.g.bounds = run.b
				defer w.g.Close()
				for n := 0; n < 40; n++ {
					w.step(t)
				}
				if s := w.g.Stats(); s.Alarms != 0 || s.StoreErrors != 0 {
					t.Fatalf("%+v", s)
				}
			})
		})
	}
}

// TestTwinSeesAMissingAfterImage is the negative control: with the after image
// ignored, the twin must find a missed entry.
func TestTwinSeesAMissingAfterImage(t *testing.T) {
	honest, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Close()
	blind, err := New(Options{Sabotage: Sabotage{NoAfterImage: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer blind.Close()
	tm := tmpl("list", "users where first_name = 0")
	for _, g := range []*Graph{honest, blind} {
		if err := g.Register(tm); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"'Lane'", "'Ada'", "'Zoe'"} {
			if o := g.Install(g.Token(), entry(tm, name)); o != Installed {
				t.Fatal(o)
			}
		}
	}
	_, naive, _ := (&twin{g: honest}).publish(write(lane))
	index, _, _ := (&twin{g: blind}).publish(write(lane))
	if d := differ(index, naive, nil); d != "missed /list?'Ada'" {
		t.Errorf("the twin finds %q", d)
	}
}

package depgraph

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"edgecache/source"

	"github.com/cockroachdb/datadriven"
)

// TestGolden runs the scripts in testdata/golden. Run with -rewrite to accept what the
// graph prints now.
//
//	template NAME [remember]   occurrences, one a line
//	install NAME               arguments, one entry a line; "| t:k" records
//	explain, publish           a write; publish says what it suspends
//	settle committed|...       the last write that is open
//	get, entries, purge, index, advance, unregister
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata/golden", func(t *testing.T, path string) {
		s := &script{t: t, templates: map[string]*Template{}, now: time.Unix(1000, 0)}
		g, err := New(Options{Now: func() time.Time { return s.now }})
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		s.g = g
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t = t
			out := s.run(d)
			if err := g.Audit(); err != nil {
				t.Errorf("%s: %v", d.Pos, err)
			}
			return out
		})
	})
}

type script struct {
	t         *testing.T
	g         *Graph
	now       time.Time
	templates map[string]*Template
	open      []*Intent
}

func (s *script) run(d *datadriven.TestData) string {
	switch d.Cmd {
	case "template":
		t := tmpl(d.CmdArgs[0].Key, lines(d.Input)...)
		t.Remember = d.HasArg("remember")
		if d.HasArg("source") {
			d.ScanArgs(s.t, "source", &t.Source)
		}
		if err := s.g.Register(t); err != nil {
			return err.Error() + "\n"
		}
		s.templates[t.Endpoint] = t
		return ""
	case "install":
		return s.install(d)
	case "publish":
		return s.publish(d.Input)
	case "settle":
		return s.settle(d.CmdArgs[0].Key)
	case "explain":
		return printExplanation(s.g.Explain(write(d.Input), nil))
	case "get":
		var b strings.Builder
		for _, key := range lines(d.Input) {
			_, state := s.g.Get(key)
			fmt.Fprintf(&b, "%s: %s\n", key, state)
		}
		return b.String()
	case "entries":
		return printViews(s.g.Entries(filter(d)))
	case "purge":
		return printDropped(s.g.Purge(filter(d)))
	case "unregister":
		return printDropped(s.g.Unregister(d.CmdArgs[0].Key))
	case "advance":
		step, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(step)
		return ""
	case "index":
		return s.g.printIndex()
	}
	s.t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return ""
}

func lines(s string) []string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

func (s *script) install(d *datadriven.TestData) string {
	var b strings.Builder
	tok := s.g.Token()
	for _, line := range lines(d.Input) {
		args, records, _ := strings.Cut(line, "|")
		e := entry(s.templates[d.CmdArgs[0].Key], strings.TrimSpace(args))
		e.Stored, e.Expires = s.now, s.now.Add(time.Hour)
		for _, r := range strings.Fields(records) {
			table, key, known := strings.Cut(r, ":")
			if !known {
				e.RecordsUnknown = map[string]bool{table: true}
				continue
			}
			e.Records = append(e.Records, Record{table, key})
		}
		fmt.Fprintf(&b, "%s: %s\n", e.Key, s.g.Install(tok, e))
	}
	return b.String()
}

func (s *script) publish(text string) string {
	i := s.g.Publish(write(text))
	s.open = append(s.open, i)
	var held []string
	for _, v := range s.g.Entries(Filter{}) {
		if v.State == StateSuspended {
			held = append(held, v.Key)
		}
	}
	return fmt.Sprintf("affected: %d\nspared:   %s\nsuspended: %s\n", i.Affected(), printRules(i.Spared()), strings.Join(held, "  "))
}

func printRules(m map[Rule]int) string {
	var parts []string
	for rule, n := range m {
		parts = append(parts, fmt.Sprintf("%d (%s)", n, rule))
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}

func (s *script) settle(how string) string {
	i := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	o := map[string]source.Outcome{
		"committed": source.OutcomeCommitted, "unknown": source.OutcomeUnknown, "rolledback": source.OutcomeRolledBack,
	}[how]
	return printDropped(i.Settle(o))
}

func printDropped(ds []Dropped) string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "dropped %s (%s)\n", d.Key, d.Cause)
	}
	return b.String()
}

func printExplanation(x Explanation) string {
	var b strings.Builder
	mark := func(affected bool) string {
		if affected {
			return "affected"
		}
		return "spared"
	}
	for _, t := range x.Templates {
		fmt.Fprintf(&b, "%s: %d of %d affected, %s: %s\n", t.Endpoint, t.Affected, t.Entries, t.Rule, t.Reason)
	}
	for _, e := range x.Entries {
		fmt.Fprintf(&b, "  %s: %s, %s: %s\n", e.URL, mark(e.Affected), e.Rule, e.Reason)
	}
	return b.String()
}

func printViews(vs []View) string {
	var b strings.Builder
	for _, v := range vs {
		fmt.Fprintf(&b, "%s: %s, %d hits", v.URL, v.State, v.Hits)
		if v.Cause != "" {
			fmt.Fprintf(&b, ", %s", v.Cause)
		}
		b.WriteString("\n")
		if c := v.LastCause; c != nil {
			fmt.Fprintf(&b, "  ended by %s, rule %q, table %q, at %d: %s\n", c.By, c.Rule, c.Table, c.At.Unix(), c.Detail)
		}
		for _, d := range v.Depends {
			fmt.Fprintf(&b, "  %s %s [%s] %q\n", d.Table, d.Alias, d.Predicate, d.Records)
		}
	}
	return b.String()
}

func filter(d *datadriven.TestData) Filter {
	f := Filter{All: d.HasArg("all")}
	for _, a := range d.CmdArgs {
		if len(a.Vals) == 0 {
			continue
		}
		switch v := a.Vals[0]; a.Key {
		case "key":
			f.Key = v
		case "url":
			f.URL = v
		case "endpoint":
			f.Endpoint = v
		case "source":
			f.Source = v
		case "table":
			f.Table = v
		case "record":
			table, key, _ := strings.Cut(v, ":")
			f.Record = &Record{table, key}
		case "state":
			for _, s := range []State{StateAbsent, StateFresh, StateSuspended, StateStale} {
				if s.String() == v {
					f.State = &s
				}
			}
		case "limit":
			fmt.Sscan(v, &f.Limit)
		}
	}
	return f
}

// printIndex prints the shapes of every occurrence: the index in one line each.
func (g *Graph) printIndex() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var b strings.Builder
	for _, r := range g.registrations() {
		for _, o := range r.occs {
			var parts []string
			for key, s := range o.shapes {
				parts = append(parts, fmt.Sprintf("[%s]: %d", key, s.entries))
			}
			sort.Strings(parts)
			if o.coarse > 0 {
				parts = append(parts, fmt.Sprintf("coarse: %d", o.coarse))
			}
			fmt.Fprintf(&b, "%s %s  %s\n", r.t.Endpoint, o.table, strings.Join(parts, "  "))
		}
	}
	return b.String()
}

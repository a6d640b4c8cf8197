package depgraph

import (
	"fmt"
	"sort"
	"strings"

	"edgecache/source"
)

// Explanation says what a write would do to each template and each entry.
type Explanation struct {
	Templates []TemplateVerdict
	Entries   []EntryVerdict
}

// TemplateVerdict sums up one template. Without entries it says what an
// instance with unknown arguments would meet.
type TemplateVerdict struct {
	Endpoint, Variant string
	Affected, Entries int
	Rule              Rule
	Reason            string
}

// EntryVerdict is the decision about one entry.
type EntryVerdict struct {
	Key, URL, Endpoint string
	Variant            string
	Affected           bool
	Rule               Rule
	Reason             string
	Hit                *Hit // of RuleRow and RulePredicate, else nil
}

// Explain decides about every entry, one after the other and without the
// index, and says why. It changes nothing, and holds the lock only while it
// lists the entries: the answer is that of no single moment when entries come
// and go. look, where it is not nil, sees what Refine would.
func (g *Graph) Explain(ws *source.WriteSet, look Lookup) Explanation {
	d := digestOf(ws)
	d.onlyBefore = g.sabotage.NoAfterImage
	type group struct {
		t       *Template
		entries []*Entry
	}
	var groups []group
	n := 0
	g.mu.Lock()
	g.tidy()
	for _, r := range g.registrations() {
		groups = append(groups, group{r.t, r.entries()})
		n += r.count
	}
	g.mu.Unlock()
	if n*max(d.rows, 1) > g.bounds.explain {
		d = d.byTable("more row changes than are explained one by one")
	}

	if look != nil {
		q := inquiry{done: map[asking]bool{}}
		for _, gr := range groups {
			r := g.read(gr.t, d)
			for _, e := range gr.entries {
				if v := g.judgeReading(gr.t, e.Args, e.Held, d, r); v.affected && v.rule == RuleRow {
					q.about(g, e, d)
				}
			}
		}
		d.partners, _ = partnersOf(q.list, look)
	}

	var out Explanation
	for _, gr := range groups {
		verdicts := make([]EntryVerdict, len(gr.entries))
		r := g.read(gr.t, d)
		for i, e := range gr.entries {
			v := g.judgeReading(gr.t, e.Args, e.Held, d, r)
			verdicts[i] = EntryVerdict{
				Key: e.Key, URL: e.URL, Endpoint: gr.t.Endpoint, Variant: gr.t.Variant,
				Affected: v.affected, Rule: v.rule, Reason: reason(gr.t, e.Args, d, v, len(r.pairs)), Hit: v.hit(gr.t, e.Args),
			}
		}
		out.Entries = append(out.Entries, verdicts...)
		out.Templates = append(out.Templates, sumUp(gr.t, d, r, verdicts))
	}
	sort.SliceStable(out.Entries, func(i, j int) bool { return out.Entries[i].URL < out.Entries[j].URL })
	sort.SliceStable(out.Templates, func(i, j int) bool {
		a, b := out.Templates[i], out.Templates[j]
		return a.Endpoint < b.Endpoint || a.Endpoint == b.Endpoint && a.Variant < b.Variant
	})
	return out
}

func sumUp(t *Template, d *digest, r reading, verdicts []EntryVerdict) TemplateVerdict {
	v := TemplateVerdict{Endpoint: t.Endpoint, Variant: t.Variant, Entries: len(verdicts), Rule: r.rule}
	by := map[Rule]int{}
	for _, e := range verdicts {
		by[e.Rule]++
		switch {
		case e.Affected:
			v.Affected++
			v.Rule = e.Rule
		case v.Affected == 0 && e.Rule.rank() > v.Rule.rank():
			v.Rule = e.Rule
		}
	}
	switch {
	case r.whole != "":
		v.Rule, v.Reason = RuleWhole, r.whole
	case len(r.pairs) == 0:
		v.Reason = reason(t, nil, d, verdict{rule: r.rule, pair: r.sparing}, 0)
	case len(verdicts) == 0:
		v.Reason = "depends on parameters: " + changeName(t, r.sparing) + " may satisfy the condition of an instance"
	case v.Affected > 0:
		v.Reason = fmt.Sprintf("row images may satisfy the condition of %d of %d entries", v.Affected, v.Entries)
	case by[RulePredicate] == v.Entries:
		v.Reason = fmt.Sprintf("no row image can satisfy the condition of any entry, of %d", v.Entries)
	default:
		v.Reason = fmt.Sprintf("spares all entries, of %d: %s", v.Entries, counted(by))
	}
	return v
}

// counted lists how many entries each rule decided about, the cheapest first.
func counted(by map[Rule]int) string {
	rules := make([]Rule, 0, len(by))
	for r := range by {
		rules = append(rules, r)
	}
	sort.Slice(rules, func(i, j int) bool { return rules[i].rank() < rules[j].rank() })
	parts := make([]string, len(rules))
	for i, r := range rules {
		parts[i] = fmt.Sprintf("%d by %s", by[r], r)
	}
	return strings.Join(parts, ", ")
}

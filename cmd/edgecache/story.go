package main

import (
	"fmt"
	"slices"
	"strings"

	"edgecache/proxyhttp"
)

// story tells an explanation from the beginning: what the write does, what it
// leaves alone and why, what it affects and through which row, and the sum.
type story struct {
	s    *screen
	x    *proxyhttp.Explanation
	live bool // of cached responses, not only of endpoints
}

func (st *story) tell() {
	st.write()
	st.spared()
	st.affected()
	st.s.line("", "")
	st.s.line("", st.s.in(bold, st.sum()))
}

func (st *story) heading(text string) {
	st.s.line("", "")
	st.s.line("", st.s.in(bold, text))
}

// write tells which statements run and which rows they change.
func (st *story) write() {
	s, x := st.s, st.x
	s.line("", s.in(bold, "The write"))
	for _, sql := range x.Statements {
		s.line("  ", plain(sql))
	}
	if len(x.Rows) == 0 && len(x.Whole) == 0 && x.Everything == "" {
		s.line("  ", "changes no row")
		return
	}
	for i, r := range x.Rows {
		if i > 0 && sameKind(r, x.Rows[i-1]) {
			st.row(r)
			continue
		}
		what := map[string]string{"INSERT": "adds to", "UPDATE": "changes in", "DELETE": "removes from"}[r.Op]
		if r.Indirect {
			what = "by a trigger or a cascade " + what
		}
		s.line("  ", s.in(cyan, what+" "+plain(r.Table)))
		st.row(r)
	}
	if x.Truncated > 0 {
		s.line("  ", fmt.Sprintf("… and %s more", sum(x.Truncated, "change")))
	}
	for _, w := range x.Whole {
		s.line("  ", s.in(yellow, "may change any row of "+plain(w.Table))+": "+plain(w.Reason))
	}
	if x.Everything != "" {
		s.line("  ", s.in(yellow, "may change any table")+": "+plain(x.Everything))
	}
}

func sameKind(a, b proxyhttp.RowChange) bool {
	return a.Table == b.Table && a.Op == b.Op && a.Indirect == b.Indirect
}

// row prints one row: what changes stands out, and what stays is only counted
// where something changes.
func (st *story) row(r proxyhttp.RowChange) {
	var parts []string
	same := 0
	for _, c := range r.Columns {
		name := plain(c.Name)
		switch {
		case r.Op != "UPDATE":
			parts = append(parts, name+" "+plain(c.Before+c.After))
		case c.Changed:
			parts = append(parts, st.s.in(bold, name)+" "+st.s.in(red, plain(c.Before))+" → "+st.s.in(green, plain(c.After)))
		default:
			same++
		}
	}
	text := strings.Join(parts, ", ")
	switch {
	case r.Op == "UPDATE" && len(parts) == 0:
		text = st.s.in(dim, "to what it is already")
	case same > 0:
		text += st.s.in(dim, fmt.Sprintf(" (%s as it was)", sum(same, "column")))
	}
	if r.Key != "" {
		text = plain(r.Key) + ": " + text
	}
	st.s.line("    ", text)
}

// ruleOrder is that in which the rules are tried, cheapest first.
var ruleOrder = []string{"table", "column", "image", "predicate", "record", "window", "join", "output", "group", "witness"}

// ruleMeaning says of a rule what a reader has to know.
var ruleMeaning = map[string]string{
	"table":     "the write touches no table that they read",
	"column":    "the write sets no column that they read",
	"image":     "the write changes no value that they read",
	"predicate": "no row that changes can satisfy their condition",
	"record":    "the row was not used, and nothing that could let it in changes",
	"window":    "the list ends before the row",
	"join":      "no partner row completes the row",
	"output":    "the same comes out before and after",
	"group":     "the group's value stays as it was",
	"witness":   "another row still proves it",
}

// sparing is what one endpoint is spared by one rule.
type sparing struct {
	name, reason string
	spared, all  int
}

// spared groups what is left alone by rule. Cached responses count by their own
// rule; an endpoint without any, or one judged without a server, by the rule
// that spares whatever it will hold.
func (st *story) spared() {
	groups := st.sparings()
	rules := ruleOrder
	for r := range groups {
		if !slices.Contains(rules, r) {
			rules = append(slices.Clone(rules), r)
		}
	}
	st.heading("Spared")
	if len(groups) == 0 {
		st.s.line("  ", "nothing")
		return
	}
	for _, rule := range rules {
		list := groups[rule]
		if len(list) == 0 {
			continue
		}
		head := st.s.in(green, "by "+rule)
		if m := ruleMeaning[rule]; m != "" {
			head += ": " + m
		}
		st.s.line("  ", head)
		t := &table{s: st.s, indent: "    "}
		var idle []string
		for _, sp := range list {
			if st.live && sp.all == 0 {
				idle = append(idle, plain(sp.name))
				continue
			}
			t.row(plain(sp.name), st.count(sp), plain(sp.reason))
		}
		t.print()
		if len(idle) > 0 {
			st.s.line("    ", st.s.in(dim, "nothing cached: "+strings.Join(idle, ", ")))
		}
	}
}

func (st *story) count(sp sparing) string {
	switch {
	case !st.live:
		return "always"
	case sp.spared < sp.all:
		return fmt.Sprintf("%d of %d", sp.spared, sp.all)
	}
	return sum(sp.spared, "response")
}

func (st *story) sparings() map[string][]sparing {
	type key struct{ endpoint, variant, rule string }
	counts, first := map[key]int{}, map[key]string{}
	for _, e := range st.x.Entries {
		if k := (key{e.Endpoint, e.Variant, e.Rule}); !e.Affected {
			if counts[k]++; counts[k] == 1 {
				first[k] = e.URL + ": " + spareText(e)
			}
		}
	}
	out := map[string][]sparing{}
	for _, e := range st.x.Endpoints {
		if !e.Affected && e.Entries == 0 {
			out[e.Rule] = append(out[e.Rule], sparing{name: nameOf(e), reason: obvious(e.Rule, e.Reason)})
			continue
		}
		own := func(k key) (string, bool) { return k.rule, k.endpoint == e.Endpoint && k.variant == e.Variant }
		for _, rule := range sortedRules(counts, own) {
			k := key{e.Endpoint, e.Variant, rule}
			reason := e.Reason
			if e.Affected || e.Rule != rule || counts[k] == 1 && perResponse[rule] {
				reason = first[k]
			}
			out[rule] = append(out[rule], sparing{nameOf(e), obvious(rule, reason), counts[k], e.Entries})
		}
	}
	return out
}

// perResponse are the rules whose reason is that of one response.
var perResponse = map[string]bool{"predicate": true, "output": true, "record": true, "window": true, "join": true}

// sortedRules lists the rules of one endpoint.
func sortedRules[K comparable](counts map[K]int, of func(K) (string, bool)) (out []string) {
	for k := range counts {
		if rule, ok := of(k); ok {
			out = append(out, rule)
		}
	}
	slices.Sort(out)
	return out
}

// spareText says why a response is spared; the rows are told above already.
func spareText(e proxyhttp.EntryVerdict) string {
	if h := e.Hit; h != nil && h.Condition != "" {
		return "no changed row of " + hitName(h) + " satisfies " + h.Condition
	}
	return e.Reason
}

// obvious leaves out a reason that only repeats its rule.
func obvious(rule, reason string) string {
	if rule == "table" {
		return ""
	}
	return reason
}

func nameOf(e proxyhttp.EndpointVerdict) string {
	if e.Variant != "" {
		return e.Endpoint + " with " + e.Variant
	}
	return e.Endpoint
}

// affected lists what goes, by endpoint, and the image and condition that did
// it.
func (st *story) affected() {
	st.heading("Affected")
	some := false
	for _, e := range st.x.Endpoints {
		if !e.Affected {
			continue
		}
		some = true
		head := st.s.in(red, plain(nameOf(e)))
		switch {
		case !st.live:
			head += ": " + plain(e.Reason)
		case e.Entries == 0:
			head += " (none cached): " + plain(e.Reason)
		default:
			head += fmt.Sprintf(" (%d of %s)", e.Count, sum(e.Entries, "response"))
		}
		st.s.line("  ", head)
		st.hits(e.Endpoint, e.Variant)
	}
	if !some {
		st.s.line("  ", "nothing")
	}
	if st.x.Omitted > 0 {
		st.s.line("  ", fmt.Sprintf("… %s not listed here", sum(st.x.Omitted, "response")))
	}
}

func (st *story) hits(endpoint, variant string) {
	t := &table{s: st.s, indent: "    "}
	for _, e := range st.x.Entries {
		if e.Affected && e.Endpoint == endpoint && e.Variant == variant {
			t.row(plain(e.URL), plain(hitText(e)))
		}
	}
	t.print()
}

// hitText says what affects a response: the row is told above already.
func hitText(e proxyhttp.EntryVerdict) string {
	h := e.Hit
	if h == nil {
		return e.Reason
	}
	table := hitName(h)
	switch {
	case h.Condition == "":
		return "reads " + table + " without a condition"
	case h.Certain:
		return table + ": the row " + h.Image + " the write satisfies " + h.Condition
	}
	return table + ": the row " + h.Image + " the write may satisfy " + h.Condition
}

func hitName(h *proxyhttp.EntryHit) string {
	if h.Alias != "" {
		return h.Table + " AS " + h.Alias
	}
	return h.Table
}

// sum is the last line.
func (st *story) sum() string {
	if !st.live {
		affected := 0
		for _, e := range st.x.Endpoints {
			if e.Affected {
				affected++
			}
		}
		return fmt.Sprintf("%d of %s may hold affected responses; %d spared whatever they hold.",
			affected, sum(len(st.x.Endpoints), "endpoint"), len(st.x.Endpoints)-affected)
	}
	m := st.x.Summary
	if m.Entries == 0 {
		return "Nothing is cached."
	}
	text := fmt.Sprintf("%d of %s affected; %d spared", m.Affected, sum(m.Entries, "cached response"), m.Spared)
	var by []string
	for _, rule := range slices.Concat(ruleOrder, otherRules(m.SparedBy)) {
		if n := m.SparedBy[rule]; n > 0 {
			by = append(by, fmt.Sprintf("%d by %s", n, rule))
		}
	}
	slices.Reverse(by) // the finest proof first: it is the one to be proud of
	if len(by) > 0 {
		text += ": " + strings.Join(by, ", ")
	}
	return text + "."
}

func otherRules(counts map[string]int) (out []string) {
	for r := range counts {
		if !slices.Contains(ruleOrder, r) {
			out = append(out, r)
		}
	}
	slices.Sort(out)
	return out
}

package depgraph

import (
	"strconv"
	"strings"
	"time"

	"edgecache/source"
	"edgecache/sqlparse"
)

// Who ended an entry, where it was no write of an endpoint.
const (
	ByElsewhere = "a write made elsewhere"
	BySchema    = "schema change"
	ByPurge     = "purge"
	ByExpiry    = "expiry"
)

// Cause is what last ended the response of a key. An entry that is fresh again
// keeps it. Detail may show values of rows, which are the users' data: it is
// for those who may see the responses too, never for a log.
type Cause struct {
	Rule   Rule   // RuleRow or RuleWhole; "" when it was no write
	By     string // the endpoint of the write, or one of the By constants
	Table  string // "" when it was not one table
	Detail string // one line
	At     time.Time
}

// happening is a Cause as far as all entries share it that one row change, one
// wide write or one purge ended. Only the sentence is made when somebody looks:
// a write may end a hundred thousand entries.
type happening struct {
	rule      Rule
	by, table string
	at        time.Time
	// text is the whole detail, but for RuleRow with a change: then what the
	// change did, to which the condition is still to be added.
	text string
	occ  int  // RuleRow: the occurrence whose condition is meant; -1: none
	sure bool // RuleRow: the image satisfies the condition, not only may

	refs int // ghosts that point here, under ghosts.mu
}

// happeningOverhead is the struct and its place in the heap.
const happeningOverhead = 144

// size is its memory. An entry is charged all of it, though others may share
// it: that errs on the side of evicting earlier.
func (h *happening) size() int64 {
	if h == nil {
		return 0
	}
	return happeningOverhead + int64(len(h.text))
}

// cause prints it for one instance; nil for nil.
func (h *happening) cause(t *Template, args sqlparse.Args) *Cause {
	if h == nil {
		return nil
	}
	c := &Cause{Rule: h.rule, By: h.by, Table: h.table, Detail: h.text, At: h.at}
	if h.occ < 0 || h.occ >= len(t.Occurrences) {
		return c
	}
	switch cond := describe(t.Occurrences[h.occ], args); {
	case cond == "":
		c.Detail += " is of a table that it reads without a condition"
	case h.sure:
		c.Detail += " satisfies " + cond
	default:
		c.Detail += " may satisfy " + cond
	}
	return c
}

// deed tells the row changes of one write apart, as far as sentences differ.
type deed struct {
	t     *Template
	pair  pair
	image image
	sure  bool
}

// deedKey is a deed as a key of a map.
type deedKey struct {
	t      *Template
	occ    int
	change *source.Change
	image  string
	sure   bool
}

// ends notes that the row change ended an entry of t, and returns what to
// remember of it. Past maxDeeds the entries of a write share one sentence.
func (i *Intent) ends(d deed) *happening {
	key := deedKey{d.t, d.pair.occ, d.pair.change, d.image.name, d.sure}
	if h := i.deeds[key]; h != nil {
		return h
	}
	if len(i.deeds) >= maxDeeds {
		if i.many == nil {
			i.many = i.wideEnd("", "one of the row changes of this write may satisfy its condition")
			i.many.rule = RuleRow
		}
		return i.many
	}
	h := &happening{
		rule: RuleRow, by: i.by, table: d.t.Occurrences[d.pair.occ].TableName(), at: i.at, occ: d.pair.occ, sure: d.sure,
	}
	if i.deeds == nil {
		i.deeds = map[deedKey]*happening{}
	}
	i.deeds[key] = h
	i.told = append(i.told, toldDeed{d, h})
	return h
}

// toldDeed is a happening whose text is still to be printed.
type toldDeed struct {
	d deed
	h *happening
}

// tell prints what ends printed not, outside of the graph's lock.
func (i *Intent) tell() {
	for _, t := range i.told {
		t.h.text = changeName(t.d.t, t.d.pair) + ": " + t.d.image.name + " image " + printed(t.d.image.row)
	}
	i.told, i.deeds = nil, nil
}

// wideEnd is what is remembered where the write's rows do not tell.
func (i *Intent) wideEnd(table, why string) *happening {
	return &happening{rule: RuleWhole, by: i.by, table: table, at: i.at, text: oneLine(why), occ: -1}
}

// purgeEnd is what is remembered of a purge.
func purgeEnd(f Filter, at time.Time) *happening {
	h := &happening{by: ByPurge, at: at, occ: -1}
	switch {
	case f.Record != nil:
		h.table, h.text = f.Record.Table, "record "+f.Record.Table+":"+f.Record.Key
	case f.Table != "":
		h.table, h.text = f.Table, "table "+f.Table
	case f.Endpoint != "":
		h.text = "endpoint " + f.Endpoint
	case f.Key != "" || f.URL != "":
		h.text = "this URL"
	default:
		h.text = "all that the purge names"
	}
	h.text = oneLine(h.text)
	return h
}

func expiryEnd(e *Entry) *happening {
	return &happening{by: ByExpiry, at: e.Expires, text: "its lifetime ended", occ: -1}
}

// oneLine bounds a text and keeps it on its line.
func oneLine(s string) string {
	if len(s) > maxPrinted {
		s = strings.ToValidUTF8(s[:maxPrinted], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}

// printed prints a row image in one line, cut where it is long. What is cut
// off is not printed first: a value may have megabytes.
func printed(r source.Row) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, v := range r {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxPrinted {
			break
		}
		b.WriteString(shortValue(v))
	}
	b.WriteByte(')')
	return oneLine(b.String())
}

// shortValue cuts long texts and blobs before it prints them.
func shortValue(v source.Value) string {
	if v.Len() <= maxPrinted {
		return v.String()
	}
	switch v.Kind() {
	case source.KindText:
		return source.Text(strings.ToValidUTF8(v.AsText()[:maxPrinted], "")).String()
	case source.KindBlob:
		return "a blob of " + strconv.Itoa(v.Len()) + " bytes"
	}
	return v.String()[:maxPrinted]
}

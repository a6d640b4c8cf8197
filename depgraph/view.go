package depgraph

import (
	"sort"
	"strings"
	"time"

	"edgecache/sqlparse"
)

// View is one entry, or the ghost of one, for display.
type View struct {
	Key, URL, Endpoint, Variant string
	State                       State
	Stored, Expires             time.Time
	Hits, Bytes                 int64 // of a ghost: when it was an entry
	Args                        sqlparse.Args
	Payload                     any // nil for a ghost
	Depends                     []DependView
	Cause                       string // why it went in a few words, for a ghost
	LastCause                   *Cause // what last ended the response of this key; nil: nothing yet
}

// DependView is what an entry reads of one occurrence of a table.
type DependView struct {
	Table, Alias, Predicate string
	// Records are the keys of the rows in the answer; nil when not known.
	Records []string
}

// Entries lists what f names, ghosts included, sorted by URL, then key.
func (g *Graph) Entries(f Filter) []View {
	limit := f.Limit
	f.Limit = 0
	var out []View
	for _, e := range g.viewed(f) {
		out = append(out, g.view(e))
	}
	for _, gh := range g.ghosts.list() {
		if f.ofGhost(gh) {
			out = append(out, gh.view())
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].URL != out[j].URL {
			return out[i].URL < out[j].URL
		}
		return out[i].Key < out[j].Key
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}

// viewed takes the entries under the lock; printing them needs none.
func (g *Graph) viewed(f Filter) []*Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tidy()
	return append([]*Entry(nil), g.named(f)...)
}

func (g *Graph) stateOf(e *Entry, now time.Time) State {
	s := e.State()
	if s == StateFresh && e.expired(now) {
		return StateStale
	}
	return s
}

// ofGhost tells whether f names the ghost. What rows were in it is forgotten.
func (f Filter) ofGhost(gh *ghost) bool {
	return f.Record == nil && (f.State == nil || *f.State == StateStale) && f.ofTemplate(gh.t) &&
		(f.Key == "" || f.Key == gh.key) && (f.URL == "" || f.URL == gh.url)
}

func (g *Graph) view(e *Entry) View {
	v := View{
		Key: e.Key, URL: e.URL, Endpoint: e.Template.Endpoint, Variant: e.Template.Variant,
		State: g.stateOf(e, g.now()), Stored: e.Stored, Expires: e.Expires, Hits: e.Hits(), Bytes: e.weight,
		Args: e.Args, Payload: e.Payload, LastCause: e.last.Load().cause(e.Template, e.Args),
	}
	if v.State == StateStale {
		v.LastCause = expiryEnd(e).cause(e.Template, e.Args) // not swept yet
	}
	for _, o := range e.Template.Occurrences {
		d := DependView{Table: o.TableName(), Alias: o.AliasName(), Predicate: describe(o, e.Args)}
		if !e.RecordsUnknown[lower(d.Table)] {
			d.Records = []string{}
			for _, r := range e.Records {
				if strings.EqualFold(r.Table, d.Table) {
					d.Records = append(d.Records, r.Key)
				}
			}
		}
		v.Depends = append(v.Depends, d)
	}
	return v
}

func (gh *ghost) view() View {
	v := View{
		Key: gh.key, URL: gh.url, Endpoint: gh.t.Endpoint, Variant: gh.t.Variant, State: StateStale,
		Stored: gh.stored, Expires: gh.expires, Hits: gh.hits, Bytes: gh.weight, Args: gh.args,
		Cause: gh.cause, LastCause: gh.last.cause(gh.t, gh.args),
	}
	for _, o := range gh.t.Occurrences {
		v.Depends = append(v.Depends, DependView{
			Table: o.TableName(), Alias: o.AliasName(), Predicate: describe(o, gh.args),
		})
	}
	return v
}

// describe prints the bound condition; one that cannot be printed is "?".
func describe(o Occurrence, args sqlparse.Args) (s string) {
	defer func() {
		if recover() != nil {
			s = "?"
		}
	}()
	return o.Describe(args)
}

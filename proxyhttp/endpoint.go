package proxyhttp

import (
	"sync/atomic"

	"edgecache/depgraph"
	"edgecache/proxyhttp/bind"
	"edgecache/proxyhttp/config"
	"edgecache/sqlparse"
)

// endpoint is one mapped route. Its plan is replaced as a whole when the
// schema of its source moves; everything else is fixed at start.
type endpoint struct {
	cfg     *config.Endpoint
	db      *database
	isWrite bool
	vary    []string // the Vary header's value, nil for none
	// personal tells that answers depend on who asks.
	personal bool
	origin   origin
	doc      []byte // how it is kept, when it was registered
	// pending tells that the store will keep it only when its disk takes it.
	pending bool
	plan    atomic.Pointer[plan]
	count   endpointCounters
}

// plan is an endpoint compiled against one state of its source's schema.
type plan struct {
	// epoch is the source's schema epoch that was current before compiling
	// began. While it is not current any more, nothing read through the plan
	// may be stored.
	epoch int64
	// broken says why the endpoint does not fit the schema, "" when it does.
	broken   string
	binder   *bind.Binder
	globs    map[string]bool
	variants map[string]*variant
	order    []string // the variants' names, sorted
	notes    []string // what is probably not meant
}

// variant is an endpoint with one combination of choice fragments put in.
type variant struct {
	name       string // sort=-price, "" without choices
	statements []*statement
	render     *renderer          // reads only
	template   *depgraph.Template // reads that may be cached, else nil
	bypass     string             // the Cache-Status detail where template is nil
	why        string             // the sentence behind bypass
}

// statement is one compiled statement and where its arguments come from.
type statement struct {
	*sqlparse.Template
	pick bind.Selector
}

// ofType tells which declared parameters have the type.
func ofType(cfg *config.Endpoint, typ string) map[string]bool {
	out := map[string]bool{}
	for name, p := range cfg.Params {
		if p.Type == typ {
			out[name] = true
		}
	}
	return out
}

// occurrences hands a query's occurrences to the graph under its interface.
func occurrences(q *sqlparse.Query) []depgraph.Occurrence {
	out := make([]depgraph.Occurrence, len(q.Occurrences))
	for i, o := range q.Occurrences {
		out[i] = o
	}
	return out
}

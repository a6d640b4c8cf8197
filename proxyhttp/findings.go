package proxyhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"edgecache/depgraph"
)

// finding is a wrong answer that the self-check found, with everything that is
// needed to find it again. Its texts are users' data: they are for the control
// plane, never for a log.
type finding struct {
	At        time.Time       `json:"at"`
	Endpoint  string          `json:"endpoint"`
	Variant   string          `json:"variant,omitempty"`
	URL       string          `json:"url"`
	Key       string          `json:"key"`
	Params    json.RawMessage `json:"params"`
	SQL       string          `json:"sql"`
	Args      []string        `json:"args"`
	Stored    foundBody       `json:"stored"`
	Source    foundBody       `json:"source"`
	DiffersAt int             `json:"differsAt"` // the first byte that differs
	Dropped   int             `json:"dropped"`   // answers of the endpoint that went
}

// foundBody is one of the two answers.
type foundBody struct {
	At      time.Time `json:"at"`
	Status  int       `json:"status"`
	Bytes   int       `json:"bytes"`
	SHA256  string    `json:"sha256"`
	Excerpt string    `json:"excerpt"` // around the first difference
}

// Bounds of what is kept of wrong answers.
const (
	maxFindings  = 32
	excerptBytes = 200 // on each side of the first difference
)

// findings keeps the latest.
type findings struct {
	mu   sync.Mutex
	list []finding // oldest first
}

func (f *findings) add(x finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == maxFindings {
		f.list = append(f.list[:0], f.list[1:]...)
	}
	f.list = append(f.list, x)
}

// latest lists them, newest first.
func (f *findings) latest() []finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]finding, 0, len(f.list))
	for i := len(f.list) - 1; i >= 0; i-- {
		out = append(out, f.list[i])
	}
	return out
}

// raise drops every answer of the endpoint and tells of the wrong one. What
// made it wrong may have made others of its template wrong.
func (s *Server) raise(a *asked, entry *depgraph.Entry, stored, now *response) {
	name := a.ep.cfg.Name
	st := a.variant.statements[0].Statement(a.args)
	at := differsAt(stored.body, now.body)
	view := depgraph.View{Key: a.key, URL: a.url, Endpoint: name, Variant: a.variant.name, Args: a.args}
	f := finding{
		At: s.now().UTC(), Endpoint: name, Variant: a.variant.name, URL: a.url, Key: s.shownKey(name, a.key), Params: s.displayParams(&view),
		SQL: st.SQL, Args: make([]string, len(st.Args)), DiffersAt: at,
		Stored: foundOf(stored, entry.Stored, at), Source: foundOf(now, s.now(), at),
	}
	for i, v := range st.Args {
		f.Args[i] = v.String()
	}
	f.Dropped = len(s.graph.Purge(depgraph.Filter{Endpoint: name}))
	s.checker.found.add(f)
	s.log.Error("a cached answer was not what the source says, and no write explains it; all answers of its endpoint were dropped. GET /v1/alarms has what is needed to find it again",
		"endpoint", name, "key", digest([]byte(a.key)), "sql", st.SQL, "stored_at", f.Stored.At, "stored_bytes", f.Stored.Bytes, "stored_sha256", f.Stored.SHA256,
		"source_bytes", f.Source.Bytes, "source_sha256", f.Source.SHA256, "differs_at", at, "dropped", f.Dropped)
}

func foundOf(p *response, at time.Time, differs int) foundBody {
	from, to := max(0, differs-excerptBytes), min(len(p.body), differs+excerptBytes)
	return foundBody{At: at.UTC(), Status: p.status, Bytes: len(p.body), SHA256: digest(p.body), Excerpt: string(p.body[min(from, to):to])}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// differsAt is the first position at which two bodies differ.
func differsAt(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// alarms answers GET /v1/alarms: how many there were, and the latest of those
// that have details.
func (s *Server) alarms(*http.Request, map[string]any) (any, *problem) {
	return struct {
		Graph     int64     `json:"graph"`
		SelfCheck int64     `json:"selfCheck"`
		Wrong     []finding `json:"wrong"`
	}{s.graph.Stats().Alarms, s.checker.count[checkWrong].Load(), s.checker.found.latest()}, nil
}

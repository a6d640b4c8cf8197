package proxyhttp

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"edgecache/depgraph"
	"edgecache/rehydrate"
)

// Stats is the answer of GET /v1/stats, which the command prints. The parts
// are those of the other packages, under the names that JSON has elsewhere.
type Stats struct {
	Version string      `json:"version,omitempty"`
	Uptime  string      `json:"uptime"`
	Graph   GraphStats  `json:"graph"`
	Queue   QueueStats  `json:"queue"`
	Flights FlightStats `json:"flights"`
	// Revalidations are the reads behind answers that are known to be outdated.
	Revalidations RevalidationStats `json:"revalidations"`
	Sources       []SourceStats     `json:"sources"`
	Lost          []LostStats       `json:"lost,omitempty"`
	Endpoints     []EndpointStats   `json:"endpoints"`
}

// SourceStats tell how the calls of one source are admitted.
type SourceStats struct {
	Source  string         `json:"source"`
	Circuit CircuitStats   `json:"circuit"`
	Reads   AdmissionStats `json:"reads"`
	Writes  AdmissionStats `json:"writes"`
}

// LostStats are the writes of one source whose outcome is unknown and not
// settled, because they may still take effect. Sources without any are left out.
type LostStats struct {
	Source        string  `json:"source"`
	Open          int     `json:"open"`
	OldestSeconds float64 `json:"oldestSeconds"`
}

// EndpointStats are the counters of one endpoint by result.
type EndpointStats struct {
	Name    string           `json:"name"`
	Results map[string]int64 `json:"results"`
}

// The counters of the other packages, with JSON keys like all others.
type (
	GraphStats  struct{ depgraph.Stats }
	QueueStats  struct{ rehydrate.QueueStats }
	FlightStats struct{ rehydrate.FillStats }
)

// MarshalJSON prints lower camel case keys; reading them back needs nothing,
// for Go matches keys in any case.
func (g GraphStats) MarshalJSON() ([]byte, error)  { return lowerCamel(g.Stats) }
func (q QueueStats) MarshalJSON() ([]byte, error)  { return lowerCamel(q.QueueStats) }
func (f FlightStats) MarshalJSON() ([]byte, error) { return lowerCamel(f.FillStats) }

// lowerCamel prints a struct of exported fields without tags, whose names
// begin with one capital.
func lowerCamel(v any) ([]byte, error) {
	rv := reflect.ValueOf(v)
	out := []byte{'{'}
	for i := range rv.NumField() {
		name := rv.Type().Field(i).Name
		value, err := json.Marshal(rv.Field(i).Interface())
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, strings.ToLower(name[:1])+name[1:]...)
		out = append(append(out, '"', ':'), value...)
	}
	return append(out, '}'), nil
}

func (s *Server) stats(*http.Request, map[string]any) (any, *problem) {
	out := Stats{Version: s.version, Uptime: time.Since(s.started).Round(time.Second).String(),
		Graph: GraphStats{s.graph.Stats()}, Queue: QueueStats{s.queue.Stats()}, Flights: FlightStats{s.filler.Stats()}, Revalidations: s.behind.stats(), Endpoints: []EndpointStats{}}
	for _, c := range s.cfg.Sources {
		db := s.databases[c.Name]
		out.Sources = append(out.Sources, SourceStats{c.Name, db.circuit.reading(), db.reads.reading(), db.writes.reading()})
		if n, oldest := db.lost.reading(); n > 0 {
			out.Lost = append(out.Lost, LostStats{c.Name, n, oldest.Seconds()})
		}
	}
	for _, e := range s.current().endpoints {
		st := EndpointStats{Name: e.cfg.Name, Results: map[string]int64{}}
		for _, r := range e.count.results() {
			st.Results[r.name] = r.n
		}
		out.Endpoints = append(out.Endpoints, st)
	}
	return out, nil
}

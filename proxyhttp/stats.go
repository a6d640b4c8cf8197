package proxyhttp

import (
	"net/http"
	"time"

	"edgecache/depgraph"
	"edgecache/rehydrate"
)

// Stats is the answer of GET /v1/stats, which the command prints.
type Stats struct {
	Version   string               `json:"version,omitempty"`
	Uptime    string               `json:"uptime"`
	Graph     depgraph.Stats       `json:"graph"`
	Queue     rehydrate.QueueStats `json:"queue"`
	Flights   rehydrate.FillStats  `json:"flights"`
	Endpoints []EndpointStats      `json:"endpoints"`
}

// EndpointStats are the counters of one endpoint by result.
type EndpointStats struct {
	Name    string           `json:"name"`
	Results map[string]int64 `json:"results"`
}

func (s *Server) stats(*http.Request, map[string]any) (any, *problem) {
	out := Stats{Version: s.version, Uptime: time.Since(s.started).Round(time.Second).String(),
		Graph: s.graph.Stats(), Queue: s.queue.Stats(), Flights: s.filler.Stats(), Endpoints: []EndpointStats{}}
	for _, e := range s.endpoints {
		st := EndpointStats{Name: e.cfg.Name, Results: map[string]int64{}}
		for _, r := range e.count.results() {
			st.Results[r.name] = r.n
		}
		out.Endpoints = append(out.Endpoints, st)
	}
	return out, nil
}

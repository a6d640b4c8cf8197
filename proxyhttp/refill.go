package proxyhttp

import (
	"context"
	"fmt"

	"edgecache/depgraph"
	"edgecache/rehydrate"
)

// refillTries bounds how often one refill starts over because a further write
// overtook it. Past it the entry stays absent until somebody asks for it.
const refillTries = 4

// refill hands dropped entries of eager endpoints to the queue.
func (s *Server) refill(dropped []depgraph.Dropped) {
	var items []rehydrate.Item
	for _, d := range dropped {
		e := s.endpoint(d.Template.Endpoint)
		if e == nil || e.cfg.Rehydrate != "eager" || !e.made(d.Template) {
			continue
		}
		was := bodyOf(d.Payload)
		d.Payload = nil // what waits keeps no answer in memory
		items = append(items, rehydrate.Item{
			Key: d.Key, Hits: d.Hits, Cost: d.Cost,
			Refill: func(ctx context.Context) error {
				err := s.refillOne(ctx, e, d, was)
				if err != nil {
					s.log.Debug("refill failed", "endpoint", e.cfg.Name, "error", err)
				}
				return err
			},
		})
	}
	if len(items) > 0 {
		s.queue.Add(items...)
	}
}

// made tells that the endpoint's plan of now has the template.
func (e *endpoint) made(t *depgraph.Template) bool {
	v := e.plan.Load().variants[t.Variant]
	return v != nil && v.template == t
}

// refillOne reads one dropped entry again, through the flights that clients
// share. An endpoint that was compiled anew, replaced or removed since is left
// alone: the key may mean something else now.
func (s *Server) refillOne(ctx context.Context, e *endpoint, d depgraph.Dropped, was string) error {
	p := e.plan.Load()
	v := p.variants[d.Template.Variant]
	if v == nil || v.template != d.Template || !s.stands(e) {
		return nil
	}
	a := &asked{ep: e, plan: p, variant: v, key: d.Key, url: d.URL, args: d.Args}
	for range refillTries {
		filled, err := s.filler.Fill(ctx, s.job(a))
		if err != nil {
			return err
		}
		if filled.Install == depgraph.Installed {
			s.metrics.refresh(was, bodyOf(filled.Entry.Payload))
		}
		if filled.Install != depgraph.Overtaken {
			return nil
		}
	}
	return fmt.Errorf("overtaken by writes %d times", refillTries)
}

// bodyOf stands for the body of an answer; "" for what is not known. A 404 says
// the same whenever it is said of one URL.
func bodyOf(payload any) string {
	resp, ok := payload.(*response)
	switch {
	case !ok:
		return ""
	case resp.etag == "":
		return "404"
	}
	return resp.etag
}

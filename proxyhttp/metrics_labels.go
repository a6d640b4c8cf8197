package proxyhttp

import "sync"

// maxLabelled bounds the endpoints that have series of their own. A file may
// map ten thousand, and each read has nine series; past the bound endpoints
// share the label otherEndpoints, so that sums stay right.
const maxLabelled = 1000

// otherEndpoints is the label of endpoints past the bound.
const otherEndpoints = "(other)"

// endpointLabels gives endpoints their label, once: a counter must not go down,
// so what was counted under a label stays there. The first endpoints in the
// order of the file, then of their registration, have their own; one that goes
// leaves its place to one that comes later, never to one that is there.
//
// Label values are names of endpoints and nothing else: no URL, parameter or
// row can make a series.
type endpointLabels struct {
	most int

	mu    sync.Mutex
	of    map[*endpoint]string
	named int
	gone  endpointTotals // what those past the bound had counted when they went
}

func newEndpointLabels() endpointLabels {
	return endpointLabels{most: maxLabelled, of: map[*endpoint]string{}}
}

// endpointTotals are the counters of all endpoints under one label.
type endpointTotals struct {
	label        string
	reads        bool // some of them read
	hits, writes int64
	saved        int64
	misses       [missReasons]int64
	outdated     [2]int64
	problems     [len(problemStatuses)]int64
}

func (t *endpointTotals) add(e *endpoint) {
	c := &e.count
	t.reads = t.reads || !e.isWrite
	t.hits += c.hits.Load()
	t.writes += c.writes.Load()
	t.saved += c.saved.Load()
	for i := range c.misses {
		t.misses[i] += c.misses[i].Load()
	}
	for i := range c.outdated {
		t.outdated[i] += c.outdated[i].Load()
	}
	for i := range c.problems {
		t.problems[i] += c.problems[i].Load()
	}
}

// totals sums the counters of the registry's endpoints by label, in its order.
func (l *endpointLabels) totals(endpoints []*endpoint) (out []endpointTotals, unlabelled int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(endpoints)
	other := l.gone
	out = make([]endpointTotals, 0, min(len(endpoints), l.most)+1)
	for _, e := range endpoints {
		if l.labelOf(e) == otherEndpoints {
			other.add(e)
			unlabelled++
			continue
		}
		t := endpointTotals{label: e.cfg.Name}
		t.add(e)
		out = append(out, t)
	}
	if unlabelled > 0 || other.reads || other.writes > 0 {
		other.label = otherEndpoints
		out = append(out, other)
	}
	return out, unlabelled
}

// leave forgets the endpoints that are mapped no more.
func (l *endpointLabels) leave(endpoints []*endpoint) {
	now := make(map[*endpoint]bool, len(endpoints))
	for _, e := range endpoints {
		now[e] = true
	}
	for e, name := range l.of {
		switch {
		case now[e]:
			continue
		case name == otherEndpoints:
			l.gone.add(e)
		default:
			l.named--
		}
		delete(l.of, e)
	}
}

func (l *endpointLabels) labelOf(e *endpoint) string {
	name, known := l.of[e]
	if !known {
		name = otherEndpoints
		if l.named < l.most && e.cfg.Name != otherEndpoints {
			name = e.cfg.Name
			l.named++
		}
		l.of[e] = name
	}
	return name
}

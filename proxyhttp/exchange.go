package proxyhttp

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/proxyhttp/config"
)

// What is mapped changes while requests are answered: endpoints are registered,
// replaced and removed by the control plane, and the file is read again.
//
//	change:  turn              one change at a time, from looking to having done
//	         prepare           compile and bind against the live schema; any
//	                           mistake ends the change here
//	         keep              a registered mapping goes to the store, or leaves it
//	         exchange          old templates leave the graph with their entries,
//	                           new ones enter, the registry is replaced: one step
//	                           to every other exchange and to refresh
//
// What defends against mixing old and new is that a template is its own
// identity: a new one is made for every plan, none is ever registered twice
// after it left, Install refuses one that is not registered, flights are shared
// by template and key, and an entry serves only those who ask with the template
// that made it (lookUp). Keys and names may repeat; templates do not.
//
// # Interleavings
//
// R is a read, W a write, C the change of endpoint e from template T1 to T2,
// whose entries have the same keys. Each is forced in exchange_test.go under
// its number.
//
//  1. fill in flight
//     R token with T1, R reads, C, R installs
//     -> Unregistered. R's client asked before C was answered and gets the old
//     SQL's answer; nobody else does
//  2. reader between the route and the entry
//     R finds e before C, C, a later GET fills the key under T2, R gets the key
//     -> not R's template: R reads through with the SQL that it began with, and
//     does not answer in T2's shape under e's old headers
//  3. fill that begins under the old plan after the change
//     R finds e before C, C, another GET fills under T2, R starts a flight
//     -> a lane of its own; its lookup passes T2's entry over; Unregistered
//  4. refill that waits
//     W drops T1's entry, its refill waits, C, the refill runs
//     -> e is not what is mapped any more: nothing is read
//  5. refill that runs
//     the refill reads under T1, C, it installs -> Unregistered
//  6. refill that is handed over late
//     W settles and holds what it dropped of T1, C, W hands it to the queue
//     -> T1 is not e's template any more: no item, which could else take the
//     place of a newer one for the same key
//  7. entry suspended by an open write
//     W published, T1's entry is suspended, C, W rolls back
//     -> the entry went with T1; W resumes nobody. While W is open a fill under
//     T2 that W touches is Overtaken, since W is held against T2 itself
//  8. write that touches T2 but not T1
//     W published before T2 was registered, C, R token with T2, R reads old,
//     W commits, W settles, R installs
//     -> Overtaken: W was open at the token. What W found at its publishing is
//     not what fills are held against
//  9. ghost
//     W drops T1's entry and its ghost stays, C
//     -> the ghost went too: the key is unheard of, and inherits no heat
//  10. new schema
//     refresh has compiled e anew (T1'), C, refresh puts T1' in place
//     -> e is not what is mapped any more: T1' is thrown away. Else it would
//     push T2 out of the graph
//  11. new schema while a change is prepared
//     C has compiled T2, the schema changes and refresh goes over the registry
//     before C is in it, C exchanges
//     -> C compares the epochs after the exchange and wakes refresh again. Until
//     then T2's plan is outdated and nothing read through it is kept
//  12. write under the old mapping
//     W runs the old SQL, C replaces its endpoint, W commits
//     -> a write like any other: it settles before it is answered
//  13. two changes
//     C1 and C2 were both prepared from one registry, the later would undo the
//     earlier -> they take turns

// mapper is what changing the registry needs.
type mapper struct {
	// turn holds one element while a change is under way. It is no lock: it is
	// held while a source is asked, and who waits for it can leave.
	turn chan struct{}
	// swap guards graph templates and registry together, never across a call to
	// a source, the store or a client.
	swap    sync.Mutex
	store   MappingStore
	durable bool
	load    func() (*config.Config, []config.Mistake)
	seam    atomic.Pointer[func(step, endpoint string)] // tests look on, or stop it
}

// step tells a test how far a change, or a refresh, has come.
func (m *mapper) step(name, endpoint string) {
	if f := m.seam.Load(); f != nil {
		(*f)(name, endpoint)
	}
}

func newMapper(o Options) *mapper {
	m := &mapper{turn: make(chan struct{}, 1), store: o.Mappings, durable: o.Mappings != nil, load: o.Reload}
	if m.store == nil {
		m.store = &memoryMappings{}
	}
	if m.load == nil {
		m.load = func() (*config.Config, []config.Mistake) { return config.Load(o.Config.File, config.Environ) }
	}
	return m
}

// begin waits for the turn; end gives it on.
func (m *mapper) begin(ctx context.Context) *problem {
	if ctx.Err() == nil {
		select {
		case m.turn <- struct{}{}:
			return nil
		default:
			m.step("waits", "")
		}
		select {
		case m.turn <- struct{}{}:
			return nil
		case <-ctx.Done():
		}
	}
	p := newProblem(http.StatusServiceUnavailable, problemBusy, "another change of the endpoints is under way")
	p.retryAfter = time.Second
	return p
}

func (m *mapper) end() { <-m.turn }

// exchange puts next in the place of the registry of now. Endpoints that are in
// both keep their entries. On an error everything is as it was, but for entries
// of endpoints that next does not have. REQUIRES: the turn.
func (s *Server) exchange(next *registry) error {
	s.mapper.swap.Lock()
	defer s.mapper.swap.Unlock()
	was := s.current()
	gone, come := missingFrom(next, was), missingFrom(was, next)
	for _, e := range gone {
		s.graph.Unregister(e.cfg.Name)
	}
	var err error
	for _, e := range come {
		err = errors.Join(err, s.register(e.plan.Load()))
	}
	if err != nil {
		for _, e := range come {
			s.graph.Unregister(e.cfg.Name)
		}
		for _, e := range gone {
			err = errors.Join(err, s.register(e.plan.Load()))
		}
		return err
	}
	s.registry.Store(next)
	for _, e := range come { // interleaving 11
		if e.plan.Load().epoch != e.db.epoch.Load() {
			s.wakeRefresher(e.db)
		}
	}
	return nil
}

// missingFrom lists what is in b and not the very same in a.
func missingFrom(a, b *registry) []*endpoint {
	var out []*endpoint
	for _, e := range b.endpoints {
		if a.byName[e.cfg.Name] != e {
			out = append(out, e)
		}
	}
	return out
}

// stands tells that e is what its name means now.
func (s *Server) stands(e *endpoint) bool { return s.endpoint(e.cfg.Name) == e }

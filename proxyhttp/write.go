package proxyhttp

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp/bind"
	"edgecache/source"
	"edgecache/sqlparse"
)

// bindWriteAs makes the statements of one mapped write, with the claims of who
// sends it.
func (s *Server) bindWriteAs(e *endpoint, path map[string]string, r *http.Request, body, claims map[string]any) ([]source.Statement, *problem) {
	p := e.plan.Load()
	if p.broken != "" {
		return nil, newProblem(http.StatusInternalServerError, problemEndpointBroken, p.broken)
	}
	query, prob := parseQuery(r.URL, s.limits)
	if prob != nil {
		return nil, prob
	}
	bound, bad := p.binder.Bind(bind.Request{Path: path, Query: query, Header: r.Header, Body: body, Claims: claims})
	if len(bad) > 0 {
		return nil, badParameters(bad)
	}
	v, prob := p.choose(bound)
	if prob != nil {
		return nil, prob
	}
	lim := s.limitsOf(e)
	out := make([]source.Statement, len(v.statements))
	for i, st := range v.statements {
		out[i] = st.Statement(st.pick.Args(bound.Args))
		out[i].Limits = source.Limits{Rows: lim.Rows, Bytes: lim.ResultBytes}
	}
	return out, nil
}

// write answers a mapped POST, PUT, PATCH or DELETE.
func (s *Server) write(w http.ResponseWriter, r *http.Request, e *endpoint, path map[string]string) {
	claims, p := s.identify(e, r) // before a body is read that nobody may send
	if p != nil {
		s.fail(w, r, e, p)
		return
	}
	body, p := readObject(w, r, s.limits.Body)
	if p != nil {
		s.fail(w, r, e, p)
		return
	}
	sts, p := s.bindWriteAs(e, path, r, body, claims)
	if p != nil {
		s.fail(w, r, e, p)
		return
	}
	guard, p := s.guardOf(e, r)
	if p != nil {
		s.fail(w, r, e, p)
		return
	}
	if guard != nil {
		sts = append([]source.Statement{*guard}, sts...)
	}
	var res *source.WriteResult
	done := settled{outcome: source.OutcomeRolledBack} // until something is sent
	err := s.throughGate(e.db, func() (err error) {
		res, done, err = s.runAgain(within(r.Context(), w), e, sts, guard != nil)
		return err
	})
	if done.outcome != source.OutcomeRolledBack {
		// The key is set directly: Set would spell it Edgecache-Invalidated.
		w.Header()["EdgeCache-Invalidated"] = []string{strconv.Itoa(done.affected)}
	}
	if err != nil {
		s.failWith(w, r, e, err)
		return
	}
	e.count.writes.Add(1)
	writeJSON(w, http.StatusOK, writeAnswer(res))
}

// guardTries bounds how often a guarded write starts over.
const guardTries = 3

// runAgain is run, and once more where two guarded writes met: each holds what
// the other waits for, the database undoes one of them, and that one has its
// answer only after it looked again.
func (s *Server) runAgain(ctx context.Context, e *endpoint, sts []source.Statement, guarded bool) (res *source.WriteResult, done settled, err error) {
	for try := 1; ; try++ {
		res, done, err = s.run(ctx, e, sts)
		if !guarded || try == guardTries || done.outcome != source.OutcomeRolledBack || e.db.dialect == sqlparse.SQLite ||
			err == nil || source.KindOf(err) != source.ErrBusy {
			return res, done, err
		}
	}
}

// settled is what a write did to the cache.
type settled struct {
	outcome  source.Outcome
	affected int
}

// run executes a write and settles the cache before it returns, whatever
// becomes of the client, the statements or this code:
//
//	1 the statements run in one transaction
//	2 their images are published: what they may affect is suspended
//	3 COMMIT
//	4 settle: committed or unknown drops, a definite rollback resumes; what may
//	  still commit is held open instead (lostWrites)
//	5 only now is anybody answered
//
// The context is cut loose from the client's, for a client that leaves
// between 2 and 4 would else turn a known outcome into an unknown one.
func (s *Server) run(ctx context.Context, e *endpoint, sts []source.Statement) (res *source.WriteResult, done settled, err error) {
	leave, err := s.enter(ctx, e, e.db.writes)
	if err != nil { // the client left, or was turned away, before anything was sent
		return nil, settled{outcome: source.OutcomeRolledBack}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limitsOf(e).Statement)
	defer cancel()
	began := time.Now()
	entry := writeLog{endpoint: e.cfg.Name, source: e.db.name}
	var intent *depgraph.Intent
	defer func() {
		// A result that never came leaves OutcomeUnknown, which drops (I7).
		if res != nil {
			done.outcome, entry.rows, entry.elapsed = res.Outcome, res.RowsAffected, res.Elapsed
		}
		if intent == nil {
			if err != nil {
				done.outcome = source.OutcomeRolledBack // nothing was published, so nothing was committed
			}
		} else {
			entry.spared = intent.Spared()
			if res != nil && res.Ended != nil && done.outcome == source.OutcomeUnknown {
				done.affected = s.hold(ctx, e.db, intent, res.Ended)
			} else {
				done.affected = s.settle(intent, done.outcome)
			}
		}
		entry.affected, entry.outcome, entry.err, entry.total = done.affected, done.outcome, err, time.Since(began)
		s.logWrite(ctx, entry)
	}()
	res, err = e.db.src.Write(ctx, sts, func(ws *source.WriteSet) {
		at := time.Now()
		intent = s.publishBy(e.cfg.Name, e.db, ws)
		refine(intent, ws)
		entry.match, entry.tables = time.Since(at), ws.Tables()
	})
	leave()
	e.db.circuit.saw(err)
	if err == nil && res == nil {
		err = fmt.Errorf("the source gave neither result nor error")
	}
	return res, done, err
}

// partnerBytes bounds the answer to one question for partners.
const partnerBytes = 1 << 20

// refine lets the graph look for partners, where the source can be asked inside
// the write's transaction.
func refine(intent *depgraph.Intent, ws *source.WriteSet) {
	if look := lookup(ws); look != nil {
		intent.Refine(look)
	}
}

func lookup(ws *source.WriteSet) depgraph.Lookup {
	if ws.Look == nil {
		return nil
	}
	return func(st source.Statement) ([]source.Row, error) {
		res, err := ws.Look(st, source.Limits{Bytes: partnerBytes})
		if err != nil {
			return nil, err
		}
		return res.Rows, nil
	}
}

// publish shows a write set to the graph. A change of the schema outdates the
// plans first, so that no fill that begins after it can be kept (see load).
func (s *Server) publish(db *database, ws *source.WriteSet) *depgraph.Intent {
	return s.publishBy(depgraph.ByElsewhere, db, ws)
}

// publishBy is publish with the name of who writes.
func (s *Server) publishBy(by string, db *database, ws *source.WriteSet) *depgraph.Intent {
	if ws.SchemaChanged {
		db.epoch.Add(1)
		if ws.Everything == "" {
			wide := *ws
			wide.Everything = "the schema changed"
			ws = &wide
		}
	}
	intent := s.graph.PublishBy(by, ws)
	if ws.SchemaChanged {
		s.wakeRefresher(db)
	}
	return intent
}

// settle ends an intent and hands what it dropped to the refilling queue.
func (s *Server) settle(intent *depgraph.Intent, o source.Outcome) (affected int) {
	dropped := intent.Settle(o)
	if o == source.OutcomeRolledBack {
		return 0
	}
	s.refill(dropped)
	return intent.Affected()
}

// foreign takes notice of a write that another connection or process made.
func (s *Server) foreign(db *database, ws *source.WriteSet) {
	began := time.Now()
	intent := s.publish(db, ws)
	entry := writeLog{endpoint: "(foreign)", source: db.name, tables: ws.Tables(), match: time.Since(began), outcome: source.OutcomeCommitted}
	entry.affected = s.settle(intent, source.OutcomeCommitted)
	entry.spared, entry.total = intent.Spared(), time.Since(began)
	s.logWrite(context.Background(), entry)
}

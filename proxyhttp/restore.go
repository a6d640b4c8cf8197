package proxyhttp

import (
	"context"
	"errors"
	"sort"
	"time"

	"edgecache/depgraph"
	"edgecache/proxyhttp/config"
	"edgecache/source/sqlite"
)

// What is kept over a restart (store.path), and when it may be served again:
//
//	stop    no request, refill or flight runs any more
//	        each source that can is closed with a stamp of what it was then,
//	        having told of all that others wrote before
//	        if no write is open, and the file holds what the graph holds, the
//	        file says so with the stamps
//	start   the file is opened, and no longer says so
//	        token, then the stamps of now
//	        sources, endpoints; then the stamps once more
//	        behind the scenes: each kept answer whose endpoint is the same
//	          the stamps are those of the file   restored, by the token
//	          else                               remembered; read again, hottest first
//
// The second look at the stamps comes when the source watches for writes of
// others, so that none can fall between; and the token makes a write of our
// own, or one that is noticed, overtake what has not been restored yet.

// rememberedMost bounds the answers that are read again after a start; of more
// the coldest are forgotten.
const rememberedMost = 1 << 16

// stamped is a source that can tell whether it was written while nobody looked.
type stamped interface {
	Stamp() string
	CloseStamped(ctx context.Context) (string, error)
}

// restoring is what is known before the sources are opened.
type restoring struct {
	token  depgraph.Token
	before map[string]string // stamps by source
}

// beforeOpening takes the token and the stamps.
func (s *Server) beforeOpening() restoring {
	r := restoring{token: s.graph.Token(), before: map[string]string{}}
	for _, c := range s.cfg.Sources {
		if s.vault != nil && c.Driver == config.DriverSQLite {
			r.before[c.Name] = sqlite.StampOf(c.DSN)
		}
	}
	return r
}

// unwritten tells that the source is what it was when the store was closed.
func (s *Server) unwritten(r restoring, db *database) bool {
	src, ok := db.src.(stamped)
	kept, clean := s.vault.Clean(db.name)
	return ok && clean && kept != "" && kept == r.before[db.name] && kept == src.Stamp()
}

// startRestoring brings back what was kept while requests are answered
// already: who asks for what has not come yet reads the source.
func (s *Server) startRestoring(ctx context.Context, r restoring) {
	if s.vault == nil {
		return
	}
	s.restores = true
	s.background.Add(1)
	go func() {
		defer s.background.Done()
		s.restoreEntries(ctx, r)
	}()
}

// restoreEntries looks at everything that was kept.
func (s *Server) restoreEntries(ctx context.Context, r restoring) {
	began := time.Now()
	known := map[*database]bool{}
	for _, db := range s.databases {
		known[db] = s.unwritten(r, db)
	}
	var stale keptList
	fresh, gone := 0, 0
	err := s.vault.EachKept(ctx, func(k *depgraph.Kept) {
		e, v := s.madeBy(k)
		switch {
		case v == nil:
			s.graph.Discard(k.Key)
			gone++
		case known[e.db] && s.restoreFresh(r, e, v, k):
			fresh++
		default:
			k.Shed()
			gone += stale.add(s, k)
		}
	})
	if err != nil {
		return // the server closes; the file stays as it is
	}
	s.refill(stale.remember(s))
	if fresh+len(stale)+gone > 0 {
		s.log.Info("store restored", "fresh", fresh, "stale", len(stale), "dropped", gone, "took", time.Since(began))
	}
}

// madeBy finds the endpoint and the variant that made k; nil when they are
// gone, or would make another answer now.
func (s *Server) madeBy(k *depgraph.Kept) (*endpoint, *variant) {
	e := s.endpoint(k.Endpoint)
	if e == nil || e.isWrite {
		return nil, nil
	}
	v := e.plan.Load().variants[k.Variant]
	if v == nil || v.template == nil || v.template.Fingerprint != k.Fingerprint || len(k.Args) != len(v.statements[0].Params) {
		return nil, nil
	}
	return e, v
}

// restoreFresh brings an answer back that is as good as it was; false: it is
// not, or cannot be.
func (s *Server) restoreFresh(r restoring, e *endpoint, v *variant, k *depgraph.Kept) bool {
	now, expires := s.now(), s.expiryOf(e, k)
	resp := readResponse(k.Payload)
	if resp == nil || !now.Before(expires) || k.Stored.After(now) {
		return false
	}
	entry := &depgraph.Entry{
		Key: k.Key, URL: k.URL, Template: v.template, Args: k.Args, Payload: resp,
		Size: resp.size() + int64(len(k.Key)+len(k.URL)), Stored: k.Stored, Expires: expires, Cost: k.Cost,
		Records: k.Records, RecordsUnknown: k.RecordsUnknown,
	}
	o, newer := s.graph.Restore(r.token, entry, k)
	return newer || o == depgraph.Installed
}

// expiryOf counts the lifetime from when the answer was stored first.
func (s *Server) expiryOf(e *endpoint, k *depgraph.Kept) time.Time {
	at := k.Stored.Add(e.cfg.TTL)
	if k.Expires.Before(at) {
		return k.Expires
	}
	return at
}

// keptList are answers that must be read again.
type keptList []*depgraph.Kept

// add takes one in; of too many the colder half goes. It returns how many went.
func (l *keptList) add(s *Server, k *depgraph.Kept) int {
	*l = append(*l, k)
	if len(*l) < 2*rememberedMost {
		return 0
	}
	l.sort()
	cold := (*l)[:len(*l)-rememberedMost]
	for _, k := range cold {
		s.graph.Discard(k.Key)
	}
	*l = append(keptList(nil), (*l)[len(cold):]...)
	return len(cold)
}

// sort brings the coldest to the front.
func (l keptList) sort() {
	heat := func(k *depgraph.Kept) float64 { return float64(k.Hits) * float64(k.Cost) }
	sort.SliceStable(l, func(i, j int) bool { return heat(l[i]) < heat(l[j]) })
}

// remember tells the graph of them, the hottest last, and returns what is
// worth reading again. One whose time had passed is only remembered, as it
// would be had we not stopped.
func (l keptList) remember(s *Server) []depgraph.Dropped {
	l.sort()
	var out []depgraph.Dropped
	now := s.now()
	for _, k := range l {
		e, v := s.madeBy(k)
		if v == nil {
			s.graph.Discard(k.Key) // its endpoint changed meanwhile
			continue
		}
		if d, ok := s.graph.Remember(k, v.template); ok && now.Before(s.expiryOf(e, k)) {
			out = append(out, d)
		}
	}
	return out
}

// closeSources closes every source, and says of those that can tell what they
// were when nobody had anything more to learn of them.
func (s *Server) closeSources(ctx context.Context) (stamps map[string]string, err error) {
	stamps = map[string]string{}
	var errs []error
	for name, db := range s.databases {
		src, ok := db.src.(stamped)
		if !ok || !s.restores {
			// Also after a start that failed: what the store says still holds,
			// and a new stamp would make it untrue.
			errs = append(errs, db.src.Close())
			continue
		}
		stamp, err := src.CloseStamped(ctx)
		errs = append(errs, err)
		// After the stamp: a write that committed before it and has not
		// settled yet is still open here.
		if stamp != "" && s.graph.OpenWrites(name) == 0 {
			stamps[name] = stamp
		}
	}
	return stamps, errors.Join(errs...)
}

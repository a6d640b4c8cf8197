package proxyhttp

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
)

// Every request has an id: the client's X-Request-Id where it is fit for a log,
// else one of ours. It goes back on the answer, and names the request in
// problems and in every line that is logged for it.
//
// It lives in the header of the answer, where all who answer can see it. A
// context of its own would cost each hit a copy of its request; who logs makes
// one when there is something to say (within).

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 128
)

// sane tells that an id from outside is of a length and an alphabet that no
// log, shell or page takes for anything else.
func sane(id string) bool {
	for i := range len(id) {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '_' || c == '.' || c == ':' || c == '/' || c == '+' || c == '=' || c == '@') {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

// idBlock is how many ids are made at a time, so that a request allocates none.
const idBlock = 64

// identifiers makes ids that are unique in this process and, being 64 random
// bits each, do not meet those of another. They are no secret.
type identifiers struct {
	seed   uint64
	made   atomic.Uint64
	blocks sync.Pool // *idsLeft
}

// idsLeft are ids as header values.
type idsLeft struct {
	values [idBlock]string
	used   int
}

func newIdentifiers() *identifiers {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return &identifiers{seed: binary.LittleEndian.Uint64(b[:])}
}

// next is an id as the value of a header.
func (g *identifiers) next() []string {
	left, _ := g.blocks.Get().(*idsLeft)
	if left == nil || left.used == idBlock {
		left = g.block()
	}
	i := left.used
	left.used++
	g.blocks.Put(left)
	return left.values[i : i+1 : i+1]
}

func (g *identifiers) block() *idsLeft {
	const digits = 16
	from := g.made.Add(idBlock) - idBlock
	text := make([]byte, 0, idBlock*digits)
	for i := range uint64(idBlock) {
		for id, n := scatter(g.seed+from+i), 0; n < digits; n++ {
			text = append(text, hexDigits[id>>60])
			id <<= 4
		}
	}
	all, left := string(text), &idsLeft{}
	for i := range left.values {
		left.values[i] = all[i*digits : (i+1)*digits]
	}
	return left
}

// identified gives the request its id, and its place in the client's trace.
func (s *Server) identified(h http.Header, r *http.Request) {
	if given := r.Header[requestIDHeader]; len(given) == 1 && sane(given[0]) {
		h[requestIDHeader] = given[:1:1]
	} else {
		h[requestIDHeader] = s.ids.next()
	}
	if given := r.Header["Traceparent"]; len(given) == 1 {
		if t, ok := parseTrace(given[0]); ok {
			h[traceHeader] = []string{t.child(s.ids.next()[0]).String()}
		}
	}
}

// named is for handlers that are not in a hurry: requests have their id in the
// header of the answer and in their context.
func (s *Server) named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.identified(w.Header(), r)
		next.ServeHTTP(w, r.WithContext(within(r.Context(), w)))
	})
}

// requestID is the id of the request that h answers; "" before it has one.
func requestID(h http.Header) string {
	if v := h[requestIDHeader]; len(v) > 0 {
		return v[0]
	}
	return ""
}

type requestKey struct{}

// within makes what is logged in the context name the request that w answers.
func within(ctx context.Context, w http.ResponseWriter) context.Context {
	attrs := []slog.Attr{slog.String("request", requestID(w.Header()))}
	if v := w.Header()[traceHeader]; len(v) > 0 {
		if t, ok := parseTrace(v[0]); ok {
			attrs = append(attrs, slog.String("trace", t.id), slog.String("span", t.span))
		}
	}
	return context.WithValue(ctx, requestKey{}, attrs)
}

// requestLog adds to each line the request of its context.
type requestLog struct{ slog.Handler }

func (l requestLog) Handle(ctx context.Context, r slog.Record) error {
	if attrs, ok := ctx.Value(requestKey{}).([]slog.Attr); ok {
		r = r.Clone()
		r.AddAttrs(attrs...)
	}
	return l.Handler.Handle(ctx, r)
}

func (l requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{l.Handler.WithAttrs(attrs)}
}

func (l requestLog) WithGroup(name string) slog.Handler { return requestLog{l.Handler.WithGroup(name)} }

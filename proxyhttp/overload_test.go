package proxyhttp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"edgecache/source"
)

// The line of an admission in steps: order, bounds, patience, and who leaves.
func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(2, 3)
		var order []int
		var leaves []func()
		enter := func(ctx context.Context, n int, patience time.Duration) *error {
			out := new(error)
			go func() {
				leave, err := a.enter(ctx, patience)
				if *out = err; err == nil {
					order = append(order, n)
					leaves = append(leaves, leave)
				}
			}()
			synctest.Wait()
			return out
		}
		ctx, cancel := context.WithCancel(t.Context())
		for n := range 4 {
			enter(t.Context(), n, time.Minute)
		}
		gone := enter(ctx, 4, time.Minute)
		full := enter(t.Context(), 5, time.Minute)
		if s := a.reading(); s.Active != 2 || s.Waiting != 3 || s.Full != 1 || !strings.Contains((*full).Error(), "too many requests wait") {
			t.Errorf("%+v, %v", s, *full)
		}
		cancel()
		synctest.Wait()
		if !errors.Is(*gone, context.Canceled) {
			t.Error(*gone)
		}
		time.Sleep(3 * time.Second) // nobody has left: one more would wait for 6 s, if calls took 3 s
		hopeless := enter(t.Context(), 6, 5*time.Second)
		var p *problem
		if !errors.As(*hopeless, &p) || p.Status != 503 || p.retryAfter != 6*time.Second || a.reading().Hopeless != 1 {
			t.Errorf("%v", *hopeless)
		}
		first := leaves[0]
		first()
		first() // does nothing
		synctest.Wait()
		late := enter(t.Context(), 7, 4*time.Second)
		if a.reading().Waiting != 2 {
			t.Errorf("%+v", a.reading())
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if a.reading().Late != 1 || *late == nil {
			t.Errorf("%v, %+v", *late, a.reading())
		}
		for i := 1; i < len(leaves); i++ { // each lets the next in, which appends its own
			leaves[i]()
			synctest.Wait()
		}
		if fmt.Sprint(order) != "[0 1 2 3]" {
			t.Error(order)
		}
		s := a.reading()
		if s.Active != 0 || s.Waiting != 0 || s.Admitted != 4 || s.Asked != s.Admitted+s.Full+s.Hopeless+s.Late+s.Left {
			t.Errorf("%+v", s)
		}
	})
}

// Ten thousand requests against a source that answers nobody: each is answered
// or turned away, what is kept is served meanwhile, and afterwards nothing of
// them is left. Clients of one key share a call; others wait in line.
func TestStormOnABlockedSource(t *testing.T) {
	h := start(t, withLimits(Limits{Requests: 4000, SourceRequests: 600, Flights: 8, SourceWait: 300 * time.Millisecond, Statement: 600 * time.Millisecond}))
	h.miss("/v1/users/1")
	settle := func() (goroutines int, heap uint64) {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapInuse
	}
	before, heapBefore := settle()
	var inside, most atomic.Int64
	h.tap.set(func(ctx context.Context) error {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		<-ctx.Done()
		return &source.Error{Kind: source.ErrTimeout, Message: "by a test", Err: ctx.Err()}
	})
	const requests = 10_000
	var wg sync.WaitGroup
	var status [600]atomic.Int64
	var peak atomic.Int64
	handler := h.s.Data()
	for i := range requests {
		wg.Go(func() {
			path := "/v1/users/1" // one in ten is kept
			if i%10 > 0 {
				path = fmt.Sprintf("/v1/users/%d", i%2000+2)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			status[w.Code].Add(1)
			if w.Code != 200 && w.Header().Get("Retry-After") == "" {
				t.Errorf("%d without Retry-After: %s", w.Code, w.Body)
			}
			peak.Store(max(peak.Load(), int64(runtime.NumGoroutine())))
		})
	}
	wg.Wait()
	h.hit("/v1/users/1")
	h.tap.set(nil)
	ok, shed, timedOut := status[200].Load(), status[503].Load(), status[504].Load()
	r := h.s.databases["main"].reads.reading()
	t.Logf("%d hits, %d turned away, %d timed out; at most %d calls of the source at once, %d goroutines; %+v", ok, shed, timedOut, most.Load(), peak.Load(), r)
	if ok+shed+timedOut != requests || most.Load() > 8 || r.Waiting != 0 {
		t.Errorf("%d + %d + %d of %d answered, %d calls at once", ok, shed, timedOut, requests, most.Load())
	}
	if timedOut == 0 || r.Full+r.Late+r.Hopeless == 0 {
		t.Errorf("%+v: the storm did not reach the source", r)
	}
	eventually(t, "goroutines and memory are as before", func() bool {
		after, heap := settle()
		return after <= before+20 && heap <= heapBefore+32<<20
	})
	h.miss("/v1/users/2")
}

// One source in trouble takes nothing from another.
func TestSourcesHaveTheirOwnBounds(t *testing.T) {
	db := &database{src: (&tap{})}
	db.limit(Limits{SourceRequests: 5, Flights: 3})
	if cap(db.gate) != 5 || db.reads.most != 3 || db.writes.most != 3 {
		t.Errorf("%d %d %d", cap(db.gate), db.reads.most, db.writes.most)
	}
	db.src = sized{}
	db.limit(Limits{SourceRequests: 5, Flights: 3})
	if db.reads.most != 40 || db.writes.most != 20 {
		t.Errorf("%d %d", db.reads.most, db.writes.most)
	}
	h := start(t)
	c, ok := h.tap.Source.(interface{ Capacity() (reads, writes int) })
	if !ok {
		t.Fatal("the driver does not tell how many calls it takes")
	}
	if reads, writes := c.Capacity(); reads < 1 || writes != 1 {
		t.Errorf("%d reads, %d writes", reads, writes)
	}
}

type sized struct{ source.Source }

func (sized) Capacity() (reads, writes int) { return 40, 20 }

// A client that reads slowly holds nothing of the source.
func TestSlowReaderHoldsNoPlace(t *testing.T) {
	h := start(t, withLimits(Limits{SourceRequests: 1}), withYAML(`
  - {name: big, route: "GET /big/{id}", sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT :id AS id, i, hex(zeroblob(50000)) AS filler FROM n", params: {id: {type: string}}}
  - {name: bigger, route: "GET /bigger/{id}", cache: false, sql: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT :id AS id, i, hex(zeroblob(50000)) AS filler FROM n", params: {id: {type: string}}}
`))
	for _, path := range []string{"/big/1", "/bigger/1"} {
		conn, err := net.Dial("tcp", h.data.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // a failed test must not hang
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReaderSize(conn, 16).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatal(line, err)
		}
		h.miss(fmt.Sprintf("/v1/users/%d", len(path))) // while the rest waits for its reader
		if h.s.databases["main"].reads.reading().Active != 0 || len(h.s.databases["main"].gate) != 0 {
			t.Errorf("%s: a place is held", path)
		}
		_ = conn.Close()
	}
}

// Clients that send or read too slowly are cut off.
func TestSlowClientsAreCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{limits: Limits{ReadHeader: time.Second, Read: 3 * time.Second, Write: 7 * time.Second, Idle: 20 * time.Second, HeaderBytes: 1 << 12}, log: discard}
		body := strings.Repeat("x", 1<<20)
		server := s.httpServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return
			}
			_, _ = io.WriteString(w, body)
		}))
		l := newPipes()
		go func() { _ = server.Serve(l) }()
		for name, c := range map[string]struct {
			send string
			want time.Duration
		}{
			"head":   {"GET / HTTP/1.1\r\nHo", time.Second},
			"body":   {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", 3 * time.Second},
			"answer": {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 7 * time.Second},
		} {
			began, conn := time.Now(), l.dial()
			if _, err := io.WriteString(conn, c.send); err != nil {
				t.Fatal(err)
			}
			if name == "answer" {
				<-conn.(*dialled).closed // nothing is read
			} else if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took < c.want || took > c.want+2*time.Second {
				t.Errorf("%s: cut after %s, want %s", name, took, c.want)
			}
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

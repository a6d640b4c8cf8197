package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source"
)

// lossy is a source whose commits are not answered and take effect later: Write
// shows the images and returns with an unknown outcome, and commit does it.
type lossy struct {
	source.Source
	lose   bool
	sts    [][]source.Statement
	ended  []chan struct{}
	commit func(i int) // the statements of the i-th lost write take effect
	end    func(i int) // nothing of it can come any more
}

func (p *lossy) Write(ctx context.Context, sts []source.Statement, before func(*source.WriteSet)) (*source.WriteResult, error) {
	if !p.lose {
		return p.Source.Write(ctx, sts, before)
	}
	ws, err := p.DryRun(ctx, sts)
	if err != nil {
		return &source.WriteResult{Outcome: source.OutcomeRolledBack}, err
	}
	before(ws)
	p.sts, p.ended = append(p.sts, sts), append(p.ended, make(chan struct{}))
	return &source.WriteResult{Ended: p.ended[len(p.ended)-1]}, &source.Error{Kind: source.ErrTimeout, Message: "the database took longer than allowed"}
}

func startLossy(t *testing.T) (*harness, *lossy) {
	t.Helper()
	p := &lossy{}
	h := start(t, func(s *setup) {
		s.Open = func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
			src, err := OpenSource(ctx, c, onForeign, lim, log)
			p.Source = src
			return p, err
		}
	})
	p.commit = func(i int) {
		if _, err := p.Source.Write(context.Background(), p.sts[i], func(*source.WriteSet) {}); err != nil {
			t.Error(err)
		}
	}
	p.end = func(i int) {
		n, _ := h.s.databases["main"].lost.reading()
		close(p.ended[i])
		eventually(t, "the write is settled", func() bool { now, _ := h.s.databases["main"].lost.reading(); return now < n })
	}
	return h, p
}

// through demands an answer that comes from the source and is not kept.
func (h *harness) through(path, want string) {
	h.t.Helper()
	for range 2 { // the second would be a hit of the first
		a := h.get(path)
		if a.StatusCode != 200 || strings.Contains(a.cache(), "hit") || strings.Contains(a.cache(), "stored") || !strings.Contains(a.body, want) {
			h.t.Fatalf("GET %s: %d %s %s, want %s read through", path, a.StatusCode, a.cache(), a.body, want)
		}
	}
}

// TestLostWriteStaysOpen steps through lostWrites: whatever the lost write may
// change is read through until it is proven over, however late it commits.
func TestLostWriteStaysOpen(t *testing.T) {
	h, p := startLossy(t)
	h.miss("/v1/users/1")
	h.miss("/v1/users/2")
	p.lose = true // 1, 2
	a := h.do("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	if a.StatusCode != 504 || a.Header.Get("EdgeCache-Invalidated") != "1" || a.Header.Get("Retry-After") == "" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	p.lose = false
	h.through("/v1/users/1", `"Ada"`) // 3: not yet committed
	h.hit("/v1/users/2")
	if stats := h.admin("GET", "/v1/stats", ""); !strings.Contains(stats.body, `"lost":[{"source":"main","open":1,"oldestSeconds":`) {
		t.Error(stats.body)
	}
	p.commit(0) // 4
	h.through("/v1/users/1", `"Eve"`)
	if n := h.write("PUT", "/v1/users/2", `{"firstName":"Zoe"}`); n != "1" {
		t.Errorf("another write affected %s", n)
	}
	h.miss("/v1/users/2")
	p.end(0) // 5
	if a := h.miss("/v1/users/1"); !strings.Contains(a.body, `"Eve"`) {
		t.Error(a.body)
	}
	h.hit("/v1/users/1")
	if stats := h.admin("GET", "/v1/stats", ""); strings.Contains(stats.body, `"lost"`) {
		t.Error(stats.body)
	}
	if !strings.Contains(h.log.String(), "a write may still take effect") {
		t.Error(h.log.String())
	}
}

// TestManyLostWrites: past the bound the whole source is read through, until
// those past it are over.
func TestManyLostWrites(t *testing.T) {
	h, p := startLossy(t)
	h.miss("/v1/orders?userId=1")
	p.lose = true
	for i := range maxLostAlone + 2 {
		if i == maxLostAlone {
			h.hit("/v1/orders?userId=1")
		}
		h.do("PUT", "/v1/users/1", fmt.Sprintf(`{"firstName":"Eve%d"}`, i))
	}
	p.lose = false
	h.through("/v1/orders?userId=1", "250")
	p.end(0) // one that is held alone: those past the bound are still open
	h.through("/v1/orders?userId=1", "250")
	p.commit(maxLostAlone + 1)
	p.end(maxLostAlone + 1)
	h.through("/v1/orders?userId=1", "250")
	p.end(maxLostAlone)
	h.miss("/v1/orders?userId=1")
	h.hit("/v1/orders?userId=1")
	h.through("/v1/users/1", fmt.Sprintf(`"Eve%d"`, maxLostAlone+1)) // those held alone are open
	for i := 1; i < maxLostAlone; i++ {
		p.end(i)
	}
	h.miss("/v1/users/1")
	h.hit("/v1/users/1")
}

// TestCloseWithLostWrites: closing waits for nobody who may never come.
func TestCloseWithLostWrites(t *testing.T) {
	h, p := startLossy(t)
	h.served = true // and closed
	h.miss("/v1/users/1")
	p.lose = true
	for range maxLostAlone + 1 {
		h.do("PUT", "/v1/users/1", `{"firstName":"Eve"}`)
	}
	if err := h.s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if n, _ := h.s.databases["main"].lost.reading(); n != 0 {
		t.Errorf("%d still held", n)
	}
}

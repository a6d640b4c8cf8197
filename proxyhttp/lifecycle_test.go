package proxyhttp

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Shutdown refuses what is new and finishes what is under way.
func TestShutdownFinishesWhatIsUnderWay(t *testing.T) {
	h := start(t)
	data, control := listener(t), listener(t)
	h.served = true
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.s.Serve(ctx, data, control) }()
	base := "http://" + data.Addr().String()
	eventually(t, "ready", func() bool { return h.send("http://"+control.Addr().String(), "GET", "/readyz", "").StatusCode == 200 })

	entered, release := make(chan struct{}, 1), make(chan struct{})
	h.tap.setWrite(func(stage string) error {
		if stage == "published" {
			entered <- struct{}{}
			<-release
		}
		return nil
	})
	got := make(chan *answer, 1)
	go func() { got <- h.send(base, "PUT", "/v1/users/1", `{"firstName":"Last"}`) }()
	<-entered
	stop()
	eventually(t, "refused", func() bool {
		_, err := net.Dial("tcp", data.Addr().String())
		return err != nil
	})
	if a := h.send("http://"+control.Addr().String(), "GET", "/readyz", ""); a.StatusCode != 503 {
		t.Errorf("readyz while draining: %d", a.StatusCode)
	}
	close(release)
	if a := <-got; a.StatusCode != 200 {
		t.Errorf("the write under way: %d %s", a.StatusCode, a.body)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if _, err := net.Dial("tcp", control.Addr().String()); err == nil {
		t.Error("the control plane still accepts")
	}
}

// What does not finish in time is cut off, and Serve returns.
func TestShutdownHasADeadline(t *testing.T) {
	h := start(t, withLimits(Limits{Drain: 50 * time.Millisecond}))
	data, control := listener(t), listener(t)
	h.served = true
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.s.Serve(ctx, data, control) }()
	entered := make(chan struct{}, 1)
	h.tap.set(func(ctx context.Context) error { entered <- struct{}{}; <-ctx.Done(); return ctx.Err() })
	gone := make(chan error, 1)
	go func() {
		res, err := http.Get("http://" + data.Addr().String() + "/v1/users/1")
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	<-entered
	stop()
	<-served
	<-gone
}

func TestHeadersHaveALimit(t *testing.T) {
	h := start(t, withLimits(Limits{HeaderBytes: 4 << 10}))
	data, control := listener(t), listener(t)
	h.served = true
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- h.s.Serve(ctx, data, control) }()
	a := h.send("http://"+data.Addr().String(), "GET", "/v1/users/1", "", "X-Big", strings.Repeat("x", 64<<10))
	if a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", a.StatusCode)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// A listener that fails ends Serve with its error.
func TestServeEndsWithItsListener(t *testing.T) {
	h := start(t)
	data, control := listener(t), listener(t)
	h.served = true
	_ = data.Close()
	if err := h.s.Serve(t.Context(), data, control); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"edgecache/proxyhttp/config"
)

// lines is a log that can be waited for.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
	had chan struct{}
}

func newLines() *lines { return &lines{had: make(chan struct{}, 1)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.had <- struct{}{}:
	default:
	}
	return l.buf.Write(p)
}

func (l *lines) wait(t *testing.T, text string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		has := strings.Contains(l.buf.String(), text)
		l.mu.Unlock()
		if has {
			return
		}
		select {
		case <-l.had:
		case <-late:
			t.Fatalf("the log never says %q:\n%s", text, l.buf.String())
		}
	}
}

const anyPorts = "server: {listen: \"127.0.0.1:0\"}\nadmin: {listen: \"127.0.0.1:0\"}\n"

func TestReloadCommand(t *testing.T) {
	file := configured(t, anyPorts+endpoints)
	data, control := serving(t, file)
	rewrite := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func() (int, string, string) { return command(t, "reload", "--server", control) }
	if code, stdout, stderr := reload(); code != 0 || stdout != "2 unchanged\n" {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	rewrite(anyPorts + strings.Replace(endpoints, "name: users.put", "name: users.set", 1) + "  - {name: all, route: GET /v1/all, sql: SELECT id FROM users ORDER BY id}\n")
	if code, stdout, stderr := reload(); code != 0 || stdout != "added users.set, all; removed users.put; 1 unchanged\n" {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	res, err := http.Get(data + "/v1/all")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the new endpoint: %v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}
	rewrite(strings.Replace(anyPorts, "listen: \"127.0.0.1:0\"", "listen: \"127.0.0.1:7\"", 1) + endpoints)
	if code, _, stderr := reload(); code != 1 || !strings.Contains(stderr, "server.listen changes at the next start only") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	rewrite(anyPorts + endpoints + "  - {route: GET /a, sql: SELECT nope FROM users}\n  - {route: GET /b, sql: SELECT 1 AS x, colour: red}\n")
	if code, _, stderr := reload(); code != 1 || !strings.Contains(stderr, "edge.yaml:8: endpoint GET /a: no such column: nope\n") || !strings.Contains(stderr, "edge.yaml:9: endpoint GET /b: ") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// TestHangup sends this very process a SIGHUP while it serves.
func TestHangup(t *testing.T) {
	file := configured(t, anyPorts+endpoints)
	cfg, mistakes := config.Load(file, os.LookupEnv)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	log := newLines()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { ended <- serve(ctx, cfg, slog.New(slog.NewTextHandler(log, nil)), log) }()
	log.wait(t, "msg=serving")
	hangup := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangup()
	log.wait(t, "unchanged=2")
	if err := os.WriteFile(file, []byte(anyPorts+endpoints+"  - {route: GET /a, sql: SELECT nope FROM users}\n  - {route: GET b, sql: SELECT 1 AS x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup()
	log.wait(t, "edge.yaml:8: endpoint GET /a: no such column: nope")
	log.wait(t, "edge.yaml:9: endpoint GET b: the path")
	if err := os.WriteFile(file, []byte(anyPorts+strings.SplitAfter(endpoints, "endpoints:\n")[0]+"  []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup()
	log.wait(t, `removed="[users.get users.put]"`)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

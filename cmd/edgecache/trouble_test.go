package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNoServerAnswers meets everything that can be at the other end of
// --server, and wants exit 3 and a sentence that says what to do.
func TestNoServerAnswers(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	web := func(f http.HandlerFunc) string {
		s := httptest.NewUnstartedServer(f)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.Start()
		t.Cleanup(s.Close)
		return s.URL
	}
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	silent := web(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	hungUp := web(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	short := web(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("{"))
	})
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	go func() {
		for {
			c, err := mute.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096)) // else the answer could come before the question
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
			_ = c.Close()
		}
	}()
	for name, c := range map[string]struct {
		server string
		want   []string
	}{
		"refused":      {"http://127.0.0.1:1", []string{"http://127.0.0.1:1: nothing listens there", "edgecache serve -c FILE", "--server URL or $EDGECACHE_SERVER"}},
		"unknown name": {"http://no-such-host.invalid:8081", []string{"the name no-such-host.invalid is not known"}},
		"too late":     {silent, []string{"nothing came within 50ms", "--timeout waits longer"}},
		"TLS":          {strings.Replace(secure.URL, "https", "http", 1), []string{"it speaks TLS", "--server https://"}},
		"plain":        {strings.Replace(silent, "http", "https", 1), []string{"it speaks plain HTTP", "--server http://"}},
		"not trusted":  {secure.URL, []string{"its certificate is not trusted", "$SSL_CERT_FILE"}},
		"hung up":      {hungUp, []string{"it hung up"}},
		"broken off":   {short, []string{"it hung up"}},
		"no HTTP":      {"http://" + mute.Addr().String(), []string{"it does not speak HTTP"}},
		"another site": {web(func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }), []string{"is not the control plane of EdgeCache: it answered 404 Not Found"}},
		"another page": {web(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }), []string{"is not the control plane", "cannot be read"}},
		"a redirect":   {web(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }), []string{"it answered 302 Found"}},
		"the data port": {web(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Status", "edgecache; hit")
			_, _ = w.Write([]byte("[]"))
		}), []string{"it is a data plane, which serves your API"}},
	} {
		timeout := "5s"
		if name == "too late" {
			timeout = "50ms"
		}
		code, stdout, stderr := command(t, "stats", "--server", c.server, "--timeout", timeout, "--token", "t0psecret")
		if code != exitAbsent || stdout != "" {
			t.Errorf("%s: exit %d: %s%s", name, code, stdout, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, stderr)
			}
		}
		if strings.Contains(stderr, "t0psecret") {
			t.Errorf("%s: the token is printed", name)
		}
	}
}

// The token goes to the server that is named, and to nobody that it points to.
func TestTokenStays(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked, with %q", r.Header.Get("Authorization"))
	}))
	defer other.Close()
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0psecret" {
			t.Error("no token")
		}
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer first.Close()
	t.Setenv("EDGECACHE_TOKEN", "t0psecret")
	if code, _, _ := command(t, "purge", "--all", "--server", first.URL); code != exitAbsent {
		t.Errorf("exit %d", code)
	}
	if _, help, _ := command(t, "purge", "--help"); strings.Contains(help, "t0psecret") {
		t.Error("--help prints the token")
	}
}

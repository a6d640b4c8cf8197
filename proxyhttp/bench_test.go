package proxyhttp

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkHit is a hit without the network.
func BenchmarkHit(b *testing.B) {
	dir := b.TempDir()
	cfg, mistakes := parseConfig(b, dir, testSchema, testEndpoints)
	if len(mistakes) > 0 {
		b.Fatal(mistakes)
	}
	s, err := New(b.Context(), Options{Config: cfg})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(b.Context()) // a benchmark's own
	h := s.Data()
	r := httptest.NewRequest("GET", "/v1/users?city=Bern&limit=10", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	w := &sink{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
	if w.status != 200 {
		b.Fatal(w.status)
	}
}

type sink struct {
	h      http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

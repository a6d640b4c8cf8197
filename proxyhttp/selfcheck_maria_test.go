package proxyhttp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"edgecache/proxyhttp/config"
	"edgecache/source/mysql/mariatest"
)

// TestSelfCheckOnMariaDB: many readers and writers before a real server, every
// hit checked, no false alarm; then a write that goes past us does not stay
// unseen.
func TestSelfCheckOnMariaDB(t *testing.T) {
	server := mariatest.Get(t)
	dsn := server.Database(t, mariaShop)
	cfg, mistakes := config.Parse("maria.yaml", append([]byte("self_check: {one_in: 1}\n"), fmt.Appendf(nil, mariaConfig, dsn)...), config.Environ)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	s, err := New(t.Context(), Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	do := func(method, path, body string) string {
		w := httptest.NewRecorder()
		s.Data().ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Body.String()
	}
	end := time.Now().Add(2 * time.Second)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				for _, path := range []string{"/users/9", "/users?min=1", "/orders?user=9"} {
					do("GET", path, "")
				}
				if i%5 == g {
					do("PUT", "/users/9", fmt.Sprintf(`{"name":"n%d-%d","price":%d}`, g, i, i%3))
					do("POST", "/orders", `{"user":"9","total":1}`)
				}
			}
		})
	}
	all.Wait()
	c := s.checker
	eventually(t, "all looked at", func() bool { return len(c.queue) == 0 })
	right := c.count[checkRight].Load()
	if wrong := c.found.latest(); len(wrong) > 0 || right == 0 {
		t.Fatalf("%d right, wrong: %+v", right, wrong)
	}
	do("GET", "/users/9", "")
	if _, err := server.Open(t, dsn).Exec("UPDATE users SET first_name = 'Behind' WHERE id = '9'"); err != nil {
		t.Fatal(err)
	}
	// Where a feed tells of it, there is nothing left to find.
	eventually(t, "the write is found", func() bool { return strings.Contains(do("GET", "/users/9", ""), "Behind") })
	for _, f := range c.found.latest() {
		if !strings.Contains(f.Source.Excerpt, "Behind") {
			t.Errorf("a false alarm: %+v", f)
		}
	}
	t.Logf("%d right, %d undecided, %d alarms", right, c.count[checkUndecided].Load(), c.count[checkWrong].Load())
}

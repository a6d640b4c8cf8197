package proxyhttp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edgecache/depgraph"
)

// TestDamagedStores: each kind of damage is one line in the log, a file that
// was set aside, and a server that serves.
func TestDamagedStores(t *testing.T) {
	sound := func(t *testing.T) (dir string, data []byte) {
		dir = t.TempDir()
		h := again(t, dir, newClock())
		h.warm()
		h.stop()
		data, err := os.ReadFile(filepath.Join(dir, "kept.db"))
		if err != nil {
			t.Fatal(err)
		}
		return dir, data
	}
	for name, damage := range map[string]func(data []byte) []byte{
		"truncated":       func(d []byte) []byte { return d[:len(d)-3] },
		"a flipped bit":   func(d []byte) []byte { d[len(d)/2] ^= 4; return d },
		"zeros":           func(d []byte) []byte { clear(d); return d },
		"foreign":         func([]byte) []byte { return []byte("name: a letter\n") },
		"another version": func(d []byte) []byte { return []byte("*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			dir, data := sound(t)
			path := filepath.Join(dir, "kept.db")
			if err := os.WriteFile(path, damage(data), 0o600); err != nil {
				t.Fatal(err)
			}
			h := again(t, dir, newClock())
			if n := strings.Count(h.log.String(), "level=WARN"); n != 1 || strings.Count(h.log.String(), "was set aside") != 1 {
				t.Errorf("%d warnings: %s", n, h.log)
			}
			if _, err := os.Stat(path + ".damaged-1"); err != nil {
				t.Error(err)
			}
			for _, a := range keptURLs {
				if got := h.get(a.url, a.headers...); strings.Contains(got.cache(), "hit") {
					t.Errorf("%s: %s", a.url, got.cache())
				}
				h.current(a)
			}
		})
	}
	t.Run("a directory", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "kept.db"), 0o700); err != nil {
			t.Fatal(err)
		}
		h := again(t, dir, newClock())
		h.warm()
		if n := strings.Count(h.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings: %s", n, h.log)
		}
		if info, err := os.Stat(filepath.Join(dir, "kept.db")); err != nil || !info.IsDir() {
			t.Errorf("somebody's directory is gone: %v", err)
		}
	})
	t.Run("a database", func(t *testing.T) {
		dir := t.TempDir()
		again(t, dir, newClock()).stop()
		_, err := tryAgain(t, dir, newClock(), func(s *setup) { s.yaml = strings.Replace(s.yaml, "kept.db", "test.db", 1) })
		if err == nil || !strings.Contains(err.Error(), "one file") {
			t.Errorf("%v", err)
		}
		foreign(t, filepath.Join(dir, "other.db"), "CREATE TABLE t (x)")
		_, err = tryAgain(t, dir, newClock(), func(s *setup) { s.yaml = strings.Replace(s.yaml, "kept.db", "other.db", 1) })
		if err == nil || !strings.Contains(err.Error(), "is an SQLite database") {
			t.Errorf("%v", err)
		}
	})
	t.Run("used by another", func(t *testing.T) {
		dir := t.TempDir()
		again(t, dir, newClock())
		if _, err := tryAgain(t, dir, newClock()); !errors.Is(err, depgraph.ErrStoreInUse) {
			t.Errorf("%v", err)
		}
	})
}

// TestFullDisk: while the disk refuses, serving goes on from memory, with one
// line; when it takes the store again, with another, everything is written.
func TestFullDisk(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	full := make(chan bool, 1)
	full <- false
	set := func(v bool) { <-full; full <- v }
	h := again(t, dir, c, func(o *setup) {
		o.storeFault = func(op string) error {
			v := <-full
			full <- v
			if v && op != "open" {
				return errors.New("no space left on device")
			}
			return nil
		}
	})
	set(true)
	h.warm()
	eventually(t, "the disk was tried", func() bool { return h.s.vault.Stats().Failing })
	for range 3 {
		h.warm2()
	}
	if n := strings.Count(h.log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, h.log)
	}
	if a := h.admin("GET", "/metrics", ""); !strings.Contains(a.body, "edgecache_store_failing 1\n") {
		t.Error("the metrics do not show it")
	}
	set(false)
	h.stop()
	if !strings.Contains(h.log.String(), "the store is written again") {
		t.Error(h.log.String())
	}
	h = again(t, dir, c).restored()
	h.hit("/v1/things")
	if n := h.tap.queries.Load(); n != 0 {
		t.Errorf("%d queries", n)
	}
}

func (h *harness) warm2() {
	for _, a := range keptURLs {
		h.hit(a.url, a.headers...)
	}
	h.write("PUT", "/v1/users/1", `{"firstName":"Ada"}`)
	for _, a := range keptURLs {
		h.get(a.url, a.headers...)
		h.current(a)
		h.get(a.url, a.headers...)
	}
}

// TestRegisteredMappingsAreKept, with the answers made under them.
func TestRegisteredMappingsAreKept(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	h := again(t, dir, c)
	a := h.admin("POST", "/v1/endpoints", `{"name":"cities","route":"GET /v1/cities","sql":"SELECT DISTINCT city FROM users WHERE city IS NOT NULL ORDER BY city"}`, "Content-Type", "application/json")
	if a.StatusCode != 201 || !strings.Contains(a.body, `"persisted":true`) {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	h.miss("/v1/cities")
	h.stop()
	h = again(t, dir, c).restored()
	h.hit("/v1/cities")
	if a := h.admin("DELETE", "/v1/endpoints/cities", ""); a.StatusCode >= 300 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	h.stop()
	h = again(t, dir, c)
	eventually(t, "it is restored", func() bool { return h.s.vault.Stats().Restored })
	if a := h.get("/v1/cities"); a.StatusCode != 404 {
		t.Errorf("%d", a.StatusCode)
	}
	h.stop()
	if strings.Contains(h.log.String(), "store restored") {
		t.Errorf("its answers were still there: %s", h.log)
	}
}

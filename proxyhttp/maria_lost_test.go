package proxyhttp

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"edgecache/source/mysql/mariatest"
)

// TestMariaDBKilledUnderLoad: clients see errors or right answers. One writer
// raises a counter, readers hold each answer against the writes that were
// answered before they asked.
func TestMariaDBKilledUnderLoad(t *testing.T) {
	server := mariatest.Own(t)
	dsn, _ := appDSN(t, server, allRights)
	m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
	var acked, tried, failed, good, bad atomic.Int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	end := sync.OnceFunc(func() { close(stop); wait.Wait() })
	defer end()
	loop := func(f func()) {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		}()
	}
	loop(func() {
		n := tried.Add(1)
		a, err := m.try("PUT", "/raise/1", fmt.Sprintf(`{"n":%d}`, n))
		switch {
		case err != nil:
			t.Error(err)
		case a.StatusCode == 200:
			acked.Store(n)
		case a.StatusCode < 500 || a.Header.Get("Retry-After") == "":
			t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
		default:
			failed.Add(1)
		}
	})
	for range 3 {
		loop(func() {
			least := acked.Load()
			a, err := m.try("GET", "/users/1", "")
			var row struct{ N int64 }
			switch {
			case err != nil:
				t.Error(err)
			case a.StatusCode >= 500 && a.Header.Get("Retry-After") != "":
				bad.Add(1)
			case a.StatusCode != 200 || json.Unmarshal([]byte(a.body), &row) != nil:
				t.Errorf("%d %s", a.StatusCode, a.body)
			case row.N < least || row.N > tried.Load():
				t.Errorf("%d was read after %d was answered and before %d was tried (%s)", row.N, least, tried.Load(), a.cache())
			default:
				good.Add(1)
			}
		})
	}
	past := func(c *atomic.Int64, n int64) func() bool {
		want := c.Load() + n
		return func() bool { return c.Load() >= want }
	}
	for range 3 {
		eventually(t, "writes", past(&acked, 20))
		server.Kill(t)
		eventually(t, "writes that fail", past(&failed, 20)) // reads may all be hits
		server.Start(t)
	}
	eventually(t, "writes after the restart", past(&acked, 20))
	eventually(t, "reads after the restart", past(&good, 20))
	end()
	t.Logf("%d writes tried, %d failed, %d reads answered, %d failed", tried.Load(), failed.Load(), good.Load(), bad.Load())
	m.eventuallyWant("/users/2", 200, `"Bob"`)
	m.want("GET", "/users/2", "", 200, "hit", `"Bob"`)
}

// TestMariaDBLostReply: COMMIT took place and its reply was lost, or COMMIT
// arrives long after the client was told that nobody knows. Until the session is
// proven gone nothing that it may change is kept.
func TestMariaDBLostReply(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprintf("late=%v", late), func(t *testing.T) {
			server := mariatest.Get(t)
			direct, _ := appDSN(t, server, allRights)
			wire, dsn := server.Wire(t, direct)
			m := startMaria(t, dsn, Limits{Proof: 200 * time.Millisecond})
			db := server.Open(t, direct)
			m.want("GET", "/users/1", "", 200, "stored", `"Ada"`)
			m.want("GET", "/users/2", "", 200, "stored", `"Bob"`)
			m.want("GET", "/posts", "", 200, "stored", `"One"`)
			m.want("PUT", "/users/1", `{"name":"Ada"}`, 200, "", "") // opens a session
			m.want("GET", "/users/1", "", 200, "", `"Ada"`)
			shut := wire.CutAt("\x03COMMIT", late) // as a command
			a := m.do("PUT", "/users/1", `{"name":"Eve"}`)
			<-shut
			if a.StatusCode < 500 || a.Header.Get("EdgeCache-Invalidated") != "1" || a.Header.Get("Retry-After") == "" {
				t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
			}
			if n, _ := m.s.databases["main"].lost.reading(); n != 1 {
				t.Errorf("%d writes are held open", n)
			}
			m.want("GET", "/users/1", "", 503, "", "the connection to the database was refused or lost")
			m.want("GET", "/users/2", "", 200, "hit", `"Bob"`)
			m.want("GET", "/posts", "", 200, "hit", `"One"`)
			if late { // our end is long gone
				wire.Deliver()
				eventually(t, "the late commit", func() bool {
					var name string
					return db.QueryRow("SELECT name FROM users WHERE id = 1").Scan(&name) == nil && name == "Eve"
				})
				m.want("GET", "/users/1", "", 503, "", "refused or lost")
			}
			wire.Mend()
			eventually(t, "the proof", func() bool { n, _ := m.s.databases["main"].lost.reading(); return n == 0 })
			m.eventuallyWant("/users/1", 200, `"Eve"`)
			eventually(t, "a hit", func() bool {
				a := m.do("GET", "/users/1", "")
				return strings.Contains(a.cache(), "hit") && strings.Contains(a.body, `"Eve"`)
			})
			m.want("PUT", "/users/1", `{"name":"Zoe"}`, 200, "", `"rowsAffected":1`)
			m.want("GET", "/users/1", "", 200, "", `"Zoe"`)
		})
	}
}

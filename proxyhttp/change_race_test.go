package proxyhttp

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestChangesRaceWithEverything registers, replaces, removes, reloads, reads and
// writes at once. Each SQL of a mapping gives its own number, and each number is
// answered to the one who put it before the next is put, so an answer of an
// older number after that is one made under the old SQL. Meant for -race.
func TestChangesRaceWithEverything(t *testing.T) {
	const mappers, rounds = 3, 25
	r := startReloading(t, withMappings(&keptMappings{}))
	var wg sync.WaitGroup
	stop := make(chan struct{})
	spin := func(f func(i int)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f(i)
				}
			}
		}()
	}
	want := func(a *answer, statuses ...int) {
		for _, s := range statuses {
			if a.StatusCode == s {
				return
			}
		}
		t.Errorf("%s %s: %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body)
	}
	for m := range mappers {
		path := "/v1/m" + strconv.Itoa(m)
		spin(func(int) { want(r.get(path), 200, 404) })
	}
	spin(func(i int) { want(r.do("PUT", "/v1/users/1", fmt.Sprintf(`{"firstName":"n%d"}`, i)), 200) })
	spin(func(i int) { want(r.get("/v1/users?city=Bern"), 200) })
	spin(func(int) { want(r.admin("GET", "/v1/endpoints", ""), 200); want(r.admin("GET", "/metrics", ""), 200) })
	spin(func(i int) {
		text := strings.Replace(r.text, "ORDER BY id LIMIT :limit", "ORDER BY id, "+strconv.Itoa(i%2+1)+" LIMIT :limit", 1)
		// Renamed into place: what is read is one whole file.
		file := filepath.Join(r.dir, "test.yaml")
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Error(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Error(err)
		}
		want(r.admin("POST", "/v1/reload", ""), 200)
	})
	var changes sync.WaitGroup
	for m := range mappers {
		changes.Add(1)
		go func() {
			defer changes.Done()
			name := "m" + strconv.Itoa(m)
			for i := range rounds {
				doc := fmt.Sprintf(`{"route":"GET /v1/%s","sql":"SELECT %d AS n, name FROM users WHERE id = '1'"}`, name, i)
				want(r.admin("PUT", "/v1/endpoints/"+name, doc), 200, 201)
				for range 3 {
					if a := r.get("/v1/" + name); !strings.HasPrefix(a.body, fmt.Sprintf(`[{"n":%d,`, i)) {
						t.Errorf("after the %dth SQL: %s %s", i, a.cache(), a.body)
					}
				}
				if i%5 == 4 {
					want(r.admin("DELETE", "/v1/endpoints/"+name, ""), 204)
					if a := r.get("/v1/" + name); a.StatusCode != 404 {
						t.Errorf("after its end: %d %s", a.StatusCode, a.body)
					}
				}
			}
		}()
	}
	changes.Wait()
	close(stop)
	wg.Wait()
}

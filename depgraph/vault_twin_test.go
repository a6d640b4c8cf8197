package depgraph

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgecache/source"
)

// shown prints what the graph would lose with the process.
func shown(g *Graph) map[string]string {
	out := map[string]string{}
	for _, v := range g.Entries(Filter{All: true}) {
		out[v.Key] = printKept(v.Endpoint, v.URL, v.Hits, v.Stored, v.Expires, v.LastCause, v.Payload)
	}
	return out
}

// readAll looks at everything that a vault has, as a start does.
func readAll(t testing.TB, v *Vault) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := v.EachKept(context.Background(), func(k *Kept) {
		var payload any
		if k.entry {
			payload = string(k.Payload)
		}
		out[k.Key] = printKept(k.Endpoint, k.URL, k.Hits, k.Stored, k.Expires, k.Cause, payload)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func printKept(endpoint, url string, hits int64, stored, expires time.Time, c *Cause, payload any) string {
	cause := "never"
	if c != nil {
		cause = fmt.Sprintf("%s %s %s %s %d", c.By, c.Rule, c.Table, c.Detail, c.At.UnixNano())
	}
	return fmt.Sprintf("%s %s, %d hits, %d to %d, ended by %s: %v", endpoint, url, hits, stored.UnixNano(), expires.UnixNano(), cause, payload)
}

// difference says how two prints differ; "" when they do not.
func difference(got, want map[string]string) string {
	var b strings.Builder
	for k, w := range want {
		if got[k] != w {
			fmt.Fprintf(&b, "%q:\n  kept  %s\n  graph %s\n", k, got[k], w)
		}
	}
	for k, g := range got {
		if _, ok := want[k]; !ok {
			fmt.Fprintf(&b, "%q: kept  %s\n", k, g)
		}
	}
	return b.String()
}

// TestVaultTwin runs random operations over a disk that refuses now and then,
// with a queue that overflows, and closes. Whenever the file says that it was
// closed cleanly, it holds exactly what the graph held; it says so at least
// whenever the disk was well; and no mapping that was acknowledged is lost.
func TestVaultTwin(t *testing.T) {
	said := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		faulty := seed%3 == 0
		said += vaultTwin(t, seed, r, faulty)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if said < 30 {
		t.Errorf("only %d of 40 runs ended cleanly", said)
	}
}

func vaultTwin(t *testing.T, seed uint64, r *rand.Rand, faulty bool) int {
	path := filepath.Join(t.TempDir(), "kept.db")
	refuses := false
	now := time.Unix(5000, 0)
	v := openVault(t, path, func(o *VaultOptions) {
		o.Now = func() time.Time { return now }
		o.Fault = func(op string) error {
			if refuses && op != "open" {
				return errors.New("no space left on device")
			}
			return nil
		}
	})
	v.growth = 4 << 10
	v.notes.most = 1 + r.IntN(40)
	v.mute = true // nobody but this test writes behind
	get, list := tmpl("get", "users where id = 0"), tmpl("list", "users where age >= 0")
	get.Remember, get.Fingerprint, list.Fingerprint = true, "one", "two"
	g, err := New(Options{Vault: v, MaxBytes: 64 << 10, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.ghosts.maxCount = 1 + r.IntN(20)
	for _, tm := range []*Template{get, list} {
		if err := g.Register(tm); err != nil {
			t.Fatal(err)
		}
	}
	mappings := map[string]string{}
	for step := range 150 + r.IntN(150) {
		now = now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
		switch n := r.IntN(20); {
		case n < 9:
			e := entry([]*Template{get, list}[r.IntN(2)], fmt.Sprint(r.IntN(60)))
			e.Payload = fmt.Sprintf("answer %d %s", step, strings.Repeat("x", r.IntN(300)))
			e.Size, e.Stored, e.Expires = int64(len(e.Payload.(string))), now, now.Add(time.Hour)
			g.Install(g.Token(), e)
		case n < 12:
			g.Get(fmt.Sprintf("/get?%d", r.IntN(60)))
		case n < 14:
			o := []source.Outcome{source.OutcomeCommitted, source.OutcomeRolledBack, source.OutcomeUnknown}[r.IntN(3)]
			g.PublishBy("w", write(fmt.Sprintf("UPDATE users (%d, 'a', 1) -> (%d, 'b', %d)", r.IntN(60), r.IntN(60), r.IntN(60)))).Settle(o)
		case n == 14:
			g.Purge(Filter{Key: fmt.Sprintf("/list?%d", r.IntN(60))})
		case n == 15 && r.IntN(10) == 0:
			g.Unregister("list")
			g.Unregister("get")
			get, list = tmpl("get", "users where id = 0"), tmpl("list", "users where age >= 0")
			get.Remember, list.Fingerprint = true, fmt.Sprint(step)
			if err := errors.Join(g.Register(get), g.Register(list)); err != nil {
				t.Fatal(err)
			}
		case n == 16:
			refuses = faulty && r.IntN(3) == 0
		case n == 17:
			name := fmt.Sprint(r.IntN(5))
			if v.PutMapping(name, []byte(fmt.Sprint(step))) == nil {
				mappings[name] = fmt.Sprint(step)
			} else {
				mappings[name] = "?" // it may be kept later
			}
		default:
			v.flush()
		}
	}
	if faulty && r.IntN(2) == 0 {
		refuses = true
	} else if faulty {
		refuses = false
	}
	want := shown(g)
	if err := v.Close(map[string]string{"main": "as it was"}); err != nil {
		t.Fatal(err)
	}
	again := openVault(t, path)
	stamp, clean := again.Clean("main")
	if clean != (stamp == "as it was") || !clean && !faulty {
		t.Errorf("closed cleanly: %v as %q", clean, stamp)
	}
	if diff := difference(readAll(t, again), want); clean && diff != "" {
		t.Error(diff)
	}
	got, _ := again.Mappings()
	for name, doc := range mappings {
		if doc != "?" && string(got[name]) != doc {
			t.Errorf("mapping %s: %q, want %q", name, got[name], doc)
		}
	}
	if s := again.Stats(); s.Damaged+s.Unreadable != 0 {
		t.Errorf("%+v", s)
	}
	// A process that dies now leaves nothing that is taken for current.
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	copyFile(t, path, crashed)
	if _, ok := openVault(t, crashed).Clean("main"); ok {
		t.Error("two starts may trust one end")
	}
	if clean {
		return 1
	}
	return 0
}

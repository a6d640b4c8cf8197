package depgraph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/sqlparse"

	"pgregory.net/rapid"
)

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// vaulted is a graph over a vault that only the test flushes.
func vaulted(t testing.TB, v *Vault, ts ...*Template) *Graph {
	t.Helper()
	v.mute = true
	return newGraph(t, Options{Vault: v}, ts...)
}

// keepOne makes a file with one entry in it, closed cleanly.
func keepOne(t *testing.T, tm *Template) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "kept.db")
	v := openVault(t, path)
	g := vaulted(t, v, tm)
	e := entry(tm, "1")
	e.Stored, e.Expires, e.Cost = time.Unix(1000, 5), time.Now().Add(time.Hour), time.Second
	mustInstall(t, g, e)
	if err := v.Close(map[string]string{"main": "stamp"}); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRestoredIsLikeAnyOther steps through what may come between the token,
// which is taken before anybody can write, and the moment a kept entry is put
// back: a write that touches it, a purge, a fill of its key.
func TestRestoredIsLikeAnyOther(t *testing.T) {
	other := "UPDATE users (7, 'a', 1) -> (7, 'b', 1)"
	for name, c := range map[string]struct {
		between func(t *testing.T, g *Graph, tm *Template)
		want    InstallOutcome
		newer   bool
		state   State
	}{
		"nothing": {func(*testing.T, *Graph, *Template) {}, Installed, false, StateFresh},
		"a write that touches it": {func(_ *testing.T, g *Graph, _ *Template) {
			g.Publish(write(lane)).Settle(source.OutcomeCommitted)
		}, Overtaken, false, StateAbsent},
		"a write that is open": {func(_ *testing.T, g *Graph, _ *Template) { g.Publish(write(lane)) }, Overtaken, false, StateAbsent},
		"a write elsewhere": {func(_ *testing.T, g *Graph, _ *Template) {
			g.Publish(write(other)).Settle(source.OutcomeCommitted)
		}, Installed, false, StateFresh},
		"a write rolled back": {func(_ *testing.T, g *Graph, _ *Template) {
			g.Publish(write(lane)).Settle(source.OutcomeRolledBack)
		}, Installed, false, StateFresh},
		"a purge": {func(_ *testing.T, g *Graph, _ *Template) { g.Purge(Filter{All: true}) }, Overtaken, false, StateAbsent},
		"a fill":  {func(t *testing.T, g *Graph, tm *Template) { mustInstall(t, g, entry(tm, "1")) }, Failed, true, StateFresh},
		"a fill and a write": {func(t *testing.T, g *Graph, tm *Template) {
			mustInstall(t, g, entry(tm, "1"))
			g.Publish(write(lane)).Settle(source.OutcomeCommitted)
		}, Failed, true, StateStale},
		"another template": {func(_ *testing.T, g *Graph, _ *Template) { g.Unregister("get") }, Unregistered, false, StateAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			tm := tmpl("get", "users where id = 0")
			tm.Remember = true
			path := keepOne(t, tm)
			v := openVault(t, path)
			g := vaulted(t, v, tm)
			if stamp, ok := v.Clean("main"); !ok || stamp != "stamp" {
				t.Fatalf("%q %v", stamp, ok)
			}
			tok := g.Token()
			c.between(t, g, tm)
			err := v.EachKept(t.Context(), func(k *Kept) {
				e := &Entry{Key: k.Key, URL: k.URL, Template: tm, Args: k.Args, Payload: string(k.Payload), Size: 10, Stored: k.Stored, Expires: time.Now().Add(time.Hour)}
				o, newer := g.Restore(tok, e, k)
				if o != c.want || newer != c.newer {
					t.Errorf("%s, newer %v", o, newer)
				}
				if o != Installed && !newer {
					g.Discard(k.Key)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, state := g.Get("/get?1"); state != c.state {
				t.Errorf("%s", state)
			}
			if c.state != StateFresh {
				return
			}
			if n := g.Publish(write(lane)); n.Affected() != 1 {
				t.Errorf("the first write affects %d", n.Affected())
			}
		})
	}
}

// TestRemembered: what must be read again is stale, with its heat, and is
// never served.
func TestRemembered(t *testing.T) {
	tm := tmpl("get", "users where id = 0")
	tm.Remember = true
	v := openVault(t, keepOne(t, tm))
	g := vaulted(t, v, tm)
	err := v.EachKept(t.Context(), func(k *Kept) {
		k.Hits = 17
		d, ok := g.Remember(k, tm)
		if !ok || d.Key != k.Key || d.Hits != 17 || d.Cost != time.Second || d.Template != tm || len(d.Args) != 1 {
			t.Errorf("%+v %v", d, ok)
		}
		if _, again := g.Remember(k, tm); again {
			t.Error("remembered twice")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if e, state := g.Get("/get?1"); e != nil || state != StateStale {
		t.Errorf("%s", state)
	}
	mustInstall(t, g, entry(tm, "1"))
	if e, _ := g.Get("/get?1"); e.Hits() != 18 {
		t.Errorf("%d hits", e.Hits())
	}
}

// TestUnlookedIsNotClean: as long as something in the file was not looked at,
// nobody may say that it holds what the graph holds.
func TestUnlookedIsNotClean(t *testing.T) {
	tm := tmpl("get", "users where id = 0")
	path := keepOne(t, tm)
	v := openVault(t, path)
	g := vaulted(t, v, tm)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.EachKept(ctx, func(*Kept) { t.Error("looked") }); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	g.Publish(write(lane)).Settle(source.OutcomeCommitted)
	if err := v.Close(map[string]string{"main": "later"}); err != nil {
		t.Fatal(err)
	}
	if stamp, ok := openVault(t, path).Clean("main"); ok {
		t.Errorf("clean as %q", stamp)
	}
}

// TestStoreIsRewritten: the file does not grow past twice what is in it and
// what it may waste.
func TestStoreIsRewritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept.db")
	v := openVault(t, path)
	v.growth = 32 << 10
	tm := tmpl("get", "users where id = 0")
	g := vaulted(t, v, tm)
	var most int64
	for i := range 5000 {
		e := entry(tm, fmt.Sprint(i%20))
		e.Payload = strings.Repeat("x", 500)
		mustInstall(t, g, e)
		if i%10 == 0 {
			v.flush()
			most = max(most, v.Stats().Bytes)
		}
	}
	s := v.Stats()
	if s.Rewrites < 10 || most > 2*20*1000+v.growth+10*1000 {
		t.Errorf("%d rewrites, at most %d bytes", s.Rewrites, most)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != s.Bytes {
		t.Errorf("%v bytes, counted %d (%v)", info.Size(), s.Bytes, err)
	}
}

// TestNoLockDuringIO: while the disk takes its time, entries are installed,
// served and dropped.
func TestNoLockDuringIO(t *testing.T) {
	in, out := make(chan bool), make(chan bool)
	slow := false
	v := openVault(t, filepath.Join(t.TempDir(), "kept.db"), func(o *VaultOptions) {
		o.Fault = func(op string) error {
			if slow && op == "append" {
				in <- true
				<-out
			}
			return nil
		}
	})
	tm := tmpl("get", "users where id = 0")
	g := vaulted(t, v, tm)
	mustInstall(t, g, entry(tm, "1"))
	slow = true
	done := make(chan bool)
	go func() { v.flush(); done <- true }()
	<-in // the disk is busy
	mustInstall(t, g, entry(tm, "2"))
	if _, s := g.Get("/get?1"); s != StateFresh {
		t.Errorf("%s", s)
	}
	g.Publish(write(lane)).Settle(source.OutcomeCommitted)
	g.Purge(Filter{All: true})
	_ = g.Stats()
	_ = v.Stats()
	slow = false
	out <- true
	<-done
}

// TestOverflowIsMadeUpFor: changes that found no room to wait are counted, and
// a rewrite brings the file up to date.
func TestOverflowIsMadeUpFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept.db")
	v := openVault(t, path)
	v.notes.most = 3
	tm := tmpl("get", "users where id = 0")
	g := vaulted(t, v, tm)
	for i := range 10 {
		mustInstall(t, g, entry(tm, fmt.Sprint(i)))
	}
	if s := v.Stats(); s.Overflowed != 7 || s.Waiting != 3 {
		t.Errorf("%+v", s)
	}
	v.flush()
	if s := v.Stats(); s.Rewrites != 1 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	want := shown(g)
	if err := v.Close(map[string]string{"main": "x"}); err != nil {
		t.Fatal(err)
	}
	if diff := difference(readAll(t, openVault(t, path)), want); diff != "" {
		t.Error(diff)
	}
}

// TestTroubleIsSaidOnce: one line when the disk begins to refuse, one when it
// is over, and tries with growing pauses in between.
func TestTroubleIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	now, tries, full := time.Unix(1000, 0), 0, true
	v := openVault(t, filepath.Join(t.TempDir(), "kept.db"), func(o *VaultOptions) {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		o.Now = func() time.Time { return now }
		o.Fault = func(op string) error {
			if full && (op == "append" || op == "rewrite") && now.Unix() > 1000 {
				tries++
				return errors.New("no space left on device")
			}
			return nil
		}
	})
	tm := tmpl("get", "users where id = 0")
	g := vaulted(t, v, tm)
	for i := range 1000 {
		now = now.Add(time.Second)
		mustInstall(t, g, entry(tm, fmt.Sprint(i%50)))
		v.flush()
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || tries > 20 || tries < 8 {
		t.Errorf("%d tries: %s", tries, log.String())
	}
	full = false
	now = now.Add(lastPause)
	v.flush()
	if n := strings.Count(log.String(), "\n"); n != 2 || v.Stats().Failing || v.Stats().Unwritten == 0 {
		t.Errorf("%+v: %s", v.Stats(), log.String())
	}
}

// TestTruncatedStoreEverywhere cuts a small store at every byte: a start never
// panics, says at most one line, and takes nothing for current that was not
// there whole.
func TestTruncatedStoreEverywhere(t *testing.T) {
	tm := tmpl("get", "users where id = 0")
	path := keepOne(t, tm)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.db")
	for n := range data {
		if err := os.WriteFile(cut, data[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		v := openVault(t, cut, func(o *VaultOptions) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		if _, clean := v.Clean("main"); clean {
			t.Errorf("cut at %d: clean", n)
		}
		for key, got := range readAll(t, v) {
			if key != "/get?1" || !strings.HasSuffix(got, ": /get?1") {
				t.Errorf("cut at %d: %s %s", n, key, got)
			}
		}
		if lines := strings.Count(log.String(), "\n"); lines != int(v.Stats().Damaged) || lines > 1 {
			t.Errorf("cut at %d: %s", n, log.String())
		}
		if err := v.Close(nil); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(cut + ".damaged-1")
	}
}

// TestRecordsReadBack: what is printed is read as it was; what is cut, or was
// never printed, is an error.
func TestRecordsReadBack(t *testing.T) {
	v := &Vault{o: VaultOptions{Append: func(dst []byte, p any) ([]byte, bool) { return append(dst, p.(string)...), true }}}
	text := rapid.StringN(0, 20, 40)
	value := rapid.OneOf(
		rapid.Just(source.Null()), rapid.Map(rapid.Int64(), source.Int), rapid.Map(rapid.Uint64(), source.Uint),
		rapid.Map(rapid.Float64(), source.Float), rapid.Map(text, source.Text), rapid.Map(text, source.Decimal),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), source.Blob))
	arg := rapid.OneOf(rapid.Map(value, sqlparse.One), rapid.Map(rapid.SliceOfN(value, 0, 4), func(vs []source.Value) sqlparse.Arg { return sqlparse.List(vs...) }))
	rapid.Check(t, func(r *rapid.T) {
		tm := &Template{Endpoint: text.Draw(r, "endpoint"), Variant: text.Draw(r, "variant"), Fingerprint: text.Draw(r, "fingerprint")}
		e := &Entry{Key: text.Draw(r, "key"), URL: text.Draw(r, "url"), Template: tm, Args: rapid.SliceOfN(arg, 0, 4).Draw(r, "args"),
			Payload: text.Draw(r, "payload"), Stored: time.Unix(0, rapid.Int64Range(1, 1<<60).Draw(r, "stored")), Cost: time.Duration(rapid.Int64().Draw(r, "cost"))}
		e.hits.Store(rapid.Int64Range(0, 1<<40).Draw(r, "hits"))
		for range rapid.IntRange(0, 3).Draw(r, "records") {
			e.Records = append(e.Records, Record{text.Draw(r, "table"), text.Draw(r, "key")})
		}
		if rapid.Bool().Draw(r, "unknown") {
			e.RecordsUnknown = map[string]bool{text.Draw(r, "table"): true}
		}
		if rapid.Bool().Draw(r, "ended") {
			e.last.Store(&happening{rule: RuleRow, by: text.Draw(r, "by"), table: "t", text: text.Draw(r, "detail"), at: time.Unix(0, 77), occ: -1})
		}
		b, _ := v.appendRecord(nil, e)
		k, err := decodeRecord(b)
		if err != nil {
			r.Fatal(err)
		}
		if k.Endpoint != tm.Endpoint || k.Variant != tm.Variant || k.Fingerprint != tm.Fingerprint || k.Key != e.Key || k.URL != e.URL ||
			k.Hits != e.Hits() || k.Cost != e.Cost || !k.Stored.Equal(e.Stored) || !k.Expires.IsZero() || string(k.Payload) != e.Payload ||
			!reflect.DeepEqual(k.Records, e.Records) || !reflect.DeepEqual(k.RecordsUnknown, e.RecordsUnknown) ||
			fmt.Sprint(k.Args) != fmt.Sprint(e.Args) || len(k.Args) != len(e.Args) || !sameCause(k.Cause, e.last.Load().cause(tm, e.Args)) {
			r.Fatalf("%+v\nwas %+v", k, e)
		}
		cut := rapid.IntRange(0, len(b)-len(e.Payload.(string))-1).Draw(r, "cut")
		if k, err := decodeRecord(b[:cut]); err == nil {
			r.Fatalf("cut at %d of %d: %+v", cut, len(b), k)
		}
	})
}

func sameCause(a, b *Cause) bool {
	if a == nil || b == nil {
		return a == b
	}
	at := a.At.Equal(b.At)
	x, y := *a, *b
	x.At, y.At = time.Time{}, time.Time{}
	return at && x == y
}

// FuzzRecord: whatever is in a record, reading it neither panics nor takes
// memory beyond its size.
func FuzzRecord(f *testing.F) {
	v := &Vault{o: VaultOptions{Append: func(dst []byte, p any) ([]byte, bool) { return append(dst, "body"...), true }}}
	b, _ := v.appendRecord(nil, entry(tmpl("get", "users where id in 0"), "(1,2)"))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := decodeRecord(b); err == nil && len(k.Payload) > len(b) {
			t.Error("more than there was")
		}
		readHeat(b, map[recordID]int64{})
	})
}

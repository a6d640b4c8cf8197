package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, path string) (*File, *Found) {
	t.Helper()
	f, found, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { found.Close(); _ = f.Close() }) // some are closed already
	return f, found
}

// contents reads every value that the index names.
func contents(t *testing.T, f *File, found *Found) map[string]string {
	t.Helper()
	out := map[string]string{}
	for k, s := range found.Index {
		v, ok := found.Read(f, k, s)
		if !ok {
			t.Errorf("%s cannot be read", k)
		}
		out[k] = string(v)
	}
	return out
}

func sample(b *Batch) map[string]string {
	b.Set("a", []byte("one"))
	b.Set("b", []byte("two\r\n$3\r\n"))
	b.Set("empty", nil)
	b.Set("a", []byte("three"))
	b.Set("gone", []byte("x"))
	b.Delete("gone")
	b.Delete("never")
	return map[string]string{"a": "three", "b": "two\r\n$3\r\n", "empty": ""}
}

// TestReadBack: what was appended is there, after closing and after a rewrite.
func TestReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	f, found := open(t, path)
	if len(found.Index) != 0 || found.Damage != nil {
		t.Fatalf("a new file has %v", found)
	}
	var b Batch
	want := sample(&b)
	if err := errors.Join(f.Append(&b), f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	f, found = open(t, path)
	if got := contents(t, f, found); fmt.Sprint(got) != fmt.Sprint(want) || found.Damage != nil {
		t.Errorf("%v, want %v", got, want)
	}
	err := f.Rewrite(func(set func(string, []byte) error) error { return set("only", []byte("this")) })
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	b.Set("then", []byte("that"))
	if err := errors.Join(f.Append(&b), f.Close()); err != nil {
		t.Fatal(err)
	}
	f, found = open(t, path)
	if got := fmt.Sprint(contents(t, f, found)); got != "map[only:this then:that]" {
		t.Error(got)
	}
	if _, err := os.Stat(path + ".tmp"); !os.IsNotExist(err) {
		t.Error("the new file's other name is left")
	}
}

// TestTruncatedEverywhere cuts a file at every byte. What is read is a state
// that the file had, and a file that ends within a command is set aside.
func TestTruncatedEverywhere(t *testing.T) {
	var b Batch
	sample(&b)
	whole := append(header(), b.buf...)
	for n := range whole {
		dir := t.TempDir()
		path := filepath.Join(dir, "j")
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		f, found := open(t, path)
		for k, v := range contents(t, f, found) {
			if !strings.Contains("a=one a=three b=two\r\n$3\r\n empty= gone=x", k+"="+v) {
				t.Errorf("cut at %d: %s=%q was never set", n, k, v)
			}
		}
		switch {
		case found.Damage == nil:
			if found.Aside != "" {
				t.Errorf("cut at %d: set aside", n)
			}
		case found.Damage.Kind != Truncated || found.Damage.At > int64(n) || found.Damage.Error() == "":
			t.Errorf("cut at %d: %v", n, found.Damage)
		default:
			if data, err := os.ReadFile(path + ".damaged-1"); err != nil || !bytes.Equal(data, whole[:n]) {
				t.Errorf("cut at %d: the damaged file is not as it was: %v", n, err)
			}
			if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, header()) {
				t.Errorf("cut at %d: the new file is %q", n, data)
			}
		}
		found.Close()
		_ = f.Close()
	}
}

// TestEveryBitFlipped: no damage makes a value out of what was never set, asks
// for memory without end, or panics.
func TestEveryBitFlipped(t *testing.T) {
	var b Batch
	sample(&b)
	whole := append(header(), b.buf...)
	was := map[string]bool{"a=one": true, "a=three": true, "b=two\r\n$3\r\n": true, "empty=": true, "gone=x": true}
	for i := range whole {
		for bit := range 8 {
			damaged := bytes.Clone(whole)
			damaged[i] ^= 1 << bit
			r := bytes.NewReader(damaged)
			index, _ := Scan(r, int64(len(damaged)))
			for k, s := range index {
				v, ok := read(r, k, s)
				if !ok || !was[k+"="+string(v)] {
					t.Errorf("bit %d of byte %d: %s=%q", bit, i, k, v)
				}
			}
		}
	}
}

// FuzzScan: whatever a file holds, what is read of it has its checksum.
func FuzzScan(f *testing.F) {
	var b Batch
	sample(&b)
	f.Add(append(header(), b.buf...))
	f.Add(header())
	f.Add([]byte("*3\r\n$3\r\nset\r\n$1\r\na\r\n$99999999999\r\nb\r\n"))
	f.Add([]byte("*1\r\n$1\r\ns\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		index, damage := Scan(r, int64(len(data)))
		for k, s := range index {
			if _, ok := read(r, k, s); !ok {
				t.Errorf("%q is named and cannot be read", k)
			}
		}
		if damage == nil && len(data) < len(header()) {
			t.Error("less than a header is sound")
		}
	})
}

// TestDamage names the kinds; each is set aside, and a new file is there.
func TestDamage(t *testing.T) {
	var other Batch
	other.Set(headerKey, []byte("store 99"))
	var foreign Batch
	foreign.Set("something", []byte("else"))
	broken := append(header(), other.buf...)
	broken[len(broken)-4] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		kind DamageKind
		says string
	}{
		{"text", []byte("hello, this is a letter\n"), Foreign, "no store of EdgeCache"},
		{"zeros", make([]byte, 4096), Foreign, "no store of EdgeCache"},
		{"a database of buntdb", []byte("*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n"), Foreign, "no store of EdgeCache"},
		{"one of ours without header", foreign.buf, Foreign, "no store of EdgeCache"},
		{"a later version", other.buf, Version, `it is a "store 99", and this version reads "store 1"`},
		{"a flipped bit", broken, Corrupt, "does not have its checksum"},
		{"zeros at the end", append(header(), make([]byte, 100)...), Corrupt, "no record"},
		{"an endless length", append(header(), "*3\r\n$3\r\nset\r\n$99999999999999999999\r\n"...), Corrupt, "no record"},
		{"a length past the end", append(header(), "*3\r\n$3\r\nset\r\n$1\r\nk\r\n$99999999\r\nabc"...), Truncated, "it ends within"},
	} {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, found := open(t, path)
		if found.Damage == nil || found.Damage.Kind != c.kind || !strings.Contains(found.Damage.Why, c.says) {
			t.Errorf("%s: %+v", c.name, found.Damage)
			continue
		}
		if data, err := os.ReadFile(found.Aside); err != nil || !bytes.Equal(data, c.data) {
			t.Errorf("%s: aside as %s: %v", c.name, found.Aside, err)
		}
	}
}

// TestAsideNamesAreBounded: past the last name it is written over.
func TestAsideNamesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	for n := 1; n <= maxAside+2; n++ {
		if err := os.WriteFile(path, fmt.Appendf(nil, "letter %d", n), 0o600); err != nil {
			t.Fatal(err)
		}
		f, found := open(t, path)
		if want := fmt.Sprintf("%s.damaged-%d", path, min(n, maxAside)); found.Aside != want {
			t.Fatalf("%s, want %s", found.Aside, want)
		}
		found.Close()
		_ = f.Close()
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	var damage *Damage
	if _, _, err := Open(dir, Options{}); !errors.As(err, &damage) || damage.Kind != Directory {
		t.Errorf("a directory: %v", err)
	}
	if _, _, err := Open(filepath.Join(dir, "none", "j"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	path := filepath.Join(dir, "j")
	if err := os.WriteFile(path, header(), 0); err != nil {
		t.Fatal(err)
	}
	denied := 0
	f, found, err := Open(path, Options{Fault: func(op string) error {
		if denied++; op == "open" && denied == 1 { // root may do anything
			return os.ErrPermission
		}
		return nil
	}})
	if err != nil || found.Damage == nil || found.Damage.Kind != Denied || len(found.Index) != 0 {
		t.Fatalf("a file of somebody else: %+v %v", found, err)
	}
	if _, err := os.Stat(found.Aside); err != nil {
		t.Error(err)
	}
	_ = f.Close()
}

// TestLocked: one process at a time, also after the file was replaced.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	f, _ := open(t, path)
	if _, _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("%v", err)
	}
	if err := f.Rewrite(func(func(string, []byte) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("after a rewrite: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// TestLinkIsKept: a rewrite replaces the file, not a link to it.
func TestLinkIsKept(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "j"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(path, header(), 0o600), os.Symlink(path, link)); err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, link)
	if err := f.Rewrite(func(set func(string, []byte) error) error { return set("a", []byte("b")) }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v %v", info, err)
	}
}

// TestEveryFault fails the Nth operation, N = 1, 2, … until none fails, once
// and from then on. Whatever fails, the file holds what was there before the
// batch, or with it.
func TestEveryFault(t *testing.T) {
	for _, forever := range []bool{false, true} {
		for n := 1; ; n++ {
			path := filepath.Join(t.TempDir(), "j")
			at := 0
			fault := func(string) error {
				if at++; at == n || forever && at > n {
					return errors.New("no space left on device")
				}
				return nil
			}
			states := []map[string]bool{{"map[]": true}}
			state := func(s string) { states = append(states, map[string]bool{s: true}) }
			f, found, err := Open(path, Options{Fault: fault})
			if err == nil {
				var b Batch
				b.Set("a", []byte("1"))
				if f.Append(&b) == nil {
					state("map[a:1]")
				}
				if f.Rewrite(func(set func(string, []byte) error) error { return set("b", []byte("2")) }) == nil {
					state("map[b:2]")
				}
				b.Reset()
				b.Set("c", []byte("3"))
				if last := states[len(states)-1]; f.Append(&b) == nil {
					switch {
					case last["map[b:2]"]:
						state("map[b:2 c:3]")
					case last["map[a:1]"]:
						state("map[a:1 c:3]")
					default:
						state("map[c:3]")
					}
				}
				_ = f.Sync()
				found.Close()
				_ = f.Close()
			}
			f, found, err = Open(path, Options{})
			if err != nil {
				t.Fatalf("fault %d: %v", n, err)
			}
			got := fmt.Sprint(contents(t, f, found))
			// A rename that was done and not made durable counts as not done.
			if want := states[len(states)-1]; !want[got] && !(found.Damage == nil && strings.HasPrefix(got, "map[b:2")) {
				t.Errorf("fault %d (forever %v): %s, want %v (%v)", n, forever, got, want, found.Damage)
			}
			found.Close()
			_ = f.Close()
			if at < n {
				break
			}
		}
	}
}

// TestHalfABatch: what a full disk took of a batch is taken back; where that
// fails nothing is appended after it.
func TestHalfABatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	f, _ := open(t, path)
	var b Batch
	b.Set("a", []byte("1"))
	if err := f.Append(&b); err != nil {
		t.Fatal(err)
	}
	f.torn = true
	if err := f.Append(&b); err == nil {
		t.Error("appended after half a batch")
	}
	if err := f.Rewrite(func(set func(string, []byte) error) error { return set("a", []byte("1")) }); err != nil {
		t.Fatal(err)
	}
	if err := f.Append(&b); err != nil {
		t.Errorf("after a rewrite: %v", err)
	}
}

package depgraph

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func openVault(t testing.TB, path string, change ...func(*VaultOptions)) *Vault {
	t.Helper()
	o := VaultOptions{Path: path, Append: func(dst []byte, p any) ([]byte, bool) {
		s, ok := p.(string)
		return append(dst, s...), ok
	}}
	for _, f := range change {
		f(&o)
	}
	v, err := OpenVault(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close(nil) }) // the test closed it, or does not care
	return v
}

// TestMappingsOutliveEveryEnd: what was acknowledged is there again, whether
// the vault was closed or not.
func TestMappingsOutliveEveryEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept.db")
	v := openVault(t, path)
	for _, name := range []string{"a", "b", "c"} {
		if err := v.PutMapping(name, []byte(`{"route":"GET /`+name+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(v.PutMapping("b", []byte("new")), v.DeleteMapping("c"), v.DeleteMapping("never")); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "crashed.db")
	copyFile(t, path, copied) // as a process that died left it
	if err := v.Close(nil); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, copied} {
		got, err := openVault(t, p).Mappings()
		if err != nil || len(got) != 2 || string(got["a"]) != `{"route":"GET /a"}` || string(got["b"]) != "new" {
			t.Errorf("%s: %q %v", p, got, err)
		}
	}
}

func TestMappingsAreBounded(t *testing.T) {
	v := openVault(t, filepath.Join(t.TempDir(), "kept.db"))
	for _, c := range []struct {
		name string
		doc  []byte
		says string
	}{
		{"", nil, "1 to 200 bytes"}, {strings.Repeat("x", 201), nil, "this has 201"}, {"big", make([]byte, 1<<20+1), "big has 1048577"},
	} {
		if err := v.PutMapping(c.name, c.doc); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v", err)
		}
	}
	for i := range maxMappings {
		v.mappings[strings.Repeat("x", i%100)+string(rune(i))] = nil
	}
	v.mappings["known"] = nil
	if err := v.PutMapping("one more", nil); err == nil || !strings.Contains(err.Error(), "as many as are kept") {
		t.Errorf("%v", err)
	}
	if err := v.PutMapping("known", nil); err != nil {
		t.Error(err)
	}
}

// TestMappingsAreWrittenLater: while the disk refuses, who registers is told,
// and what was registered is written when the disk takes it.
func TestMappingsAreWrittenLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kept.db")
	full := false
	v := openVault(t, path, func(o *VaultOptions) {
		o.Fault = func(op string) error {
			if full && op != "open" {
				return errors.New("no space left on device")
			}
			return nil
		}
	})
	g, err := New(Options{Vault: v})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	full = true
	if err := v.PutMapping("a", []byte("1")); !errors.Is(err, ErrNotKept) {
		t.Fatal(err)
	}
	full = false
	if err := v.Close(nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := openVault(t, path).Mappings(); string(got["a"]) != "1" {
		t.Errorf("%q", got)
	}
}

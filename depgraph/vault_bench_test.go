package depgraph

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/sqlparse"
)

const benchBody = 1000

func keptEntry(tm *Template, i int) *Entry {
	key := fmt.Sprintf("users.list\x00firstName=%d&limit=10", i)
	e := &Entry{
		Key: key, URL: fmt.Sprintf("/v1/users?firstName=%d&limit=10", i), Template: tm,
		Args:    sqlparse.Args{sqlparse.One(source.Text(fmt.Sprintf("name-%d", i)))},
		Payload: strings.Repeat("x", benchBody), Size: benchBody + int64(len(key)),
		Stored: time.Now(), Expires: time.Now().Add(time.Hour), Cost: time.Millisecond,
	}
	for r := range 10 {
		e.Records = append(e.Records, Record{"users", fmt.Sprint(i*10 + r)})
	}
	return e
}

// BenchmarkInstallKept is what a fill costs, alone and with a vault behind it.
func BenchmarkInstallKept(b *testing.B) {
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("kept=%v", kept), func(b *testing.B) {
			o := Options{MaxBytes: 8 << 30}
			if kept {
				o.Vault = openVault(b, filepath.Join(b.TempDir(), "kept.db"))
			}
			g, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			defer g.Close()
			tm := tmpl("users.list", "users where first_name = 0")
			if err := g.Register(tm); err != nil {
				b.Fatal(err)
			}
			es := make([]*Entry, b.N)
			for i := range es {
				es[i] = keptEntry(tm, i)
			}
			b.ResetTimer()
			for _, e := range es {
				if o := g.Install(g.Token(), e); o != Installed {
					b.Fatal(o)
				}
			}
			b.StopTimer()
			if kept {
				b.ReportMetric(float64(o.Vault.Stats().Overflowed)/float64(b.N), "overflowed/op")
			}
		})
	}
}

// BenchmarkRestore is a start with b.N entries of 1 KB in the file: until the
// vault is open, and until all are served again.
func BenchmarkRestore(b *testing.B) {
	path := filepath.Join(b.TempDir(), "kept.db")
	tm := tmpl("users.list", "users where first_name = 0")
	fill := func() {
		v := openVault(b, path)
		g, err := New(Options{MaxBytes: 8 << 30, Vault: v})
		if err != nil {
			b.Fatal(err)
		}
		defer g.Close()
		if err := g.Register(tm); err != nil {
			b.Fatal(err)
		}
		for i := range b.N {
			if o := g.Install(g.Token(), keptEntry(tm, i)); o != Installed {
				b.Fatal(o)
			}
		}
		if err := v.Close(map[string]string{"main": "x"}); err != nil {
			b.Fatal(err)
		}
	}
	fill()
	runtime.GC()
	b.ResetTimer()
	began := time.Now()
	v := openVault(b, path)
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(b.N), "open-ns/op")
	b.ReportMetric(float64(v.Stats().Bytes)/float64(b.N), "file-B/op")
	g, err := New(Options{MaxBytes: 8 << 30, Vault: v})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	if err := g.Register(tm); err != nil {
		b.Fatal(err)
	}
	tok, n := g.Token(), 0
	err = v.EachKept(context.Background(), func(k *Kept) {
		e := &Entry{Key: k.Key, URL: k.URL, Template: tm, Args: k.Args, Payload: string(k.Payload), Size: int64(len(k.Payload) + len(k.Key)),
			Stored: k.Stored, Expires: k.Expires, Records: k.Records}
		if o, _ := g.Restore(tok, e, k); o == Installed {
			n++
		}
	})
	b.StopTimer()
	if err != nil || n != b.N {
		b.Fatalf("%d of %d: %v", n, b.N, err)
	}
}

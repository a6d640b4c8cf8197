package sqlparse

import (
	"strings"
	"testing"

	"edgecache/source"
)

// FuzzRewrite holds that scanning loses no byte, that execution text differs
// from the original only at parameters, and that what looks like a parameter
// inside strings, quoted names and comments stays.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{
		"SELECT a FROM t WHERE b = :b AND c = ':x' -- :y\n AND d = \":z\"",
		"SELECT /* :a */ [:b], `:c`, x'3a' FROM t WHERE e LIKE :glob OR f = :glob",
		"SELECT 1e5, 0x1F, .5, a->>':k', b::c", "SELECT ':''a' || :a", ":", "'", "/*", "[", "--", "a:b:c", "?1", "@v", "#",
		"SELECT é FROM t WHERE :é = 1", "SELECT 1 LIMIT :limit OFFSET:offset", "x'", "COUNT( * )",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		x, err := scan(sql, SQLite)
		if err != nil {
			return
		}
		var all, marked strings.Builder
		for _, tok := range x.tokens {
			all.WriteString(tok.s)
			switch {
			case tok.kind == tokParam:
				marked.WriteByte('?')
			case strings.Contains(tok.s, "?") && tok.kind != tokString && tok.kind != tokQuoted && tok.kind != tokSpace:
				t.Fatalf("a bare ? passed: %q", tok.s)
			default:
				marked.WriteString(tok.s)
			}
		}
		if all.String() != sql {
			t.Fatalf("scanned %q as %q", sql, all.String())
		}
		args := make(Args, len(x.names))
		for i := range args {
			args[i] = One(source.Int(int64(i)))
		}
		if err := x.mark(nil, nil); err != nil {
			t.Fatal(err)
		}
		st := x.render(args)
		if st.SQL != marked.String() {
			t.Fatalf("rendered %q, want %q", st.SQL, marked.String())
		}
		nth := 0
		for _, tok := range x.tokens {
			if tok.kind == tokParam {
				if st.Args[nth] != args[tok.param].Value || x.names[tok.param] != tok.s[1:] {
					t.Fatalf("argument %d of %q is %v", nth, sql, st.Args[nth])
				}
				nth++
			}
		}
		parsed, at := x.forParser()
		for offset := range at {
			if parsed[offset] != '?' {
				t.Fatalf("no placeholder at %d of %q", offset, parsed)
			}
		}
		if len(at) != nth {
			t.Fatalf("%d placeholders for %d parameters in %q", len(at), nth, parsed)
		}
	})
}

// FuzzKey holds that keys order values as their classes, numbers and bytes do.
func FuzzKey(f *testing.F) {
	f.Add(int64(0), 0.0, "a", "B", uint8(0))
	f.Add(int64(1)<<53+1, float64(1<<53), "", " ", uint8(1))
	f.Add(int64(-1)<<63, -9.3e18, "a ", "a", uint8(2))
	f.Add(int64(1)<<62+1, float64(1<<62), "\x00", "\xff", uint8(0))
	f.Fuzz(func(t *testing.T, i int64, x float64, s, r string, c uint8) {
		if x != x {
			return // the database stores NaN as NULL
		}
		coll := collations[int(c)%len(collations)]
		key := func(v source.Value) Key {
			k, ok := KeyOf(v, coll)
			if !ok {
				t.Fatalf("no key for %s", v)
			}
			return k
		}
		ki, kx := key(source.Int(i)), key(source.Float(x))
		if got, want := strings.Compare(string(ki), string(kx)), compareIntFloat(i, x); got != want {
			t.Fatalf("%d ? %v: %d, want %d", i, x, got, want)
		}
		ks, kr := key(source.Text(s)), key(source.Text(r))
		fs, _ := fold(s, coll)
		fr, _ := fold(r, coll)
		if strings.Compare(string(ks), string(kr)) != strings.Compare(fs, fr) {
			t.Fatalf("%q ? %q under %s", s, r, coll)
		}
		classes := []Key{key(source.Null()), ki, ks, key(source.Blob([]byte(s))), keyEnd}
		for n := 1; n < len(classes); n++ {
			if classes[n-1] >= classes[n] {
				t.Fatalf("classes out of order: %q %q", classes[n-1], classes[n])
			}
		}
	})
}

// compareIntFloat compares exactly, the slow way.
func compareIntFloat(i int64, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := int64(f)
	switch {
	case i < whole:
		return -1
	case i > whole:
		return 1
	case f > float64(whole):
		return -1
	case f < float64(whole):
		return 1
	}
	return 0
}

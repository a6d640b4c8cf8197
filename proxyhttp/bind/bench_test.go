package bind

import (
	"net/url"
	"testing"
)

// BenchmarkBind binds the list and the point read of CONTRACT.md's example.
func BenchmarkBind(b *testing.B) {
	list := parseSpec(b, []string{"params {limit: {type: int, default: 20, min: 1, max: 100}, id: {type: glob}}", "meets firstName s", "meets id s", "meets limit limit"}).binder(b)
	get := parseSpec(b, []string{"route GET /v1/users/{id}", "meets id s"}).binder(b)
	for name, c := range map[string]struct {
		b *Binder
		r Request
	}{
		"list": {list, Request{Query: url.Values{"firstName": {"Lane"}, "limit": {"10"}}}},
		"get":  {get, Request{Path: map[string]string{"id": "123-abc"}}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, bad := c.b.Bind(c.r); bad != nil {
					b.Fatal(bad)
				}
			}
		})
	}
}

// TestBindAllocates counts what one Bind costs: the Bound, its Args, its Key.
func TestBindAllocates(t *testing.T) {
	b := parseSpec(t, []string{"params {limit: {type: int, default: 20, max: 100}}", "meets name s", "meets limit limit", "vary Accept"}).binder(t)
	r := Request{Query: url.Values{"name": {"Lane"}, "limit": {"10"}}}
	if n := testing.AllocsPerRun(100, func() { b.Bind(r) }); n > 3 {
		t.Errorf("Bind allocates %.0f times, want 3", n)
	}
}

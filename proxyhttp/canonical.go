package proxyhttp

import (
	"net/url"
	"sort"
	"strings"
)

// canonicalURL is how an entry is named to people and to purge: the path, then
// the query parameters that the endpoint knows, sorted, spelled as they came.
// It is a name, never the key: two spellings of one value have one key.
func canonicalURL(u *url.URL, query url.Values, known func(string) bool) string {
	path := u.EscapedPath()
	names := make([]string, 0, len(query))
	for n := range query {
		if known(n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return path
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString(path)
	sep := byte('?')
	for _, n := range names {
		for _, v := range query[n] {
			b.WriteByte(sep)
			sep = '&'
			b.WriteString(escapeQuery(n))
			b.WriteByte('=')
			b.WriteString(escapeQuery(v))
		}
	}
	return b.String()
}

// escapeQuery escapes only what would be read differently inside a query, so
// that /v1/users?id=123* stays readable.
func escapeQuery(s string) string {
	const plain = "-._~!$'()*,/:@?"
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = isAlnum(s[i]) || strings.IndexByte(plain, s[i]) >= 0
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; isAlnum(c) || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&0xf])
		}
	}
	return b.String()
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

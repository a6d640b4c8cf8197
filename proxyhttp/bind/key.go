package bind

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"

	"edgecache/source"
	"edgecache/sqlparse"
)

// maxKey is how long a key may be before its tail becomes a hash. A hashed key
// is longer than any plain one, so the two never meet; it begins as the plain
// key does, to stay readable.
const (
	maxKey  = 1024
	keyHead = maxKey - 1
)

// key writes the canonical key:
//
//	users.list?firstName=t4:Lane&id=n&limit=i10;Accept=v1:2:de
//
// The endpoint's name is escaped, parameters stand in the order of their
// names, each value has a letter for its type, and text has its length in
// front, so that no text can look like what follows it.
func (b *Binder) key(args sqlparse.Args, h http.Header) string {
	var stack [256]byte
	k := append(stack[:0], b.prefix...)
	separator := byte('?')
	for _, i := range b.byName {
		k = append(append(append(k, separator), b.params[i].name...), '=')
		separator = '&'
		if b.params[i].fragment {
			k = append(k, 'c')
		}
		k = appendArg(k, args[i])
	}
	for _, name := range b.vary {
		k = append(append(append(k, ';'), name...), '=')
		k = appendHeader(k, h[name])
	}
	if len(k) <= maxKey {
		return string(k)
	}
	sum := sha256.Sum256(k)
	k = append(k[:keyHead], '#')
	k = hex.AppendEncode(k, sum[:])
	return string(k)
}

func appendArg(k []byte, a sqlparse.Arg) []byte {
	if !a.IsList {
		return appendValue(k, a.Value)
	}
	k = append(strconv.AppendInt(append(k, 'l'), int64(len(a.List)), 10), ':')
	for _, v := range a.List {
		k = append(appendValue(k, v), ',')
	}
	return k
}

func appendValue(k []byte, v source.Value) []byte {
	switch v.Kind() {
	case source.KindInt:
		return strconv.AppendInt(append(k, 'i'), v.AsInt(), 10)
	case source.KindFloat:
		return strconv.AppendFloat(append(k, 'f'), v.AsFloat(), 'g', -1, 64)
	case source.KindText:
		return appendText(append(k, 't'), v.AsText())
	case source.KindDecimal:
		return appendText(append(k, 'd'), v.AsText())
	}
	return append(k, 'n')
}

func appendText(k []byte, s string) []byte {
	k = append(strconv.AppendInt(k, int64(len(s)), 10), ':')
	return append(k, s...)
}

// appendHeader tells an absent header from an empty one, and two lines from
// one with a comma.
func appendHeader(k []byte, values []string) []byte {
	if len(values) == 0 {
		return append(k, 'n')
	}
	k = append(strconv.AppendInt(append(k, 'v'), int64(len(values)), 10), ':')
	for _, v := range values {
		k = appendText(k, v)
	}
	return k
}

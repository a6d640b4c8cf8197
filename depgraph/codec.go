package depgraph

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"

	"edgecache/sqlparse"
)

// The keys of buntdb items, all printable:
//
//	m:ID                   an entry's metadata
//	t:TABLE:ID             table  -> entry
//	r:TABLE:RECORD:ID      record -> entry
//	u:TABLE:ID             entry whose records of the table are not known
//	q:SHAPE:VALUES:ID      equality on the shape's columns
//	sNN:ID.N               a rectangle in spatial index NN
//	c:OCCURRENCE:ID        coarse: any image may match
//
// What users can choose (names, values) is base64url or a hash, whose alphabet
// has neither ':' nor a glob character, and IDs have one length. So no key is
// a prefix of another's range, and none can be read as a pattern.
const idLen = 8

var text64 = base64.RawURLEncoding

// idText prints an entry's number in idLen characters.
func idText(id uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], id)
	return text64.EncodeToString(b[2:]) // numbers below 2^48
}

// idOf reads the number at the end of an item's key.
func idOf(key string) (uint64, bool) {
	if strings.HasPrefix(key, "s") {
		dot := strings.LastIndexByte(key, '.')
		if dot < 0 {
			return 0, false
		}
		key = key[:dot]
	}
	if len(key) < idLen+1 || key[len(key)-idLen-1] != ':' {
		return 0, false
	}
	var b [8]byte
	if n, err := text64.Decode(b[2:], []byte(key[len(key)-idLen:])); err != nil || n != 6 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b[:]), true
}

// word encodes text that a user chose.
func word(s string) string {
	if len(s) > maxPlainKey {
		sum := sha256.Sum256([]byte(s))
		return "-" + text64.EncodeToString(sum[:24])
	}
	return text64.EncodeToString([]byte(s))
}

func metaKey(id string) string           { return "m:" + id }
func tablePrefix(table string) string    { return "t:" + word(lower(table)) + ":" }
func unknownPrefix(table string) string  { return "u:" + word(lower(table)) + ":" }
func equalPrefix(shape int) string       { return "q:" + strconv.Itoa(shape) + ":" }
func coarsePrefix(occurrence int) string { return "c:" + strconv.Itoa(occurrence) + ":" }
func rectKey(slot int, id string, n int) string {
	return spatialName(slot) + ":" + id + "." + strconv.Itoa(n)
}

// spatialName names spatial index number slot; all have one length.
func spatialName(slot int) string {
	return "s" + string([]byte{'0' + byte(slot/10), '0' + byte(slot%10)})
}

func recordPrefix(r Record) string {
	return "r:" + word(lower(r.Table)) + ":" + word(r.Key) + ":"
}

// equalWord encodes the keys of several dimensions. Each is preceded by its
// length, so that ("a", "bc") and ("ab", "c") differ.
func equalWord(keys []sqlparse.Key) string {
	var b []byte
	for _, k := range keys {
		b = binary.AppendUvarint(b, uint64(len(k)))
		b = append(b, k...)
	}
	return word(string(b))
}

var errRect = errors.New("depgraph: not a rectangle of 1 to 3 finite, ordered intervals")

// encodeRect is the value of a spatial item: all lower sides, then all upper
// ones, as 8 bytes each. It refuses what buntdb would store but not find
// (FACTS.md: silent failures 1 to 4).
func encodeRect(lo, hi []float64) (string, error) {
	if len(lo) < 1 || len(lo) > maxDims || len(lo) != len(hi) {
		return "", errRect
	}
	b := make([]byte, 0, 16*len(lo))
	for i := range lo {
		// Written so that NaN fails too.
		if !(lo[i] >= minCoordinate && lo[i] <= hi[i] && hi[i] <= maxCoordinate) {
			return "", errRect
		}
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(lo[i]))
	}
	for i := range hi {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(hi[i]))
	}
	return string(b), nil
}

// decodeRect is the reverse; it is the rect function that buntdb is given.
// buntdb asks it for stored values and for search bounds alike. What is no
// rectangle has no sides, which the doors of store never let through.
func decodeRect(s string) (lo, hi []float64) {
	dims := len(s) / 16
	if dims < 1 || dims > maxDims || len(s) != 16*dims {
		return nil, nil
	}
	sides := make([]float64, 2*dims)
	for i := range sides {
		sides[i] = math.Float64frombits(binary.BigEndian.Uint64([]byte(s[8*i : 8*i+8])))
	}
	return sides[:dims:dims], sides[dims:]
}

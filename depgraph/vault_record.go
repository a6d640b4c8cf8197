package depgraph

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"edgecache/source"
	"edgecache/sqlparse"
)

// A record is an entry as it is kept: fields in a fixed order, numbers as
// varints, texts with their length before them. The file's header names the
// version of all this.

// recordID names a key in the file: short, so that heat and deletions are, too.
// Two keys of one id would overwrite each other, which loses one of them: the
// record has the whole key.
type recordID [16]byte

func idOfKey(key string) recordID {
	sum := sha256.Sum256([]byte(key))
	return recordID(sum[:16])
}

func (id recordID) key() string { return prefixEntry + string(id[:]) }

const (
	recordEntry = 'E'
	recordGhost = 'G' // no payload: a write ended it
)

// appendRecord prints an entry; false: its payload cannot be kept.
func (v *Vault) appendRecord(dst []byte, e *Entry) ([]byte, bool) {
	dst = append(dst, recordEntry)
	dst = appendText(dst, e.Template.Endpoint)
	dst = appendText(dst, e.Template.Variant)
	dst = appendText(dst, e.Template.Fingerprint)
	dst = appendText(dst, e.Key)
	dst = appendText(dst, e.URL)
	dst = appendArgs(dst, e.Args)
	dst = binary.AppendVarint(dst, e.Hits())
	dst = binary.AppendVarint(dst, int64(e.Cost))
	dst = appendTime(dst, e.Stored)
	dst = appendTime(dst, e.Expires)
	dst = binary.AppendVarint(dst, e.weight)
	dst = appendCause(dst, e.last.Load().cause(e.Template, e.Args))
	dst = binary.AppendUvarint(dst, uint64(len(e.Records)))
	for _, r := range e.Records {
		dst = appendText(appendText(dst, r.Table), r.Key)
	}
	unknown := make([]string, 0, len(e.RecordsUnknown))
	for t, is := range e.RecordsUnknown {
		if is {
			unknown = append(unknown, t)
		}
	}
	slices.Sort(unknown)
	dst = binary.AppendUvarint(dst, uint64(len(unknown)))
	for _, t := range unknown {
		dst = appendText(dst, t)
	}
	return v.o.Append(dst, e.Payload)
}

func appendGhost(dst []byte, gh *ghost) []byte {
	dst = append(dst, recordGhost)
	dst = appendText(dst, gh.t.Endpoint)
	dst = appendText(dst, gh.t.Variant)
	dst = appendText(dst, gh.t.Fingerprint)
	dst = appendText(dst, gh.key)
	dst = appendText(dst, gh.url)
	dst = appendArgs(dst, gh.args)
	dst = binary.AppendVarint(dst, gh.hits)
	dst = binary.AppendVarint(dst, int64(gh.cost))
	dst = appendTime(dst, gh.stored)
	dst = appendTime(dst, gh.expires)
	dst = binary.AppendVarint(dst, gh.weight)
	return appendCause(dst, gh.last.cause(gh.t, gh.args))
}

func appendText[S ~string | ~[]byte](dst []byte, s S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendTime prints nanoseconds since 1970; 0 is the zero Time.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.AppendVarint(dst, 0)
	}
	return binary.AppendVarint(dst, t.UnixNano())
}

func appendCause(dst []byte, c *Cause) []byte {
	if c == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	dst = appendText(dst, string(c.Rule))
	dst = appendText(dst, c.By)
	dst = appendText(dst, c.Table)
	dst = appendText(dst, c.Detail)
	return appendTime(dst, c.At)
}

func appendArgs(dst []byte, args sqlparse.Args) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(args)))
	for _, a := range args {
		if !a.IsList {
			dst = appendValue(append(dst, 0), a.Value)
			continue
		}
		dst = binary.AppendUvarint(append(dst, 1), uint64(len(a.List)))
		for _, val := range a.List {
			dst = appendValue(dst, val)
		}
	}
	return dst
}

func appendValue(dst []byte, v source.Value) []byte {
	dst = append(dst, byte(v.Kind()))
	switch v.Kind() {
	case source.KindInt:
		return binary.AppendVarint(dst, v.AsInt())
	case source.KindUint:
		return binary.AppendUvarint(dst, v.AsUint())
	case source.KindFloat:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.AsFloat()))
	case source.KindText, source.KindDecimal:
		return appendText(dst, v.AsText())
	case source.KindBlob:
		return appendText(dst, v.AsBlob())
	}
	return dst
}

// errRecord says that a record is not of the form that this version writes.
var errRecord = errors.New("a record cannot be understood")

// decoder reads a record. After the first mistake everything it reads is zero.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[size:]
	return n
}

// count reads how many items follow, each of which takes a byte at least.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) time() time.Time {
	if n := d.int(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (d *decoder) cause() *Cause {
	switch d.byte() {
	case 0:
		return nil
	case 1:
		return &Cause{Rule: Rule(d.text()), By: d.text(), Table: d.text(), Detail: d.text(), At: d.time()}
	}
	d.fail()
	return nil
}

func (d *decoder) args() sqlparse.Args {
	args := make(sqlparse.Args, d.count())
	for i := range args {
		switch d.byte() {
		case 0:
			args[i] = sqlparse.One(d.value())
		case 1:
			list := make([]source.Value, d.count())
			for j := range list {
				list[j] = d.value()
			}
			args[i] = sqlparse.List(list...)
		default:
			d.fail()
		}
	}
	return args
}

func (d *decoder) value() source.Value {
	switch k := source.Kind(d.byte()); k {
	case source.KindNull:
		return source.Null()
	case source.KindInt:
		return source.Int(d.int())
	case source.KindUint:
		return source.Uint(d.uint())
	case source.KindFloat:
		if len(d.b) < 8 {
			d.fail()
			return source.Unknown()
		}
		f := math.Float64frombits(binary.BigEndian.Uint64(d.b))
		d.b = d.b[8:]
		return source.Float(f)
	case source.KindText:
		return source.Text(d.text())
	case source.KindDecimal:
		return source.Decimal(d.text())
	case source.KindBlob:
		return source.Blob([]byte(d.text()))
	}
	d.fail()
	return source.Unknown()
}

// decodeRecord reads a record. The payload of what it returns is a part of b.
func decodeRecord(b []byte) (*Kept, error) {
	d := &decoder{b: b}
	kind := d.byte()
	k := &Kept{
		Endpoint: d.text(), Variant: d.text(), Fingerprint: d.text(), Key: d.text(), URL: d.text(), Args: d.args(),
		Hits: d.int(), Cost: time.Duration(d.int()), Stored: d.time(), Expires: d.time(), weight: d.int(), Cause: d.cause(),
	}
	if kind == recordEntry {
		k.Records = make([]Record, d.count())
		for i := range k.Records {
			k.Records[i] = Record{d.text(), d.text()}
		}
		if n := d.count(); n > 0 {
			k.RecordsUnknown = make(map[string]bool, n)
			for range n {
				k.RecordsUnknown[d.text()] = true
			}
		}
		k.entry, k.Payload = true, d.b
	}
	if d.bad || kind != recordEntry && kind != recordGhost || kind == recordGhost && len(d.b) > 0 {
		return nil, errRecord
	}
	if len(k.Records) == 0 {
		k.Records = nil
	}
	return k, nil
}

// appendHeat prints how often one entry was asked for.
func appendHeat(dst []byte, id recordID, hits int64) []byte {
	return binary.AppendVarint(append(dst, id[:]...), hits)
}

// readHeat reads many of them. Of a mistake nothing follows but less heat.
func readHeat(b []byte, into map[recordID]int64) {
	for len(b) > len(recordID{}) {
		id := recordID(b[:16])
		hits, n := binary.Varint(b[16:])
		if n <= 0 {
			return
		}
		into[id], b = hits, b[16+n:]
	}
}

package journal

import (
	"encoding/binary"
	"hash/crc32"
	"strconv"
)

// The first command of every file sets headerKey, which sorts before all other
// keys, so that it stays the first when buntdb itself writes the file anew.
const (
	headerKey     = "!edgecache"
	headerPayload = "store 1"
)

const (
	// MaxKey and MaxValue bound what one command may hold. A longer one is
	// refused by Set, and is damage when it is read.
	MaxKey   = 1 << 10
	MaxValue = 1 << 28

	sumBytes = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum binds a payload to its key.
func sum(key string, payload ...[]byte) uint32 {
	s := crc32.Update(0, castagnoli, []byte(key))
	s = crc32.Update(s, castagnoli, []byte{0})
	for _, p := range payload {
		s = crc32.Update(s, castagnoli, p)
	}
	return s
}

// Batch is a list of commands that are appended together. The zero Batch is
// empty and ready.
type Batch struct{ buf []byte }

// Len is how many bytes it will add to the file.
func (b *Batch) Len() int { return len(b.buf) }

// Reset empties it and keeps its memory.
func (b *Batch) Reset() { b.buf = b.buf[:0] }

// Set adds a command that sets key to the payload, and tells whether it fits.
func (b *Batch) Set(key string, payload []byte) bool {
	if len(key) == 0 || len(key) > MaxKey || len(payload) > MaxValue-sumBytes {
		return false
	}
	b.buf = append(b.buf, "*3\r\n$3\r\nset\r\n"...)
	b.text(key)
	b.length('$', len(payload)+sumBytes)
	b.buf = binary.BigEndian.AppendUint32(b.buf, sum(key, payload))
	b.buf = append(b.buf, payload...)
	b.buf = append(b.buf, '\r', '\n')
	return true
}

// Delete adds a command that deletes key.
func (b *Batch) Delete(key string) {
	if len(key) == 0 || len(key) > MaxKey {
		return // it was never set
	}
	b.buf = append(b.buf, "*2\r\n$3\r\ndel\r\n"...)
	b.text(key)
}

func (b *Batch) text(s string) {
	b.length('$', len(s))
	b.buf = append(b.buf, s...)
	b.buf = append(b.buf, '\r', '\n')
}

func (b *Batch) length(mark byte, n int) {
	b.buf = append(b.buf, mark)
	b.buf = strconv.AppendInt(b.buf, int64(n), 10)
	b.buf = append(b.buf, '\r', '\n')
}

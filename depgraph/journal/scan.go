package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Damage says why a file cannot be used as it is.
type Damage struct {
	Kind DamageKind
	// At is how much of the file is sound; commands before it can be used.
	At  int64
	Why string
}

// DamageKind is the sort of trouble that a file is in.
type DamageKind uint8

const (
	Foreign   DamageKind = iota + 1 // no file of ours
	Version                         // ours, of a version that we do not read
	Truncated                       // it ends within a command
	Corrupt                         // something in it is not what was written
	Denied                          // it may not be read, or not be written
	Directory                       // it is no file
)

func (k DamageKind) String() string {
	return [...]string{"sound", "foreign", "of another version", "truncated", "corrupt", "not permitted", "a directory"}[k]
}

func (d *Damage) Error() string { return d.Why }

// Span is where a value lies in the file.
type Span struct {
	Offset int64 // of the value, its checksum included
	Length int
}

// Index names the values that are alive, by key.
type Index map[string]Span

// Scan reads a file from end to end and indexes what is alive. Whatever is in
// the file, it asks for no more memory than the file is long. A *Damage comes
// with the index of what lies before it.
func Scan(r io.ReaderAt, size int64) (Index, *Damage) {
	s := &scanner{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 1<<18), size: size, index: Index{}}
	if d := s.header(r); d != nil {
		return Index{}, d
	}
	for s.at < size {
		start := s.at
		if err := s.command(); err != nil {
			d := &Damage{Kind: Corrupt, At: start, Why: fmt.Sprintf("at byte %d %v", s.at, err)}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				d.Kind, d.Why = Truncated, fmt.Sprintf("it ends within the record that begins at byte %d", start)
			}
			return s.index, d
		}
	}
	return s.index, nil
}

type scanner struct {
	r     *bufio.Reader
	at    int64
	size  int64
	index Index
	buf   []byte
}

var errFrame = errors.New("there is no record")

// header demands our own first command.
func (s *scanner) header(r io.ReaderAt) *Damage {
	err := s.command()
	span, ok := s.index[headerKey]
	switch {
	case err == nil && ok:
	case errors.Is(err, io.ErrUnexpectedEOF) && beginsHeader(r, s.size):
		return &Damage{Kind: Truncated, Why: "it ends within its first record"}
	default:
		return &Damage{Kind: Foreign, Why: "it is no store of EdgeCache"}
	}
	delete(s.index, headerKey)
	if got := string(s.buf[sumBytes:span.Length]); got != headerPayload {
		return &Damage{Kind: Version, Why: fmt.Sprintf("it is a %q, and this version reads %q", cut(got), headerPayload)}
	}
	return nil
}

// header is the command that every file begins with.
func header() []byte {
	var b Batch
	b.Set(headerKey, []byte(headerPayload))
	return b.buf
}

// beginsHeader tells whether the few bytes that there are could have become
// our header.
func beginsHeader(r io.ReaderAt, size int64) bool {
	want := header()
	if size >= int64(len(want)) {
		return false
	}
	got := make([]byte, size)
	if _, err := r.ReadAt(got, 0); err != nil && err != io.EOF {
		return false
	}
	return string(got) == string(want[:size])
}

func cut(s string) string {
	if len(s) > 40 {
		return s[:40]
	}
	return s
}

// command reads one command into the index. s.buf holds its last part.
func (s *scanner) command() error {
	parts, err := s.number('*')
	if err != nil {
		return err
	}
	if parts != 2 && parts != 3 {
		return errFrame
	}
	v, err := s.text(3)
	if err != nil {
		return err
	}
	verb := string(s.buf[:v])
	if verb != "set" && verb != "del" || (verb == "set") != (parts == 3) {
		return errFrame
	}
	n, err := s.text(MaxKey)
	if err != nil {
		return err
	}
	key := string(s.buf[:n])
	if verb == "del" {
		delete(s.index, key)
		return nil
	}
	if n, err = s.text(MaxValue); err != nil {
		return err
	}
	span := Span{Offset: s.at - int64(n) - 2, Length: n}
	if !sound(key, s.buf[:n]) {
		return errors.New("a record does not have its checksum")
	}
	s.index[key] = span
	return nil
}

// number reads a line of a mark and a length.
func (s *scanner) number(mark byte) (int, error) {
	n := 0
	for digits := -1; ; digits++ {
		c, err := s.r.ReadByte()
		if err != nil {
			return 0, short(err)
		}
		s.at++
		switch {
		case digits < 0 && c == mark:
		case digits >= 0 && digits < 10 && c >= '0' && c <= '9':
			n = n*10 + int(c-'0')
		case digits > 0 && c == '\r':
			return n, s.newline()
		default:
			return 0, errFrame
		}
	}
}

func (s *scanner) newline() error {
	c, err := s.r.ReadByte()
	if err != nil {
		return short(err)
	}
	s.at++
	if c != '\n' {
		return errFrame
	}
	return nil
}

// text reads one part into s.buf, and returns its length. The length in the
// file is believed only as far as the file goes.
func (s *scanner) text(most int) (int, error) {
	n, err := s.number('$')
	switch {
	case err != nil:
		return 0, err
	case n > most:
		return 0, errFrame
	case int64(n)+2 > s.size-s.at:
		return 0, io.ErrUnexpectedEOF
	}
	if cap(s.buf) < n+2 {
		s.buf = make([]byte, n+2+n/2)
	}
	s.buf = s.buf[:n+2]
	if _, err := io.ReadFull(s.r, s.buf); err != nil {
		return 0, short(err)
	}
	if s.buf[n] != '\r' || s.buf[n+1] != '\n' {
		return 0, errFrame
	}
	s.at += int64(n) + 2
	return n, nil
}

func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sound tells whether a value is what was set under the key.
func sound(key string, value []byte) bool {
	return len(value) >= sumBytes && binary.BigEndian.Uint32(value) == sum(key, value[sumBytes:])
}

package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

// ErrLocked says that another process has the file.
var ErrLocked = errors.New("another process uses it")

// File is an open journal. Its methods are not for concurrent use, but for
// Read and Size.
type File struct {
	path string
	f    atomic.Pointer[os.File]
	size atomic.Int64
	// torn tells that half a batch could not be taken back: what is appended
	// after it would not be found again.
	torn  bool
	fault func(op string) error
}

// Options configure a File.
type Options struct {
	// Fault, when set, may fail the operation that it is shown: "open",
	// "append", "sync", "truncate", "rewrite", "rename". It is for tests only.
	Fault func(op string) error
}

func (o Options) failing(op string) error {
	if o.Fault == nil {
		return nil
	}
	return o.Fault(op)
}

// Found is what Open found at the path.
type Found struct {
	// Index names what can be read of it; with Damage, what can be read of the
	// file that was set aside.
	Index Index
	// Damage says why the file was set aside, as Aside, and a new one was made;
	// nil: it was sound, or there was none.
	Damage *Damage
	Aside  string
	old    *os.File
}

// Read returns a payload that Index names.
func (f *Found) Read(file *File, key string, s Span) ([]byte, bool) {
	if f.old != nil {
		return read(f.old, key, s)
	}
	return file.Read(key, s)
}

// Close lets go of a file that was set aside.
func (f *Found) Close() {
	if f.old != nil {
		_ = f.old.Close() // it was only read
	}
}

// Open opens the file, makes it when there is none, and sets a damaged one
// aside. ErrLocked tells that it belongs to another process, and a *Damage of
// kind Directory that the path can be no file; any other error is the disk's.
func Open(path string, o Options) (*File, *Found, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // so that a rewrite replaces the file, not the link to it
	}
	var f *os.File
	err := o.failing("open")
	if err == nil {
		f, err = openLocked(path)
	}
	switch {
	case errors.Is(err, os.ErrPermission):
		return setAside(path, nil, &Found{Damage: &Damage{Kind: Denied, Why: "it may not be read and written"}}, o)
	case err != nil:
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	file := &File{path: path, fault: o.failing}
	file.f.Store(f)
	if info.Size() == 0 {
		if err := file.write(header()); err != nil {
			return nil, nil, errors.Join(err, f.Close())
		}
		return file, &Found{Index: Index{}}, nil
	}
	index, damage := Scan(f, info.Size())
	if damage != nil {
		return setAside(path, f, &Found{Index: index, Damage: damage, old: f}, o)
	}
	file.size.Store(info.Size())
	return file, &Found{Index: index}, nil
}

// maxOpens bounds how often a file is opened that was replaced meanwhile.
const maxOpens = 16

// openLocked opens the file that is at the path at the end, and locks it: the
// other process may rename a new one over it in between.
func openLocked(path string) (*os.File, error) {
	for range maxOpens {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, &Damage{Kind: Directory, Why: "it is no regular file"}
		}
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := lock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(mine, now) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrLocked // somebody keeps on replacing it
}

// maxAside bounds the names that are tried. The last one is written over.
const maxAside = 100

// setAside renames what is at the path and makes a new file there. old, when
// it could be opened, stays locked until Found is closed.
func setAside(path string, old *os.File, found *Found, o Options) (*File, *Found, error) {
	fail := func(err error) (*File, *Found, error) {
		if old != nil {
			err = errors.Join(err, old.Close())
		}
		return nil, nil, fmt.Errorf("%s, and it cannot be set aside: %w", found.Damage.Why, err)
	}
	for n := 1; ; n++ {
		found.Aside = fmt.Sprintf("%s.damaged-%d", path, n)
		if _, err := os.Lstat(found.Aside); errors.Is(err, os.ErrNotExist) || n == maxAside {
			break
		}
	}
	if err := o.failing("rename"); err != nil {
		return fail(err)
	}
	if err := os.Rename(path, found.Aside); err != nil {
		return fail(err)
	}
	file, err := Create(path, o)
	if err != nil {
		return fail(err)
	}
	return file, found, nil
}

// Create makes an empty journal, where none may be.
func Create(path string, o Options) (*File, error) {
	if err := o.failing("open"); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file := &File{path: path, fault: o.failing}
	file.f.Store(f)
	if err := file.write(header()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return file, nil
}

// Size is the length of the file.
func (f *File) Size() int64 { return f.size.Load() }

// Append adds a batch, whole or not at all.
func (f *File) Append(b *Batch) error { return f.write(b.buf) }

func (f *File) write(buf []byte) error {
	if f.torn {
		return errors.New("half a batch is at its end")
	}
	if len(buf) == 0 {
		return nil
	}
	if err := f.fault("append"); err != nil {
		return err
	}
	file := f.f.Load()
	n, err := file.WriteAt(buf, f.size.Load())
	if err == nil {
		f.size.Add(int64(n))
		return nil
	}
	if n > 0 {
		cut := f.fault("truncate")
		if cut == nil {
			cut = file.Truncate(f.size.Load())
		}
		if cut != nil {
			f.torn = true
			err = errors.Join(err, cut)
		}
	}
	return err
}

// Sync brings what was appended to the disk.
func (f *File) Sync() error {
	if err := f.fault("sync"); err != nil {
		return err
	}
	return f.f.Load().Sync()
}

// Read returns the payload of a span of this file, or false when it is not
// what was set under the key.
func (f *File) Read(key string, s Span) ([]byte, bool) { return read(f.f.Load(), key, s) }

func read(r io.ReaderAt, key string, s Span) ([]byte, bool) {
	buf := make([]byte, s.Length)
	if _, err := r.ReadAt(buf, s.Offset); err != nil || !sound(key, buf) {
		return nil, false
	}
	return buf[sumBytes:], true
}

// rewriteStep is how much of a new file is held in memory.
const rewriteStep = 1 << 20

// Rewrite replaces the file by what fill sets, in one step: until it returns
// nil, the file is as it was. Spans of the old file are void then.
func (f *File) Rewrite(fill func(set func(key string, payload []byte) error) error) error {
	if err := f.fault("rewrite"); err != nil {
		return err
	}
	tmp := f.path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	next, err := Create(tmp, Options{Fault: f.fault})
	if err != nil {
		return errors.Join(err, removed(tmp))
	}
	if err := f.refill(next, fill); err != nil {
		return errors.Join(err, next.f.Load().Close(), removed(tmp))
	}
	old := f.f.Swap(next.f.Load())
	f.size.Store(next.size.Load())
	f.torn = false
	_ = old.Close() // nobody will read it again
	return syncDir(filepath.Dir(f.path))
}

// removed deletes a new file that did not come to be.
func removed(tmp string) error {
	if err := os.Remove(tmp); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// refill writes the new file and puts it in place.
func (f *File) refill(next *File, fill func(set func(key string, payload []byte) error) error) error {
	var b Batch
	flush := func() error {
		err := next.Append(&b)
		b.Reset()
		return err
	}
	err := fill(func(key string, payload []byte) error {
		if !b.Set(key, payload) {
			return nil // as an Append of it would have left it out
		}
		if b.Len() < rewriteStep {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = next.Sync() // before the rename: else a crash may leave a name without content
	}
	if err == nil {
		err = f.fault("rename")
	}
	if err == nil {
		err = os.Rename(next.path, f.path)
	}
	return err
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close lets go of the file and of its lock.
func (f *File) Close() error { return f.f.Load().Close() }

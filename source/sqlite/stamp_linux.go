package sqlite

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// file is what tells one state of a file from another.
type file struct {
	device, inode     uint64
	size              int64
	modified, changed int64 // ns; the second cannot be set by anybody
}

func (f file) String() string {
	if f.size == 0 {
		return "none"
	}
	return fmt.Sprintf("%d:%d %d %d %d", f.device, f.inode, f.size, f.modified, f.changed)
}

// younger tells whether the file changed less than age ago, or in the future.
func (f file) younger(now time.Time, age time.Duration) bool {
	return now.UnixNano()-max(f.modified, f.changed) < int64(age)
}

func fileAt(path string) (file, bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return file{}, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return file{}, false
	}
	return file{
		device: uint64(st.Dev), inode: st.Ino, size: info.Size(),
		modified: st.Mtim.Nano(), changed: st.Ctim.Nano(),
	}, true
}

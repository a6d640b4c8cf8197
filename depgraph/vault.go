package depgraph

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"edgecache/depgraph/journal"
)

// VaultOptions configure a Vault.
type VaultOptions struct {
	Path string // the file
	// Append adds a payload to dst, or says that it cannot be kept. What it
	// makes comes back as Kept.Payload.
	Append func(dst []byte, payload any) ([]byte, bool)
	Log    *slog.Logger
	// Now is the clock of retries and of the heat; nil is time.Now.
	Now func() time.Time
	// Fault is journal.Options.Fault, for tests; it is also shown "read", before
	// each record that is looked at.
	Fault func(op string) error
}

// Vault keeps entries and mappings in a file, so that they outlive a restart.
//
// Entries are written behind: Install and Settle leave a note of which key
// changed, and a goroutine brings the notes to the file in batches. The notes
// have a lock of their own that is never held during I/O, so no write, no fill
// and no hit ever waits for the disk. What cannot be noted or written is left
// out and counted: that loses speed, never data.
//
//	Install, Settle, Purge, ...  -> note(key)                    (under Graph.mu)
//	flusher:  take the notes -> encode -> append -> fsync, at most once a second
//	          every few minutes: the hits of all entries
//	          when it has grown to twice what is alive: rewrite from the graph
//
// An entry's edges are not in the file. They follow from its template and its
// arguments, and are made anew when it is restored, by the code that runs
// then: so they can never disagree with it.
//
// The guarantee: a record may only be taken for current if the file says that
// it was closed cleanly, and it says so only when it held exactly what the
// graph held, after every write had settled. That line, one for each source
// with what the source was then (a stamp), is taken out and the disk synced
// before Open returns; so a process that dies leaves none. Whether the source
// is still the same is for the caller to find out. Everything else is history:
// it tells what was asked for and how often, and must be read again.
//
// A Vault that cannot write goes on without a file, says so once, and tries
// again with growing pauses; what it then writes is the whole graph.
type Vault struct {
	o     VaultOptions
	found *journal.Found // until restored
	clean map[string]string
	heat  map[recordID]int64 // until restored

	graph *Graph // set by New, before the flusher starts
	notes notes
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once

	io         sync.Mutex // held during I/O, never under any other lock
	file       *journal.File
	mappings   map[string][]byte
	trouble    trouble
	live       int64 // bytes after the last rewrite
	growth     int64 // growthLimit, but in tests
	mute       bool  // tests: nothing is flushed but by them
	unsynced   bool
	lastSync   time.Time
	lastHeat   time.Time
	heatChunks int

	restored atomic.Bool // all that was kept has been looked at
	used     atomic.Bool // somebody began to look
	n        vaultCounters
}

// ErrStoreInUse says that another process has the store.
var ErrStoreInUse = errors.New("another EdgeCache is using it; give each its own store.path")

// OpenVault opens the file, or makes it. A damaged one is set aside, with one
// line in the log; a disk that refuses leaves a vault that tries again later.
// The only errors are a store that another process uses, and a path that names
// something else that is of use to somebody.
func OpenVault(o VaultOptions) (*Vault, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &Vault{o: o, clean: map[string]string{}, heat: map[recordID]int64{}, mappings: map[string][]byte{},
		stop: make(chan struct{}), done: make(chan struct{}), growth: growthLimit}
	v.notes.byKey, v.notes.most = map[string]note{}, maxNotes
	if isSQLite(o.Path) {
		return nil, fmt.Errorf("the store %s is an SQLite database; store.path needs a file of its own", o.Path)
	}
	file, found, err := journal.Open(o.Path, v.journalOptions())
	var damage *journal.Damage
	switch {
	case errors.Is(err, journal.ErrLocked):
		return nil, fmt.Errorf("the store %s: %w", o.Path, ErrStoreInUse)
	case errors.As(err, &damage):
		v.trouble.began(v, "the store cannot be used: "+damage.Why+"; serving from memory", nil)
	case err != nil:
		v.trouble.began(v, "the store cannot be opened; serving from memory", err)
	}
	if err != nil {
		v.restored.Store(true)
		return v, nil
	}
	v.file, v.found = file, found
	v.live = file.Size()
	v.trouble.size.Store(v.live)
	if found.Damage != nil {
		v.n.damaged.Add(1)
		if found.Damage.Kind == journal.Truncated {
			// What a crash does. Every mapping that was acknowledged had been
			// synced, so it is before the tear. Where the middle is damaged, one
			// that was deleted later could come back: none is taken.
			v.readWhole()
		}
		v.o.Log.Warn("the store is damaged and was set aside; serving starts without its responses", "store", o.Path,
			"aside", found.Aside, "damage", found.Damage.Kind.String(), "why", found.Damage.Why, "mappings", len(v.mappings))
		v.found.Close()
		v.found, v.clean, v.heat = nil, map[string]string{}, map[recordID]int64{}
		v.restored.Store(true)
		v.keepMappings()
		return v, nil
	}
	v.readWhole()
	v.dropClean()
	if len(found.Index) == 0 {
		v.restored.Store(true)
	}
	return v, nil
}

func (v *Vault) journalOptions() journal.Options { return journal.Options{Fault: v.o.Fault} }

// isSQLite tells whether the file is a database, which must not be set aside
// because of a slip in the configuration.
func isSQLite(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // read only
	head := make([]byte, 16)
	n, _ := f.Read(head)
	return string(head[:n]) == "SQLite format 3\x00"
}

// Keys in the file: what they are of, and then which one.
const (
	prefixEntry   = "e:" // and the recordID
	prefixHeat    = "h:" // and a number: hits of many entries
	prefixMapping = "m:" // and its name
	prefixClean   = "c:" // and the name of a source
)

// readWhole reads the short records: mappings, heat, and who was closed
// cleanly.
func (v *Vault) readWhole() {
	for key, span := range v.found.Index {
		if len(key) < 2 || key[:2] == prefixEntry {
			continue
		}
		payload, ok := v.found.Read(v.file, key, span)
		if !ok {
			v.n.unreadable.Add(1)
			continue
		}
		name := key[2:]
		switch key[:2] {
		case prefixMapping:
			v.mappings[strings.Clone(name)] = payload
		case prefixClean:
			v.clean[name] = string(payload)
		case prefixHeat:
			readHeat(payload, v.heat)
		}
	}
}

// dropClean takes the lines out that say that the file was closed cleanly.
func (v *Vault) dropClean() {
	var b journal.Batch
	for name := range v.clean {
		b.Delete(prefixClean + name)
	}
	for key := range v.found.Index {
		if strings.HasPrefix(key, prefixHeat) {
			b.Delete(key)
		}
	}
	err := v.file.Append(&b)
	if err == nil && b.Len() > 0 {
		err = v.file.Sync()
	}
	if err != nil {
		v.clean = map[string]string{} // they may be there at the next start too
		v.trouble.began(v, "the store cannot be written; serving from memory", err)
	}
}

// Clean returns what the source was when the store was closed, if it was
// closed cleanly.
func (v *Vault) Clean(source string) (stamp string, ok bool) {
	stamp, ok = v.clean[source]
	return stamp, ok
}

// VaultStats counts what the vault holds and did.
type VaultStats struct {
	Bytes    int64 // of the file
	Waiting  int   // changes that are not written yet
	Failing  bool  // the disk refuses; serving goes on from memory
	Restored bool  // everything that was kept has been looked at

	Written, Deleted, Rewrites int64
	Overflowed                 int64 // changes that found no room to wait; a rewrite makes up for them
	Unwritten                  int64 // changes that the disk refused, or that cannot be kept
	Errors                     int64 // operations that the disk refused
	Unreadable                 int64 // records that could not be understood
	Damaged                    int64 // files set aside
}

type vaultCounters struct {
	written, deleted, rewrites, overflowed, unwritten, errors, unreadable, damaged atomic.Int64
}

// Stats returns the counters.
func (v *Vault) Stats() VaultStats {
	n := &v.n
	s := VaultStats{
		Waiting: v.notes.len(), Restored: v.restored.Load(), Written: n.written.Load(), Deleted: n.deleted.Load(),
		Rewrites: n.rewrites.Load(), Overflowed: n.overflowed.Load(), Unwritten: n.unwritten.Load(),
		Errors: n.errors.Load(), Unreadable: n.unreadable.Load(), Damaged: n.damaged.Load(),
		Failing: v.trouble.failing.Load(), Bytes: v.trouble.size.Load(),
	}
	return s
}

package depgraph

import "sync"

// Bounds of what waits to be written. Past either, a change is not noted and
// the file is rewritten from the graph when there is time.
const (
	maxNotes     = 1 << 16
	maxNoteBytes = 32 << 20
)

// note is what became of a key: an entry, a ghost, or, with neither, nothing.
type note struct {
	e  *Entry
	gh *ghost
}

// size bounds what the note keeps from being collected.
func (n note) size() int64 {
	switch {
	case n.e != nil:
		return max(n.e.Size, 0)
	case n.gh != nil:
		return n.gh.bytes
	}
	return 0
}

// notes are the keys that changed since they were last taken, each with what
// it is now. The lock is held for moments: it is taken under Graph.mu.
type notes struct {
	mu    sync.Mutex
	byKey map[string]note
	bytes int64
	most  int // maxNotes, but in tests
	// lost tells that a change could not be noted: until the next rewrite the
	// file may hold what the graph does not.
	lost bool
}

// add notes a change, and tells whether there was room.
func (n *notes) add(key string, what note) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	old, known := n.byKey[key]
	bytes := n.bytes - old.size() + what.size()
	if !known && len(n.byKey) >= n.most || bytes > maxNoteBytes {
		if known {
			delete(n.byKey, key) // it is outdated
			n.bytes -= old.size()
		}
		n.lost = true
		return false
	}
	n.byKey[key], n.bytes = what, bytes
	return true
}

// take hands over what has been noted.
func (n *notes) take() map[string]note {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.byKey) == 0 {
		return nil
	}
	out := n.byKey
	n.byKey, n.bytes = map[string]note{}, 0
	return out
}

func (n *notes) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = true
}

func (n *notes) takeLost() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = false
}

func (n *notes) isLost() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

func (n *notes) len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.byKey)
}

// keep notes an entry that was installed.
func (v *Vault) keep(e *Entry) {
	if v != nil {
		v.note(e.Key, note{e: e})
	}
}

// keepGhost notes that only the memory of an entry is left.
func (v *Vault) keepGhost(gh *ghost) {
	if v != nil {
		v.note(gh.key, note{gh: gh})
	}
}

// forget notes that nothing is left of a key.
func (v *Vault) forget(key string) {
	if v != nil {
		v.note(key, note{})
	}
}

func (v *Vault) note(key string, what note) {
	if !v.notes.add(key, what) {
		v.n.overflowed.Add(1)
	}
}

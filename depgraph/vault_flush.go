package depgraph

import (
	"strconv"
	"time"

	"edgecache/depgraph/journal"
)

const (
	flushEvery = 200 * time.Millisecond
	syncEvery  = time.Second
	heatEvery  = 5 * time.Minute
	// batchBytes is how much is appended at once.
	batchBytes = 1 << 20
	// The file is rewritten when it is growthLimit longer than twice what the
	// last rewrite left, which is when buntdb would shrink it.
	growthLimit = 32 << 20
	// heatChunk is how many entries one record of hits is about.
	heatChunk = 4096
)

// start begins to write behind g.
func (v *Vault) start(g *Graph) {
	v.graph = g
	v.lastHeat = v.o.Now()
	go v.run()
}

func (v *Vault) run() {
	defer close(v.done)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-v.stop:
			return
		case <-tick.C:
			if !v.mute {
				v.flush()
			}
		}
	}
}

// flush writes what has been noted, and does what is due.
func (v *Vault) flush() {
	v.io.Lock()
	defer v.io.Unlock()
	now := v.o.Now()
	v.write(v.notes.take())
	switch {
	case v.trouble.failing.Load():
		if v.trouble.due(now) {
			v.recover()
		}
		return
	case v.grown() || v.notes.isLost():
		v.rewrite()
	}
	if now.Sub(v.lastHeat) >= heatEvery {
		v.lastHeat = now
		v.writeHeat()
	}
	if v.unsynced && now.Sub(v.lastSync) >= syncEvery {
		v.sync(now)
	}
}

// write appends what was noted. REQUIRES: v.io.
func (v *Vault) write(notes map[string]note) {
	var b journal.Batch
	var buf []byte
	waiting, failed := 0, v.trouble.failing.Load() || v.file == nil
	send := func() {
		if err := v.append(&b); err != nil {
			failed = true
			v.n.unwritten.Add(int64(waiting))
		}
		b.Reset()
		waiting = 0
	}
	for key, what := range notes {
		if failed {
			v.n.unwritten.Add(1)
			v.notes.lose()
			continue
		}
		id, ok := idOfKey(key), false
		switch {
		case what.e != nil && what.e.isGone():
			continue // what became of it is noted too
		case what.e != nil:
			buf, ok = v.appendRecord(buf[:0], what.e)
			ok = ok && b.Set(id.key(), buf)
			if !ok {
				v.n.unwritten.Add(1)
			}
		case what.gh != nil:
			buf = appendGhost(buf[:0], what.gh)
			ok = b.Set(id.key(), buf)
		}
		if ok {
			v.n.written.Add(1)
		} else { // whatever was there of the key must not be taken for current
			b.Delete(id.key())
			v.n.deleted.Add(1)
		}
		if waiting++; b.Len() >= batchBytes {
			send()
		}
	}
	if b.Len() > 0 {
		send()
	}
}

// append adds a batch and notes the trouble. REQUIRES: v.io.
func (v *Vault) append(b *journal.Batch) error {
	err := v.file.Append(b)
	if err != nil {
		v.notes.lose()
		v.trouble.began(v, "the store cannot be written; serving goes on from memory", err)
		return err
	}
	v.unsynced = true
	v.trouble.size.Store(v.file.Size())
	return nil
}

// sync brings what was appended to the disk. REQUIRES: v.io.
func (v *Vault) sync(now time.Time) {
	v.lastSync = now
	if err := v.file.Sync(); err != nil {
		v.notes.lose() // nobody knows what of it is there
		v.trouble.began(v, "the store cannot be written; serving goes on from memory", err)
		return
	}
	v.unsynced = false
}

func (v *Vault) grown() bool { return v.file.Size() > 2*v.live+v.growth }

// rewrite replaces the file by what the graph holds now. Until everything that
// was kept has been looked at it must wait: the graph does not hold it yet.
// REQUIRES: v.io.
//
//	1 the flag of lost notes is taken down
//	2 the entries and ghosts of now are listed
//	3 they are written; whatever changes since 1 is noted, and appended later
//	  to the new file: what 3 wrote of a key that went is deleted again
func (v *Vault) rewrite() {
	if !v.restored.Load() || v.graph == nil || v.file == nil {
		return
	}
	v.notes.takeLost()
	err := v.file.Rewrite(func(set func(string, []byte) error) error {
		for name, doc := range v.mappings {
			if err := set(prefixMapping+name, doc); err != nil {
				return err
			}
		}
		return v.everything(set)
	})
	if err != nil {
		v.notes.lose()
		v.trouble.began(v, "the store cannot be rewritten; serving goes on from memory", err)
		return
	}
	v.n.rewrites.Add(1)
	v.live, v.unsynced, v.heatChunks = v.file.Size(), false, 0
	v.trouble.size.Store(v.live)
	v.trouble.over(v)
}

// everything sets a record for each entry and each ghost.
func (v *Vault) everything(set func(string, []byte) error) error {
	var buf []byte
	for _, e := range v.graph.listing() {
		if e.isGone() {
			continue
		}
		var ok bool
		if buf, ok = v.appendRecord(buf[:0], e); !ok {
			v.n.unwritten.Add(1)
			continue
		}
		if err := set(idOfKey(e.Key).key(), buf); err != nil {
			return err
		}
	}
	for _, gh := range v.graph.ghosts.list() {
		buf = appendGhost(buf[:0], gh)
		if err := set(idOfKey(gh.key).key(), buf); err != nil {
			return err
		}
	}
	return nil
}

// listing is every entry of one moment.
func (g *Graph) listing() []*Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Entry(nil), g.all...)
}

// recover tries again after the disk refused. REQUIRES: v.io.
func (v *Vault) recover() {
	if v.file == nil {
		file, found, err := journal.Open(v.o.Path, v.journalOptions())
		if err != nil {
			v.trouble.began(v, "the store cannot be opened; serving from memory", err)
			return
		}
		v.file = file
		v.adopt(found)
	}
	v.rewrite()
}

// adopt takes over the mappings of a file that could not be read at the start.
// They are served after the next start; its entries are history by now.
func (v *Vault) adopt(found *journal.Found) {
	defer found.Close()
	if found.Damage != nil {
		v.n.damaged.Add(1)
		v.o.Log.Warn("the store is damaged and was set aside", "store", v.o.Path, "aside", found.Aside, "why", found.Damage.Why)
	}
	for key, span := range found.Index {
		if len(key) <= len(prefixMapping) || key[:len(prefixMapping)] != prefixMapping {
			continue
		}
		name := key[len(prefixMapping):]
		if payload, ok := found.Read(v.file, key, span); ok && v.mappings[name] == nil {
			v.mappings[name] = payload
		}
	}
}

// writeHeat notes how often every entry was asked for. REQUIRES: v.io.
func (v *Vault) writeHeat() {
	if v.graph == nil || !v.restored.Load() {
		return
	}
	var b journal.Batch
	var buf []byte
	chunks, n := 0, 0
	send := func() {
		if n > 0 {
			b.Set(prefixHeat+strconv.Itoa(chunks), buf)
			buf, n = buf[:0], 0
			chunks++
		}
	}
	for _, e := range v.graph.listing() {
		if hits := e.Hits(); hits > 0 {
			buf = appendHeat(buf, idOfKey(e.Key), hits)
			if n++; n == heatChunk {
				send()
			}
		}
	}
	send()
	for i := chunks; i < v.heatChunks; i++ {
		b.Delete(prefixHeat + strconv.Itoa(i))
	}
	if b.Len() > 0 && v.append(&b) == nil {
		v.heatChunks = chunks
	}
}

// Close writes what waits and lets go of the file. stamps says, for each
// source of which it is known that every write that its entries might miss has
// settled, what the source is now; the file then says so, if it holds exactly
// what the graph holds.
func (v *Vault) Close(stamps map[string]string) error {
	var err error
	v.once.Do(func() { err = v.close(stamps) })
	return err
}

func (v *Vault) close(stamps map[string]string) error {
	if v.graph != nil {
		close(v.stop)
		<-v.done
	}
	v.io.Lock()
	defer v.io.Unlock()
	v.write(v.notes.take())
	if v.trouble.failing.Load() {
		v.recover()
	} else if v.notes.isLost() {
		v.rewrite()
	}
	if v.file == nil {
		return nil // said already
	}
	untouched := v.found != nil && !v.used.Load() && v.n.written.Load()+v.n.deleted.Load() == 0
	switch {
	case v.trouble.failing.Load() || v.notes.isLost():
	case untouched:
		v.sayClean(v.clean) // nobody came to use it: what it said still holds
	case v.restored.Load():
		v.writeHeat()
		v.sayClean(stamps)
	}
	if v.unsynced && !v.trouble.failing.Load() {
		v.sync(v.o.Now())
	}
	return v.file.Close()
}

// sayClean writes the lines that Open takes out again. REQUIRES: v.io.
func (v *Vault) sayClean(stamps map[string]string) {
	var b journal.Batch
	for name, stamp := range stamps {
		b.Set(prefixClean+name, []byte(stamp))
	}
	if b.Len() > 0 && v.append(&b) == nil {
		v.sync(v.o.Now())
	}
}

// FlushHeat writes now how often every entry was asked for, which is else done
// every few minutes and when the vault is closed.
func (v *Vault) FlushHeat() {
	v.io.Lock()
	defer v.io.Unlock()
	if !v.trouble.failing.Load() {
		v.writeHeat()
	}
}

package depgraph

import (
	"errors"
	"fmt"
	"maps"

	"edgecache/depgraph/journal"
)

// Mappings are small and few, and are written before the call returns: who
// registers one is told that it is kept.
const (
	maxMappings     = 10_000
	maxMappingName  = 200
	maxMappingBytes = 1 << 20
)

// ErrNotKept says that a mapping is not on the disk. It is remembered all the
// same, and is written when the disk takes it.
var ErrNotKept = errors.New("the store cannot be written")

// PutMapping keeps a document under a name. When it returns nil, it outlives
// the process and the machine's losing power.
func (v *Vault) PutMapping(name string, doc []byte) error {
	switch {
	case name == "" || len(name) > maxMappingName:
		return fmt.Errorf("a name must have 1 to %d bytes, this has %d", maxMappingName, len(name))
	case len(doc) > maxMappingBytes:
		return fmt.Errorf("a mapping may have %d bytes, %s has %d", maxMappingBytes, name, len(doc))
	}
	v.io.Lock()
	defer v.io.Unlock()
	if _, ok := v.mappings[name]; !ok && len(v.mappings) >= maxMappings {
		return fmt.Errorf("there are %d mappings already, which is as many as are kept", maxMappings)
	}
	v.mappings[name] = append([]byte(nil), doc...)
	var b journal.Batch
	b.Set(prefixMapping+name, doc)
	return v.atOnce(&b)
}

// DeleteMapping forgets a name; one that is not kept is no error.
func (v *Vault) DeleteMapping(name string) error {
	v.io.Lock()
	defer v.io.Unlock()
	if _, ok := v.mappings[name]; !ok {
		return nil
	}
	delete(v.mappings, name)
	var b journal.Batch
	b.Delete(prefixMapping + name)
	return v.atOnce(&b)
}

// Mappings returns all documents by name.
func (v *Vault) Mappings() (map[string][]byte, error) {
	v.io.Lock()
	defer v.io.Unlock()
	return maps.Clone(v.mappings), nil
}

// keepMappings writes those that were read from a file that was set aside.
func (v *Vault) keepMappings() {
	v.io.Lock()
	defer v.io.Unlock()
	var b journal.Batch
	for name, doc := range v.mappings {
		b.Set(prefixMapping+name, doc)
	}
	if b.Len() > 0 {
		_ = v.atOnce(&b) // said in the log; they are written when the disk takes them
	}
}

// atOnce appends and syncs. REQUIRES: v.io.
func (v *Vault) atOnce(b *journal.Batch) error {
	if v.trouble.failing.Load() || v.file == nil {
		return ErrNotKept
	}
	err := v.file.Append(b)
	if err == nil {
		err = v.file.Sync()
	}
	if err != nil {
		v.trouble.began(v, "the store cannot be written; serving goes on from memory", err)
		return fmt.Errorf("%w: %v", ErrNotKept, err)
	}
	v.trouble.size.Store(v.file.Size())
	return nil
}

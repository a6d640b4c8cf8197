package proxyhttp

import (
	"bytes"
	"maps"
	"sync"
)

// MappingStore keeps the mappings that were registered at run time, by name.
// What Put and Delete return without an error is still so after a restart. An
// error that is depgraph.ErrNotKept says that the store knows, and will write
// it when its disk takes it; after any other error nothing was changed.
type MappingStore interface {
	PutMapping(name string, doc []byte) error
	DeleteMapping(name string) error
	Mappings() (map[string][]byte, error)
}

// memoryMappings stands in where there is no store: what is registered lives
// until the process ends, and the answers say so.
type memoryMappings struct {
	mu   sync.Mutex
	docs map[string][]byte
}

func (m *memoryMappings) PutMapping(name string, doc []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.docs == nil {
		m.docs = map[string][]byte{}
	}
	m.docs[name] = bytes.Clone(doc)
	return nil
}

func (m *memoryMappings) DeleteMapping(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.docs, name)
	return nil
}

func (m *memoryMappings) Mappings() (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.docs), nil
}

package auth

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// maxRemembered bounds the verified tokens that are kept.
const maxRemembered = 10_000

// verified is a token that was found right.
type verified struct {
	identity   *Identity
	until      time.Time // when the token ends, leeway included
	generation int64     // of the keys that verified it
}

// remembered keeps verified tokens by their hash, in two halves: when the
// young one is full it becomes the old one, whose tokens are forgotten unless
// they were used since. What is forgotten is verified again, so forgetting
// costs time and nothing else.
type remembered struct {
	half      int
	mu        sync.RWMutex
	young     map[[sha256.Size]byte]*verified
	old       map[[sha256.Size]byte]*verified
	forgotten atomic.Int64
}

func newRemembered(most int) *remembered {
	return &remembered{half: max(most/2, 1), young: map[[sha256.Size]byte]*verified{}}
}

func (m *remembered) get(sum [sha256.Size]byte) *verified {
	m.mu.RLock()
	v, young := m.young[sum]
	if !young {
		v = m.old[sum]
	}
	m.mu.RUnlock()
	if v != nil && !young {
		m.put(sum, v)
	}
	return v
}

func (m *remembered) put(sum [sha256.Size]byte, v *verified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.old, sum)
	if _, there := m.young[sum]; !there && len(m.young) >= m.half {
		m.forgotten.Add(int64(len(m.old)))
		m.old, m.young = m.young, make(map[[sha256.Size]byte]*verified, m.half)
	}
	m.young[sum] = v
}

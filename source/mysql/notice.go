package mysql

import (
	"sync"
	"time"
)

// noticePause is the time between two lines in the log on one lasting trouble.
const noticePause = time.Minute

// notice is a trouble that lasts, and is logged now and then.
type notice struct {
	mu sync.Mutex
	at time.Time
}

// due tells whether it is time for a line.
func (n *notice) due() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.at.IsZero() && time.Since(n.at) < noticePause {
		return false
	}
	n.at = time.Now()
	return true
}

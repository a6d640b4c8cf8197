package proxyhttp

import (
	"time"

	"edgecache/depgraph"
)

// graphCause is what last invalidated the answer of a URL. Its detail may show
// values of rows, as explain does; it never goes to a log.
type graphCause struct {
	Rule   string    `json:"rule,omitempty"` // none where it was no write
	By     string    `json:"by"`             // a write's endpoint, or what else it was
	Table  string    `json:"table,omitempty"`
	Detail string    `json:"detail"`
	At     time.Time `json:"at"`
}

func causeView(c *depgraph.Cause) *graphCause {
	if c == nil {
		return nil
	}
	return &graphCause{Rule: string(c.Rule), By: c.By, Table: c.Table, Detail: c.Detail, At: c.At.UTC()}
}

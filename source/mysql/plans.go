package mysql

import (
	"sync"

	"edgecache/source"
)

// maxPlans bounds the plans that a catalog keeps. Past it all are forgotten:
// texts come from mappings, and more than that are not mapped.
const maxPlans = 1000

// plans keeps what was read of statements against one schema.
type plans struct {
	mu   sync.Mutex
	kept map[string]*source.WritePlan
}

// get returns the plan of a text, made where it is not kept. Errors are not
// kept.
func (p *plans) get(sql string, read func() (*source.WritePlan, error)) (*source.WritePlan, error) {
	p.mu.Lock()
	plan := p.kept[sql]
	p.mu.Unlock()
	if plan != nil {
		return plan, nil
	}
	plan, err := read()
	if err != nil || plan == nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= maxPlans {
		p.kept = map[string]*source.WritePlan{}
	}
	p.kept[sql] = plan
	return plan, nil
}

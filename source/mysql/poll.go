package mysql

import (
	"context"
	"time"

	"edgecache/source"
)

// poll looks for schema changes that were made elsewhere until Close.
func (d *DB) poll() {
	defer d.background.Done()
	tick := time.NewTicker(d.o.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-d.life.Done():
			return
		case <-tick.C:
		}
		if _, err := d.Refresh(d.life); err != nil && d.life.Err() == nil {
			d.o.Log.Warn("the schema could not be looked at", "source", d.o.Name, "error", err)
		}
	}
}

// Refresh looks whether the schema changed, and if so loads it and tells
// OnForeignWrite.
func (d *DB) Refresh(ctx context.Context) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, catalogTimeout)
	defer cancel()
	err = d.withControl(ctx, func(s *session) error {
		now, err := fingerprint(ctx, s)
		if err != nil || now == d.catalog.Load().fingerprint {
			return err
		}
		if _, err := d.reload(ctx, s); err != nil {
			return err
		}
		changed = true
		return nil
	})
	if changed {
		d.o.OnForeignWrite(&source.WriteSet{
			Source: d.o.Name, Everything: "schema change by somebody else", SchemaChanged: true,
		})
	}
	return changed, wrap(ctx, err)
}

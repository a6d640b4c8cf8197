package sqlite

import "context"

// QueryPlan tells in SQLite's own words how it would run a query: a line for
// each step, such as "SCAN users". Parameters may be left as "?".
func (d *DB) QueryPlan(ctx context.Context, sql string) ([]string, error) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	if e := d.gone.Load(); e != nil {
		return nil, e
	}
	if verbOf(sql).isOther() {
		return nil, invalid("only a query has a plan")
	}
	s, err := d.describer.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.describer.put(s)
	c, err := d.describer.handle(s)
	if err != nil {
		return nil, wrap(ctx, err)
	}
	defer c.guard(ctx)()
	out, err := c.queryPlan(sql)
	return out, wrap(ctx, err)
}

func (c *conn) queryPlan(sql string) ([]string, error) {
	s, err := c.prepare("EXPLAIN QUERY PLAN " + fromFirstWord(sql))
	if err != nil {
		return nil, err
	}
	defer s.finalize()
	var out []string
	for {
		more, err := s.step()
		if err != nil || !more {
			return out, err
		}
		out = append(out, s.column(3).AsText())
	}
}

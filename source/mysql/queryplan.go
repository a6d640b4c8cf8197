package mysql

import (
	"context"
	"strconv"
	"strings"

	"edgecache/source"
)

// PlanStep is how the server would read one table of a query.
type PlanStep struct {
	Table string // its alias
	Type  string // ALL: every row; index: every entry of an index; ref, range, const, ...
	Key   string // the index that is used, "" for none
	Rows  int64  // as the server estimates
}

// QueryPlan asks the server how it would run a query.
func (d *DB) QueryPlan(ctx context.Context, st source.Statement) ([]PlanStep, error) {
	if v := verbOf(st.SQL); v.kind() != source.StatementSelect {
		return nil, invalid("only a query has a plan")
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	sl, err := d.describer.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.describer.put(sl)
	if err := d.describer.ready(ctx, sl); err != nil {
		return nil, wrap(ctx, err)
	}
	var names []string
	var out []PlanStep
	err = sl.s.query(ctx, "EXPLAIN "+st.SQL, st.Args, func(n []string) { names = n }, func(row source.Row) error {
		out = append(out, planStep(names, row))
		return nil
	})
	if sl.s != nil {
		sl.s.forget() // asked once
	}
	return out, wrap(ctx, err)
}

func planStep(names []string, row source.Row) (p PlanStep) {
	for i, v := range row {
		text := strings.Trim(v.String(), "'")
		if v.IsNull() {
			text = ""
		}
		switch strings.ToLower(names[i]) {
		case "table":
			p.Table = text
		case "type":
			p.Type = text
		case "key":
			p.Key = text
		case "rows":
			p.Rows, _ = strconv.ParseInt(text, 10, 64) // 0: not told
		}
	}
	return p
}

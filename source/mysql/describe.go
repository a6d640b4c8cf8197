package mysql

import (
	"context"
	"strings"

	"edgecache/source"
)

// Describe prepares sql on the server, which checks its syntax, its names and
// our privileges, and counts its placeholders. Kind follows the first keyword.
//
// For a SELECT the output columns are asked for with LIMIT 0 around it, so that
// nothing is computed; where the server does not take it so, they are empty.
// Reads, Writes, Functions and Program are empty: the server does not tell.
// Two outputs of one name are an error.
func (d *DB) Describe(ctx context.Context, sql string) (*source.Description, error) {
	v := verbOf(sql)
	if v == "" {
		return nil, invalid("the statement begins with no keyword, or holds an executable comment or temporary tables")
	}
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	sl, err := d.describer.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.describer.put(sl)
	for again := true; ; again = false {
		used := sl.s != nil
		if err := d.describer.ready(ctx, sl); err != nil {
			return nil, wrap(ctx, err)
		}
		out, err := sl.s.describe(ctx, v, sql)
		if err != nil && sl.s.broken && again && used && ctx.Err() == nil {
			sl.drop()
			continue
		}
		if sl.s != nil {
			sl.s.forget() // descriptions are made once
		}
		if again && d.suspect(err) {
			// It may have been gone for a moment, and be back as it was: then no
			// look tells a difference, and nobody would ask again.
			continue
		}
		return out, wrap(ctx, err)
	}
}

func (s *session) describe(ctx context.Context, v verb, sql string) (*source.Description, error) {
	out := &source.Description{Kind: v.kind()}
	st, err := s.prepare(ctx, sql)
	if numberOf(err) == 1295 { // what cannot be prepared has no placeholders
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.Params = st.NumInput()
	if out.Kind != source.StatementSelect {
		return out, nil
	}
	around := "SELECT * FROM (" + strings.TrimRight(strings.TrimSpace(sql), ";") + "\n) AS described LIMIT 0"
	args := make([]source.Value, out.Params)
	for i := range args {
		args[i] = source.Null()
	}
	// A writing session, or it would not prepare writes; read-only for this.
	if _, err := s.run(ctx, "START TRANSACTION READ ONLY"); err != nil {
		return nil, err
	}
	inner, err := s.head(ctx, around, args)
	if _, undo := s.run(ctx, "ROLLBACK"); undo != nil {
		s.broken = true
	}
	switch {
	case numberOf(err) == 1060:
		return nil, err
	case err != nil && (s.broken || ctx.Err() != nil):
		return nil, err
	case err == nil:
		out.Columns = inner
	}
	return out, nil
}

// head reads the columns of a result and none of its rows.
func (s *session) head(ctx context.Context, sql string, args []source.Value) ([]source.OutputColumn, error) {
	var out []source.OutputColumn
	err := s.queryTyped(ctx, sql, args, func(names, types []string) {
		for i := range names {
			out = append(out, source.OutputColumn{Name: names[i], DeclType: types[i]})
		}
	}, func(source.Row) error { return nil })
	return out, err
}

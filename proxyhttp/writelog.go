package proxyhttp

import (
	"context"
	"log/slog"
	"sort"
	"time"

	"edgecache/depgraph"
	"edgecache/source"
)

// writeLog is the one line that is logged for every write.
type writeLog struct {
	endpoint, source string
	tables           []string
	rows             int64
	affected         int
	spared           map[depgraph.Rule]int
	match, total     time.Duration
	elapsed          time.Duration // of it in the source
	outcome          source.Outcome
	err              error
}

func (s *Server) logWrite(ctx context.Context, l writeLog) {
	s.metrics.write(l)
	level := slog.LevelInfo
	if l.err != nil || l.outcome == source.OutcomeUnknown {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("endpoint", l.endpoint), slog.String("source", l.source), slog.Any("tables", l.tables),
		slog.Int64("rows", l.rows), slog.Int("affected", l.affected), slog.Any("spared", sparedGroup(l.spared)),
		slog.Duration("match", l.match), slog.Duration("total", l.total), slog.String("outcome", l.outcome.String()),
	}
	if l.err != nil {
		attrs = append(attrs, slog.String("error", loggedError(l.err)))
	}
	s.log.LogAttrs(ctx, level, "write", attrs...)
}

// sparedGroup prints the spared entries by rule, in a fixed order.
func sparedGroup(m map[depgraph.Rule]int) slog.Value {
	rules := make([]string, 0, len(m))
	for r := range m {
		rules = append(rules, string(r))
	}
	sort.Strings(rules)
	attrs := make([]slog.Attr, len(rules))
	for i, r := range rules {
		attrs[i] = slog.Int(r, m[depgraph.Rule(r)])
	}
	return slog.GroupValue(attrs...)
}

// loggedError is an error without what a client typed: a database that refuses
// a value may repeat it, as in "Duplicate entry 'ada@example.com'". The client
// has been told.
func loggedError(err error) string {
	switch kind := source.KindOf(err); kind {
	case source.ErrConstraint, source.ErrInvalid, source.ErrOversize:
		return "refused by the database: " + kind.String()
	}
	return err.Error()
}

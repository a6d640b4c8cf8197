package sqlparse_test

import (
	"context"
	"path/filepath"
	"testing"

	"edgecache/source"
	"edgecache/source/sqlite"
	"edgecache/sqlparse"
)

// live is a real database that tests hold our readings against.
type live struct {
	source.Source
	t        testing.TB
	dialect  sqlparse.Dialect
	database string
}

func openLive(t testing.TB, schema string) *live {
	t.Helper()
	db, err := sqlite.Open(context.Background(), sqlite.Options{
		Name: "main", Path: filepath.Join(t.TempDir(), "live.db"), Init: schema, PollInterval: -1,
	})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &live{Source: db, t: t}
}

func (l *live) input(sql string) sqlparse.Input {
	return sqlparse.Input{
		Dialect:  l.dialect,
		Database: l.database,
		SQL:      sql,
		Schema:   l.Schema(),
		Describe: func(s string) (*source.Description, error) {
			return l.Source.Describe(context.Background(), s)
		},
	}
}

func (l *live) compile(sql string) *sqlparse.Template {
	l.t.Helper()
	tpl, err := sqlparse.Compile(l.input(sql))
	if err != nil {
		l.t.Fatalf("compile %s: %v", sql, err)
	}
	return tpl
}

func (l *live) rows(st source.Statement) []source.Row {
	l.t.Helper()
	res, err := l.Query(context.Background(), st, source.Limits{})
	if err != nil {
		l.t.Fatalf("query %s: %v", st.SQL, err)
	}
	return res.Rows
}

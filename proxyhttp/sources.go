package proxyhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"edgecache/proxyhttp/config"
	"edgecache/source"
	"edgecache/source/sqlite"
)

// unopened stands in for a source that cannot be opened, until all were tried.
type unopened struct{ source.Source }

func (unopened) Close() error { return nil }

// tolerant makes open go on past a source that cannot be opened, so that one
// run tells of all of them and of the endpoints of the others. What is wrong
// is a mistake at the line of the source.
func (s *Server) tolerant(open Opener, wrong *[]config.Mistake) Opener {
	return func(ctx context.Context, c *config.Source, onForeign func(*source.WriteSet), lim Limits, log *slog.Logger) (source.Source, error) {
		err := missing(c)
		if err == nil {
			var src source.Source
			if src, err = open(ctx, c, onForeign, lim, log); err == nil {
				return src, nil
			}
		}
		if ctx.Err() != nil {
			return nil, err // stopped, which says nothing about the source
		}
		*wrong = append(*wrong, s.sourceMistake(c.Name, err))
		return unopened{}, nil
	}
}

// sourceMistake is trouble with a source, as check and serve both print it.
func (s *Server) sourceMistake(name string, err error) config.Mistake {
	m := config.Mistake{File: s.cfg.File, Message: "source " + name + ": " + err.Error()}
	if c := s.cfg.Source(name); c != nil {
		m.Line = c.Line
	}
	return m
}

// missing says that there is no database and nothing to make one from.
func missing(c *config.Source) error {
	if c.Init != "" || !absent(c) {
		return nil
	}
	return fmt.Errorf("the database %s is absent or empty, and there is no init to make one from", filepath.Base(c.DSN))
}

// absent tells that a source is a file that is not there, or empty.
func absent(c *config.Source) bool {
	if c.Driver != config.DriverSQLite {
		return false
	}
	path, err := sqlite.FilePath(c.DSN)
	if err != nil {
		return false // opening it says why
	}
	info, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist) || err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// openAll opens the sources and keeps those that could be opened.
func (s *Server) openAll(ctx context.Context, open Opener) (wrong []config.Mistake, err error) {
	err = s.openSources(ctx, s.tolerant(open, &wrong))
	for name, db := range s.databases {
		if _, not := db.src.(unopened); not {
			delete(s.databases, name)
		}
	}
	return wrong, err
}

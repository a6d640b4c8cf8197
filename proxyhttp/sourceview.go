package proxyhttp

import (
	"context"

	"edgecache/source"
	"edgecache/source/mysql"
)

// SourceView is what stands behind a source.
type SourceView struct {
	Name    string `json:"name"`
	Driver  string `json:"driver"`
	Server  string `json:"server"`  // SQLite, MySQL, MariaDB or TiDB; "" when it did not tell
	Version string `json:"version"` // without the builder's additions
	// CharacterSet is the database's default, "" where it has none.
	CharacterSet string `json:"characterSet,omitempty"`
	// Strict tells that consistency strict can be kept before it. A source
	// before which it cannot is refused, so that it is true of all that are here.
	Strict bool `json:"strict"`
}

// sources describes the sources in the order of the file.
func (s *Server) sources(ctx context.Context) []SourceView {
	out := make([]SourceView, 0, len(s.cfg.Sources))
	for _, c := range s.cfg.Sources {
		v := SourceView{Name: c.Name, Driver: c.Driver, Strict: true}
		switch src := s.databases[c.Name].src.(type) {
		case interface {
			About(context.Context) (mysql.About, error)
		}:
			if a, err := src.About(ctx); err == nil { // else the server went just now, and is left out
				v.Server, v.Version, v.CharacterSet = a.Flavour.String(), a.Release, a.CharacterSet
			}
		default:
			res, err := src.Query(ctx, source.Statement{SQL: "SELECT sqlite_version()"}, source.Limits{Rows: 1})
			if err == nil && len(res.Rows) == 1 {
				v.Server, v.Version = "SQLite", res.Rows[0][0].AsText()
			}
		}
		out = append(out, v)
	}
	return out
}

// String is the view in a line: main: MariaDB 10.11.19, utf8mb4, strict kept.
func (v SourceView) String() string {
	line := v.Name + ": "
	switch {
	case v.Server == "":
		line += v.Driver + ", the server does not tell its version"
	default:
		line += v.Server + " " + v.Version
	}
	if v.CharacterSet != "" {
		line += ", " + v.CharacterSet
	}
	if v.Strict {
		line += ", strict kept"
	}
	return line
}

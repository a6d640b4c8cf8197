package sqlite

import (
	"net/url"
	"strings"

	"edgecache/source"
)

// FilePath returns the file that a DSN means, or why it means none.
func FilePath(dsn string) (string, error) { return filePath(dsn) }

// filePath takes what a user wrote for a database and returns the path of a
// file, or says why it is none.
func filePath(dsn string) (string, error) {
	path := dsn
	if strings.HasPrefix(dsn, "file:") {
		var err error
		if path, err = uriPath(dsn); err != nil {
			return "", err
		}
	}
	if path == "" || path == ":memory:" {
		return "", refused("an in-memory database cannot be served: each of its connections would see " +
			"a database of its own, and readers could not run beside the writer; give the path of a file")
	}
	if strings.IndexByte(path, 0) >= 0 {
		return "", refused("the path of the database holds a NUL byte")
	}
	return path, nil
}

// uriPath reads a file: URI. Its parameters are refused, but for those that
// say what is done anyway.
func uriPath(dsn string) (string, error) {
	rest, query, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
	rest, _, _ = strings.Cut(rest, "#")
	if strings.HasPrefix(rest, "//") {
		host, path, _ := strings.Cut(rest[2:], "/")
		if host != "" && host != "localhost" {
			return "", refused("the database must be a local file")
		}
		rest = "/" + path
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return "", refused("the address of the database is not a valid file: URI")
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", refused("the address of the database is not a valid file: URI")
	}
	for name, v := range values {
		switch setting := name + "=" + strings.Join(v, ","); setting {
		case "cache=private", "mode=rw", "mode=rwc":
		case "mode=memory":
			return filePath(":memory:")
		case "cache=shared":
			return "", refused("a shared cache cannot be served: its readers see uncommitted changes " +
				"or wait for the writer; leave cache=shared out")
		default:
			return "", refused("the parameter " + name + " of the database's address is not supported")
		}
	}
	return path, nil
}

func refused(message string) *source.Error {
	return &source.Error{Kind: source.ErrInvalid, Message: message}
}

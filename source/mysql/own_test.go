package mysql

import (
	"testing"

	"edgecache/source/mysql/mariatest"
)

// openOwn opens a new database on a server that this test may disturb.
func openOwn(t testing.TB, script string, change ...func(*Options)) (*mariatest.Server, *DB) {
	t.Helper()
	server := mariatest.Own(t)
	return server, openDSN(t, server.Database(t, script), change...)
}

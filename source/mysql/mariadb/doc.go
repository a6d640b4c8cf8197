// Package mariadb runs private MariaDB servers: for the tests, and for the
// demo. It uses the mariadbd that is installed, else installs Debian's
// mariadb-server where it may (root and apt-get).
//
// A Server listens on a free loopback port and knows one user, root, with a
// password of its own. It is stopped by its process id, and on Linux the kernel
// kills it when the process that started it dies.
//
// The tests of several packages run as several processes, and share one server
// (Join). Who comes first starts a keeper, a process that owns the server;
// everyone holds a shared lock on the same file as long as it lives. When the
// last lock is gone the keeper kills the server, removes the folder and ends.
// The kernel drops the locks of a process however it dies, so that neither
// Ctrl-C nor kill -9 leaves anything behind:
//
//	1 A locks the door, finds no keeper, starts one, takes a lease, opens the door
//	2 B locks the door, finds the keeper, takes a lease, opens the door
//	3 A is killed; its lease goes
//	4 B ends; the keeper gets the lease exclusively
//	5 the keeper locks the door: nobody can join; no lease is held: it tears down
//	6 C waits at the door meanwhile, finds it replaced, and begins at 1
//
// An environment variable that names a server that somebody started before
// would do for one command, but not for `go test ./...` typed by hand, nor
// would it clean up after who is killed.
package mariadb

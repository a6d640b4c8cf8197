//go:build !unix

package journal

import "os"

// lock does nothing where there is no flock: keeping two processes from one
// store is the operator's there.
func lock(*os.File) error { return nil }

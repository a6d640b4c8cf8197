//go:build !linux

package mariadb

import "syscall"

// Elsewhere nothing stops the server of a process that was killed.
func dieWithUs() *syscall.SysProcAttr { return nil }

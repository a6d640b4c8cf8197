package mariadb

import "syscall"

// dieWithUs makes the kernel kill the server when this process dies.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

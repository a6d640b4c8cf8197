package mariatest

import (
	"os"
	"os/exec"
	"path/filepath"
)

// find looks for mariadbd, and installs it where that is possible.
func find() (binary, why string) {
	if b := lookup(); b != "" {
		return b, ""
	}
	if os.Getuid() != 0 {
		return "", "mariadbd is not installed, and only root can install it"
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", "mariadbd is not installed, and there is no apt-get"
	}
	unlock := lock(filepath.Join(os.TempDir(), "edgecache-mariadb-install.lock"))
	defer unlock()
	if b := lookup(); b != "" { // another test process did it meanwhile
		return b, ""
	}
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-y", "-q", "--no-install-recommends", "mariadb-server"},
	} {
		cmd := exec.Command("apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", "apt-get " + args[0] + ": " + lastLine(out)
		}
	}
	if b := lookup(); b != "" {
		return b, ""
	}
	return "", "apt-get installed no mariadbd"
}

func lookup() string {
	for _, name := range []string{"mariadbd", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd"} {
		if b, err := exec.LookPath(name); err == nil {
			if _, err := exec.LookPath("mariadb-install-db"); err == nil {
				return b
			}
		}
	}
	return ""
}

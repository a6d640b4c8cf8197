package mariadb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Find looks for mariadbd, and installs it where that is possible. The error
// says in one line why there is none.
func Find() (binary string, err error) {
	if b := lookup(); b != "" {
		return b, nil
	}
	if os.Getuid() != 0 {
		return "", errors.New("mariadbd is not installed, and only root can install it")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", errors.New("mariadbd is not installed, and there is no apt-get")
	}
	path := filepath.Join(os.TempDir(), "edgecache-mariadb-install.lock")
	l, err := lockFile(path, exclusive)
	if err != nil {
		return "", err
	}
	defer l.drop()
	defer func() { _ = os.Remove(path) }()
	if b := lookup(); b != "" { // another process did it meanwhile
		return b, nil
	}
	for _, args := range [][]string{
		{"update", "-q"},
		{"install", "-y", "-q", "--no-install-recommends", "mariadb-server"},
	} {
		cmd := exec.Command("apt-get", args...)
		// Debian starts what it installs; this keeps it from doing so.
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("mariadbd is not installed, and apt-get %s fails: %s", args[0], gist(out))
		}
	}
	if b := lookup(); b != "" {
		return b, nil
	}
	return "", errors.New("apt-get installed no mariadbd")
}

func lookup() string {
	if _, err := exec.LookPath("mariadb-install-db"); err != nil {
		return ""
	}
	for _, name := range []string{"mariadbd", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd"} {
		if b, err := exec.LookPath(name); err == nil {
			return b
		}
	}
	return ""
}

// gist is the first error that a text tells of, else its last line.
func gist(text []byte) string {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	for _, l := range lines {
		if bytes.Contains(l, []byte("ERROR")) {
			return string(l)
		}
	}
	return string(lines[len(lines)-1])
}

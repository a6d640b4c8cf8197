package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edgecache/proxyhttp/config"
)

func TestTargets(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "data", "shop.db")
	if err := os.MkdirAll(filepath.Dir(db), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(db, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, "edgecache.yaml")
	for _, c := range []struct{ dsn, driver, want, inFile, name string }{
		{db, "", config.DriverSQLite, "data/shop.db", "shop.db"},
		{"file:" + db + "?mode=rw", "", config.DriverSQLite, "data/shop.db", "shop.db"},
		{"app:s3cret@tcp(db.example:3306)/shop?tls=true", "", config.DriverMySQL, "${EDGECACHE_DSN}", "the database shop"},
		{"app:s3cret@/shop", "", config.DriverMySQL, "${EDGECACHE_DSN}", "the database shop"},
		{"s3cret/shop", "mysql", config.DriverMySQL, "${EDGECACHE_DSN}", "the database shop"},
	} {
		got, err := newTarget(c.dsn, c.driver, output)
		if err != nil || got.driver != c.want || got.inFile != c.inFile || got.name != c.name {
			t.Errorf("%s: %+v, %v", c.dsn, got, err)
		}
	}
	for _, c := range []struct{ dsn, driver, want string }{
		{filepath.Join(dir, "gone.db"), "", "there is no database file"},
		{dir, "", "there is no database file"},
		{":memory:", "", "in-memory"},
		{"mysql://app:s3cret@db/shop", "", "--dsn is no URL"},
		{db, "oracle", "--driver is sqlite or mysql"},
		{"", "", "name the database"},
	} {
		if _, err := newTarget(c.dsn, c.driver, output); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.dsn, err)
		}
	}
}

// A shell does not wait for a server that says nothing.
func TestCompletionGivesUp(t *testing.T) {
	asked := make(chan struct{}, 1)
	mute := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer mute.Close()
	start := time.Now()
	code, stdout, _ := command(t, "__complete", "purge", "--server", mute.URL, "--endpoint", "")
	<-asked
	if code != 0 || stdout != ":4\n" || time.Since(start) > 20*completionPatience {
		t.Errorf("exit %d after %s: %s", code, time.Since(start), stdout)
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		code, stdout, stderr := command(t, "completion", shell)
		if code != 0 || !strings.Contains(stdout, "__complete") || stderr != "" {
			t.Errorf("%s: exit %d, %d bytes, %s", shell, code, len(stdout), stderr)
		}
	}
}

package proxyhttp

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"testing"

	"edgecache/proxyhttp/config"
	"edgecache/source/mysql/mariatest"
)

// TestCheckTellsTheServers: flavour, version and character set of each source,
// in a line and as JSON, whatever the versions here are.
func TestCheckTellsTheServers(t *testing.T) {
	dsn := mariatest.Get(t).Database(t, "CREATE TABLE u (id INT PRIMARY KEY);")
	yaml := fmt.Sprintf(`
sources:
  shop: {driver: mysql, dsn: %q}
  files: {driver: sqlite, dsn: %q, init: schema.sql}
endpoints: []
`, dsn, filepath.Join(t.TempDir(), "x.db"))
	dir := t.TempDir()
	parseConfig(t, dir, "CREATE TABLE t (id INTEGER PRIMARY KEY);", "")
	cfg, mistakes := config.Parse(filepath.Join(dir, "two.yaml"), []byte(yaml), config.Environ)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	o, err := OpenOffline(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	version := regexp.MustCompile(`\d+\.\d+\.\d+`)
	got := ""
	sources := o.Check(t.Context()).Sources
	for _, v := range sources {
		got += version.ReplaceAllString(v.String(), "N") + "\n"
	}
	if want := "shop: MariaDB N, utf8mb4, strict kept\nfiles: SQLite N, strict kept\n"; got != want {
		t.Errorf("%swant\n%s", got, want)
	}
	text, err := json.Marshal(sources)
	if err != nil {
		t.Fatal(err)
	}
	if want := `[{"name":"shop","driver":"mysql","server":"MariaDB","version":"N","characterSet":"utf8mb4","strict":true},` +
		`{"name":"files","driver":"sqlite","server":"SQLite","version":"N","strict":true}]`; version.ReplaceAllString(string(text), "N") != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"edgecache/proxyhttp"
	"edgecache/proxyhttp/config"
	"edgecache/proxyhttp/scaffold"
	"edgecache/source"
	"edgecache/source/sqlite"
)

// envDSN is where the DSN of a server comes from: the file never holds it.
const envDSN = "EDGECACHE_DSN"

func initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "init --dsn DSN [-o FILE]", Short: "Write a first mapping file from a live schema", Args: cobra.NoArgs,
		Long: "Write a first mapping file from a live schema: for each table a list with optional filters for its\n" +
			"indexed columns, and, where it has a primary key, GET, PUT, PATCH and DELETE of a row and POST; for\n" +
			"each view a list. What cannot be mapped stands in a comment with the reason. The file is checked\n" +
			"against the database before it is written.\n\n" +
			"DSN is the path of a SQLite file, or user:password@tcp(host:3306)/database. A server's DSN is not\n" +
			"written into the file, which reads it from $" + envDSN + " instead.",
		Example: "  edgecache init --dsn shop.db\n  EDGECACHE_DSN='app:secret@tcp(127.0.0.1:3306)/shop' edgecache init -o shop.yaml",
	}
	dsn := cmd.Flags().String("dsn", "", "the database, also from $"+envDSN)
	driver := cmd.Flags().String("driver", "", "sqlite or mysql (MariaDB, TiDB); told from the DSN when left out")
	file := cmd.Flags().StringP("output", "o", "edgecache.yaml", "the file to write; - is standard output")
	force := cmd.Flags().Bool("force", false, "replace a file that is there")
	_ = cmd.RegisterFlagCompletionFunc("driver", fixed(config.DriverSQLite, config.DriverMySQL))
	files(cmd, "output", "yaml", "yml")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		t, err := newTarget(*dsn, *driver, *file)
		if err != nil {
			return err
		}
		if _, err := os.Stat(*file); err == nil && *file != "-" && !*force {
			return withCode(exitUsage, fmt.Errorf("edgecache: %s is there already; name another with -o, or replace it with --force", *file))
		}
		f, err := t.read(cmd.Context())
		if err != nil {
			return failure(fmt.Errorf("edgecache: %w", err))
		}
		if err := writeOut(cmd, *file, f.YAML()); err != nil || *file == "-" {
			return err
		}
		return report(cmd, t, f, *file)
	}
	return cmd
}

// target is the database, as it is given and as the file names it.
type target struct {
	driver, dsn  string
	inFile, name string // in the file, and for people
	output       string // absolute: what a relative DSN in it is relative to
}

func newTarget(dsn, driver, output string) (*target, error) {
	if dsn == "" {
		dsn = os.Getenv(envDSN)
	}
	if dsn == "" {
		return nil, errors.New("name the database: --dsn shop.db, or --dsn 'user:password@tcp(host:3306)/database', or $" + envDSN)
	}
	if scheme, _, ok := strings.Cut(dsn, "://"); ok && scheme != "file" {
		return nil, fmt.Errorf("--dsn is no URL: leave %s:// out and write user:password@tcp(host:3306)/database, or the path of a SQLite file", scheme)
	}
	if driver == "" {
		driver = config.DriverSQLite
		if strings.Contains(dsn, ")/") || strings.Contains(dsn, "@/") || strings.Contains(dsn, "@tcp") || strings.Contains(dsn, "@unix") {
			driver = config.DriverMySQL
		}
	}
	if output == "-" {
		output = "edgecache.yaml"
	}
	output, err := filepath.Abs(output)
	if err != nil {
		return nil, failure(err)
	}
	t := &target{driver: driver, dsn: dsn, output: output}
	switch driver {
	case config.DriverMySQL:
		t.inFile, t.name = "${"+envDSN+"}", "a database"
		if i := strings.LastIndexByte(dsn, '/'); i >= 0 {
			db, _, _ := strings.Cut(dsn[i+1:], "?")
			t.name = "the database " + db
		}
		return t, nil
	case config.DriverSQLite:
		return t, t.sqlite()
	}
	return nil, fmt.Errorf("--driver is sqlite or mysql, not %q", driver)
}

// sqlite finds the file and names it relative to the mapping file, where both
// will be found when the folder is moved.
func (t *target) sqlite() error {
	path, err := sqlite.FilePath(t.dsn)
	if err != nil {
		return withCode(exitUsage, fmt.Errorf("edgecache: %w", err))
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return failure(fmt.Errorf("edgecache: there is no database file %s", path))
	}
	if path, err = filepath.Abs(path); err != nil {
		return failure(err)
	}
	t.dsn, t.inFile, t.name = path, path, filepath.Base(path)
	if rel, err := filepath.Rel(filepath.Dir(t.output), path); err == nil {
		t.inFile = filepath.ToSlash(rel)
	}
	return nil
}

// read makes the file and takes back what the check refuses.
func (t *target) read(ctx context.Context) (*scaffold.File, error) {
	quiet := slog.New(slog.DiscardHandler)
	src, err := proxyhttp.OpenSource(ctx, &config.Source{Name: "main", Driver: t.driver, DSN: t.dsn}, func(*source.WriteSet) {}, proxyhttp.DefaultLimits(), quiet)
	if err != nil {
		return nil, err
	}
	f, err := scaffold.Read(ctx, src, scaffold.Options{Driver: t.driver, DSN: t.inFile, Name: t.name})
	if e := src.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	for again := true; again; {
		if again, err = t.takeBack(ctx, f); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// takeBack checks the file as `check` does. Each round takes at least one
// endpoint back, so there is an end.
func (t *target) takeBack(ctx context.Context, f *scaffold.File) (again bool, err error) {
	env := func(name string) (string, bool) {
		if name == envDSN {
			return t.dsn, true
		}
		return os.LookupEnv(name)
	}
	cfg, mistakes := config.Parse(t.output, f.YAML(), env)
	if len(mistakes) == 0 {
		var found proxyhttp.Mistakes
		o, err := proxyhttp.OpenOffline(ctx, cfg, slog.New(slog.DiscardHandler))
		switch {
		case err == nil:
			return false, o.Close(ctx)
		case !errors.As(err, &found):
			return false, err
		}
		mistakes = found
	}
	for _, m := range mistakes {
		again = f.Drop(m.Endpoint, m.Message) || again
	}
	if !again {
		return false, proxyhttp.Mistakes(mistakes)
	}
	return true, nil
}

// report says what was written, what was not, and what to do next.
func report(cmd *cobra.Command, t *target, f *scaffold.File, file string) error {
	s, err := newScreen(cmd)
	if err != nil {
		return err
	}
	s.line("", fmt.Sprintf("%s maps %s of %s with %s.", file, sum(f.Tables(), "table"), t.name, sum(f.Endpoints(), "endpoint")))
	for _, l := range f.LeftOut() {
		s.line("  ", s.in(yellow, "note: ")+plain(l))
	}
	if t.driver == config.DriverMySQL {
		s.line("", "Its DSN is read from $"+envDSN+".")
	}
	s.line("", "Next: edgecache check -c "+file+", then edgecache serve -c "+file)
	return nil
}

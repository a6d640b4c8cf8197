//go:build unix

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	driver "github.com/go-sql-driver/mysql"

	"edgecache/source/mysql/mariadb"
)

// privateServer is a server that ends with us.
type privateServer struct {
	server *mariadb.Server
	claim  *mariadb.Claim
	dsn    string
}

// private starts a server on a new folder below dir. What an earlier one left
// there goes.
func private(dir string) (*privateServer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	claim, err := mariadb.ClaimFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%s is in use by another server: stop that one first (%w)", dir, err)
	}
	data := filepath.Join(dir, "mariadb")
	var server *mariadb.Server
	if err = os.RemoveAll(data); err == nil {
		server, err = mariadb.Start(data)
	}
	if err != nil {
		claim.Release()
		return nil, err
	}
	p := &privateServer{server: server, claim: claim}
	cfg := server.Config()
	db, err := open(cfg)
	if err == nil {
		_, err = db.Exec("CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
		_ = db.Close()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	cfg.DBName = "shop"
	p.dsn = cfg.FormatDSN()
	return p, nil
}

func (p *privateServer) close() {
	p.server.Stop()
	p.claim.Release()
}

func open(cfg *driver.Config) (*sql.DB, error) {
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

var created = regexp.MustCompile(`(?im)^CREATE TABLE (\w+)`)

// prepare makes sure that the database of the DSN has the script's tables, and
// tells in one line what it found or did. Its errors name no DSN.
func prepare(dsn, script string) (string, error) {
	cfg, err := driver.ParseDSN(dsn)
	if err != nil || cfg.DBName == "" {
		return "", errors.New("EDGECACHE_DSN must look like user:password@tcp(host:3306)/database")
	}
	cfg.Logger = &driver.NopLogger{}
	db, err := open(cfg)
	if err != nil {
		return "", errors.New("EDGECACHE_DSN cannot be used: its TLS, key or collation settings are wrong")
	}
	defer func() { _ = db.Close() }()
	var version string
	if err := db.QueryRow("SELECT VERSION()").Scan(&version); err != nil {
		return "", reachable(err, cfg.DBName)
	}
	have, err := tables(db)
	if err != nil {
		return "", err
	}
	var want []string
	for _, m := range created.FindAllStringSubmatch(script, -1) {
		want = append(want, m[1])
	}
	lacking := slices.DeleteFunc(slices.Clone(want), func(t string) bool { return slices.Contains(have, strings.ToLower(t)) })
	switch {
	case len(lacking) == 0:
		return fmt.Sprintf("the database %s (%s) has the tables; they are taken as they are", cfg.DBName, version), nil
	case len(have) > 0:
		return "", fmt.Errorf("the database %s has tables (%s) and lacks %s: name an empty database in EDGECACHE_DSN, for nothing is put among the tables of others",
			cfg.DBName, few(have), few(lacking))
	}
	for _, st := range mariadb.Split(script) {
		if _, err := db.Exec(st); err != nil {
			first, _, _ := strings.Cut(st, "\n")
			return "", fmt.Errorf("%s: %w; the database %s is left as it is now, drop its tables before another try", first, err, cfg.DBName)
		}
	}
	return fmt.Sprintf("the tables %s were made in the database %s (%s)", strings.Join(want, ", "), cfg.DBName, version), nil
}

// reachable words what keeps us from the database.
func reachable(err error, database string) error {
	var answer *driver.MySQLError
	if !errors.As(err, &answer) {
		return errors.New("the server that EDGECACHE_DSN names cannot be reached")
	}
	switch answer.Number {
	case 1049:
		return fmt.Errorf("the database %s does not exist: CREATE DATABASE %s makes it", database, database)
	case 1045, 1698:
		return errors.New("the server refuses the user or the password of EDGECACHE_DSN")
	case 1044:
		return fmt.Errorf("the user of EDGECACHE_DSN may not use the database: GRANT ALL ON %s.* TO it mends that", database)
	}
	return fmt.Errorf("the server answers: %s", answer.Message)
}

// tables lists the tables and views, lower-cased.
func tables(db *sql.DB) ([]string, error) {
	rows, err := db.Query("SELECT LOWER(TABLE_NAME) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}

// few lists at most five names.
func few(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
	}
	return strings.Join(names, ", ")
}

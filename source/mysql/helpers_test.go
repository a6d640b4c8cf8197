package mysql

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"edgecache/source"
	"edgecache/source/mysql/mariatest"
	"edgecache/sqlparse"
)

func TestMain(m *testing.M) { os.Exit(mariatest.Main(m)) }

// openTest opens a new database made by the script.
func openTest(t testing.TB, script string, change ...func(*Options)) *DB {
	t.Helper()
	return openDSN(t, mariatest.Get(t).Database(t, script), change...)
}

func openDSN(t testing.TB, dsn string, change ...func(*Options)) *DB {
	t.Helper()
	o := Options{Name: "main", DSN: dsn, Readers: 2, Writers: 3, PollInterval: -1, Plan: sqlparse.PlanWrite, ProofTimeout: 20 * time.Second}
	for _, f := range change {
		f(&o)
	}
	d, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// tryWrite runs texts as one write.
func tryWrite(d *DB, texts ...string) (*source.WriteSet, *source.WriteResult, error) {
	var sts []source.Statement
	for _, s := range texts {
		sts = append(sts, source.Statement{SQL: s})
	}
	var shown *source.WriteSet
	res, err := d.Write(context.Background(), sts, func(ws *source.WriteSet) { shown = ws })
	return shown, res, err
}

func mustWrite(t testing.TB, d *DB, texts ...string) *source.WriteSet {
	t.Helper()
	ws, _, err := tryWrite(d, texts...)
	if err != nil {
		t.Fatalf("%v: %v", texts, err)
	}
	return ws
}

func readAll(t testing.TB, d *DB, sql string, args ...source.Value) []source.Row {
	t.Helper()
	res, err := d.Query(context.Background(), source.Statement{SQL: sql, Args: args}, source.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return res.Rows
}

func printWriteSet(d *DB, ws *source.WriteSet) string {
	if ws == nil {
		return ""
	}
	out := ws.String()
	out += printColumns(d, "assigned", ws.Assigned) + printColumns(d, "columns of", ws.WholeColumns)
	if ws.SchemaChanged {
		out += "schema changed\n"
	}
	return out
}

func printError(err error) string { return fmt.Sprintf("%s: %s\n", source.KindOf(err), err) }

func printResult(res *source.WriteResult) string {
	out := fmt.Sprintf("%s, %d rows", res.Outcome, res.RowsAffected)
	if res.HasInsertID {
		out += fmt.Sprintf(", id %d", res.LastInsertID)
	}
	return out + "\n"
}

func printColumns(d *DB, word string, columns map[string][]int) (out string) {
	for _, name := range slices.Sorted(maps.Keys(columns)) {
		var list []string
		for _, i := range columns[name] {
			list = append(list, d.Schema().Table(name).Columns[i].Name)
		}
		out += word + " " + name + ": " + strings.Join(list, ", ") + "\n"
	}
	return out
}

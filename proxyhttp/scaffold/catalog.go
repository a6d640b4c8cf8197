package scaffold

import (
	"context"
	"fmt"
	"regexp"
	"sort"
	"strings"

	"edgecache/source"
)

// Limits of what is read.
const (
	maxTables  = 1000
	maxColumns = 50_000 // of all tables
)

// column is one column as endpoints need it.
type column struct {
	source.Column
	param    string // its parameter, and its name in answers
	fallback string // the default as SQL, "" for none or NULL
	auto     bool   // the database makes the value
	binary   bool   // cannot be written as JSON
	secret   bool   // left out of answers
	integers bool   // SQLite, without a type: it holds integers
}

// table is a table or a view.
type table struct {
	name    string
	view    bool
	columns []*column
	key     []int // positions
	indexed []int // positions that begin an index, in column order
	rowid   bool  // SQLite: rows have a rowid that orders them
	why     string
}

// catalog reads what source.Schema does not hold.
type catalog struct {
	ctx     context.Context
	src     source.Source
	mysql   bool
	mariadb bool
}

func (c *catalog) rows(sql string, args ...source.Value) ([]source.Row, error) {
	res, err := c.src.Query(c.ctx, source.Statement{SQL: sql, Args: args}, source.Limits{Rows: maxColumns, Bytes: 32 << 20})
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	return res.Rows, nil
}

// tables lists tables, then views, by name.
func (c *catalog) tables() ([]*table, error) {
	list := c.sqliteTables
	if c.mysql {
		list = c.mysqlTables
	}
	out, err := list()
	if err != nil {
		return nil, err
	}
	if len(out) > maxTables {
		return nil, fmt.Errorf("the database has %d tables and views; at most %d are mapped", len(out), maxTables)
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].view != out[j].view {
			return out[j].view
		}
		return strings.ToLower(out[i].name) < strings.ToLower(out[j].name)
	})
	for _, t := range out {
		t.nameColumns()
	}
	return out, nil
}

// nameColumns gives columns their parameters: those that are identifiers keep
// their names.
func (t *table) nameColumns() {
	taken := names{}
	for _, c := range t.columns {
		if isIdentifier(c.Name) {
			c.param = taken.unique(c.Name)
		}
	}
	for i, c := range t.columns {
		if c.param == "" {
			c.param = taken.unique(paramName(c.Name, i))
		}
		c.secret = secretName.MatchString(c.Name) && !t.inKey(i)
	}
}

var secretName = regexp.MustCompile(`(?i)(^|_|\b)(password|passwd|pwd|passphrase|secret|token|api_?key|private_?key|salt)(_?(hash|digest))?($|_|\b)`)

func (t *table) inKey(i int) bool {
	for _, k := range t.key {
		if k == i {
			return true
		}
	}
	return false
}

// fromSchema takes what the source knows of a table.
func fromSchema(s *source.Table) *table {
	t := &table{name: s.Name, key: s.PrimaryKey, rowid: !s.WithoutRowid}
	for i := range s.Columns {
		t.columns = append(t.columns, &column{Column: s.Columns[i]})
	}
	return t
}

func (t *table) column(name string) (*column, int) {
	for i, c := range t.columns {
		if strings.EqualFold(c.Name, name) {
			return c, i
		}
	}
	return nil, -1
}

func (t *table) addIndex(i int) {
	for _, have := range t.indexed {
		if have == i {
			return
		}
	}
	if i >= 0 {
		t.indexed = append(t.indexed, i)
		sort.Ints(t.indexed)
	}
}

// control tells of characters that no YAML or path should hold.
func control(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == '\uFFFD'
	})
}

// checkNames says why a table cannot be spelled in the file.
func (t *table) checkNames() {
	if control(t.name) {
		t.why = "its name holds control characters"
	}
	for _, c := range t.columns {
		if control(c.Name) {
			t.why = "the name of one of its columns holds control characters"
		}
	}
}

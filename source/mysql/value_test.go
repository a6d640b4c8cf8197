package mysql

import (
	"context"
	"testing"

	"edgecache/source"
)

// TestArguments: every kind of argument goes in as it is, comes back as it is,
// and finds its row again as a key.
func TestArguments(t *testing.T) {
	for declared, values := range map[string][]source.Value{
		"VARBINARY(9)":                    {source.Blob([]byte{0xff, 0, 0x27, 0x5c}), source.Blob(nil), source.Blob([]byte("a  "))},
		"BINARY(3)":                       {source.Blob([]byte{1, 0, 0}), source.Blob([]byte{0xff, 0xfe, 0xfd})},
		"VARCHAR(20)":                     {source.Text("it's \\ \x00 € 😀"), source.Text(""), source.Text("a")},
		"BIGINT UNSIGNED":                 {source.Uint(1<<64 - 1), source.Uint(0), source.Uint(1 << 63)},
		"BIGINT":                          {source.Int(-1 << 63), source.Int(0), source.Int(1<<63 - 1)},
		"INT UNSIGNED":                    {source.Int(1<<32 - 1)},
		"DECIMAL(30,10)":                  {source.Decimal("12345678901234567890.1234567890"), source.Decimal("12345678901234567890.1234567891"), source.Decimal("-0.5000000000")},
		"DATETIME(6)":                     {source.Text("2024-02-29 23:59:59.000001"), source.Text("0000-00-00 00:00:00.000000")},
		"TIMESTAMP":                       {source.Text("2024-03-31 02:30:00")},
		"TIME":                            {source.Text("-838:59:59"), source.Text("00:00:00")},
		"DATE":                            {source.Text("2024-02-29")},
		"ENUM('a','it''s')":               {source.Text("it's")},
		"CHAR(4) COLLATE utf8mb4_bin":     {source.Text("A"), source.Text("a")},
		"VARCHAR(9) CHARACTER SET latin1": {source.Text("é€")},
	} {
		d := openTest(t, "CREATE TABLE k (k "+declared+" PRIMARY KEY, n INT);")
		for i, v := range values {
			var ws *source.WriteSet
			show := func(w *source.WriteSet) { ws = w }
			key := []source.Value{v}
			if _, err := d.Write(context.Background(), []source.Statement{
				{SQL: "INSERT INTO k VALUES (?, 1)", Args: key},
				{SQL: "UPDATE k SET n = 2 WHERE k = ?", Args: key},
			}, show); err != nil {
				t.Errorf("%s %s: %v", declared, v, err)
				continue
			}
			want := "INSERT k (" + v.String() + ", 1)\nUPDATE k (" + v.String() + ", 1) -> (" + v.String() + ", 2)\n"
			if ws.String() != want && !(d.Schema().Table("k").Columns[0].Family == source.FamilyDecimal && len(ws.Whole) == 1) {
				t.Errorf("%s: got\n%swant\n%s", declared, ws, want)
			}
			rows := readAll(t, d, "SELECT k FROM k WHERE n = 2 ORDER BY k")
			if len(rows) != i+1 {
				t.Errorf("%s: %v", declared, rows)
			}
		}
	}
}

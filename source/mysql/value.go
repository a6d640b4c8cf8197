package mysql

import (
	"database/sql/driver"
	"strconv"
	"strings"

	"edgecache/source"
)

// kind is how a column of a result is read.
type kind uint8

const (
	kindText kind = iota
	kindBytes
	kindDecimal
	kindUnsigned // BIGINT UNSIGNED; smaller ones fit an int64 and stay integers
	kindNumber   // the driver's own Go type tells
)

// typesOf asks the driver what the server said about each column. The types of
// the binary protocol are exact: a FLOAT's bits, a DECIMAL's digits.
func typesOf(rows driver.Rows, n int) []string {
	out := make([]string, n)
	if typed, ok := rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		for i := range out {
			out[i] = typed.ColumnTypeDatabaseTypeName(i)
		}
	}
	return out
}

func kindNamed(name string) kind {
	switch name {
	case "DECIMAL":
		return kindDecimal
	case "UNSIGNED BIGINT":
		return kindUnsigned
	case "BIT", "BINARY", "VARBINARY", "GEOMETRY", "VECTOR":
		return kindBytes
	case "TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR", "FLOAT", "DOUBLE":
		return kindNumber
	}
	if strings.HasSuffix(name, "BLOB") {
		return kindBytes
	}
	return kindText // also JSON, ENUM, SET and times, which come as they print
}

// decode makes a Value of what the driver read; its bytes are copied.
func decode(v driver.Value, k kind) source.Value {
	switch v := v.(type) {
	case nil:
		return source.Null()
	case int64:
		if k == kindUnsigned {
			return source.Uint(uint64(v)) // the driver gives int64 only below the sign bit
		}
		return source.Int(v)
	case uint64:
		return source.Uint(v)
	case float32:
		return source.Float(float64(v))
	case float64:
		return source.Float(v)
	case []byte:
		return decodeBytes(v, k)
	case string:
		return decodeBytes([]byte(v), k)
	}
	return source.Unknown()
}

func decodeBytes(b []byte, k kind) source.Value {
	switch k {
	case kindBytes:
		return source.Blob(b)
	case kindDecimal:
		return source.Decimal(string(b))
	case kindUnsigned:
		u, err := strconv.ParseUint(string(b), 10, 64)
		if err != nil {
			return source.Unknown()
		}
		return source.Uint(u)
	}
	return source.Text(string(b))
}

// argument is what the driver is given. Decimals go as texts, because its
// protocol knows no other form for them: a decimal compared with a text is
// compared as a double by MariaDB, as a decimal by MySQL.
func argument(v source.Value) driver.Value {
	return v.Any()
}

// payload is what a value counts against limits on bytes.
func payload(v source.Value) int64 {
	switch v.Kind() {
	case source.KindInt, source.KindUint, source.KindFloat:
		return 8
	}
	return int64(v.Len())
}

package mysql

import (
	"strconv"
	"strings"

	"edgecache/source"
)

// familyOf sorts a type by DATA_TYPE; COLUMN_TYPE tells the sign.
func familyOf(data, column string) source.Family {
	switch strings.ToLower(data) {
	case "tinyint", "smallint", "mediumint", "int", "integer", "bigint":
		if strings.Contains(strings.ToLower(column), "unsigned") {
			return source.FamilyUint
		}
		return source.FamilyInt
	case "decimal", "numeric":
		return source.FamilyDecimal
	case "float", "double", "real":
		return source.FamilyFloat
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		return source.FamilyText
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return source.FamilyBinary
	case "enum":
		return source.FamilyEnum
	case "set":
		return source.FamilySet
	case "date":
		return source.FamilyDate
	case "datetime":
		return source.FamilyDatetime
	case "timestamp":
		return source.FamilyTimestamp
	case "time":
		return source.FamilyTime
	case "year":
		return source.FamilyYear
	case "bit":
		return source.FamilyBit
	case "json": // MariaDB's JSON is a LONGTEXT, and is compared as one
		return source.FamilyJSON
	}
	return source.FamilyOther
}

// members reads enum('a','it”s') into its texts.
func members(columnType string) []string {
	var out []string
	for i := strings.IndexByte(columnType, '('); i >= 0 && i < len(columnType); {
		if columnType[i] != '\'' {
			i++
			continue
		}
		end, text := plainQuoted(columnType, i)
		out = append(out, text)
		i = end
	}
	return out
}

// plainQuoted reads a text in which only quotes are doubled; backslashes stand
// for themselves in COLUMN_TYPE.
func plainQuoted(s string, i int) (end int, text string) {
	var b strings.Builder
	for i++; i < len(s); i++ {
		if s[i] == '\'' {
			if i+1 < len(s) && s[i+1] == '\'' {
				i++
			} else {
				return i + 1, b.String()
			}
		}
		b.WriteByte(s[i])
	}
	return len(s), b.String()
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

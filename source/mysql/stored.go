package mysql

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"edgecache/source"
)

// stored tells what a column of this type holds after it was set to the value
// in strict mode without an error, as it would be read; false when that is not
// certain. Only what is stored as it was given is certain: 9.999 in a
// DECIMAL(10,2) and 'a ' in a CHAR are stored as something else. A NULL that is
// refused one row at a time becomes a default in many, so it must be allowed.
func (in *info) stored(col int, v source.Value) (source.Value, bool) {
	c := &in.table.Columns[col]
	if v.IsUnknown() || c.Generated != source.NotGenerated {
		return v, false
	}
	if v.IsNull() {
		return v, in.nullable[col]
	}
	size := sizeOf(c.DeclType)
	switch c.Family {
	case source.FamilyInt, source.FamilyUint:
		return storedInt(v, strings.HasPrefix(size.name, "bigint") && c.Family == source.FamilyUint)
	case source.FamilyDecimal:
		return storedDecimal(v, size)
	case source.FamilyFloat:
		if v.Kind() == source.KindFloat && size.name == "double" && !size.given {
			f := v.AsFloat()
			return v, !math.IsNaN(f) && !math.IsInf(f, 0) && !(f == 0 && math.Signbit(f))
		}
	case source.FamilyText:
		return v, v.Kind() == source.KindText && strings.HasPrefix(string(c.Collation), "utf8mb4_") &&
			utf8.ValidString(v.AsText()) && fitsText(v.AsText(), size)
	case source.FamilyBinary:
		if v.Kind() == source.KindBlob {
			return v, size.name == "varbinary" && v.Len() <= size.first || strings.HasSuffix(size.name, "blob") && v.Len() <= shortText
		}
	case source.FamilyDate:
		return v, v.Kind() == source.KindText && isTime(v.AsText(), time.DateOnly)
	case source.FamilyDatetime:
		layout := time.DateTime
		if size.first > 0 {
			layout += "." + strings.Repeat("0", size.first)
		}
		return v, v.Kind() == source.KindText && isTime(v.AsText(), layout)
	}
	return v, false
}

// shortText fits into any TEXT or BLOB.
const shortText = 255

// columnSize is a type as COLUMN_TYPE prints it: varchar(20), decimal(10,2).
type columnSize struct {
	name          string
	given         bool
	first, second int
}

func sizeOf(declared string) columnSize {
	name, rest, given := strings.Cut(strings.ToLower(declared), "(")
	size := columnSize{name: strings.TrimSuffix(strings.TrimSpace(name), " unsigned"), given: given}
	list, _, _ := strings.Cut(rest, ")")
	first, second, _ := strings.Cut(list, ",")
	size.first, size.second = int(number(first)), int(number(second))
	return size
}

// storedInt: what does not fit is refused. Of the types without sign only
// BIGINT is read as one.
func storedInt(v source.Value, unsigned bool) (source.Value, bool) {
	switch {
	case v.Kind() == source.KindInt && unsigned && v.AsInt() >= 0:
		return source.Uint(uint64(v.AsInt())), true
	case v.Kind() == source.KindUint && !unsigned && v.AsUint() <= math.MaxInt64:
		return source.Int(int64(v.AsUint())), true
	case v.Kind() == source.KindInt && !unsigned, v.Kind() == source.KindUint && unsigned:
		return v, true
	}
	return v, false
}

var plainDecimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// storedDecimal: a number without exponent or needless zeros in front, with at
// most the column's digits behind the point.
func storedDecimal(v source.Value, size columnSize) (source.Value, bool) {
	var digits string
	switch v.Kind() {
	case source.KindDecimal:
		digits = v.AsText()
	case source.KindInt:
		digits = strconv.FormatInt(v.AsInt(), 10)
	}
	if !plainDecimal.MatchString(digits) || !size.given || strings.Trim(digits, "-0.") == "" && digits[0] == '-' {
		return v, false
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(fraction) > size.second {
		return v, false
	}
	if size.second > 0 {
		whole += "." + fraction + strings.Repeat("0", size.second-len(fraction))
	}
	return source.Decimal(whole), true
}

// fitsText: spaces that do not fit are cut off, and CHAR loses all at the end.
func fitsText(s string, size columnSize) bool {
	n := utf8.RuneCountInString(s)
	switch size.name {
	case "varchar":
		return n <= size.first
	case "char":
		return n <= size.first && !strings.HasSuffix(s, " ")
	}
	return strings.HasSuffix(size.name, "text") && len(s) <= shortText
}

// isTime tells whether the text is a time of the layout, as it prints.
func isTime(s, layout string) bool {
	at, err := time.Parse(layout, s)
	return err == nil && at.Format(layout) == s && at.Year() > 0
}

package scaffold

import (
	"strconv"
	"strings"
	"unicode"
)

// Quote writes a name as it stands in SQL: bare where no parser could take it
// for anything else.
func Quote(mysql bool, name string) string {
	switch {
	case bare(name):
		return name
	case mysql:
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

func bare(name string) bool {
	return isIdentifier(name) && !keywords[strings.ToLower(name)]
}

// isIdentifier tells whether a parameter can have this name.
func isIdentifier(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= 200
}

// keywords of SQLite and MySQL together, reserved or not, and words that mean
// something where they stand bare. Quoting one too many costs two characters.
var keywords = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`
		abort accessible action add after all alter always analyze and any as asc asensitive attach auto_increment
		autoincrement before begin between bigint binary bit blob both by call cascade case cast change char character
		check collate column columns commit condition conflict constraint continue convert create cross cube cume_dist
		current current_date current_role current_time current_timestamp current_user cursor database databases date
		datetime day_hour day_microsecond day_minute day_second dec decimal declare default deferrable deferred delayed
		delete dense_rank desc describe detach deterministic distinct distinctrow div do double drop dual each else
		elseif empty enclosed end escape escaped except exclude exclusive exists exit explain fail false fetch filter
		first first_value float float4 float8 following for force foreign from full fulltext function general generated
		get glob grant group grouping groups having high_priority hour_microsecond hour_minute hour_second if ignore
		ignore_server_ids immediate in index indexed infile initially inner inout insensitive insert instead int int1
		int2 int3 int4 int8 integer intersect interval into io_after_gtids io_before_gtids is isnull iterate join
		json_table key keys kill lag language last last_value lateral lead leading leave left like limit linear lines
		load localtime localtimestamp lock long longblob longtext loop low_priority master_bind
		master_heartbeat_period master_ssl_verify_server_cert match materialized maxvalue mediumblob mediumint
		mediumtext middleint minute_microsecond minute_second mod modifies natural no no_write_to_binlog not nothing
		notnull nth_value ntile null nulls numeric of offset oid on optimize optimizer_costs option optionally or order
		others out outer outfile over page_checksum parse_vcol_expr partition percent_rank period plan portion position
		pragma preceding precision primary procedure purge query raise range rank read read_write reads real recursive
		ref_system_id references regexp reindex release rename repeat replace require resignal restrict return
		returning revoke right rlike rollback row row_number rowid rownum rows savepoint schema schemas second_microsecond
		select sensitive separator set show signal slow smallint spatial specific sql sql_big_result
		sql_calc_found_rows sql_small_result sqlexception sqlstate sqlwarning ssl starting stats_auto_recalc
		stats_persistent stats_sample_pages stored straight_join system table tablesample temp temporary terminated
		text then ties time timestamp tinyblob tinyint tinytext to trailing transaction trigger true truncate
		unbounded undo union unique unlock unsigned update usage use user using utc_date utc_time utc_timestamp vacuum
		value values varbinary varchar varcharacter varying view virtual when where while window with within without
		write xor year_month zerofill _rowid_`) {
		m[w] = true
	}
	return m
}()

// slug is a name as a segment of a path: letters and digits stay, in any
// script, and everything else becomes one hyphen.
func slug(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || unicode.IsMark(r) {
			b.WriteRune(r)
			continue
		}
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	s := strings.TrimRight(b.String(), "-")
	if len(s) > 100 {
		s = strings.ToValidUTF8(s[:100], "")
	}
	if s == "" {
		return "table"
	}
	return s
}

// plainLetters spells what people would without the keys for it.
var plainLetters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue",
	"à", "a", "á", "a", "â", "a", "ã", "a", "å", "a", "æ", "ae", "ç", "c", "è", "e", "é", "e", "ê", "e", "ë", "e",
	"ì", "i", "í", "i", "î", "i", "ï", "i", "ñ", "n", "ò", "o", "ó", "o", "ô", "o", "õ", "o", "ø", "o", "œ", "oe",
	"ù", "u", "ú", "u", "û", "u", "ý", "y", "ÿ", "y", "ł", "l", "ś", "s", "š", "s", "ž", "z", "č", "c", "ř", "r")

// paramName is a column's name as a parameter's: what is no identifier loses
// its odd characters.
func paramName(name string, position int) string {
	if isIdentifier(name) {
		return name
	}
	var b strings.Builder
	letters := false
	for _, r := range plainLetters.Replace(name) {
		switch {
		case r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if b.Len() == 0 && unicode.IsDigit(r) {
				b.WriteByte('_')
			}
			b.WriteRune(r)
			letters = true
		case !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	s := strings.Trim(b.String(), "_")
	if !letters || len(s) > 100 {
		return "column" + strconv.Itoa(position+1)
	}
	if s[0] >= '0' && s[0] <= '9' {
		s = "_" + s
	}
	return s
}

// names gives each thing a name of its own, regardless of case.
type names map[string]bool

func (n names) unique(want string) string {
	got := want
	for i := 2; n[strings.ToLower(got)]; i++ {
		got = want + "_" + strconv.Itoa(i)
	}
	n[strings.ToLower(got)] = true
	return got
}

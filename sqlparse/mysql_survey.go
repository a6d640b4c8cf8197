package sqlparse

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// mysqlDeterministic lists functions of MySQL and MariaDB whose value depends
// on nothing but their arguments or, for aggregates and window functions, the
// rows that they are given. Every other function, stored ones included, makes
// an answer uncacheable.
var mysqlDeterministic = words(`
	abs acos asin atan atan2 ceil ceiling cos cot crc32 degrees exp floor ln log log10 log2 mod pi pow power
	radians round sign sin sqrt tan truncate
	coalesce if ifnull nullif greatest least interval isnull
	ascii bin bit_length char_length character_length concat concat_ws elt field find_in_set hex insert instr
	lcase left length locate lower lpad ltrim mid octet_length ord position quote repeat replace reverse right
	rpad rtrim soundex space strcmp substr substring substring_index trim ucase unhex upper
	regexp_like regexp_replace regexp_substr regexp_instr
	md5 sha sha1 sha2 to_base64 from_base64
	date day dayname dayofmonth dayofweek dayofyear hour minute month monthname quarter second week weekday
	weekofyear year yearweek last_day makedate maketime microsecond period_add period_diff to_days to_seconds
	from_days date_add date_sub adddate subdate datediff timediff timestampdiff timestampadd time_to_sec
	sec_to_time date_format time_format str_to_date extract
	json_array json_object json_extract json_unquote json_value json_contains json_contains_path json_depth
	json_keys json_length json_quote json_search json_type json_valid json_query json_exists
	avg bit_and bit_or bit_xor count group_concat max min std stddev stddev_pop stddev_samp sum var_pop var_samp
	variance json_arrayagg json_objectagg
	row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
	inet_aton inet_ntoa inet6_aton inet6_ntoa bit_count`)

// survey looks through a whole statement for what makes its answer depend on
// more than data and parameters.
type survey struct{ problem string }

func (s *survey) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.FuncCallExpr:
		s.function(n.FnName.L)
		if len(n.Args) == 0 && (n.FnName.L == "date" || n.FnName.L == "week") {
			s.note("it calls %s()", n.FnName.O)
		}
	case *ast.AggregateFuncExpr:
		s.function(asciiLower(n.F))
	case *ast.WindowFuncExpr:
		s.function(asciiLower(n.Name))
	case *ast.VariableExpr:
		s.note("it reads the variable @%s", n.Name)
	case *ast.MatchAgainst:
		s.note("the relevance of MATCH depends on all rows")
	case *ast.SelectStmt:
		if n.LockInfo != nil {
			s.note("it locks rows")
		}
		if n.SelectIntoOpt != nil {
			s.note("it writes its answer elsewhere")
		}
	case *ast.TableName:
		switch n.Schema.L {
		case "information_schema", "performance_schema", "mysql", "sys":
			s.note("it reads %s, which is the server's own", n.Schema.O)
		}
	}
	return n, false
}

func (s *survey) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func (s *survey) function(name string) {
	if !mysqlDeterministic[name] {
		s.note("it calls %s(), which is not known to depend on its arguments alone", name)
	}
}

func (s *survey) note(format string, args ...any) {
	if s.problem == "" {
		s.problem = fmt.Sprintf(format, args...)
	}
}

// hidden looks into an expression that we do not evaluate for what the query
// reads there.
type hidden struct {
	c   *converter
	s   *scope
	err error
}

func (h *hidden) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.ColumnNameExpr:
		e, err := h.c.column(n, h.s)
		if err != nil {
			h.err = err
			return n, true
		}
		e.col.occ.loosen(e.col.idx)
		return n, true
	case *ast.SubqueryExpr:
		if _, err := h.c.query(n.Query, h.s); err != nil {
			h.err = err
		}
		return n, true
	}
	return n, h.err != nil
}

func (h *hidden) Leave(n ast.Node) (ast.Node, bool) { return n, h.err == nil }

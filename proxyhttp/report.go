package proxyhttp

import (
	"net/http"
	"strconv"

	"edgecache/source"
	"edgecache/sqlparse"
)

// maxReported bounds the statements of one report.
const maxReported = 1000

// reportWrites takes notice of writes that were made elsewhere and committed.
// Their rows are not known, so every table that they may touch is Whole.
func (s *Server) reportWrites(r *http.Request, body map[string]any) (any, *problem) {
	f := newFields(body)
	name, given := f.text("source")
	list := f.list("statements")
	if p := f.done(); p != nil {
		return nil, p
	}
	if len(list) == 0 || len(list) > maxReported {
		return nil, newProblem(http.StatusBadRequest, problemBadBody, "statements: give 1 to "+strconv.Itoa(maxReported)+` of {"sql":…,"args":{…}}`)
	}
	db, p := s.database(name, given)
	if p != nil {
		return nil, p
	}
	ws := &source.WriteSet{Source: db.name, Whole: map[string]string{}}
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, newProblem(http.StatusBadRequest, problemBadBody, "statements: number "+strconv.Itoa(i+1)+" must be an object")
		}
		if p := s.widenBy(r, db, ws, m); p != nil {
			p.Detail = "statement " + strconv.Itoa(i+1) + ": " + p.Detail
			return nil, p
		}
	}
	affected := s.settle(s.publish(db, ws), source.OutcomeCommitted)
	s.log.InfoContext(r.Context(), "reported write", "source", db.name, "tables", ws.Tables(), "everything", ws.Everything, "affected", affected)
	return map[string]int{"invalidated": affected}, nil
}

// widenBy adds what one statement may have written. SQLite's description has
// triggers, cascades and the rows that a REPLACE deletes; of other databases
// only the tables in the text are known, which is not enough (I7).
func (s *Server) widenBy(r *http.Request, db *database, ws *source.WriteSet, item map[string]any) *problem {
	f := newFields(item)
	sql, _ := f.text("sql")
	args := f.object("args")
	if sql == "" {
		f.complain("sql", "is missing")
	}
	if p := f.done(); p != nil {
		return p
	}
	st, p := s.compileAdhoc(r, db, sql, args)
	if p != nil {
		return p
	}
	for _, w := range st.template.Writes {
		ws.Whole[w.Table] = "reported"
	}
	if len(st.template.Writes) == 0 || db.dialect != sqlparse.SQLite {
		ws.Everything = "a reported statement of which the tables are not known"
	}
	return nil
}

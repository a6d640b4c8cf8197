package proxyhttp

import (
	"net/http"
	"strings"

	"edgecache/source"
	"edgecache/sqlparse"
)

// A write with If-Match or If-None-Match is made only if the representation
// that a GET of the same URL would give has, or has not, one of the tags. The
// race that it is there to lose is:
//
//	1 A and B read /v1/users/1 and get the tag "x"
//	2 A sends PUT with If-Match: "x"; its representation is read: "x"
//	3 B sends PUT with If-Match: "x"; its representation is read: "x"
//	4 A's statement runs and commits
//	5 B's statement runs and overwrites what it never saw
//
// So the read is a guard inside the write's own transaction, whose locks keep
// 2 and 4 together: B reads after A's commit and finds another tag. Nothing
// that is cached has a say.

// maxTags bounds the tags of one request.
const maxTags = 100

// precondition is what a request asks for before it is carried out.
type precondition struct {
	match, noneMatch       []string // tags, weak ones with their W/
	anyMatch, anyNoneMatch bool     // "*"
	hasMatch, hasNoneMatch bool
}

// preconditionOf reads the headers; nil: there is none.
func preconditionOf(h http.Header) (*precondition, *problem) {
	match, noneMatch := h["If-Match"], h["If-None-Match"]
	if match == nil && noneMatch == nil {
		return nil, nil
	}
	c := &precondition{hasMatch: match != nil, hasNoneMatch: noneMatch != nil}
	var ok bool
	if c.match, c.anyMatch, ok = parseTags(match); !ok {
		return nil, newProblem(http.StatusBadRequest, problemBadRequest, `If-Match must be * or a list of entity tags such as "abc"`)
	}
	if c.noneMatch, c.anyNoneMatch, ok = parseTags(noneMatch); !ok {
		return nil, newProblem(http.StatusBadRequest, problemBadRequest, `If-None-Match must be * or a list of entity tags such as "abc"`)
	}
	return c, nil
}

// parseTags reads a list of entity tags. What is malformed is refused and not
// passed over: a condition that is not understood must not count as met.
func parseTags(values []string) (tags []string, any, ok bool) {
	rest := strings.TrimSpace(strings.Join(values, ","))
	if rest == "*" {
		return nil, true, true
	}
	for rest = strings.TrimLeft(rest, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		weak := ""
		if strings.HasPrefix(rest, "W/") {
			weak, rest = "W/", rest[2:]
		}
		if rest == "" || rest[0] != '"' || len(tags) >= maxTags {
			return nil, false, false
		}
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return nil, false, false
		}
		tags = append(tags, weak+rest[:end+2])
		if rest = rest[end+2:]; rest != "" && strings.IndexByte(" \t,", rest[0]) < 0 {
			return nil, false, false
		}
	}
	return tags, false, values == nil || len(tags) > 0
}

// unmet says why the condition does not hold for a representation, "" when it
// does. If-Match compares strongly: a weak tag is equal to nothing. A 404 is
// no representation, and has no tag.
func (c *precondition) unmet(now *response) string {
	exists := now.status == http.StatusOK
	if c.hasMatch {
		met := c.anyMatch && exists
		for _, t := range c.match {
			met = met || exists && t == now.etag
		}
		switch {
		case met:
		case !exists:
			return "there is nothing here that could match If-Match"
		default:
			return "what is here has changed: its entity tag is not in If-Match; GET it again"
		}
	}
	if c.hasNoneMatch && exists {
		met := !c.anyNoneMatch
		for _, t := range c.noneMatch {
			met = met && strings.TrimPrefix(t, "W/") != now.etag
		}
		if !met {
			return "something is here already, and If-None-Match asks that it is not"
		}
	}
	return ""
}

// guardOf makes the guard of a write that has a precondition; nil: it has none.
func (s *Server) guardOf(e *endpoint, r *http.Request) (*source.Statement, *problem) {
	c, p := preconditionOf(r.Header)
	if c == nil || p != nil {
		return nil, p
	}
	get, path, p := s.current().routes.find(http.MethodGet, r.URL)
	if p != nil || get.db != e.db {
		return nil, preconditionFailed("no GET of this path is mapped to the same source, so there is no entity tag that could be compared")
	}
	// Who may not read it may not probe for its tag either.
	claims, p := s.identify(get, r)
	if p != nil {
		return nil, p
	}
	a, p := s.askAs(get, path, r.URL, r.Header, claims)
	if p != nil {
		return nil, p
	}
	if why := unguardable(a); why != "" {
		return nil, newProblem(http.StatusNotImplemented, problemNotAvailable, "If-Match and If-None-Match are not possible here: "+why)
	}
	st := a.variant.statements[0].Statement(a.args)
	lim := s.limitsOf(get)
	st.Limits = source.Limits{Rows: lim.Rows, Bytes: lim.ResultBytes}
	st.Guard = func(res *source.Result) error {
		if why := c.unmet(a.answer(res)); why != "" {
			return preconditionFailed(why)
		}
		return nil
	}
	return &st, nil
}

// unguardable says why a read cannot be held still until a write commits; ""
// when it can. SQLite has one writer at a time. Elsewhere every table that is
// read must take part in the transaction.
func unguardable(a *asked) string {
	if a.ep.db.dialect == sqlparse.SQLite {
		return ""
	}
	q := a.variant.statements[0].Query
	if q == nil {
		return "nothing is known of what endpoint " + a.ep.cfg.Name + " reads"
	}
	for _, o := range q.Occurrences {
		if o.Table == nil || !o.Table.Transactional {
			return "the table " + o.TableName() + " takes no part in transactions"
		}
	}
	return ""
}

func preconditionFailed(why string) *problem {
	return newProblem(http.StatusPreconditionFailed, problemPrecondition, why)
}

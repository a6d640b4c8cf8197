package proxyhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"edgecache/proxyhttp/auth"
	"edgecache/proxyhttp/bind"
	"edgecache/rehydrate"
	"edgecache/source"
)

// problem is an RFC 9457 answer. Its fields print in this order.
type problem struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance,omitempty"`
	Request  string       `json:"requestId,omitempty"` // only on the way out: a cached 404 has none
	Errors   []paramError `json:"errors,omitempty"`

	retryAfter time.Duration
	unsent     bool // turned away before the source was asked: counted, not logged
	allow      string
	challenge  string // WWW-Authenticate
}

// paramError names one bad parameter.
type paramError struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// The kinds of problem. A client may switch on the last word of the type.
const (
	problemBadParameter   = "bad-parameter"
	problemBadBody        = "bad-body"
	problemBadRequest     = "bad-request"
	problemUnauthorized   = "unauthorized"
	problemForbidden      = "forbidden"
	problemPrecondition   = "precondition-failed"
	problemNoRoute        = "no-route"
	problemNotFound       = "not-found"
	problemMethod         = "method-not-allowed"
	problemConstraint     = "constraint"
	problemConflict       = "conflict"
	problemMistakes       = "mistakes"
	problemTooLarge       = "too-large"
	problemMediaType      = "media-type"
	problemInternal       = "internal"
	problemEndpointBroken = "endpoint-broken"
	problemAnswerTooLarge = "answer-too-large"
	problemNotAvailable   = "not-available"
	problemOverloaded     = "overloaded"
	problemBusy           = "source-busy"
	problemUnavailable    = "source-unavailable"
	problemTimeout        = "source-timeout"
	problemSourceFailed   = "source-failed"
	problemEncoding       = "content-encoding"
)

// newProblem makes a problem whose title is the sentence that goes with its kind.
func newProblem(status int, kind, detail string) *problem {
	return &problem{Type: "urn:edgecache:problem:" + kind, Title: problemTitles[kind], Status: status, Detail: detail}
}

var problemTitles = map[string]string{
	problemBadParameter:   "A parameter is wrong",
	problemBadBody:        "The request body is wrong",
	problemBadRequest:     "The request is wrong",
	problemUnauthorized:   "A token is needed",
	problemForbidden:      "The token does not allow this",
	problemPrecondition:   "The condition of the request does not hold",
	problemNoRoute:        "No endpoint has this route",
	problemNotFound:       "Not found",
	problemMethod:         "The method is not allowed here",
	problemConstraint:     "A constraint of the database refused the write",
	problemConflict:       "Something else has this name or place",
	problemMistakes:       "The configuration has mistakes",
	problemTooLarge:       "The request is too large",
	problemMediaType:      "The body must be JSON",
	problemInternal:       "Something went wrong inside EdgeCache",
	problemEndpointBroken: "The endpoint no longer fits the database",
	problemAnswerTooLarge: "The answer is larger than allowed",
	problemNotAvailable:   "Not available in this version",
	problemOverloaded:     "Too many requests are under way",
	problemBusy:           "The source is busy",
	problemUnavailable:    "The source is not available",
	problemTimeout:        "The source took too long",
	problemSourceFailed:   "The source could not execute the statement",
	problemEncoding:       "The body must not be encoded",
}

// badParameters lists every bad parameter of one request at once.
func badParameters(bad []bind.BadParam) *problem {
	p := newProblem(http.StatusBadRequest, problemBadParameter, "")
	for _, b := range bad {
		p.Errors = append(p.Errors, paramError{b.Name, b.Message})
	}
	switch len(bad) {
	case 1:
		p.Detail = bad[0].Message
	default:
		p.Detail = strconv.Itoa(len(bad)) + " parameters are wrong"
	}
	for _, b := range bad {
		if b.Claim { // another token is wanted, not another spelling
			refusal := refused(auth.Insufficient("the token lacks a claim that is asked for"))
			p.Type, p.Title, p.Status, p.challenge = refusal.Type, refusal.Title, refusal.Status, refusal.challenge
		}
	}
	return p
}

// fromError turns an error of a source or a flight into an answer. nil means
// that the client is gone and nobody is there to be answered.
func fromError(err error, lim Limits) *problem {
	var p *problem
	var se *source.Error
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, rehydrate.ErrBusy):
		p = newProblem(http.StatusServiceUnavailable, problemOverloaded, "too many reads of the source are under way")
		p.retryAfter = time.Second
		return p
	case errors.Is(err, rehydrate.ErrClosed):
		p = newProblem(http.StatusServiceUnavailable, problemOverloaded, "the server is shutting down")
		p.retryAfter = 5 * time.Second
		return p
	case errors.As(err, &se):
		return fromSourceError(se, lim)
	case errors.Is(err, context.DeadlineExceeded):
		p = newProblem(http.StatusGatewayTimeout, problemTimeout, "the source did not answer within "+shortDuration(lim.Statement))
		p.retryAfter = 5 * time.Second
		return p
	case errors.Is(err, context.Canceled):
		return nil
	}
	return newProblem(http.StatusInternalServerError, problemInternal, "the log says more")
}

// fromSourceError relies on source.Error.Message naming no file, DSN or secret.
func fromSourceError(e *source.Error, lim Limits) *problem {
	var p *problem
	switch e.Kind {
	case source.ErrInvalid:
		p = newProblem(http.StatusBadRequest, problemBadParameter, e.Message)
	case source.ErrConstraint:
		p = newProblem(http.StatusConflict, problemConstraint, e.Message)
	case source.ErrBusy:
		p = newProblem(http.StatusServiceUnavailable, problemBusy, e.Message)
		p.retryAfter = time.Second
	case source.ErrUnavailable:
		p = newProblem(http.StatusServiceUnavailable, problemUnavailable, e.Message)
		p.retryAfter = 5 * time.Second
	case source.ErrTimeout:
		p = newProblem(http.StatusGatewayTimeout, problemTimeout, e.Message+"; "+shortDuration(lim.Statement)+" are allowed")
		p.retryAfter = 5 * time.Second
	case source.ErrOversize:
		p = newProblem(http.StatusRequestEntityTooLarge, problemTooLarge, e.Message)
	case source.ErrTooLarge:
		p = newProblem(http.StatusInternalServerError, problemAnswerTooLarge, e.Message+"; an answer may have "+
			strconv.Itoa(lim.Rows)+" rows and "+strconv.FormatInt(lim.ResultBytes, 10)+" bytes: add a LIMIT to the endpoint's SQL, or raise its max_rows or max_bytes")
	default:
		p = newProblem(http.StatusInternalServerError, problemSourceFailed, e.Message)
	}
	return p
}

// Error lets a problem travel as an error from a flight to its waiters.
func (p *problem) Error() string { return p.Title + ": " + p.Detail }

// body renders the problem.
func (p *problem) body() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil { // strings and numbers only: cannot fail
		return []byte("{}\n")
	}
	return b.Bytes()
}

// write answers with the problem. The instance is the request's own target.
func (p *problem) write(w http.ResponseWriter, r *http.Request) {
	q := *p
	if q.Instance == "" && r != nil {
		q.Instance = r.URL.RequestURI()
	}
	h := w.Header()
	q.Request = requestID(h)
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if q.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((q.retryAfter+time.Second-1)/time.Second)))
	}
	if q.challenge != "" {
		h["WWW-Authenticate"] = []string{q.challenge} // Set would spell it Www-Authenticate
	}
	if q.allow != "" {
		h.Set("Allow", q.allow)
	}
	body := q.body()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(q.Status)
	_, _ = w.Write(body) // a client that left is not an error of ours
}

// shortDuration prints 1h instead of 1h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if len(s) > 2 && s[len(s)-2:] == "0s" && s[len(s)-3] == 'm' {
		s = s[:len(s)-2]
	}
	if len(s) > 2 && s[len(s)-2:] == "0m" && s[len(s)-3] == 'h' {
		s = s[:len(s)-2]
	}
	return s
}

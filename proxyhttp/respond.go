package proxyhttp

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// response is an answer, ready to write: the payload of an entry. It is
// immutable and shared by every request that it answers.
type response struct {
	status int
	body   []byte
	etag   string // "" for a 404, which has nothing to revalidate
	// Header values as net/http stores them, so that a hit allocates none.
	contentType, contentLength, etagHeader []string
}

var (
	typeJSON    = []string{"application/json"}
	typeProblem = []string{"application/problem+json"}
	noCache     = []string{"no-cache"}

	privateNoCache = []string{"private, no-cache"}
)

func newResponse(body []byte) *response {
	sum := sha256.Sum256(body)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return &response{status: http.StatusOK, body: body, etag: etag, contentType: typeJSON,
		contentLength: []string{strconv.Itoa(len(body))}, etagHeader: []string{etag}}
}

func newNotFound(body []byte) *response {
	return &response{status: http.StatusNotFound, body: body, contentType: typeProblem,
		contentLength: []string{strconv.Itoa(len(body))}}
}

// size is what the response costs to keep.
func (p *response) size() int64 { return int64(len(p.body)) + 256 }

// delivery is how one request is answered with a response.
type delivery struct {
	*response
	cacheStatus string
	age         time.Duration
	clientTTL   time.Duration
	vary        []string // header value, nil for none
	personal    bool     // depends on who asks
}

func (d delivery) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["Cache-Status"] = []string{d.cacheStatus}
	h["Cache-Control"] = noCache
	private := ""
	if d.personal {
		h["Cache-Control"], private = privateNoCache, "private, "
	}
	age := int64(max(d.age, 0) / time.Second)
	if d.clientTTL > 0 {
		// Clients count Age against max-age. The entry is known right now, so
		// its age is added: the client's copy lives as long as was configured.
		h["Cache-Control"] = []string{private + "max-age=" + strconv.FormatInt(int64(d.clientTTL/time.Second)+age, 10)}
	}
	h["Age"] = []string{strconv.FormatInt(age, 10)}
	if d.vary != nil {
		if there := h["Vary"]; there == nil {
			h["Vary"] = d.vary
		} else {
			h["Vary"] = append(there[:len(there):len(there)], d.vary...)
		}
	}
	if d.etag != "" {
		h["Etag"] = d.etagHeader
		if matchesETag(r.Header["If-None-Match"], d.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h["Content-Type"] = d.contentType
	h["Content-Length"] = d.contentLength
	w.WriteHeader(d.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.body) // a client that left is not an error of ours
	}
}

// matchesETag evaluates If-None-Match by weak comparison, as RFC 9110 asks.
func matchesETag(headers []string, etag string) bool {
	for _, h := range headers {
		for h != "" {
			h = strings.TrimLeft(h, " \t,")
			if strings.HasPrefix(h, "*") {
				return true
			}
			h = strings.TrimPrefix(h, "W/")
			if !strings.HasPrefix(h, `"`) {
				break
			}
			end := strings.IndexByte(h[1:], '"')
			if end < 0 {
				break
			}
			if h[:end+2] == etag {
				return true
			}
			h = h[end+2:]
		}
	}
	return false
}

// asksAgain tells whether a request's own Cache-Control says no-cache.
func asksAgain(h http.Header) bool {
	for _, v := range h["Cache-Control"] {
		for _, d := range strings.Split(v, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(d), "=")
			if strings.EqualFold(name, "no-cache") {
				return true
			}
		}
	}
	return false
}

// The Cache-Status values (RFC 9211). Details are tokens.
const cacheName = "edgecache"

func statusHit(ttl time.Duration) string {
	return cacheName + "; hit; ttl=" + strconv.FormatInt(int64(max(ttl, 0)/time.Second), 10)
}

// statusForward tells why the source was asked, and whether its answer was
// kept or, by a detail, why not.
func statusForward(why, detail string) string {
	if detail == "" {
		return cacheName + "; fwd=" + why + "; stored"
	}
	return cacheName + "; fwd=" + why + "; detail=" + detail
}

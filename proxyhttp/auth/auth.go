// Package auth says who sends a request: it turns an Authorization header into
// the claims of a token that it has verified, or into a refusal that says why.
//
// A token is looked for among the static ones of the file, then among the JSON
// Web Tokens that were verified before and still hold, and only then verified:
// by a key that the issuer publishes, with an algorithm that the file allows,
// within its time, from its issuer and for its audience. What was verified is
// remembered by the hash of the token until the token ends.
//
// It errs on the side of refusing: a token without an end, a key whose type
// does not fit the algorithm, a header given twice are refused. Keys that are
// shared secrets are never used, so that a public key cannot be taken for one.
// When the issuer's keys cannot be fetched again, the last known ones stay.
//
// The package decides nothing about what an identity may do, and it keeps,
// logs and prints no token: what is remembered is a hash.
package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"edgecache/proxyhttp/config"
)

// Identity is who sends a request. It is immutable: Claims are shared by all
// requests with one token.
type Identity struct {
	// Claims hold what encoding/json decodes with UseNumber.
	Claims map[string]any
}

// Options are what an Authenticator needs besides the file.
type Options struct {
	Log *slog.Logger
	Now func() time.Time
	// Client fetches keys; nil is one with a time limit that follows no
	// redirect to plain http.
	Client *http.Client
}

// Authenticator identifies requests. It may be used from many goroutines.
type Authenticator struct {
	static   []static
	verifier *verifier // nil: no JWT is believed
	count    counters
}

type static struct {
	sum      [sha256.Size]byte
	identity *Identity
}

type counters struct {
	accepted, refused, anonymous atomic.Int64
}

// Stats counts what became of requests:
//
//	Accepted + Refused + Anonymous = requests that were identified
//	Remembered + Verified + Static = Accepted
type Stats struct {
	Accepted, Refused, Anonymous int64
	// Remembered tokens were verified before; Verified ones cost a signature.
	// Forgotten counts those that went for lack of room.
	Remembered, Verified, Forgotten int64
	// Fetches counts attempts to get the issuer's keys, Failures those that
	// failed, Limited the unknown keys that were not asked for again so soon.
	Fetches, Failures, Limited int64
	Keys                       int
}

// New makes an Authenticator. Keys that cannot be read now are an error: with
// none, nobody could be let in.
func New(ctx context.Context, cfg *config.Auth, o Options) (*Authenticator, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Authenticator{}
	for _, t := range cfg.Tokens {
		a.static = append(a.static, static{sha256.Sum256([]byte(t.Token)), &Identity{Claims: t.Claims}})
	}
	if cfg.JWT != nil {
		v, err := newVerifier(ctx, cfg.JWT, o)
		if err != nil {
			return nil, err
		}
		a.verifier = v
	}
	return a, nil
}

// Close ends what runs behind the scenes.
func (a *Authenticator) Close() {
	if a.verifier != nil {
		a.verifier.keys.close()
	}
}

// Stats are the counts of now.
func (a *Authenticator) Stats() Stats {
	s := Stats{Accepted: a.count.accepted.Load(), Refused: a.count.refused.Load(), Anonymous: a.count.anonymous.Load()}
	if v := a.verifier; v != nil {
		s.Remembered, s.Verified, s.Forgotten = v.remembered.Load(), v.verified.Load(), v.known.forgotten.Load()
		k := v.keys
		s.Fetches, s.Failures, s.Limited = k.fetches.Load(), k.failures.Load(), k.limited.Load()
		s.Keys = len(k.current.Load().keys)
	}
	return s
}

// Identify tells who sends a request with these headers. Without Authorization
// both results are nil.
func (a *Authenticator) Identify(ctx context.Context, h http.Header) (*Identity, *Refusal) {
	token, r := bearer(h["Authorization"])
	switch {
	case r != nil:
		a.count.refused.Add(1)
		return nil, r
	case token == "":
		a.count.anonymous.Add(1)
		return nil, nil
	}
	id, r := a.identify(ctx, token)
	if r != nil {
		a.count.refused.Add(1)
		return nil, r
	}
	a.count.accepted.Add(1)
	return id, nil
}

func (a *Authenticator) identify(ctx context.Context, token string) (*Identity, *Refusal) {
	var room [2048]byte // most tokens are shorter: a hit allocates nothing for them
	sum := sha256.Sum256(append(room[:0], token...))
	// All are compared, so that the time tells neither whether nor which one
	// it was.
	found := -1
	for i := range a.static {
		if subtle.ConstantTimeCompare(sum[:], a.static[i].sum[:]) == 1 {
			found = i
		}
	}
	switch {
	case found >= 0:
		return a.static[found].identity, nil
	case a.verifier == nil:
		return nil, invalidToken("the token is not known")
	}
	return a.verifier.identify(ctx, token, sum)
}

// bearer takes the token out of the header; "" when there is none.
func bearer(values []string) (string, *Refusal) {
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", &Refusal{Status: http.StatusBadRequest, Code: "invalid_request", Description: "Authorization is given more than once"}
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", &Refusal{Status: http.StatusUnauthorized, Description: "only Authorization: Bearer TOKEN is understood"}
	case token == "":
		return "", invalidToken("there is no token behind Bearer")
	case len(token) > config.MaxTokenBytes:
		return "", invalidToken("the token is too long")
	}
	return token, nil
}

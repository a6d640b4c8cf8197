package auth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"edgecache/proxyhttp/config"
)

// verifier checks JSON Web Tokens.
type verifier struct {
	cfg        *config.JWT
	algorithms []jose.SignatureAlgorithm
	keys       *keyring
	known      *remembered
	now        func() time.Time

	remembered, verified atomic.Int64
}

func newVerifier(ctx context.Context, cfg *config.JWT, o Options) (*verifier, error) {
	keys, err := newKeyring(ctx, cfg, o)
	if err != nil {
		return nil, err
	}
	v := &verifier{cfg: cfg, keys: keys, known: newRemembered(maxRemembered), now: o.Now}
	for _, a := range cfg.Algorithms {
		v.algorithms = append(v.algorithms, jose.SignatureAlgorithm(a))
	}
	return v, nil
}

// identify answers from memory where it can. A key set that lost or changed a
// key has a new generation, which forgets what the old one verified.
func (v *verifier) identify(ctx context.Context, token string, sum [sha256.Size]byte) (*Identity, *Refusal) {
	now := v.now()
	v.keys.refreshIfOld(now)
	if k := v.known.get(sum); k != nil && now.Before(k.until) && k.generation == v.keys.current.Load().generation {
		v.remembered.Add(1)
		return k.identity, nil
	}
	k, r := v.verify(ctx, token)
	if r != nil {
		return nil, r
	}
	v.verified.Add(1)
	v.known.put(sum, k)
	return k.identity, nil
}

func (v *verifier) verify(ctx context.Context, token string) (*verified, *Refusal) {
	t, err := jwt.ParseSigned(token, v.algorithms)
	var other *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &other):
		return nil, invalidToken("the token is signed with an algorithm that is not allowed")
	case err != nil || len(t.Headers) != 1:
		return nil, invalidToken("the token is malformed")
	}
	head := t.Headers[0]
	set := v.keys.current.Load()
	candidates := set.find(head.KeyID, head.Algorithm)
	if len(candidates) == 0 { // the issuer may have a new key
		v.keys.refresh(ctx)
		set = v.keys.current.Load()
		candidates = set.find(head.KeyID, head.Algorithm)
	}
	if len(candidates) == 0 {
		return nil, invalidToken("the token is signed with a key that the issuer does not publish")
	}
	for _, key := range candidates {
		var claims jwt.Claims
		var raw json.RawMessage
		err := t.Claims(key, &raw)
		if errors.Is(err, jose.ErrCryptoFailure) {
			continue
		}
		if err == nil {
			err = t.Claims(key, &claims)
		}
		if err != nil {
			return nil, invalidToken("the token's claims are malformed")
		}
		return v.accept(claims, raw, set.generation)
	}
	return nil, invalidToken("the signature of the token is wrong")
}

// accept checks what a token with a right signature says.
func (v *verifier) accept(claims jwt.Claims, raw []byte, generation int64) (*verified, *Refusal) {
	if claims.Expiry == nil {
		return nil, invalidToken("the token has no end (exp)")
	}
	err := claims.ValidateWithLeeway(jwt.Expected{Issuer: v.cfg.Issuer, AnyAudience: v.cfg.Audience, Time: v.now()}, v.cfg.Leeway)
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return nil, invalidToken("the token has expired")
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return nil, invalidToken("the token is not valid yet")
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return nil, invalidToken("the token is from another issuer")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return nil, invalidToken("the token is for another audience")
	case err != nil:
		return nil, invalidToken("the token is not valid")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var all map[string]any
	if err := dec.Decode(&all); err != nil {
		return nil, invalidToken("the token's claims are malformed")
	}
	return &verified{identity: &Identity{Claims: all}, until: claims.Expiry.Time().Add(v.cfg.Leeway), generation: generation}, nil
}

package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 64
	minRSABits = 2048
)

// keySet is what an issuer publishes at one moment. It is immutable.
type keySet struct {
	keys       []jose.JSONWebKey // public, for signatures
	generation int64             // grows when the text of the set changed
	text       string
}

// parseKeys reads a JSON Web Key Set. Keys of kinds that we do not know are
// passed over, as RFC 7517 asks; so are shared secrets, which must not verify.
func parseKeys(data []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("they are no JSON Web Key Set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("there are %d of them, and at most %d are taken", len(set.Keys), maxKeys)
	}
	var out []jose.JSONWebKey
	for _, text := range set.Keys {
		var k jose.JSONWebKey
		if err := json.Unmarshal(text, &k); err != nil {
			continue
		}
		if k = k.Public(); k.Key == nil || !k.Valid() || k.Use != "" && k.Use != "sig" {
			continue
		}
		if r, ok := k.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minRSABits {
			continue
		}
		out = append(out, k)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("none of the %d keys there can verify a signature", len(set.Keys))
	}
	return out, nil
}

// find lists the keys that may have made a signature: those of that id, or all
// where the token names none, that are made for the algorithm.
func (s *keySet) find(id, algorithm string) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, k := range s.keys {
		if (id == "" || k.KeyID == id) && (k.Algorithm == "" || k.Algorithm == algorithm) && fits(k.Key, algorithm) {
			out = append(out, k)
		}
	}
	return out
}

// fits tells whether a key is of the type that the algorithm takes.
func fits(key any, algorithm string) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	case *ecdsa.PublicKey:
		return algorithm == map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[k.Curve]
	}
	return false
}

package auth

import "net/http"

// Refusal is why a request is not let in. Description is ours alone: nothing
// of the token or of the request is in it.
type Refusal struct {
	Status      int
	Code        string // of RFC 6750; "" when no token was given
	Description string
}

func (r *Refusal) Error() string { return r.Description }

// Challenge is the value of WWW-Authenticate.
func (r *Refusal) Challenge() string {
	c := `Bearer realm="edgecache"`
	if r.Code != "" {
		c += `, error="` + r.Code + `", error_description="` + r.Description + `"`
	}
	return c
}

func invalidToken(why string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: "invalid_token", Description: why}
}

// Missing refuses a request without a token.
func Missing() *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Description: "a token is needed: send Authorization: Bearer TOKEN"}
}

// Insufficient refuses an identity that lacks what an endpoint asks for.
func Insufficient(why string) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Code: "insufficient_scope", Description: why}
}

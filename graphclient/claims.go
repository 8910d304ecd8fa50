package graphclient

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims is what an access token says of itself.
type Claims struct {
	Roles    []string  // application permissions that were granted
	Scopes   []string  // delegated permissions that were granted
	AppID    string    // the app it was given to
	TenantID string    // the directory it is for
	Expires  time.Time // zero: it does not say
}

// TokenClaims reads a token without checking its signature: good enough to tell
// a person which permissions are missing, and for nothing else. Microsoft may
// encrypt tokens for Graph some day; an error therefore is no fault of the token.
func TokenClaims(token string) (Claims, error) {
	if err := checkToken(token); err != nil {
		return Claims{}, fmt.Errorf("read claims: %w", err)
	}
	var raw struct {
		jwt.RegisteredClaims
		Roles    []string `json:"roles"`
		Scopes   string   `json:"scp"`
		AppID    string   `json:"appid"` // tokens of version 1
		Client   string   `json:"azp"`   // tokens of version 2
		TenantID string   `json:"tid"`
	}
	if _, _, err := jwt.NewParser().ParseUnverified(token, &raw); err != nil {
		return Claims{}, errors.New("read claims: token is not a JWT") // the cause would quote from it
	}
	c := Claims{Roles: raw.Roles, Scopes: strings.Fields(raw.Scopes), AppID: raw.AppID, TenantID: raw.TenantID}
	if c.AppID == "" {
		c.AppID = raw.Client
	}
	if raw.ExpiresAt != nil {
		c.Expires = raw.ExpiresAt.Time
	}
	return c, nil
}

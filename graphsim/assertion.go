package graphsim

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	skew         = 5 * time.Minute  // Entra's tolerance towards the client's clock
	maxAssertion = 10 * time.Minute // the longest an assertion should live
)

// authenticate checks whatever a confidential client presents.
func (s *Server) authenticate(a *reply, app *TenantConfig, form url.Values) *tokenError {
	switch {
	case form.Has("client_assertion"):
		if form.Get("client_assertion_type") != assertionType {
			return &tokenError{code: 90023, text: "The client_assertion_type is not supported."}
		}
		return s.checkAssertion(a, app, form.Get("client_assertion"))
	case form.Get("client_secret") == "":
		return &tokenError{code: 7000218}
	case app.ClientSecret == "" || subtle.ConstantTimeCompare([]byte(app.ClientSecret), []byte(form.Get("client_secret"))) == 0:
		return &tokenError{code: 7000215, text: fmt.Sprintf("Invalid client secret provided. Ensure the secret being sent in the request is the "+
			"client secret value, not the client secret ID, for a secret added to app '%s'.", app.ClientID)}
	case !app.SecretExpires.IsZero() && !s.cfg.Now().Before(app.SecretExpires):
		return &tokenError{code: 7000222, text: fmt.Sprintf("The provided client secret keys for app '%s' are expired.", app.ClientID)}
	}
	return nil
}

// checkAssertion checks a JWT: the app's own, signed with its certificate, or one of a federated issuer.
func (s *Server) checkAssertion(a *reply, app *TenantConfig, text string) *tokenError {
	var claims jwt.RegisteredClaims
	token, _, err := jwt.NewParser().ParseUnverified(text, &claims)
	if err != nil {
		return &tokenError{code: 50027, text: "JWT token is invalid or malformed."}
	}
	if claims.Issuer == app.ClientID || claims.Subject == app.ClientID || len(app.Federated) == 0 {
		return s.checkOwn(a, app, text, token.Header)
	}
	return s.checkFederated(app, text, claims)
}

// checkOwn checks an assertion as certificate-credentials asks for it
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials, read 2026-11-23).
func (s *Server) checkOwn(a *reply, app *TenantConfig, text string, header map[string]any) *tokenError {
	if app.Certificate == nil || !matchesThumbprint(app.Certificate.Raw, header) {
		return &tokenError{code: 700027, text: "The certificate with identifier used to sign the client assertion is not registered on application."}
	}
	now := s.cfg.Now()
	if now.Before(app.Certificate.NotBefore) || now.After(app.Certificate.NotAfter) {
		return &tokenError{code: 700027, text: "The certificate used to sign the client assertion is expired or not yet valid."}
	}
	var claims jwt.RegisteredClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"PS256", "RS256"}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return app.Certificate.PublicKey, nil }); err != nil {
		return &tokenError{code: 700027}
	}
	switch {
	case claims.Issuer != app.ClientID || claims.Subject != app.ClientID:
		return &tokenError{code: 700021}
	case !slices.Contains(claims.Audience, tokenURL(a.r)):
		return &tokenError{code: 700023}
	case claims.NotBefore == nil || claims.ExpiresAt == nil || !inTime(claims, now):
		return &tokenError{code: 700024}
	case claims.ExpiresAt.Sub(now) > maxAssertion+skew:
		return &tokenError{code: 700024, text: "Client assertion lives too long."}
	case claims.ID == "" || !s.sessions.firstUse(app.ClientID+" "+claims.ID, claims.ExpiresAt.Add(skew)):
		return &tokenError{code: 50013, text: "The jti of the client assertion is missing or was used before."}
	}
	return nil
}

// tokenURL is the address a client has to put into aud: the token endpoint as it addressed it.
func tokenURL(r *http.Request) string { return origin(r) + r.URL.EscapedPath() }

func inTime(c jwt.RegisteredClaims, now time.Time) bool {
	return now.Before(c.ExpiresAt.Add(skew)) && (c.NotBefore == nil || !now.Before(c.NotBefore.Add(-skew)))
}

// matchesThumbprint reports whether a JWT header names the certificate; both thumbprints count if both are there.
func matchesThumbprint(der []byte, header map[string]any) bool {
	short, long := sha1.Sum(der), sha256.Sum256(der) // x5t is SHA-1 by definition
	named := false
	for name, sum := range map[string][]byte{"x5t": short[:], "x5t#S256": long[:]} {
		value, ok := header[name]
		if !ok {
			continue
		}
		if value != base64.RawURLEncoding.EncodeToString(sum) {
			return false
		}
		named = true
	}
	return named
}

// checkFederated checks a token of an outside issuer against the app's federated credentials
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation, read 2026-11-23). Such a token may be
// used many times: it is a file that is read again.
func (s *Server) checkFederated(app *TenantConfig, text string, claims jwt.RegisteredClaims) *tokenError {
	credential, no := match(app.Federated, claims)
	if no != nil {
		return no
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256", "ES256"}), jwt.WithoutClaimsValidation())
	if _, err := parser.Parse(text, func(*jwt.Token) (any, error) { return credential.Key, nil }); err != nil {
		return &tokenError{code: 50013, text: "Assertion failed signature validation."}
	}
	if claims.ExpiresAt == nil || claims.IssuedAt == nil || !inTime(claims, s.cfg.Now()) {
		return &tokenError{code: 700024}
	}
	return nil
}

// match finds the credential for a token, and says otherwise which part of it nothing matches.
func match(list []Federated, claims jwt.RegisteredClaims) (Federated, *tokenError) {
	const none = "No matching federated identity record found for presented assertion %s '%s'."
	no := &tokenError{code: 700211, text: fmt.Sprintf(none, "issuer", claims.Issuer)}
	for _, f := range list {
		switch {
		case f.Issuer != claims.Issuer:
		case f.Subject != claims.Subject:
			no = &tokenError{code: 700213, text: fmt.Sprintf(none, "subject", claims.Subject)}
		case !slices.Contains(claims.Audience, orDefault(f.Audience, defaultAudience)):
			no = &tokenError{code: 700212, text: fmt.Sprintf(none, "audience", claims.Audience)}
		default:
			return f, nil
		}
	}
	return Federated{}, no
}

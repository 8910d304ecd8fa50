package graphsim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// challenge is the WWW-Authenticate header of a plain 401, as recorded.
const challenge = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="` + graphAudience + `"`

// refusal is an error answer of Graph.
type refusal struct {
	status        int
	code, message string
	authenticate  string // WWW-Authenticate; empty: none
}

func unauthorized(message string) *refusal {
	return &refusal{http.StatusUnauthorized, "InvalidAuthenticationToken", message, challenge}
}

// bearer reads the access token of a request. The claims are valid whenever the signature is, even if the token is
// refused, so that the arrival can be counted.
func (s *Server) bearer(r *http.Request) (claims accessClaims, attributed bool, no *refusal) {
	header := r.Header.Get("Authorization")
	scheme, text, _ := strings.Cut(header, " ")
	if header == "" || !strings.EqualFold(scheme, "Bearer") || text == "" {
		return claims, false, unauthorized("Access token is empty.")
	}
	claims, err := s.readAccessToken(text)
	if err != nil || s.app(claims.app()) == nil || claims.ExpiresAt == nil || len(claims.Audience) == 0 {
		return claims, false, unauthorized("CompactToken parsing failed with error code: 80049217")
	}
	return claims, true, s.judge(r, claims)
}

// judge says why a token that this tenant issued is not good (any more). Nil: it is good.
func (s *Server) judge(r *http.Request, claims accessClaims) *refusal {
	now := s.cfg.Now()
	switch {
	case !claims.ExpiresAt.After(now):
		return unauthorized("Lifetime validation failed, the token is expired.")
	case !isGraphAudience(claims.Audience[0], r):
		return unauthorized("Access token validation failure. Invalid audience.")
	case claims.Epoch < s.sessions.epoch(claims.app()) && claims.cp1():
		return s.claimsChallenge(now)
	case claims.Epoch < s.sessions.epoch(claims.app()):
		return unauthorized("Access token has been revoked.")
	}
	return nil
}

// claimsChallenge is the answer of continuous access evaluation, as recorded in 2021.
func (s *Server) claimsChallenge(now time.Time) *refusal {
	claims := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true, "value":"%d"}}}`, now.Unix())
	no := unauthorized("Continuous access evaluation resulted in claims challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp")
	no.authenticate += fmt.Sprintf(`, error="insufficient_claims", claims="%s"`, base64.StdEncoding.EncodeToString([]byte(claims)))
	return no
}

// permit says whether a caller may use an endpoint. Nil: yes.
func permit(c accessClaims, e Endpoint, argument string) *refusal {
	switch e {
	case EndpointUserRecord:
		return needRole(c, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", roleUser)
	case EndpointGroup:
		return needRole(c, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.", roleGroupMember)
	case EndpointMe:
		if !c.delegated() {
			return &refusal{status: http.StatusBadRequest, code: "BadRequest", message: "/me request is only valid with delegated authentication flow."}
		}
		return needRole(c, "Forbidden", "", scopeOwnPresence, rolePresence)
	default:
		if c.delegated() && strings.EqualFold(argument, c.ObjectID) {
			return needRole(c, "Forbidden", "", scopeOwnPresence, rolePresence)
		}
		return needRole(c, "Forbidden", "", rolePresence, rolePresenceWrite)
	}
}

// needRole refuses a caller that has none of the permissions.
func needRole(c accessClaims, code, message string, anyOf ...string) *refusal {
	have := c.Roles
	if c.delegated() {
		have = strings.Fields(c.Scope)
	}
	if slices.ContainsFunc(have, func(p string) bool { return slices.Contains(anyOf, p) }) {
		return nil
	}
	return &refusal{status: http.StatusForbidden, code: code, message: message}
}

// isGraphAudience reports whether a resource is Graph: its app id, one of its hosts, or this server as it is addressed.
func isGraphAudience(resource string, r *http.Request) bool {
	resource = strings.TrimRight(resource, "/")
	switch resource {
	case graphAudience, "https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us":
		return true
	}
	// A client may see Graph under another host name than the login service, so any loopback origin is this server.
	return resource == origin(r) || isLoopbackOrigin(resource)
}

package graphsim

import (
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Permissions the simulator knows (https://learn.microsoft.com/graph/permissions-reference, read 2026-11-23).
const (
	rolePresence      = "Presence.Read.All"
	rolePresenceWrite = "Presence.ReadWrite.All"
	roleUser          = "User.Read.All"
	roleGroupMember   = "GroupMember.Read.All"
	scopeOwnPresence  = "Presence.Read"
)

// graphAudience is the app id of Microsoft Graph, one of the two audiences its tokens come with.
const graphAudience = "00000003-0000-0000-c000-000000000000"

// accessClaims is the payload of an access token, named as Entra names it in tokens for Graph.
type accessClaims struct {
	jwt.RegisteredClaims
	AppID        string   `json:"appid"`
	TenantID     string   `json:"tid"`
	ObjectID     string   `json:"oid"`
	Kind         string   `json:"idtyp"`
	Roles        []string `json:"roles,omitempty"`
	Scope        string   `json:"scp,omitempty"`
	Capabilities []string `json:"xms_cc,omitempty"`
	Unique       string   `json:"uti"`
	// Epoch counts the revocations of the app's tokens that came before this one. Entra compares issue times, which
	// have whole seconds and would refuse a token fetched right after the revocation.
	Epoch int `json:"sim_epoch"`
}

// mint is what an access token is made of.
type mint struct {
	app      appID
	user     string   // empty: app-only
	roles    []string // app-only
	scope    string   // delegated
	audience string
	cp1      bool
}

// lifetime returns how long a token lives: much longer for a client that can be called back by a claims challenge.
func (c Config) lifetime(cp1 bool) time.Duration {
	switch {
	case c.TokenLifetime > 0:
		return c.TokenLifetime
	case cp1:
		return 80_000 * time.Second
	default:
		return 3599 * time.Second
	}
}

// accessToken issues a token. Nothing is stored: a simulator restarted with the same seed still accepts it.
func (s *Server) accessToken(m mint) (string, error) {
	now := s.cfg.Now()
	claims := accessClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    "https://sts.windows.net/" + m.app.tenant + "/",
			Subject:   m.app.client,
			Audience:  jwt.ClaimStrings{m.audience},
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now.Add(-5 * time.Minute)),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.cfg.lifetime(m.cp1))),
		},
		AppID: m.app.client, TenantID: m.app.tenant, ObjectID: m.app.client, Kind: "app", Roles: m.roles,
		Unique: strconv.FormatUint(s.serial.Add(1), 10), Epoch: s.sessions.epoch(m.app),
	}
	if m.user != "" {
		claims.ObjectID, claims.Subject, claims.Kind, claims.Scope = m.user, m.user, "user", m.scope
	}
	if m.cp1 {
		claims.Capabilities = []string{"cp1"}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.key)
}

// readAccessToken checks the signature only; who calls decides about times and audience.
func (s *Server) readAccessToken(text string) (accessClaims, error) {
	var claims accessClaims
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return s.key, nil })
	return claims, err
}

func (c accessClaims) delegated() bool { return c.Kind == "user" }

func (c accessClaims) cp1() bool { return slices.Contains(c.Capabilities, "cp1") }

func (c accessClaims) app() appID { return appID{c.TenantID, c.AppID} }

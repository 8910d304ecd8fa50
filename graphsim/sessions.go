package graphsim

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// sessions is what the token service remembers. It is safe for concurrent use.
type sessions struct {
	cfg Config

	mu      sync.Mutex // guards all below
	epochs  map[appID]int
	jtis    map[string]time.Time // client assertions seen, and until when they have to be remembered
	devices map[string]*device   // by device code
	refresh map[string]*refreshToken
	serial  int
}

func newSessions(cfg Config) *sessions {
	return &sessions{
		cfg:     cfg,
		epochs:  map[appID]int{},
		jtis:    map[string]time.Time{},
		devices: map[string]*device{},
		refresh: map[string]*refreshToken{},
	}
}

// epoch counts the revocations of an app's tokens so far.
func (s *sessions) epoch(id appID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epochs[id]
}

// firstUse reports whether an assertion is new, and remembers it until it is too old to be accepted.
func (s *sessions) firstUse(jti string, until time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	for id, end := range s.jtis {
		if now.After(end) {
			delete(s.jtis, id)
		}
	}
	_, used := s.jtis[jti]
	s.jtis[jti] = until
	return !used
}

// RevokeTokens makes every access token and refresh token of a tenant worthless that was issued so far. A client that
// declared cp1 gets a claims challenge from Graph, another one a plain 401.
func (s *Server) RevokeTokens(tenantID string) {
	s.sessions.revoke(strings.ToLower(tenantID), s.cfg.Tenants)
}

func (s *sessions) revoke(tenantID string, apps []TenantConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, app := range apps {
		if app.ID == tenantID {
			s.epochs[appID{app.ID, app.ClientID}]++
		}
	}
	for _, token := range s.refresh {
		if token.grant.app.tenant == tenantID {
			token.revoked = true
		}
	}
}

// opaque returns a new code or token, different for every call. The mutex is held.
func (s *sessions) opaque(label string) string {
	s.serial++
	return derivedGUID(s.cfg.Seed, label, strconv.Itoa(s.serial))
}

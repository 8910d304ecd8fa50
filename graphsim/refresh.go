package graphsim

import (
	"net/url"
	"strings"
	"time"
)

// delegation is what a user allowed an app.
type delegation struct {
	app      appID
	user     string
	scope    string // permissions, without the resource
	audience string
	offline  bool // a refresh token was asked for
}

// refreshToken is a refresh token and its state. Each use gives a new one; the old one still works once more, since
// Entra does not revoke it at once and a client may crash before it has saved the new one
// (https://learn.microsoft.com/entra/identity-platform/refresh-tokens, read 2026-11-23).
type refreshToken struct {
	grant   delegation
	expires time.Time
	uses    int
	revoked bool
}

const maxUses = 2

// issueRefresh makes a refresh token, empty if none was asked for.
func (s *sessions) issueRefresh(d delegation) string {
	if !d.offline {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := "0.Sim" + strings.ReplaceAll(s.opaque("refresh"), "-", "")
	s.refresh[token] = &refreshToken{grant: d, expires: s.cfg.Now().Add(s.cfg.RefreshLifetime)}
	return token
}

// useRefresh returns what a refresh token stands for.
func (s *sessions) useRefresh(token string, app appID) (delegation, *tokenError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[token]
	switch {
	case t == nil || t.grant.app != app:
		return delegation{}, &tokenError{code: 70000, text: "The provided value for the input parameter 'refresh_token' is not valid.", sub: "bad_token"}
	case t.revoked:
		return delegation{}, &tokenError{code: 50173, sub: "bad_token"}
	case !s.cfg.Now().Before(t.expires):
		return delegation{}, &tokenError{code: 700082, sub: "bad_token"}
	case t.uses >= maxUses:
		return delegation{}, &tokenError{code: 70000, text: "The refresh token was replaced by a newer one.", sub: "bad_token"}
	}
	t.uses++
	return t.grant, nil
}

// grantRefresh is the refresh flow.
func (s *Server) grantRefresh(a *reply, app *TenantConfig, form url.Values, cp1 bool) (any, *tokenError) {
	token := form.Get("refresh_token")
	if token == "" {
		return nil, missing("refresh_token")
	}
	if !app.PublicClient {
		if no := s.authenticate(a, app, form); no != nil {
			return nil, no
		}
	}
	d, no := s.sessions.useRefresh(token, appID{app.ID, app.ClientID})
	if no != nil {
		return nil, no
	}
	if _, ok := s.people.user(app.ID, d.user); !ok {
		return nil, &tokenError{code: 50034}
	}
	return s.answerToken(d.mint(cp1), s.sessions.issueRefresh(d))
}

func (d delegation) mint(cp1 bool) mint {
	return mint{app: d.app, user: d.user, scope: d.scope, audience: d.audience, cp1: cp1}
}

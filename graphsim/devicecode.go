package graphsim

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// device is one device code flow under way.
type device struct {
	grant    delegation // the user is empty until approved
	userCode string
	expires  time.Time
	interval time.Duration
	polled   time.Time
	declined bool
	redeemed bool
}

// deviceAnswer is what a client needs to send its user to the browser; there is no verification_uri_complete
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code, read 2026-11-23).
type deviceAnswer struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	ExpiresIn       int    `json:"expires_in"`
	Interval        int    `json:"interval"`
	Message         string `json:"message"`
}

// deviceCode starts a flow.
func (s *Server) deviceCode(a *reply, app *TenantConfig, form url.Values) (any, *tokenError) {
	d, no := consent(app, form.Get("scope"), a)
	if no != nil {
		return nil, no
	}
	code, userCode := s.sessions.startDevice(d)
	uri := origin(a.r) + "/_sim/device"
	return deviceAnswer{
		DeviceCode: code, UserCode: userCode, VerificationURI: uri,
		ExpiresIn: int(s.cfg.DeviceLifetime.Seconds()), Interval: int(s.cfg.DeviceInterval.Seconds()),
		Message: fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", uri, userCode),
	}, nil
}

// consent reads the scope of a delegated request: permissions of Graph that the app has.
func consent(app *TenantConfig, scope string, a *reply) (delegation, *tokenError) {
	if scope == "" {
		return delegation{}, missing("scope")
	}
	d := delegation{app: appID{app.ID, app.ClientID}, audience: graphAudience}
	var granted []string
	for _, field := range strings.Fields(scope) {
		resource, permission := "", field
		if i := strings.LastIndexByte(field, '/'); i >= 0 {
			resource, permission = field[:i], field[i+1:]
		}
		switch {
		case resource != "" && !isGraphAudience(resource, a.r):
			return d, &tokenError{code: 70011, text: fmt.Sprintf("The scope %s is not valid.", field)}
		case permission == offlineAccess:
			d.offline = true
		case slices.Contains([]string{"openid", "profile", "email"}, permission):
		case permission == ".default":
			granted = append(granted, app.Scopes...)
		case !slices.Contains(app.Scopes, permission):
			return d, &tokenError{code: 65001, text: fmt.Sprintf("The user or administrator has not consented to use the application with ID '%s'.", app.ClientID)}
		default:
			granted = append(granted, permission)
		}
	}
	d.scope = strings.Join(granted, " ")
	return d, nil
}

// startDevice makes the two codes of a flow.
func (s *sessions) startDevice(d delegation) (code, userCode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code = "SIM" + strings.ReplaceAll(s.opaque("device"), "-", "")
	userCode = strings.ToUpper(code[len(code)-9:])
	s.devices[code] = &device{grant: d, userCode: userCode, expires: s.cfg.Now().Add(s.cfg.DeviceLifetime), interval: s.cfg.DeviceInterval}
	return code, userCode
}

// grantDevice is a poll of a flow.
func (s *Server) grantDevice(_ *reply, app *TenantConfig, form url.Values, cp1 bool) (any, *tokenError) {
	code := form.Get("device_code")
	switch {
	case code == "":
		return nil, missing("device_code")
	case !app.PublicClient:
		return nil, &tokenError{code: 7000218}
	}
	d, no := s.sessions.poll(code, appID{app.ID, app.ClientID})
	if no != nil {
		return nil, no
	}
	return s.answerToken(d.mint(cp1), s.sessions.issueRefresh(d))
}

// poll returns what the user allowed, as soon as that is decided.
func (s *sessions) poll(code string, app appID) (delegation, *tokenError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, now := s.devices[code], s.cfg.Now()
	if d == nil || d.grant.app != app {
		return delegation{}, &tokenError{code: 70018, text: "Invalid verification code due to User typing in wrong user code for device code flow."}
	}
	// A fifth is forgiven: clients count their pause from another moment than the service.
	tooFast := !d.polled.IsZero() && now.Sub(d.polled) < d.interval*4/5
	d.polled = now
	switch {
	case d.redeemed:
		return delegation{}, &tokenError{code: 54005}
	case !now.Before(d.expires):
		return delegation{}, &tokenError{code: 70019}
	case d.declined:
		return delegation{}, &tokenError{code: 65004}
	case tooFast && !s.cfg.Modes.NoSlowDown:
		d.interval += 5 * time.Second // RFC 8628 section 3.5
		return delegation{}, &tokenError{code: slowDownCode}
	case d.grant.user == "":
		return delegation{}, &tokenError{code: 70016}
	}
	d.redeemed = true
	return d.grant, nil
}

// ApproveDevice is what a user does in the browser: sign in with the code that the client shows. The error says that no
// client waits for this code, or that there is no such user.
func (s *Server) ApproveDevice(userCode, userID string) error {
	d := s.sessions.waiting(userCode)
	if d == nil {
		return errors.New("approving a device: no client waits for this user code")
	}
	u, ok := s.people.user(d.grant.app.tenant, userID)
	if !ok {
		return errors.New("approving a device: there is no such user in the client's tenant")
	}
	s.sessions.decide(d, u.ID)
	return nil
}

// DeclineDevice is a user refusing to sign in. The error says that no client waits for this code.
func (s *Server) DeclineDevice(userCode string) error {
	d := s.sessions.waiting(userCode)
	if d == nil {
		return errors.New("declining a device: no client waits for this user code")
	}
	s.sessions.decide(d, "")
	return nil
}

// waiting returns the flow with a user code that nobody decided yet.
func (s *sessions) waiting(userCode string) *device {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if d.userCode == strings.ToUpper(userCode) && d.grant.user == "" && !d.declined && s.cfg.Now().Before(d.expires) {
			return d
		}
	}
	return nil
}

// decide approves a flow for a user, or declines it if there is none.
func (s *sessions) decide(d *device, userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.grant.user, d.declined = userID, userID == ""
}

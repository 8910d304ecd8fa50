package graphclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"presenced/presence"
)

// DeviceCode is a person's sign-in, made with [DeviceLogin] and kept as a refresh
// token in a file of mode 0600. Each use replaces the token; the new one is on
// disk before the access token is used. One process at a time may use a file.
//
// Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
type DeviceCode struct {
	TokenFile string
	Scopes    []string // of the cloud's Graph, without its URL; nil: Presence.Read.All
}

func (c DeviceCode) fetch(ctx context.Context, app TokensConfig, hide func(string)) (*oauth2.Token, error) {
	old, err := readRefreshToken(c.TokenFile)
	if err != nil {
		return nil, err
	}
	hide(old)
	answer, err := c.config(app).TokenSource(ctx, &oauth2.Token{RefreshToken: old}).Token()
	if err != nil {
		return nil, err
	}
	if answer.RefreshToken != old {
		if err := writeRefreshToken(c.TokenFile, answer.RefreshToken); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (c DeviceCode) config(app TokensConfig) *oauth2.Config {
	scopes := []string{"offline_access"}
	for _, scope := range c.scopes() {
		scopes = append(scopes, app.Cloud.GraphURL+"/"+scope)
	}
	return &oauth2.Config{
		ClientID: app.ClientID,
		Scopes:   scopes,
		Endpoint: oauth2.Endpoint{
			TokenURL:      app.Cloud.endpoint(app.TenantID, "token"),
			DeviceAuthURL: app.Cloud.endpoint(app.TenantID, "devicecode"),
			AuthStyle:     oauth2.AuthStyleInParams,
		},
	}
}

func (c DeviceCode) scopes() []string {
	if c.Scopes == nil {
		return []string{"Presence.Read.All"}
	}
	return c.Scopes
}

// DevicePrompt is what a person has to do to sign in.
type DevicePrompt struct {
	URL     string    // to open in any browser
	Code    string    // to type there
	Expires time.Time // zero: Entra does not say
}

// DeviceLogin signs a person in and stores the refresh token. It calls show once
// and then waits until the person is done, the code ends, or ctx does.
func DeviceLogin(ctx context.Context, cfg TokensConfig, cred DeviceCode, show func(DevicePrompt)) error {
	if err := cfg.Check(); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, tokenClient(cfg.Transport))
	conf := cred.config(cfg)
	device, err := conf.DeviceAuth(ctx)
	if err != nil {
		return fmt.Errorf("sign in: %w", loginError(err))
	}
	if err := checkDevice(device); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	show(DevicePrompt{URL: device.VerificationURI, Code: device.UserCode, Expires: device.Expiry})
	answer, err := conf.DeviceAccessToken(ctx, device)
	if err != nil {
		return fmt.Errorf("sign in: %w", loginError(err, device.DeviceCode))
	}
	if answer.RefreshToken == "" {
		return errors.New("sign in: Entra gave no refresh token, does the app allow the scope offline_access?")
	}
	return writeRefreshToken(cred.TokenFile, answer.RefreshToken)
}

// checkDevice makes an answer fit to show and to wait on: a negative interval
// would panic in x/oauth2.
func checkDevice(d *oauth2.DeviceAuthResponse) error {
	d.Interval = min(max(d.Interval, 0), 60)
	for name, value := range map[string]string{"device_code": d.DeviceCode, "user_code": d.UserCode, "verification_uri": d.VerificationURI} {
		if err := checkToken(value); err != nil {
			return fmt.Errorf("read Entra's answer: %s: %w", name, err)
		}
	}
	return nil
}

func loginError(err error, secrets ...string) error {
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("given up: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the code has ended, start again: %w", err)
	}
	e := newTokenError(err, secrets)
	switch e.Code {
	case "authorization_declined", "access_denied":
		e.Advice = "the sign-in was declined in the browser"
	case "expired_token":
		e.Advice = "the code has ended: start again"
	case "":
		if e.Status == 0 && e.Cause == presence.CauseUnauthorized { // a body that x/oauth2 cannot read
			return errors.New("read Entra's answer: it is not a device code answer")
		}
	}
	return e
}

package graphclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// TokensConfig names the app and the directory that tokens are for.
type TokensConfig struct {
	Cloud     Cloud
	TenantID  string            // the directory's GUID or a domain of it; common and its kind are refused
	ClientID  string            // the app's GUID
	Transport http.RoundTripper // nil: NewTransport
	Log       *zap.Logger       // nil: nothing is logged
	Random    func() float64    // in [0, 1), spreads waits; nil: math/rand's
}

// Check refuses what Entra could not serve.
func (c TokensConfig) Check() error {
	var tenant, client error
	switch {
	case strings.Trim(strings.ToLower(c.TenantID), "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || strings.Trim(c.TenantID, ".") == "":
		tenant = errors.New("tenant_id: want the directory's GUID or a domain of it")
	case c.TenantID == "common", c.TenantID == "organizations", c.TenantID == "consumers":
		tenant = fmt.Errorf("tenant_id: %q names no single directory, want its GUID", c.TenantID)
	}
	if c.ClientID == "" {
		client = errors.New("client_id: is empty, want the app's GUID")
	}
	return errors.Join(c.Cloud.Check(), tenant, client)
}

// Credential is how presenced proves to Entra who it is: a [ClientSecret], a
// [Certificate], a [FederatedFile] or a [DeviceCode].
type Credential interface {
	// fetch asks for one token. The HTTP client is in ctx, where x/oauth2 looks
	// for it. What was sent and must not be repeated is given to hide.
	fetch(ctx context.Context, app TokensConfig, hide func(secret string)) (*oauth2.Token, error)
}

var (
	_ Credential = ClientSecret{}
	_ Credential = Certificate{}
	_ Credential = FederatedFile{}
	_ Credential = DeviceCode{}
)

// ClientSecret is an app's secret.
//
// Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
type ClientSecret struct {
	Read func() (string, error) // called for each token, so that the secret can be rotated; a line end is trimmed
}

func (c ClientSecret) fetch(ctx context.Context, app TokensConfig, hide func(string)) (*oauth2.Token, error) {
	if c.Read == nil {
		return nil, errors.New("client secret: there is nothing to read it from")
	}
	secret, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("read client secret: %w", err)
	}
	secret = strings.TrimRight(secret, "\r\n")
	if secret == "" {
		return nil, errors.New("client secret is empty")
	}
	hide(secret)
	return app.grant(ctx, secret, nil)
}

// grant is the client credentials flow. AuthStyleInParams keeps x/oauth2 from
// guessing, which sends every failing request twice.
func (c TokensConfig) grant(ctx context.Context, secret string, params url.Values) (*oauth2.Token, error) {
	conf := clientcredentials.Config{
		ClientID:       c.ClientID,
		ClientSecret:   secret,
		TokenURL:       c.Cloud.endpoint(c.TenantID, "token"),
		Scopes:         []string{c.Cloud.scope()},
		EndpointParams: params,
		AuthStyle:      oauth2.AuthStyleInParams,
	}
	return conf.Token(ctx)
}

// grantAssertion is the same flow with a signed assertion for a secret.
func (c TokensConfig) grantAssertion(ctx context.Context, assertion string, hide func(string)) (*oauth2.Token, error) {
	hide(assertion)
	return c.grant(ctx, "", url.Values{
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	})
}

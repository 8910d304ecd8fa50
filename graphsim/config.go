package graphsim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Config describes a simulation. The zero value is usable: one tenant of 250 people in real time.
type Config struct {
	// Seed determines every id, name, credential and working day. Zero is a seed like any other.
	Seed uint64
	// Users is the number of people in each tenant. Zero: 250.
	Users int
	// Speed is simulated seconds per real second. Zero: 1.
	Speed float64
	// Start is the simulated time at which the simulation begins. Zero: Tuesday 2026-03-03 09:30 UTC.
	Start time.Time
	// SkipNights lets the simulated clock run on working days from 07:30 to 18:00 UTC only and jump over the rest.
	SkipNights bool
	// Frozen starts with the simulated clock stopped; see [Server.Freeze].
	Frozen bool

	// Tenants lists the registered apps. Two entries with one ID are two apps of one tenant. Empty: one tenant, one app.
	Tenants []TenantConfig

	// Limit is the number of presence requests an app may send to a tenant in Per. Zero: 1500.
	Limit int
	// Per is the length of the sliding window that Limit and the referee use. Zero: 30 s.
	Per time.Duration
	// GlobalLimit is the number of requests one app may send to all tenants in 10 s. Zero: 130000.
	GlobalLimit int
	// DirectoryUnits is the resource units an app may spend on /users and /groups of a tenant in 10 s.
	// Zero: 3500, 5000 or 8000, by the size of the tenant.
	DirectoryUnits int

	// TokenLifetime is how long an access token lives. Zero: 3599 s, and 80000 s for a client that declared cp1.
	TokenLifetime time.Duration
	// RefreshLifetime is how long a refresh token lives. Zero: 90 days.
	RefreshLifetime time.Duration
	// DeviceLifetime is how long a device code can be redeemed. Zero: 15 min.
	DeviceLifetime time.Duration
	// DeviceInterval is the announced pause between two polls of a device code, in whole seconds. Zero: 5 s.
	DeviceInterval time.Duration

	// Modes chooses between the answers that the documentation leaves open.
	Modes Modes
	// Script is what happens by itself: faults and presence changes at times counted from New.
	Script Script
	// Now is the real clock. Nil: time.Now.
	Now func() time.Time
}

// TenantConfig is one app registration in one tenant. The zero value is filled in by [New]; [Server.Tenants] returns
// the result. Its credentials open a simulator and nothing else.
type TenantConfig struct {
	// ID is the directory id, a GUID. Empty: derived from the seed and the position in Config.Tenants.
	ID string
	// Domain is the domain of the user principal names. Empty: derived from ID. The login path accepts it in place of ID.
	Domain string
	// Users overrides Config.Users; the first entry of a tenant that sets it wins. Zero: Config.Users.
	Users int

	// ClientID is the application id, a GUID. Empty: derived.
	ClientID string
	// ClientSecret is what the app may authenticate with. Empty: derived, unless there is a certificate or a federation.
	ClientSecret string
	// SecretExpires makes the secret expire (AADSTS7000222). Zero: never.
	SecretExpires time.Time
	// Certificate is what client assertions are verified with, found by thumbprint. Nil: assertions are refused.
	Certificate *x509.Certificate
	// Federated lists the outside issuers whose tokens the app accepts as assertions; at most 20.
	Federated []Federated
	// PublicClient allows the device code flow.
	PublicClient bool
	// Disabled refuses every token request (AADSTS7000112).
	Disabled bool

	// Roles are the application permissions with admin consent. Nil: Presence.Read.All, User.Read.All and
	// GroupMember.Read.All; empty but not nil: none.
	Roles []string
	// Scopes are the delegated permissions that a user can consent to. Nil: Presence.Read and Presence.Read.All.
	Scopes []string
}

// Federated is one federated identity credential of an app.
type Federated struct {
	// Issuer and Subject must equal the token's iss and sub.
	Issuer, Subject string
	// Audience must be in the token's aud. Empty: api://AzureADTokenExchange.
	Audience string
	// Key is the issuer's public key: *rsa.PublicKey or *ecdsa.PublicKey.
	Key crypto.PublicKey
}

const (
	defaultUsers    = 250
	maxUsers        = 2_000_000
	maxFederated    = 20
	defaultAudience = "api://AzureADTokenExchange"
)

// withDefaults returns c with every zero field replaced by what its comment promises.
func (c Config) withDefaults() Config {
	c.Users = orDefault(c.Users, defaultUsers)
	c.Speed = orDefault(c.Speed, 1)
	if c.Start.IsZero() {
		c.Start = time.Date(2026, time.March, 3, 9, 30, 0, 0, time.UTC)
	}
	c.Start = c.Start.UTC()
	c.Limit = orDefault(c.Limit, 1500)
	c.Per = orDefault(c.Per, 30*time.Second)
	c.GlobalLimit = orDefault(c.GlobalLimit, 130_000)
	c.RefreshLifetime = orDefault(c.RefreshLifetime, 90*24*time.Hour)
	c.DeviceLifetime = orDefault(c.DeviceLifetime, 15*time.Minute)
	c.DeviceInterval = orDefault(c.DeviceInterval, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(c.Tenants) == 0 {
		c.Tenants = []TenantConfig{{PublicClient: true}}
	}
	tenants := make([]TenantConfig, len(c.Tenants))
	for i, t := range c.Tenants {
		tenants[i] = t.withDefaults(c, i)
	}
	c.Tenants = tenants
	return c
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func (t TenantConfig) withDefaults(c Config, i int) TenantConfig {
	position := fmt.Sprint(i)
	t.ID = lowerGUID(orDefault(t.ID, derivedGUID(c.Seed, "tenant", position)))
	t.Domain = orDefault(t.Domain, fmt.Sprintf("sim%.8s.example", t.ID))
	t.Users = orDefault(t.Users, c.Users)
	t.ClientID = lowerGUID(orDefault(t.ClientID, derivedGUID(c.Seed, "client", position)))
	if t.ClientSecret == "" && t.Certificate == nil && len(t.Federated) == 0 {
		t.ClientSecret = "sim~" + derivedGUID(c.Seed, "secret", position)
	}
	if t.Roles == nil {
		t.Roles = []string{rolePresence, roleUser, roleGroupMember}
	}
	if t.Scopes == nil {
		t.Scopes = []string{scopeOwnPresence, rolePresence}
	}
	return t
}

// validate says everything that is wrong with a configuration whose defaults are filled in.
func (c Config) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(c.Speed > 0 && c.Speed <= 1e6, "speed: got %v, want more than 0 and at most 1000000 simulated seconds a second", c.Speed)
	check(c.Start.Year() >= 2000 && c.Start.Year() < 2200, "start: got %s, want a time between 2000 and 2199", c.Start.Format(time.RFC3339))
	check(c.Limit > 0, "limit: got %d, want a positive number of requests", c.Limit)
	check(c.Per > 0, "per: got %v, want a positive duration", c.Per)
	check(c.GlobalLimit > 0, "global limit: got %d, want a positive number of requests", c.GlobalLimit)
	check(c.DirectoryUnits >= 0, "directory units: got %d, want 0 or more", c.DirectoryUnits)
	check(c.TokenLifetime >= 0 && c.RefreshLifetime > 0 && c.DeviceLifetime > 0, "token, refresh and device lifetimes: want no negative duration")
	check(c.DeviceInterval >= time.Second, "device interval: got %v, want at least 1s (the wire has whole seconds)", c.DeviceInterval)
	seen := map[[2]string]bool{}
	for i, t := range c.Tenants {
		at := fmt.Sprintf("tenant %d", i)
		check(isGUID(t.ID), "%s: id: got %q, want a GUID", at, t.ID)
		check(isGUID(t.ClientID), "%s: client id: got %q, want a GUID", at, t.ClientID)
		check(t.Users > 0 && t.Users <= maxUsers, "%s: users: got %d, want 1 to %d", at, t.Users, maxUsers)
		check(!seen[[2]string{t.ID, t.ClientID}], "%s: this client id is registered in this tenant already", at)
		check(len(t.Federated) <= maxFederated, "%s: got %d federated credentials, Entra allows %d", at, len(t.Federated), maxFederated)
		seen[[2]string{t.ID, t.ClientID}] = true
		errs = append(errs, t.validateKeys(at))
	}
	check(c.Modes.RetryAfter.known(), "modes: retry after: got %q, want one of %q", c.Modes.RetryAfter, retryAfterForms())
	check(c.Modes.BulkPage >= 0, "modes: bulk page: got %d, want 0 or more", c.Modes.BulkPage)
	errs = append(errs, c.Script.validate())
	return errors.Join(errs...)
}

// validateKeys says what makes a certificate or a federation unusable.
func (t TenantConfig) validateKeys(at string) error {
	var errs []error
	if t.Certificate != nil {
		if _, ok := t.Certificate.PublicKey.(*rsa.PublicKey); !ok {
			errs = append(errs, fmt.Errorf("%s: certificate: got a %T, Entra takes RSA keys only", at, t.Certificate.PublicKey))
		}
	}
	for i, f := range t.Federated {
		switch f.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey:
		default:
			errs = append(errs, fmt.Errorf("%s: federated %d: key: got %T, want an RSA or ECDSA public key", at, i, f.Key))
		}
		if f.Issuer == "" || f.Subject == "" {
			errs = append(errs, fmt.Errorf("%s: federated %d: issuer and subject: want both", at, i))
		}
	}
	return errors.Join(errs...)
}

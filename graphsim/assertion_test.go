package graphsim_test

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"presenced/graphsim"
)

// signer is a key with its self-signed certificate.
type signer struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

func newSigner(t *testing.T, from, to time.Time) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, cert}
}

func assertionForm(clientID, assertion string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "scope": {graphScope},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
}

func sign(t *testing.T, method jwt.SigningMethod, claims jwt.Claims, header map[string]any, key crypto.PrivateKey) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	for name, value := range header {
		token.Header[name] = value
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// wantCode fails the test unless an assertion was accepted (empty code) or refused with an AADSTS number.
func wantCode(t *testing.T, got answer, code string) {
	t.Helper()
	if code == "" {
		got.want(t, http.StatusOK)
		return
	}
	if got.want(t, http.StatusUnauthorized); !strings.HasPrefix(got.text("error_description"), "AADSTS"+code+":") {
		t.Errorf("= %s, want AADSTS%s", got.text("error_description"), code)
	}
}

func TestClientAssertion(t *testing.T) {
	t.Parallel()
	clock := newClock()
	now := clock.Now()
	right, stranger := newSigner(t, now.Add(-time.Hour), now.Add(time.Hour)), newSigner(t, now.Add(-time.Hour), now.Add(time.Hour))
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now, Tenants: []graphsim.TenantConfig{{Certificate: right.cert}, {ClientSecret: "only"}}})
	app, secretOnly := r.sim.Tenants()[0], r.sim.Tenants()[1]
	s256 := sha256.Sum256(right.cert.Raw)
	s1 := sha1.Sum(right.cert.Raw)
	long := base64.RawURLEncoding.EncodeToString(s256[:])
	short := base64.RawURLEncoding.EncodeToString(s1[:])
	type claims = jwt.RegisteredClaims
	for _, test := range []struct {
		name   string
		method jwt.SigningMethod
		header map[string]any
		key    crypto.PrivateKey
		change func(*claims)
		code   string // empty: accepted
	}{
		{name: "PS256 with x5t#S256"},
		{name: "RS256 with x5t", method: jwt.SigningMethodRS256, header: map[string]any{"x5t": short}},
		{name: "both thumbprints", header: map[string]any{"x5t": short, "x5t#S256": long}},
		{name: "two thumbprints, one wrong", header: map[string]any{"x5t": short, "x5t#S256": short}, code: "700027"},
		{name: "no thumbprint", header: map[string]any{"kid": "1"}, code: "700027"},
		{name: "PS384", method: jwt.SigningMethodPS384, code: "700027"},
		{name: "HS256 with the public key", method: jwt.SigningMethodHS256, key: crypto.PrivateKey(x509.MarshalPKCS1PublicKey(&right.key.PublicKey)), code: "700027"},
		{name: "none", method: jwt.SigningMethodNone, key: jwt.UnsafeAllowNoneSignatureType, code: "700027"},
		{name: "another key", key: stranger.key, code: "700027"},
		{name: "audience of another tenant", change: func(c *claims) { c.Audience[0] = strings.Replace(c.Audience[0], app.ID, secretOnly.ID, 1) }, code: "700023"},
		{name: "audience without scheme", change: func(c *claims) { c.Audience[0] = strings.TrimPrefix(c.Audience[0], "http:") }, code: "700023"},
		{name: "issuer differs", change: func(c *claims) { c.Issuer = secretOnly.ClientID }, code: "700021"},
		{name: "subject differs", change: func(c *claims) { c.Subject = secretOnly.ClientID }, code: "700021"},
		{name: "expired", change: func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-6 * time.Minute)) }, code: "700024"},
		{name: "expired within the tolerance", change: func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-4 * time.Minute)) }},
		{name: "not yet valid", change: func(c *claims) { c.NotBefore = jwt.NewNumericDate(now.Add(6 * time.Minute)) }, code: "700024"},
		{name: "no exp", change: func(c *claims) { c.ExpiresAt = nil }, code: "700024"},
		{name: "no nbf", change: func(c *claims) { c.NotBefore = nil }, code: "700024"},
		{name: "lives an hour", change: func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(time.Hour)) }, code: "700024"},
		{name: "no jti", change: func(c *claims) { c.ID = "" }, code: "50013"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := &claims{
				Issuer: app.ClientID, Subject: app.ClientID, ID: uuid.NewString(), Audience: jwt.ClaimStrings{r.url + "/" + app.ID + "/oauth2/v2.0/token"},
				NotBefore: jwt.NewNumericDate(now), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(10 * time.Minute)),
			}
			if test.change != nil {
				test.change(c)
			}
			method := cmp.Or[jwt.SigningMethod](test.method, jwt.SigningMethodPS256)
			header, key := test.header, cmp.Or[crypto.PrivateKey](test.key, right.key)
			if header == nil {
				header = map[string]any{"x5t#S256": long}
			}
			wantCode(t, r.form(app.ID, "token", assertionForm(app.ClientID, sign(t, method, c, header, key))), test.code)
		})
	}
}

func TestClientAssertionIsUsedOnce(t *testing.T) {
	t.Parallel()
	clock := newClock()
	now := clock.Now()
	right := newSigner(t, now.Add(-time.Hour), now.Add(time.Hour))
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now, Tenants: []graphsim.TenantConfig{{Certificate: right.cert}}})
	app := r.sim.Tenants()[0]
	sum := sha256.Sum256(right.cert.Raw)
	header := map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}
	claims := jwt.RegisteredClaims{
		Issuer: app.ClientID, Subject: app.ClientID, ID: "same", Audience: jwt.ClaimStrings{r.url + "/" + app.ID + "/oauth2/v2.0/token"},
		NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
	}
	form := assertionForm(app.ClientID, sign(t, jwt.SigningMethodPS256, claims, header, right.key))
	r.form(app.ID, "token", form).want(t, http.StatusOK)
	r.form(app.ID, "token", form).want(t, http.StatusUnauthorized)

	form.Set("client_assertion_type", "something")
	r.form(app.ID, "token", form).want(t, http.StatusBadRequest)
	form = assertionForm(app.ClientID, "not.a.jwt")
	r.form(app.ID, "token", form).want(t, http.StatusUnauthorized)

	clock.advance(2 * time.Hour) // past the certificate
	r.form(app.ID, "token", assertionForm(app.ClientID, sign(t, jwt.SigningMethodPS256, claims, header, right.key))).want(t, http.StatusUnauthorized)
}

func TestFederatedToken(t *testing.T) {
	t.Parallel()
	clock := newClock()
	now := clock.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const issuer, subject = "https://cluster.example/", "system:serviceaccount:presence:presenced"
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now, Tenants: []graphsim.TenantConfig{
		{Federated: []graphsim.Federated{{Issuer: "https://elsewhere.example", Subject: subject, Key: key.Public()}, {Issuer: issuer, Subject: subject, Key: key.Public()}}},
	}})
	app := r.sim.Tenants()[0]
	type claims = jwt.RegisteredClaims
	for _, test := range []struct {
		name   string
		key    *ecdsa.PrivateKey
		change func(*claims)
		code   string // empty: accepted
	}{
		{name: "right", key: key},
		{name: "right again, for it is a file", key: key},
		{name: "signed by another", key: other, code: "50013"},
		{name: "issuer without its slash", key: key, change: func(c *claims) { c.Issuer = strings.TrimSuffix(issuer, "/") }, code: "700211"},
		{name: "subject of another pod", key: key, change: func(c *claims) { c.Subject += "2" }, code: "700213"},
		{name: "audience not for the exchange", key: key, change: func(c *claims) { c.Audience[0] = "https://kubernetes.default.svc" }, code: "700212"},
		{name: "expired", key: key, change: func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(now.Add(-time.Hour)) }, code: "700024"},
		{name: "no iat", key: key, change: func(c *claims) { c.IssuedAt = nil }, code: "700024"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := &claims{
				Issuer: issuer, Subject: subject, Audience: jwt.ClaimStrings{"api://AzureADTokenExchange"}, ID: "one",
				NotBefore: jwt.NewNumericDate(now), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour)),
			}
			if test.change != nil {
				test.change(c)
			}
			wantCode(t, r.form(app.ID, "token", assertionForm(app.ClientID, sign(t, jwt.SigningMethodES256, c, nil, test.key))), test.code)
		})
	}
}

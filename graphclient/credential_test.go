package graphclient_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"presenced/graphclient"
)

// forms is an Entra that keeps what it was sent.
type forms struct {
	mu   sync.Mutex
	sent []url.Values
	auth []string
}

func (f *forms) login(w *world) http.HandlerFunc {
	return func(rw http.ResponseWriter, req *http.Request) {
		_ = req.ParseForm()
		f.mu.Lock()
		f.sent, f.auth = append(f.sent, req.PostForm), append(f.auth, req.Header.Get("Authorization"))
		f.mu.Unlock()
		_, _ = rw.Write([]byte(`{"token_type":"Bearer","expires_in":3599,"access_token":"granted"}`))
	}
}

// fetchWith gets one token over loopback and returns the form that Entra saw.
func fetchWith(t *testing.T, cred graphclient.Credential) (url.Values, string, error) {
	t.Helper()
	f, w := &forms{}, &world{}
	w.login = f.login(w)
	r := overLoopback(t, w, setting{})
	tokens := graphclient.NewTokens(graphclient.TokensConfig{
		Cloud: r.cloud, TenantID: tenantID, ClientID: clientID,
	}, cred)
	_, err := tokens.Token(context.Background())
	if len(f.sent) == 0 {
		return nil, r.cloud.LoginURL, err
	}
	if len(f.sent) != 1 || f.auth[0] != "" {
		t.Errorf("%d requests, Authorization %q; want 1 without the header", len(f.sent), f.auth)
	}
	return f.sent[0], r.cloud.LoginURL, err
}

func TestClientSecretForm(t *testing.T) {
	t.Parallel()
	form, base, err := fetchWith(t, withSecret(secret+"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}, "scope": {base + "/.default"},
	}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
}

// pair is a certificate with its key, in PEM.
type pair struct{ cert, key []byte }

func makePair(t testing.TB, key crypto.Signer, from, to time.Time) pair {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "presenced"}, NotBefore: from, NotAfter: to,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t testing.TB, name string, content []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCertificateAssertion(t *testing.T) {
	t.Parallel()
	key := rsaKey(t, 2048)
	p := makePair(t, key, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	both := graphclient.Certificate{CertificateFile: write(t, "both.pem", append(p.cert, p.key...), 0o600)}
	apart := graphclient.Certificate{CertificateFile: write(t, "app.crt", p.cert, 0o644), KeyFile: write(t, "app.key", p.key, 0o600)}
	ids := map[string]bool{}
	for _, cred := range []graphclient.Certificate{both, apart} {
		form, base, err := fetchWith(t, cred)
		if err != nil {
			t.Fatal(err)
		}
		if form.Has("client_secret") || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			t.Errorf("form = %v, want an assertion and no secret", form)
		}
		var claims jwt.RegisteredClaims
		token, err := jwt.ParseWithClaims(form.Get("client_assertion"), &claims, func(*jwt.Token) (any, error) {
			return &key.PublicKey, nil
		}, jwt.WithValidMethods([]string{"PS256"}), jwt.WithAudience(base+"/"+tenantID+"/oauth2/v2.0/token"), jwt.WithIssuer(clientID), jwt.WithSubject(clientID), jwt.WithIssuedAt())
		if err != nil {
			t.Fatalf("assertion: %v", err)
		}
		block, _ := pem.Decode(p.cert)
		sum := sha256.Sum256(block.Bytes)
		if got, want := token.Header["x5t#S256"], base64.RawURLEncoding.EncodeToString(sum[:]); got != want {
			t.Errorf("x5t#S256 = %v, want %v", got, want)
		}
		if life := claims.ExpiresAt.Sub(claims.IssuedAt.Time); life <= 0 || life > 10*time.Minute {
			t.Errorf("assertion lives %v, want at most 10 minutes", life)
		}
		if claims.ID == "" || ids[claims.ID] {
			t.Errorf("jti %q is not fresh", claims.ID)
		}
		ids[claims.ID] = true
	}
	ends, err := both.Check(time.Now())
	if err != nil || time.Until(ends).Round(time.Hour) != 24*time.Hour {
		t.Errorf("Check = %v, %v, want the certificate's end tomorrow", ends, err)
	}
}

func TestCertificateRefusals(t *testing.T) {
	t.Parallel()
	now := time.Now()
	key := rsaKey(t, 2048)
	good := makePair(t, key, now.Add(-time.Hour), now.Add(time.Hour))
	other := makePair(t, rsaKey(t, 2048), now.Add(-time.Hour), now.Add(time.Hour))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak := makePair(t, rsaKey(t, 1024), now.Add(-time.Hour), now.Add(time.Hour))
	for name, tc := range map[string]struct {
		cert, key []byte
		want      string
	}{
		"ended":         {makePair(t, key, now.Add(-2*time.Hour), now.Add(-time.Hour)).cert, good.key, "ended on"},
		"not yet":       {makePair(t, key, now.Add(time.Hour), now.Add(2*time.Hour)).cert, good.key, "begins on"},
		"other key":     {good.cert, other.key, "does not match"},
		"elliptic":      {makePair(t, curve, now.Add(-time.Hour), now.Add(time.Hour)).cert, makePair(t, curve, now, now).key, "want RSA"},
		"1024 bits":     {weak.cert, weak.key, "2048"},
		"garbage":       {[]byte("garbage"), good.key, "certificate"},
		"no key":        {good.cert, nil, "key"},
		"encrypted":     {good.cert, bytes.ReplaceAll(good.key, []byte("PRIVATE KEY"), []byte("ENCRYPTED PRIVATE KEY")), "decrypt it"},
		"encrypted old": {good.cert, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "AES-128-CBC,00"}, Bytes: []byte("x")}), "decrypt it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cred := graphclient.Certificate{CertificateFile: write(t, "c.pem", tc.cert, 0o600), KeyFile: write(t, "k.pem", tc.key, 0o600)}
			form, _, err := fetchWith(t, cred)
			if err == nil || !strings.Contains(err.Error(), tc.want) || form != nil {
				t.Errorf("Token = %v, want an error with %q and nothing sent", err, tc.want)
			}
		})
	}
	if _, _, err := fetchWith(t, graphclient.Certificate{CertificateFile: filepath.Join(t.TempDir(), "gone.pem")}); err == nil || !strings.Contains(err.Error(), "gone.pem") {
		t.Errorf("Token = %v, want an error that names the file", err)
	}
}

func TestFederatedFileIsReadEachTime(t *testing.T) {
	t.Parallel()
	f, w := &forms{}, &world{}
	w.login = f.login(w)
	r := overLoopback(t, w, setting{})
	path := write(t, "token", []byte(" first.jwt.token\n"), 0o600)
	tokens := graphclient.NewTokens(graphclient.TokensConfig{Cloud: r.cloud, TenantID: tenantID, ClientID: clientID},
		graphclient.FederatedFile{Path: path})
	tokens.Drop(mustToken(t, tokens))
	if err := os.WriteFile(path, []byte("second.jwt.token\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustToken(t, tokens)
	var got []string
	for _, form := range f.sent {
		got = append(got, form.Get("client_assertion"))
	}
	if diff := cmp.Diff([]string{"first.jwt.token", "second.jwt.token"}, got); diff != "" {
		t.Errorf("assertions (-want +got):\n%s", diff)
	}
}

func TestFederatedFileRefusals(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{"empty": " \n", "two lines": "a\nb", "binary": "a\x00b", "huge": strings.Repeat("a", 70_000)} {
		form, _, err := fetchWith(t, graphclient.FederatedFile{Path: write(t, "token", []byte(content), 0o600)})
		if err == nil || form != nil || !strings.Contains(err.Error(), "federated token file") {
			t.Errorf("%s: Token = %v, want an error that names the file, and nothing sent", name, err)
		}
	}
	if _, _, err := fetchWith(t, graphclient.FederatedFile{Path: "/nonexistent/token"}); err == nil {
		t.Error("Token without the file = nil error")
	}
}

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	sign := func(claims jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("any"))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for name, tc := range map[string]struct {
		token string
		want  graphclient.Claims
	}{
		"application": {
			sign(jwt.MapClaims{"roles": []string{"Presence.Read.All"}, "appid": clientID, "tid": tenantID, "exp": 1800000000}),
			graphclient.Claims{Roles: []string{"Presence.Read.All"}, AppID: clientID, TenantID: tenantID, Expires: time.Unix(1800000000, 0)},
		},
		"delegated": {
			sign(jwt.MapClaims{"scp": "Presence.Read User.Read", "azp": clientID}),
			graphclient.Claims{Scopes: []string{"Presence.Read", "User.Read"}, AppID: clientID},
		},
		"nothing granted": {sign(jwt.MapClaims{"aud": "x"}), graphclient.Claims{}},
	} {
		got, err := graphclient.TokenClaims(tc.token)
		if err != nil || !cmp.Equal(tc.want, got, cmp.Comparer(func(a, b []string) bool { return strings.Join(a, " ") == strings.Join(b, " ") })) {
			t.Errorf("%s: TokenClaims = %+v, %v, want %+v", name, got, err, tc.want)
		}
	}
	for _, bad := range []string{"", "opaque-canary", "a.b.c", "canary.canary.canary", sign(jwt.MapClaims{"roles": 5}), "a b"} {
		if _, err := graphclient.TokenClaims(bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("TokenClaims(%q) = %v, want an error that does not quote it", bad, err)
		}
	}
}

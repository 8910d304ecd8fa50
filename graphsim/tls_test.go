package graphsim_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"presenced/graphsim"
)

// TestTLS repeats over TLS what depends on the connection, for both versions of HTTP.
func TestTLS(t *testing.T) {
	t.Parallel()
	now := time.Now()
	signer := newSigner(t, now.Add(-time.Hour), now.Add(time.Hour))
	sum := sha256.Sum256(signer.cert.Raw)
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := newSim(t, graphsim.Config{Users: 3, Tenants: []graphsim.TenantConfig{{Certificate: signer.cert}}})
			web := httptest.NewUnstartedServer(sim)
			web.EnableHTTP2 = http2
			web.StartTLS()
			t.Cleanup(web.Close)
			r := &rig{t: t, sim: sim, url: web.URL, client: web.Client()}
			app := sim.Tenants()[0]
			assertion := sign(t, jwt.SigningMethodPS256, jwt.RegisteredClaims{
				Issuer: app.ClientID, Subject: app.ClientID, ID: name, Audience: jwt.ClaimStrings{web.URL + "/" + app.ID + "/oauth2/v2.0/token"},
				NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(5 * time.Minute)),
			}, map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])}, signer.key)
			r.bearer = r.form(app.ID, "token", assertionForm(app.ClientID, assertion)).want(t, http.StatusOK).text("access_token")
			if got := r.bulk(sim.UserIDs()...).want(t, http.StatusOK); got.Proto != name || len(sim.Served()) != 3 {
				t.Errorf("%s, %d served", got.Proto, len(sim.Served()))
			}
			inject(t, sim, graphsim.Fault{Kind: graphsim.KindReset})
			req := r.request(http.MethodGet, "/v1.0/users/"+nobody+"/presence", "")
			req.Header.Set("Authorization", "Bearer "+r.bearer)
			if res, err := r.client.Do(req); err == nil {
				_ = res.Body.Close()
				t.Error("reset: got an answer")
			}
		})
	}
}

package graphsim_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

func TestTokenBySecretHasExactlyTheDocumentedFields(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	app := r.sim.Tenants()[0]
	got := r.form(app.ID, "token", secretForm(app)).want(t, http.StatusOK)
	var body map[string]any
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key := range body {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if want := []string{"access_token", "expires_in", "ext_expires_in", "token_type"}; !slices.Equal(keys, want) {
		t.Errorf("fields = %q, want %q", keys, want)
	}
	if body["token_type"] != "Bearer" || body["expires_in"] != float64(3599) {
		t.Errorf("token_type, expires_in = %v, %v", body["token_type"], body["expires_in"])
	}
	if got.Header.Get("Cache-Control") != "no-store, no-cache" || got.Header.Get("x-ms-request-id") == "" {
		t.Errorf("headers = %v", got.Header)
	}
	if claims := claimsOf(t, body["access_token"].(string)); claims["appid"] != app.ClientID || claims["tid"] != app.ID {
		t.Errorf("claims = %v, want the app and tenant", claims)
	}
}

func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	var claims map[string]any
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		t.Fatalf("token is not a JWT: %v", err)
	}
	return claims
}

// with is a right request with one field changed, or left out if the value is empty.
func with(app graphsim.TenantConfig, key, value string) url.Values {
	form := secretForm(app)
	form.Set(key, value)
	if value == "" {
		form.Del(key)
	}
	return form
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now, Tenants: []graphsim.TenantConfig{
		{ClientSecret: "right"},
		{ClientSecret: "right", SecretExpires: clock.Now()},
		{ClientSecret: "right", Disabled: true},
	}})
	apps := r.sim.Tenants()
	without := func(key string) url.Values { return with(apps[0], key, "") }
	const otherGUID = "3d5b1c0e-0000-4000-8000-000000000001"
	for _, test := range []struct {
		name, tenant string
		form         url.Values
		status, code int
		oauth        string
	}{
		{"secret wrong", apps[0].ID, with(apps[0], "client_secret", "wrong"), 401, 7000215, "invalid_client"},
		{"secret expired", apps[1].ID, secretForm(apps[1]), 401, 7000222, "invalid_client"},
		{"secret missing", apps[0].ID, without("client_secret"), 401, 7000218, "invalid_client"},
		{"app disabled", apps[2].ID, secretForm(apps[2]), 401, 7000112, "unauthorized_client"},
		{"app unknown", apps[0].ID, with(apps[0], "client_id", otherGUID), 400, 700016, "unauthorized_client"},
		{"app of another tenant", apps[1].ID, secretForm(apps[0]), 400, 700016, "unauthorized_client"},
		{"app missing", apps[0].ID, without("client_id"), 400, 900144, "invalid_request"},
		{"tenant unknown", otherGUID, secretForm(apps[0]), 400, 90002, "invalid_request"},
		{"grant missing", apps[0].ID, without("grant_type"), 400, 900144, "invalid_request"},
		{"grant unknown", apps[0].ID, with(apps[0], "grant_type", "password"), 400, 70003, "unsupported_grant_type"},
		{"scope missing", apps[0].ID, without("scope"), 400, 900144, "invalid_request"},
		{"scope not .default", apps[0].ID, with(apps[0], "scope", "https://graph.microsoft.com/User.Read"), 400, 70011, "invalid_scope"},
		{"two scopes", apps[0].ID, with(apps[0], "scope", graphScope+" https://management.azure.com/.default"), 400, 70011, "invalid_scope"},
		{"resource unknown", apps[0].ID, with(apps[0], "scope", "https://graph.microsoft.com.evil.example/.default"), 400, 500011, "invalid_resource"},
		{"claims malformed", apps[0].ID, with(apps[0], "claims", "{"), 400, 90023, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := r.form(test.tenant, "token", test.form)
			var body struct {
				Error       string
				Description string `json:"error_description"`
				Codes       []int  `json:"error_codes"`
				URI         string `json:"error_uri"`
			}
			if err := json.Unmarshal(got.body, &body); err != nil {
				t.Fatalf("body %q: %v", got.body, err)
			}
			if got.StatusCode != test.status || body.Error != test.oauth || !slices.Equal(body.Codes, []int{test.code}) {
				t.Errorf("= %d %s %v, want %d %s %d", got.StatusCode, body.Error, body.Codes, test.status, test.oauth, test.code)
			}
			if !strings.HasPrefix(body.Description, "AADSTS") || !strings.Contains(body.Description, "\r\nTrace ID: ") || body.URI == "" {
				t.Errorf("description = %q, uri = %q", body.Description, body.URI)
			}
		})
	}
}

func TestTokenEndpointTakesOnlyPostedForms(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	app := r.sim.Tenants()[0]
	path := "/" + app.ID + "/oauth2/v2.0/token"
	get := r.do(r.request(http.MethodGet, path, "")).want(t, http.StatusBadRequest)
	if !strings.Contains(get.text("error_description"), "AADSTS900561") {
		t.Errorf("GET: %s", get.body)
	}
	asJSON := r.request(http.MethodPost, path, `{"grant_type":"client_credentials"}`)
	asJSON.Header.Set("Content-Type", "application/json")
	if got := r.do(asJSON).want(t, http.StatusBadRequest); !strings.Contains(got.text("error_description"), "AADSTS900144") {
		t.Errorf("JSON: %s", got.body)
	}
}

func TestTokenByBasicAuthentication(t *testing.T) {
	t.Parallel()
	const secret = "p+1 %/ä"
	r := start(t, graphsim.Config{Users: 1, Tenants: []graphsim.TenantConfig{{ClientSecret: secret}}})
	app := r.sim.Tenants()[0]
	form := secretForm(app)
	form.Del("client_secret")
	form.Del("client_id")
	basic := func(secret string) string {
		pair := url.QueryEscape(app.ClientID) + ":" + url.QueryEscape(secret)
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
	}
	r.form(app.ID, "token", form, "Authorization", basic(secret)).want(t, http.StatusOK)
	r.form(app.ID, "token", form, "Authorization", basic("wrong")).want(t, http.StatusUnauthorized)
	form.Set("client_secret", secret)
	r.form(app.ID, "token", form, "Authorization", basic(secret)).want(t, http.StatusBadRequest)
}

func TestTokenLifetimes(t *testing.T) {
	t.Parallel()
	const cp1 = `{"access_token":{"xms_cc":{"values":["cp1"]},"nbf":{"essential":true,"value":"1635527790"}}}`
	for _, test := range []struct {
		name   string
		cfg    graphsim.Config
		claims string
		want   any
	}{
		{"default", graphsim.Config{}, "", float64(3599)},
		{"cp1 lives long", graphsim.Config{}, cp1, float64(80000)},
		{"configured", graphsim.Config{TokenLifetime: time.Minute}, cp1, float64(60)},
		{"as text", graphsim.Config{Modes: graphsim.Modes{ExpiresInText: true}}, "", "3599"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.cfg.Users = 1
			r := start(t, test.cfg)
			app := r.sim.Tenants()[0]
			form := secretForm(app)
			if test.claims != "" {
				form.Set("claims", test.claims)
			}
			var body map[string]any
			if err := json.Unmarshal(r.form(app.ID, "token", form).want(t, http.StatusOK).body, &body); err != nil {
				t.Fatal(err)
			}
			if body["expires_in"] != test.want {
				t.Errorf("expires_in = %v, want %v", body["expires_in"], test.want)
			}
		})
	}
}

func TestTenantIsFoundByDomainToo(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1, Tenants: []graphsim.TenantConfig{{Domain: "contoso.example"}}})
	r.form("Contoso.example", "token", secretForm(r.sim.Tenants()[0])).want(t, http.StatusOK)
}

func TestTokenSurvivesARestartWithTheSameSeed(t *testing.T) {
	t.Parallel()
	first, second := start(t, graphsim.Config{Seed: 7, Users: 1}), start(t, graphsim.Config{Seed: 7, Users: 1})
	other := start(t, graphsim.Config{Seed: 8, Users: 1})
	second.bearer = first.token()
	second.bulk(second.sim.UserIDs()...).want(t, http.StatusOK)
	other.bearer = first.token()
	other.bulk(other.sim.UserIDs()...).want(t, http.StatusUnauthorized)
}

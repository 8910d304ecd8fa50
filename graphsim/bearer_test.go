package graphsim_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

func TestBearer(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 2, Now: clock.Now, Tenants: []graphsim.TenantConfig{{}, {Roles: []string{}}, {Roles: []string{"Presence.ReadWrite.All"}}}})
	good, noRole, writer := r.token(), r.tokenOf(r.sim.Tenants()[1]), r.tokenOf(r.sim.Tenants()[2])
	form := secretForm(r.sim.Tenants()[0])
	form.Set("scope", "https://management.azure.com/.default")
	foreign := r.form(r.sim.Tenants()[0].ID, "token", form).want(t, http.StatusOK).text("access_token")
	for _, test := range []struct {
		name, header string
		status       int
		code         string
	}{
		{"good", "Bearer " + good, 200, ""},
		{"scheme without case", "bearer " + good, 200, ""},
		{"read-write role", "Bearer " + writer, 200, ""},
		{"none", "", 401, "InvalidAuthenticationToken"},
		{"basic", "Basic YTpi", 401, "InvalidAuthenticationToken"},
		{"garbage", "Bearer x", 401, "InvalidAuthenticationToken"},
		{"signature broken", "Bearer " + good + "AA", 401, "InvalidAuthenticationToken"},
		{"unsigned", "Bearer " + unsigned(good), 401, "InvalidAuthenticationToken"},
		{"another resource", "Bearer " + foreign, 401, "InvalidAuthenticationToken"},
		{"no role", "Bearer " + noRole, 403, "Forbidden"},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := r.request(http.MethodPost, bulkPath, idsBody(r.sim.UserIDs()[0]))
			req.Header.Set("Content-Type", "application/json")
			if test.header != "" {
				req.Header.Set("Authorization", test.header)
			}
			got := r.do(req).want(t, test.status)
			if got.text("error", "code") != test.code {
				t.Errorf("code = %q, want %q", got.text("error", "code"), test.code)
			}
			challenge := got.Header.Get("WWW-Authenticate")
			if (test.status == 401) != strings.HasPrefix(challenge, "Bearer realm=") || strings.Contains(challenge, "claims=") {
				t.Errorf("WWW-Authenticate = %q", challenge)
			}
		})
	}
	clock.advance(time.Hour)
	if got := r.bulk(r.sim.UserIDs()[0]).want(t, http.StatusUnauthorized); !strings.Contains(got.text("error", "message"), "expired") {
		t.Errorf("expired token: %s", got.body)
	}
}

// unsigned is the token with alg none, as an attacker would send it.
func unsigned(token string) string {
	payload := strings.Split(token, ".")[1]
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + payload + "."
}

func TestRevokedTokens(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	app, id := r.sim.Tenants()[0], r.sim.UserIDs()[0]
	form := secretForm(app)
	form.Set("claims", `{"access_token":{"xms_cc":{"values":["cp1"]}}}`)
	capable := r.form(app.ID, "token", form).want(t, http.StatusOK).text("access_token")
	plain := r.token()
	r.sim.RevokeTokens(app.ID)

	if got := r.bulk(id).want(t, http.StatusUnauthorized); strings.Contains(got.Header.Get("WWW-Authenticate"), "claims=") {
		t.Errorf("a client without cp1 got a claims challenge: %v", got.Header)
	}
	r.bearer = capable
	got := r.bulk(id).want(t, http.StatusUnauthorized)
	_, after, _ := strings.Cut(got.Header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
	encoded, _, _ := strings.Cut(after, `"`)
	text, err := base64.StdEncoding.DecodeString(encoded)
	var claims struct {
		AccessToken struct {
			NBF struct {
				Essential bool
				Value     string
			}
		} `json:"access_token"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		t.Fatalf("claims = %q: %v", encoded, err)
	}
	if _, err := strconv.Atoi(claims.AccessToken.NBF.Value); err != nil || !claims.AccessToken.NBF.Essential {
		t.Errorf("claims = %s, want an essential nbf", text)
	}
	r.bearer = ""
	if r.token() == plain {
		t.Error("the token after the revocation is the one before")
	}
	r.bulk(id).want(t, http.StatusOK)
}

func TestMeNeedsASignedInUser(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	if got := r.get("/v1.0/me/presence").want(t, http.StatusBadRequest); !strings.Contains(got.text("error", "message"), "delegated") {
		t.Errorf("= %s", got.body)
	}
}

func TestEveryGraphAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	const mine = "7e1f0c7a-3a55-4bb5-9ac1-111111111111"
	clock := newClock()
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now})
	for _, path := range []string{"/v1.0/users/" + r.sim.UserIDs()[0] + "/presence", "/v1.0/nothing", "/v1.0/me/presence", "/nowhere"} {
		got := r.get(path, "client-request-id", mine)
		for header, want := range map[string]string{
			"client-request-id": mine, "Strict-Transport-Security": "max-age=31536000", "Date": "Mon, 23 Nov 2026 12:00:00 GMT",
		} {
			if got.Header.Get(header) != want {
				t.Errorf("%s: %s = %q, want %q", path, header, got.Header.Get(header), want)
			}
		}
		if got.Header.Get("request-id") == "" || !json.Valid([]byte(got.Header.Get("x-ms-ags-diagnostic"))) {
			t.Errorf("%s: headers = %v", path, got.Header)
		}
		if got.StatusCode != http.StatusOK && got.text("error", "innerError", "date") != "2026-11-23T12:00:00" {
			t.Errorf("%s: innerError.date = %q, want no time zone", path, got.text("error", "innerError", "date"))
		}
	}
}

func TestRightAnswersAreChunkedAndCompressedOnDemand(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	r.token()
	r.client = &http.Client{Transport: transport}
	path := "/v1.0/users/" + r.sim.UserIDs()[0] + "/presence"
	for _, test := range []struct {
		accept, encoding string
	}{
		{"", ""}, {"gzip", "gzip"}, {"br, GZIP;q=0.5", "gzip"}, {"gzip;q=0", ""}, {"identity", ""},
	} {
		got := r.get(path, "Accept-Encoding", test.accept).want(t, http.StatusOK)
		if got.Header.Get("Content-Encoding") != test.encoding {
			t.Errorf("Accept-Encoding %q: Content-Encoding = %q, want %q", test.accept, got.Header.Get("Content-Encoding"), test.encoding)
		}
		if got.ContentLength != -1 || got.Header.Get("OData-Version") != "4.0" || got.Header.Get("Cache-Control") != "no-cache" ||
			!strings.HasPrefix(got.Header.Get("Content-Type"), "application/json;odata.metadata=minimal;") {
			t.Errorf("length %d, headers %v", got.ContentLength, got.Header)
		}
		if test.encoding == "gzip" && string(got.body[:2]) != "\x1f\x8b" {
			t.Errorf("Accept-Encoding %q: body is not gzip", test.accept)
		}
	}
}

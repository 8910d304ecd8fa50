package graphsim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

const (
	deviceGrant  = "urn:ietf:params:oauth:grant-type:device_code"
	deviceScopes = "https://graph.microsoft.com/Presence.Read.All offline_access"
)

// login is a device code flow under way.
type login struct {
	*rig
	app            graphsim.TenantConfig
	code, userCode string
}

func startLogin(t *testing.T, r *rig) login {
	t.Helper()
	app := r.sim.Tenants()[0]
	got := r.form(app.ID, "devicecode", url.Values{"client_id": {app.ClientID}, "scope": {deviceScopes}}).want(t, http.StatusOK)
	if got.text("verification_uri") == "" || got.text("verification_uri_complete") != "" || !strings.Contains(got.text("message"), got.text("user_code")) {
		t.Errorf("device answer = %s", got.body)
	}
	return login{r, app, got.text("device_code"), got.text("user_code")}
}

func (l login) poll() answer {
	return l.form(l.app.ID, "token", url.Values{"grant_type": {deviceGrant}, "client_id": {l.app.ClientID}, "device_code": {l.code}})
}

func TestDeviceCode(t *testing.T) {
	t.Parallel()
	const interval = 5 * time.Second
	type action func(*testing.T, login, *clock)
	wait := func(d time.Duration) action { return func(_ *testing.T, _ login, c *clock) { c.advance(d) } }
	poll := func(want string) action {
		return func(t *testing.T, l login, _ *clock) {
			t.Helper()
			got := l.poll()
			if want == "" {
				got.want(t, http.StatusOK)
			} else if got.want(t, http.StatusBadRequest); got.text("error") != want {
				t.Errorf("poll = %s, want %s", got.text("error"), want)
			}
		}
	}
	approve := func(t *testing.T, l login, _ *clock) {
		t.Helper()
		if err := l.sim.ApproveDevice(strings.ToLower(l.userCode), l.sim.UserIDs()[0]); err != nil {
			t.Error(err)
		}
	}
	decline := func(t *testing.T, l login, _ *clock) {
		t.Helper()
		if err := l.sim.DeclineDevice(l.userCode); err != nil {
			t.Error(err)
		}
	}
	for _, test := range []struct {
		name  string
		modes graphsim.Modes
		steps []action
	}{
		{"pending, approved, redeemed once", graphsim.Modes{}, []action{
			poll("authorization_pending"), approve, wait(interval), poll(""), wait(interval), poll("invalid_grant")}},
		{"declined", graphsim.Modes{}, []action{poll("authorization_pending"), decline, wait(interval), poll("authorization_declined")}},
		{"expired", graphsim.Modes{}, []action{wait(15 * time.Minute), poll("expired_token")}},
		{"too fast, then slower", graphsim.Modes{}, []action{
			poll("authorization_pending"), wait(interval / 2), poll("slow_down"), wait(interval), poll("slow_down"),
			wait(3 * interval), poll("authorization_pending")}},
		{"too fast does not lose the approval", graphsim.Modes{}, []action{
			poll("authorization_pending"), approve, poll("slow_down"), wait(2 * interval), poll("")}},
		{"a little early is forgiven", graphsim.Modes{}, []action{
			poll("authorization_pending"), wait(interval * 9 / 10), poll("authorization_pending")}},
		{"as fast as it likes", graphsim.Modes{NoSlowDown: true}, []action{poll("authorization_pending"), poll("authorization_pending")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			l := startLogin(t, start(t, graphsim.Config{Users: 3, Now: clock.Now, Modes: test.modes}))
			for _, step := range test.steps {
				step(t, l, clock)
			}
		})
	}
}

func TestDeviceCodeRefusals(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1, Tenants: []graphsim.TenantConfig{{}, {PublicClient: true, Scopes: []string{"Presence.Read"}}}})
	confidential, public := r.sim.Tenants()[0], r.sim.Tenants()[1]
	device := func(app graphsim.TenantConfig, scope string) answer {
		return r.form(app.ID, "devicecode", url.Values{"client_id": {app.ClientID}, "scope": {scope}})
	}
	redeem := func(app graphsim.TenantConfig, code string) answer {
		return r.form(app.ID, "token", url.Values{"grant_type": {deviceGrant}, "client_id": {app.ClientID}, "device_code": {code}})
	}
	code := device(confidential, "Presence.Read").want(t, http.StatusOK).text("device_code")
	for _, test := range []struct {
		name   string
		got    answer
		status int
		want   string
	}{
		{"not a public client", redeem(confidential, code), 401, "AADSTS7000218"},
		{"bad code", redeem(public, "nonsense"), 400, "AADSTS70018"},
		{"code of another app", redeem(public, code), 400, "AADSTS70018"},
		{"code missing", redeem(public, ""), 400, "AADSTS900144"},
		{"scope missing", device(public, ""), 400, "AADSTS900144"},
		{"scope without consent", device(public, "Presence.Read.All"), 400, "AADSTS65001"},
		{"scope of another resource", device(public, "https://example.com/Presence.Read"), 400, "AADSTS70011"},
	} {
		if test.got.StatusCode != test.status || !strings.HasPrefix(test.got.text("error_description"), test.want+":") {
			t.Errorf("%s: %d %s, want %d %s", test.name, test.got.StatusCode, test.got.body, test.status, test.want)
		}
	}
	if r.sim.ApproveDevice("NONE", r.sim.UserIDs()[0]) == nil || r.sim.DeclineDevice("NONE") == nil {
		t.Error("deciding about an unknown code: no error")
	}
}

func TestDelegatedTokenReadsMeAndNobodyElseWithoutAll(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 3, Tenants: []graphsim.TenantConfig{{PublicClient: true, Scopes: []string{"Presence.Read"}}}})
	app := r.sim.Tenants()[0]
	me, other := r.sim.UserIDs()[1], r.sim.UserIDs()[2]
	started := r.form(app.ID, "devicecode", url.Values{"client_id": {app.ClientID}, "scope": {graphScope}}).want(t, http.StatusOK)
	if err := r.sim.ApproveDevice(started.text("user_code"), me); err != nil {
		t.Fatal(err)
	}
	got := r.form(app.ID, "token", url.Values{"grant_type": {deviceGrant}, "client_id": {app.ClientID}, "device_code": {started.text("device_code")}})
	r.bearer = got.want(t, http.StatusOK).text("access_token")
	if got.text("refresh_token") != "" || got.text("scope") != "Presence.Read" {
		t.Errorf("answer = %s, want no refresh token and the scope", got.body)
	}
	if p := r.get("/v1.0/me/presence").want(t, http.StatusOK).presences(t)[0]; p.ID != me {
		t.Errorf("/me/presence is of %s, want %s", p.ID, me)
	}
	r.get("/v1.0/users/"+me+"/presence").want(t, http.StatusOK)
	r.get("/v1.0/users/"+other+"/presence").want(t, http.StatusForbidden)
	r.bulk(me).want(t, http.StatusForbidden)
	r.get("/v1.0/users/"+me).want(t, http.StatusForbidden)
}

func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 3, Now: clock.Now})
	l := startLogin(t, r)
	if err := r.sim.ApproveDevice(l.userCode, r.sim.UserIDs()[0]); err != nil {
		t.Fatal(err)
	}
	refresh := func(token string) answer {
		return r.form(l.app.ID, "token", url.Values{"grant_type": {"refresh_token"}, "client_id": {l.app.ClientID}, "refresh_token": {token}})
	}
	refused := func(token, code string) {
		t.Helper()
		got := refresh(token).want(t, http.StatusBadRequest)
		var body struct {
			Error, Suberror string
		}
		_ = json.Unmarshal(got.body, &body)
		if body.Error != "invalid_grant" || body.Suberror != "bad_token" || !strings.Contains(got.text("error_description"), code) {
			t.Errorf("= %s, want invalid_grant %s", got.body, code)
		}
	}
	first := l.poll().want(t, http.StatusOK).text("refresh_token")
	second := refresh(first).want(t, http.StatusOK).text("refresh_token")
	if second == "" || second == first {
		t.Fatalf("refresh token was not rotated: %q, then %q", first, second)
	}
	refresh(first).want(t, http.StatusOK) // the client crashed before it saved the second
	refused(first, "AADSTS70000")
	refused("0.SimNonsense", "AADSTS70000")
	third := refresh(second).want(t, http.StatusOK).text("refresh_token")

	clock.advance(90 * 24 * time.Hour)
	refused(third, "AADSTS700082")
	l = startLogin(t, r)
	if err := r.sim.ApproveDevice(l.userCode, r.sim.UserIDs()[0]); err != nil {
		t.Fatal(err)
	}
	fresh := l.poll().want(t, http.StatusOK).text("refresh_token")
	r.sim.RevokeTokens(l.app.ID)
	refused(fresh, "AADSTS50173")
}

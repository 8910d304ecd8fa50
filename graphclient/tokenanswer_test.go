package graphclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"presenced/graphclient"
	"presenced/presence"
)

func TestTokenAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64<<10)
	for name, tc := range map[string]struct {
		status int
		body   string
		ok     bool
		want   string
	}{
		"good":                {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"t"}`, true, ""},
		"lower case":          {200, `{"token_type":"bearer","expires_in":3599,"access_token":"t"}`, true, ""},
		"seconds as text":     {200, `{"token_type":"Bearer","expires_in":"3599","access_token":"t"}`, true, ""},
		"no lifetime":         {200, `{"token_type":"Bearer","access_token":"t"}`, true, ""},
		"null lifetime":       {200, `{"token_type":"Bearer","expires_in":null,"access_token":"t"}`, true, ""},
		"10¹² s":              {200, `{"token_type":"Bearer","expires_in":1000000000000,"access_token":"t"}`, true, ""},
		"64 KiB":              {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"` + long + `"}`, true, ""},
		"64 KiB and 1":        {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"a` + long + `"}`, false, "at most 65536"},
		"1 MiB":               {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"` + strings.Repeat("a", 1<<20) + `"}`, false, "not a token answer"},
		"0 s":                 {200, `{"token_type":"Bearer","expires_in":0,"access_token":"t"}`, false, "lifetime"},
		"0 s as text":         {200, `{"token_type":"Bearer","expires_in":"0","access_token":"t"}`, false, "lifetime"},
		"negative":            {200, `{"token_type":"Bearer","expires_in":-5,"access_token":"t"}`, false, "lifetime"},
		"no number":           {200, `{"token_type":"Bearer","expires_in":"soon","access_token":"t"}`, false, "not a token answer"},
		"no token":            {200, `{"token_type":"Bearer","expires_in":3599}`, false, "not a token answer"},
		"token is a number":   {200, `{"token_type":"Bearer","expires_in":3599,"access_token":5}`, false, "not a token answer"},
		"line end in token":   {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"t\r\nX-Evil: 1"}`, false, "0x0d"},
		"control in token":    {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"t\u0000"}`, false, "0x00"},
		"blank in token":      {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"t u"}`, false, "0x20"},
		"letters beyond":      {200, `{"token_type":"Bearer","expires_in":3599,"access_token":"tö"}`, false, "visible ASCII"},
		"other type":          {200, `{"token_type":"mac","expires_in":3599,"access_token":"t"}`, false, `"mac", want Bearer`},
		"no type":             {200, `{"expires_in":3599,"access_token":"t"}`, false, "want Bearer"},
		"HTML":                {200, `<html>maintenance</html>`, false, "not a token answer"},
		"empty":               {200, ``, false, "not a token answer"},
		"UTF-16":              {200, "\xff\xfe{\x00}\x00", false, "not a token answer"},
		"null":                {200, `null`, false, "not a token answer"},
		"array":               {200, `[]`, false, "not a token answer"},
		"error with 200":      {200, `{"error":"invalid_client","error_description":"AADSTS7000215: wrong"}`, false, "use its value"},
		"HTML with 502":       {502, `<html>`, false, "answered 502"},
		"nothing with 400":    {400, ``, false, "answered 400"},
		"redirect":            {302, ``, false, "answered 302"},
		"description in text": {401, `{"error":"invalid_client","error_description":"AADSTS7000222: gone.\r\nTrace ID: x"}`, false, "has ended: create a new one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := overLoopback(t, &world{login: func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(tc.status)
				fmt.Fprint(rw, tc.body)
			}}, setting{})
			_, err := r.tokens.Token(context.Background())
			if (err == nil) != tc.ok {
				t.Fatalf("Token = %v, want ok: %v", err, tc.ok)
			}
			if err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "maintenance") || strings.ContainsAny(err.Error(), "\r\n")) {
				t.Errorf("Token = %q, want one line with %q and nothing of the body", err, tc.want)
			}
		})
	}
}

// Entra's classes of refusals: the cause decides, the advice is for people.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		code   string
		number int
		cause  presence.Cause
		advice string
	}{
		"secret wrong":       {401, "invalid_client", 7000215, presence.CauseUnauthorized, "its value"},
		"secret ended":       {401, "invalid_client", 7000222, presence.CauseUnauthorized, "new one"},
		"no secret":          {401, "invalid_client", 7000218, presence.CauseUnauthorized, "public client"},
		"assertion":          {401, "invalid_client", 700027, presence.CauseUnauthorized, "clock"},
		"app not found":      {400, "unauthorized_client", 700016, presence.CauseUnauthorized, "client_id"},
		"tenant not found":   {400, "invalid_request", 90002, presence.CauseUnauthorized, "tenant_id"},
		"app disabled":       {400, "unauthorized_client", 7000112, presence.CauseUnauthorized, "disabled"},
		"scope":              {400, "invalid_scope", 70011, presence.CauseUnauthorized, "graph_url"},
		"conditional access": {400, "interaction_required", 53003, presence.CauseUnauthorized, "Conditional Access"},
		"consent":            {400, "invalid_grant", 65001, presence.CauseUnauthorized, "consent"},
		"signed out":         {400, "invalid_grant", 50173, presence.CauseUnauthorized, "presenced login"},
		"account disabled":   {400, "invalid_grant", 50057, presence.CauseUnauthorized, "another"},
		"other cloud":        {400, "invalid_request", 900382, presence.CauseUnauthorized, "cloud"},
		"a new number":       {400, "invalid_grant", 999999, presence.CauseUnauthorized, "presenced login"},
		"a new code":         {400, "brand_new", 1, presence.CauseUnauthorized, ""},
		"transient":          {400, "invalid_grant", 90033, presence.CauseUnreachable, ""},
		"says so":            {400, "temporarily_unavailable", 0, presence.CauseUnreachable, ""},
		"server":             {500, "server_error", 0, presence.CauseUnreachable, ""},
		"too many":           {429, "", 0, presence.CauseThrottled, ""},
		"loop":               {400, "invalid_grant", 50196, presence.CauseThrottled, ""},
		"tenant throttled":   {400, "invalid_request", 90055, presence.CauseThrottled, ""},
		"wrong host":         {404, "", 0, presence.CauseUnreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := overLoopback(t, &world{login: func(rw http.ResponseWriter, _ *http.Request) {
				rw.WriteHeader(tc.status)
				fmt.Fprintf(rw, `{"error":%q,"error_codes":[%d],"error_description":"AADSTS%d: text about 0b5c1cf2-8f5a-4d3c-9f0e-2f6d7a1b9c11 and %s.\r\nTrace ID: secret-line","trace_id":"trace-1"}`,
					tc.code, tc.number, tc.number, secret)
			}}, setting{})
			_, err := r.tokens.Token(context.Background())
			var e *graphclient.TokenError
			if !errors.As(err, &e) {
				t.Fatalf("Token = %v, want a *TokenError", err)
			}
			if e.Cause != tc.cause || e.Status != tc.status || e.Code != tc.code || e.TraceID != "trace-1" {
				t.Errorf("error = %+v, want cause %s", e, tc.cause)
			}
			if !strings.Contains(e.Error(), tc.advice) {
				t.Errorf("error = %v, want advice with %q", e, tc.advice)
			}
			for _, leak := range []string{secret, "secret-line", "0b5c1cf2", "\n"} {
				if strings.Contains(e.Error(), leak) {
					t.Errorf("error = %v, shows %q", e, leak)
				}
			}
		})
	}
}

func TestTokenWithoutUse(t *testing.T) {
	t.Parallel()
	cloud := graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"}
	for name, tc := range map[string]struct {
		cfg  graphclient.TokensConfig
		cred graphclient.Credential
		want string
	}{
		"plain http": {graphclient.TokensConfig{
			Cloud: graphclient.Cloud{LoginURL: "http://login.test", GraphURL: "https://graph.test"}, TenantID: tenantID, ClientID: clientID,
		}, withSecret(secret), "loopback only"},
		"no credential": {graphclient.TokensConfig{Cloud: cloud, TenantID: tenantID, ClientID: clientID}, nil, "no credential"},
		"nothing to read": {
			graphclient.TokensConfig{Cloud: cloud, TenantID: tenantID, ClientID: clientID},
			graphclient.ClientSecret{}, "nothing to read",
		},
		"empty secret": {
			graphclient.TokensConfig{Cloud: cloud, TenantID: tenantID, ClientID: clientID}, withSecret("\n"), "secret is empty",
		},
		"unreadable": {
			graphclient.TokensConfig{Cloud: cloud, TenantID: tenantID, ClientID: clientID},
			graphclient.ClientSecret{Read: func() (string, error) { return "", errors.New("mode 0644") }}, "mode 0644",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			tc.cfg.Transport = w
			_, err := graphclient.NewTokens(tc.cfg, tc.cred).Token(context.Background())
			var e *graphclient.TokenError
			if !errors.As(err, &e) || e.Cause != presence.CauseUnauthorized || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Token = %v, want cause unauthorized and %q", err, tc.want)
			}
			if w.logins.Load() != 0 {
				t.Error("something was sent")
			}
		})
	}
}

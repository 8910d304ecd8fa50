package graphclient_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/graphclient"
)

// refreshing is an Entra that replaces the refresh token at each use and checks
// that the new one was on disk before anybody used the access token.
func refreshing(w *world) http.HandlerFunc {
	return func(rw http.ResponseWriter, req *http.Request) {
		_ = req.ParseForm()
		var n int
		if _, err := fmt.Sscanf(req.PostForm.Get("refresh_token"), "refresh%d", &n); err != nil || req.PostForm.Get("grant_type") != "refresh_token" {
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(rw, `{"error":"invalid_grant","error_codes":[70043]}`)
			return
		}
		fmt.Fprintf(rw, `{"token_type":"Bearer","expires_in":3599,"access_token":"access%d","refresh_token":"refresh%d"}`, n+1, n+1)
	}
}

func deviceTokens(r *rig, path string) *graphclient.Tokens {
	return graphclient.NewTokens(graphclient.TokensConfig{Cloud: r.cloud, TenantID: tenantID, ClientID: clientID},
		graphclient.DeviceCode{TokenFile: path})
}

func TestRefreshTokenRotatesOnDisk(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.login = refreshing(w)
	r := overLoopback(t, w, setting{})
	path := write(t, "refresh", []byte("refresh0\n"), 0o600)
	tokens := deviceTokens(r, path)
	for i := 1; i <= 2; i++ {
		if got, want := mustToken(t, tokens), fmt.Sprintf("access%d", i); got != want {
			t.Errorf("Token = %q, want %q", got, want)
		}
		content, err := os.ReadFile(path)
		if want := fmt.Sprintf("refresh%d\n", i); err != nil || string(content) != want {
			t.Errorf("file = %q, %v, want %q", content, err, want)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("directory holds %v, %v, want the file only", left, err)
		}
		tokens.Drop(fmt.Sprintf("access%d", i))
	}
}

// A token whose successor cannot be stored must not be used: after a restart
// nothing would be left to sign in with.
func TestAccessTokenWaitsForTheFile(t *testing.T) {
	t.Parallel()
	w := &world{}
	r := overLoopback(t, w, setting{})
	dir := t.TempDir()
	path := filepath.Join(dir, "refresh")
	if err := os.WriteFile(path, []byte("refresh0"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := refreshing(w)
	w.login = func(rw http.ResponseWriter, req *http.Request) {
		_ = os.RemoveAll(dir) // between reading and writing
		answer(rw, req)
	}
	if token, err := deviceTokens(r, path).Token(context.Background()); err == nil || !strings.Contains(err.Error(), "write refresh token file") {
		t.Errorf("Token = %q, %v, want an error about the file", token, err)
	}
}

func TestRefreshTokenFileThroughALink(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.login = refreshing(w)
	r := overLoopback(t, w, setting{})
	target := write(t, "refresh", []byte("refresh0"), 0o600)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	mustToken(t, deviceTokens(r, link))
	if content, err := os.ReadFile(target); err != nil || string(content) != "refresh1\n" {
		t.Errorf("target of the link = %q, %v, want the new token", content, err)
	}
}

func TestRefreshTokenFileRefusals(t *testing.T) {
	t.Parallel()
	r := overLoopback(t, &world{}, setting{})
	for name, tc := range map[string]struct{ path, want string }{
		"missing":        {filepath.Join(t.TempDir(), "none"), "run presenced login"},
		"group can read": {write(t, "f", []byte("refresh0"), 0o640), "chmod 600"},
		"world can read": {write(t, "f", []byte("refresh0"), 0o604), "chmod 600"},
		"directory":      {t.TempDir(), "not a regular file"},
		"empty":          {write(t, "f", nil, 0o600), "run presenced login"},
		"binary":         {write(t, "f", []byte("a\x01b"), 0o600), "0x01"},
		"huge":           {write(t, "f", []byte(strings.Repeat("a", 100_000)), 0o600), "at most"},
	} {
		_, err := deviceTokens(r, tc.path).Token(context.Background())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: Token = %v, want an error with %q", name, err, tc.want)
		}
	}
	if r.logins.Load() != 0 {
		t.Error("something was sent")
	}
}

// device is an Entra that lets a person sign in after some polls.
func device(answers []string, start string) http.HandlerFunc {
	polls := 0
	return func(rw http.ResponseWriter, req *http.Request) {
		_ = req.ParseForm()
		if strings.HasSuffix(req.URL.Path, "/devicecode") {
			fmt.Fprint(rw, start)
			return
		}
		answer := answers[min(polls, len(answers)-1)]
		polls++
		if code, ok := strings.CutPrefix(answer, "!"); ok {
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(rw, `{"error":%q,"error_description":"AADSTS1: about %s"}`, code, req.PostForm.Get("device_code"))
			return
		}
		fmt.Fprint(rw, answer)
	}
}

const deviceStart = `{"device_code":"canary-device","user_code":"ABC-DEF","verification_uri":"https://login.test/device","expires_in":900,"interval":5,"message":"To sign in…"}`

func TestDeviceLogin(t *testing.T) {
	t.Parallel()
	granted := `{"token_type":"Bearer","expires_in":3599,"access_token":"a","refresh_token":"refresh7"}`
	for name, tc := range map[string]struct {
		answers []string
		start   string
		took    time.Duration
		want    string // empty: signed in
	}{
		"signed in":          {[]string{"!authorization_pending", "!authorization_pending", granted}, deviceStart, 15 * time.Second, ""},
		"asked to slow down": {[]string{"!slow_down", granted}, deviceStart, 15 * time.Second, ""},
		"no interval": {
			[]string{granted}, `{"device_code":"canary-device","user_code":"A","verification_uri":"https://x"}`, 5 * time.Second, "",
		},
		"negative interval": {
			[]string{granted}, `{"device_code":"canary-device","user_code":"A","verification_uri":"https://x","interval":-9}`, 5 * time.Second, "",
		},
		"huge interval": {
			[]string{granted}, `{"device_code":"canary-device","user_code":"A","verification_uri":"https://x","interval":9223372036854775807}`, time.Minute, "",
		},
		"declined":         {[]string{"!authorization_declined"}, deviceStart, 5 * time.Second, "declined in the browser"},
		"expired":          {[]string{"!expired_token"}, deviceStart, 5 * time.Second, "start again"},
		"nobody came":      {[]string{"!authorization_pending"}, deviceStart, 15 * time.Minute, "start again"},
		"no refresh token": {[]string{`{"token_type":"Bearer","access_token":"a"}`}, deviceStart, 5 * time.Second, "offline_access"},
		"not JSON":         {nil, `<html>`, 0, "not a device code answer"},
		"no code":          {nil, `{"user_code":"A","verification_uri":"https://x"}`, 0, "device_code"},
		"line end in code": {nil, `{"device_code":"canary-device","user_code":"A\r\nB","verification_uri":"https://x"}`, 0, "user_code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "refresh")
			synctest.Test(t, func(t *testing.T) {
				w := &world{login: device(tc.answers, tc.start)}
				var prompt graphclient.DevicePrompt
				var err error
				took := elapsed(func() {
					err = graphclient.DeviceLogin(context.Background(), graphclient.TokensConfig{
						Cloud:    graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"},
						TenantID: tenantID, ClientID: clientID, Transport: w,
					}, graphclient.DeviceCode{TokenFile: path}, func(p graphclient.DevicePrompt) { prompt = p })
				})
				if took.Round(time.Second) != tc.took {
					t.Errorf("took %v, want %v", took, tc.took)
				}
				time.Sleep(time.Minute) // x/oauth2 leaves the first answer's body open until the client's time limit
				if tc.want != "" {
					if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "canary") {
						t.Errorf("DeviceLogin = %v, want an error with %q and without the code", err, tc.want)
					}
					return
				}
				content, readErr := os.ReadFile(path)
				if err != nil || readErr != nil || string(content) != "refresh7\n" {
					t.Errorf("DeviceLogin = %v, file %q, want refresh7", err, content)
				}
				if prompt.Code == "" || prompt.URL == "" {
					t.Errorf("prompt = %+v, want a code and a URL", prompt)
				}
			})
		})
	}
}

func TestDeviceLoginGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 12*time.Second)
		defer cancel()
		path := filepath.Join(t.TempDir(), "refresh")
		err := graphclient.DeviceLogin(ctx, graphclient.TokensConfig{
			Cloud:    graphclient.Cloud{LoginURL: "https://login.test", GraphURL: "https://graph.test"},
			TenantID: tenantID, ClientID: clientID, Transport: &world{login: device([]string{"!authorization_pending"}, deviceStart)},
		}, graphclient.DeviceCode{TokenFile: path}, func(graphclient.DevicePrompt) {})
		if _, statErr := os.Stat(path); err == nil || statErr == nil {
			t.Errorf("DeviceLogin = %v, file %v, want an error and no file", err, statErr)
		}
		time.Sleep(time.Minute) // x/oauth2 leaves the first answer's body open until the client's time limit
	})
}

package graphclient

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// witness answers everything, and remembers where an Authorization header went.
type witness struct{ told []string }

func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	body := `{"token_type":"Bearer","expires_in":3599,"access_token":"canary-token"}`
	if strings.Contains(req.Header.Get("Authorization"), "canary") {
		w.told = append(w.told, req.URL.Scheme+"://"+req.URL.Host)
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

// hostileURLs are where a link from an answer may try to lead.
var hostileURLs = []string{
	"https://evil.example/v1.0/users/",
	"http://graph.microsoft.com/v1.0/users/x",
	"https://graph.microsoft.com.evil.example/v1.0/users/x",
	"https://graph.microsoft.com.evil/v1.0/users/x",
	"https://evil-graph.microsoft.com/v1.0/users/x",
	"https://evilgraph.microsoft.com/v1.0/users/x",
	"https://graph.microsoft.com:444/v1.0/users/x",
	"https://graph.microsoft.com:80/v1.0/users/x",
	"https://graph.microsoft.com:0443/v1.0/users/x",
	"https://graph.microsoft.com./v1.0/users/x",
	"https://graph.microsoft.com../v1.0/users/x",
	"https://graph.microsoft.com@evil.example/v1.0/users/x",
	"https://graph.microsoft.com:443@evil.example/v1.0/users/x",
	"https://user:pw@graph.microsoft.com/v1.0/users/x",
	"https://user@graph.microsoft.com/v1.0/users/x",
	"https://@graph.microsoft.com.evil.example/v1.0/users/x",
	"https://evil.example#@graph.microsoft.com/v1.0/users/x",
	"https://evil.example?graph.microsoft.com/v1.0/users/x",
	"https://evil.example/https://graph.microsoft.com/v1.0/users/x",
	"https://evil.example\\@graph.microsoft.com/v1.0/users/x",
	"https:\\\\evil.example/v1.0/users/x",
	"https://graph.microsoft.com\\.evil.example/v1.0/users/x",
	"//evil.example/v1.0/users/x",
	"///evil.example/v1.0/users/x",
	"/v1.0/users/x",
	"users/x",
	"",
	"https:graph.microsoft.com/v1.0/users/x",
	"https:/graph.microsoft.com/v1.0/users/x",
	"https:///v1.0/users/x",
	"HTTP://graph.microsoft.com/v1.0/users/x",
	"ftp://graph.microsoft.com/v1.0/users/x",
	"file:///v1.0/users/x",
	"javascript:alert(1)",
	"data:text/html,x",
	"gopher://graph.microsoft.com/v1.0/users/x",
	"https://127.0.0.1/v1.0/users/x",
	"https://2130706433/v1.0/users/x",
	"https://[::1]/v1.0/users/x",
	"https://[::ffff:127.0.0.1]/v1.0/users/x",
	"https://localhost/v1.0/users/x",
	"https://169.254.169.254/v1.0/users/x",
	"https://gr\u0430ph.microsoft.com/v1.0/users/x", // a Cyrillic a
	"https://graph.micro\u017Foft.com/v1.0/users/x", // a long s
	"https://graph\u3002microsoft.com/v1.0/users/x", // an ideographic full stop
	"https://graph.microsoft.com\u2044evil/v1.0/x",  // a fraction slash
	"https://graph.microsoft.com%2eevil.example/v1.0/users/x",
	"https://graph%2emicrosoft.com/v1.0/users/x",
	"https://graph.microsoft.com%00.evil.example/v1.0/users/x",
	"https://graph.microsoft.com\x00.evil.example/v1.0/users/x",
	"https://graph.microsoft.com\t.evil.example/v1.0/users/x",
	" https://evil.example/v1.0/users/x",
	"https://microsoft.com/v1.0/users/x",
	"https://graph.microsoft.us/v1.0/users/x",
	"https://login.microsoftonline.com/v1.0/users/x",
}

// strayPaths are on the right host, and lead out of the collection.
var strayPaths = []string{
	"https://graph.microsoft.com/v1.0/me/messages",
	"https://graph.microsoft.com/beta/users/x",
	"https://graph.microsoft.com/v1.0/users/../me",
	"https://graph.microsoft.com/v1.0/users/%2e%2e/me",
	"https://graph.microsoft.com/v1.0/users/.%2E/me",
	"https://graph.microsoft.com/v1.0/users/..%2fme",
	"https://graph.microsoft.com/v1.0/users//x",
	"https://graph.microsoft.com/v1.0/users\\..\\me",
	"https://graph.microsoft.com/v1.0/usersevil/x",
	"https://graph.microsoft.com/v1.0/users",
	"https://graph.microsoft.com",
	"https://graph.microsoft.com/v1.0/users/x#fragment",
}

// microsoft is where the hostile URLs are measured against.
var microsoft = Cloud{LoginURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com"}

func TestTokenGoesToGraphOnly(t *testing.T) {
	t.Parallel()
	if len(hostileURLs) < 40 {
		t.Fatalf("%d hostile URLs, want 40 or more", len(hostileURLs))
	}
	w := &witness{}
	tokens := NewTokens(TokensConfig{Cloud: microsoft, TenantID: "contoso.com", ClientID: "x", Transport: w},
		ClientSecret{Read: func() (string, error) { return "s", nil }})
	b := &bearer{home: "https://graph.microsoft.com:443", tokens: tokens, next: w}
	send := func(u *url.URL) error {
		resp, err := b.RoundTrip((&http.Request{Method: "GET", URL: u, Host: u.Host, Header: http.Header{}}).WithContext(context.Background()))
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	from := &url.URL{Scheme: "https", Host: "graph.microsoft.com", Path: "/v1.0/users/x"}
	for _, hostile := range hostileURLs {
		if u, err := nextLink(from, hostile); err == nil {
			t.Errorf("nextLink(%q) = %v, want a refusal", hostile, u)
		}
		u, err := url.Parse(hostile)
		if err != nil {
			continue // cannot be sent at all
		}
		if err := send(u); err == nil {
			t.Errorf("a request to %q was sent", hostile)
		}
	}
	for _, stray := range strayPaths {
		if u, err := nextLink(from, stray); err == nil {
			t.Errorf("nextLink(%q) = %v, want a refusal", stray, u)
		}
	}
	if len(w.told) != 0 {
		t.Errorf("the token went to %v", w.told)
	}
	// The Host header must not lie either.
	lying := (&http.Request{Method: "GET", URL: from, Host: "evil.example", Header: http.Header{}}).WithContext(context.Background())
	if resp, err := b.RoundTrip(lying); err == nil {
		_ = resp.Body.Close()
		t.Error("a request with a foreign Host was sent")
	}
	for _, good := range []string{
		"https://graph.microsoft.com/v1.0/users/x?$skiptoken=a%2Fb",
		"https://graph.microsoft.com:443/v1.0/users/x",
		"https://GRAPH.Microsoft.com/v1.0/users/x",
		"HTTPS://graph.microsoft.com/v1.0/users/x('y')",
	} {
		u, err := nextLink(from, good)
		if err != nil {
			t.Errorf("nextLink(%q) = %v, want it followed", good, err)
			continue
		}
		if err := send(u); err != nil {
			t.Errorf("send to %q: %v", good, err)
		}
		if u.RawQuery != "" && u.RequestURI() != "/v1.0/users/x?$skiptoken=a%2Fb" {
			t.Errorf("link became %q, want it verbatim", u.RequestURI())
		}
	}
	if len(w.told) != 4 {
		t.Errorf("the token went out %d times, want 4", len(w.told))
	}
}

func FuzzNextLink(f *testing.F) {
	for _, seed := range append(hostileURLs, strayPaths...) {
		f.Add(seed)
	}
	f.Add("https://graph.microsoft.com/v1.0/users/x?$skiptoken=1")
	from := &url.URL{Scheme: "https", Host: "graph.microsoft.com", Path: "/v1.0/users/x"}
	f.Fuzz(func(t *testing.T, link string) {
		u, err := nextLink(from, link)
		if err != nil {
			if u != nil {
				t.Errorf("nextLink(%q) = %v and an error", link, u)
			}
			return
		}
		// What net/http will do with it, read again from its text.
		again, err := url.Parse(u.String())
		if err != nil || !strings.EqualFold(again.Scheme, "https") || !strings.EqualFold(again.Hostname(), "graph.microsoft.com") ||
			again.Port() != "" && again.Port() != "443" || again.User != nil || !strings.HasPrefix(again.Path, "/v1.0/users/") || strings.Contains(again.Path, "/../") {
			t.Errorf("nextLink(%q) = %v, which leads elsewhere", link, u)
		}
	})
}

func TestKeyMaterialDoesNotPrint(t *testing.T) {
	t.Parallel()
	tokens := NewTokens(TokensConfig{}, nil)
	tokens.token = hide("canary-token")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if text := fmt.Sprintf(verb, keyPair{key: key}) + fmt.Sprintf(verb, &keyPair{key: key}); text != secretMark+secretMark {
			t.Errorf("%s prints %.100s of a key pair", verb, text)
		}
	}
	for _, v := range []any{tokens, []any{tokens}, map[string]any{"t": tokens}, struct{ t *Tokens }{tokens}, &graph{trip: &bearer{tokens: tokens}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "canary") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}

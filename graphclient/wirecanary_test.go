package graphclient_test

import (
	"bufio"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"presenced/graphclient"
	"presenced/presence"
)

// longSecret is as long as the real ones, and no part of it is an accident.
func longSecret(label string) string {
	sum := sha512.Sum512([]byte(label))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// echoes are answers, byte for byte, in which a hostile server puts what it was
// sent into every place where somebody might quote from.
var echoes = map[string]string{
	"status line":           "HTTP/1.1 %s\r\n\r\n",
	"protocol":              "%s 200 OK\r\n\r\n",
	"no HTTP":               "%s\r\n\r\n",
	"status with a letter":  "HTTP/1.1 2x%s OK\r\n\r\n",
	"reason":                "HTTP/1.1 500 %s\r\nContent-Length: 0\r\n\r\n",
	"reason of a redirect":  "HTTP/1.1 302 %s\r\nLocation: https://foreign.test/%[1]s\r\nContent-Length: 0\r\n\r\n",
	"broken redirect":       "HTTP/1.1 307 x\r\nLocation: ://%s\r\nContent-Length: 0\r\n\r\n",
	"header without colon":  "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
	"header name":           "HTTP/1.1 200 OK\r\n%s here: 1\r\n\r\n",
	"header value":          "HTTP/1.1 200 OK\r\nX: \x00%s\r\n\r\n",
	"Content-Length":        "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
	"two lengths":           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: %s\r\n\r\n",
	"Transfer-Encoding":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
	"chunk size":            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
	"chunk end":             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{%s",
	"trailer":               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s\r\n\r\n",
	"gzip":                  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 200\r\n\r\n%s",
	"Content-Type":          "HTTP/1.1 200 OK\r\nContent-Type: text/%s\r\nContent-Length: 0\r\n\r\n",
	"interim":               "HTTP/1.1 103 %s\r\n%[1]s\r\n\r\n",
	"HTML":                  "HTTP/1.1 200 OK\r\n\r\n<html>%s",
	"JSON":                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"%s\": %[1]s}",
	"next link":             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"value\":[],\"@odata.nextLink\":\"https://%s.foreign.test/%[1]s\"}",
	"presence":              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"value\":[{\"id\":\"%s\",\"availability\":5}]}",
	"token type":            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"token_type\":\"%s\",\"access_token\":\"x\"}",
	"token":                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"token_type\":\"Bearer\",\"access_token\":\" %s\"}",
	"lifetime":              "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"token_type\":\"Bearer\",\"access_token\":\"x\",\"expires_in\":\"%s\"}",
	"form":                  "HTTP/1.1 200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n%%zz%s",
	"device code":           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"device_code\":\"x\",\"user_code\":\" %s\",\"verification_uri\":\"%[1]s\"}",
	"ids of the exchange":   "HTTP/1.1 403 x\r\nrequest-id: %s\r\nclient-request-id: %[1]s\r\nRetry-After: %[1]s\r\nDate: %[1]s\r\nWWW-Authenticate: %[1]s\r\nContent-Length: 0\r\n\r\n",
	"Graph's refusal":       "HTTP/1.1 403 x\r\n\r\n{\"error\":{\"code\":\"%s\",\"message\":\"you sent %[1]s\",\"innerError\":{\"request-id\":\"%[1]s\"}}}",
	"Graph's throttling":    "HTTP/1.1 429 x\r\nRetry-After: %s\r\n\r\n{\"error\":{\"code\":\"%[1]s\",\"message\":\"%[1]s\"}}",
	"Graph's 401":           "HTTP/1.1 401 x\r\n\r\n{\"error\":{\"code\":\"%s\",\"message\":\"%[1]s\"}}",
	"Entra's refusal":       "HTTP/1.1 400 x\r\nContent-Type: application/json\r\n\r\n{\"error\":\"%s\",\"error_description\":\"AADSTS1: %[1]s\",\"trace_id\":\"%[1]s\",\"error_uri\":\"%[1]s\"}",
	"Entra's refusal, form": "HTTP/1.1 400 x\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nerror=%s&error_description=%[1]s",
}

// disguises are what a server may do to a secret before it repeats it.
var disguises = map[string]func(string) string{
	"plain":      func(s string) string { return s },
	"first half": func(s string) string { return s[:len(s)/2] },
	"upper case": strings.ToUpper,
	"percent": func(s string) string {
		return "%" + strings.ToUpper(hex.EncodeToString([]byte(s[:1]))) + url.PathEscape(s[1:])
	},
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"backwards": func(s string) string {
		b := []byte(s)
		slices.Reverse(b)
		return string(b)
	},
}

// echo answers each request with what it was sent, in one form.
type echo struct {
	form     string
	disguise func(string) string
	mu       sync.Mutex
	sent     []string // secrets, as they came
	spare    string   // for requests that carry none
}

func (e *echo) serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go e.answer(conn)
	}
}

func (e *echo) answer(conn net.Conn) {
	defer conn.Close()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	_ = req.ParseForm()
	secret := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	for _, field := range []string{"client_secret", "client_assertion", "refresh_token", "device_code"} {
		secret += req.PostForm.Get(field)
	}
	if secret == "" {
		secret = e.spare
	}
	_, _ = io.Copy(io.Discard, req.Body)
	e.mu.Lock()
	e.sent = append(e.sent, secret)
	e.mu.Unlock()
	_, _ = fmt.Fprintf(conn, e.form, e.disguise(secret))
}

// listen puts an echo behind a host name of the wires.
func (e *echo) listen(t *testing.T, w *wires, host string) {
	listener := w.accept(t, host)
	done := make(chan struct{})
	go func() {
		defer close(done)
		e.serve(listener)
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
}

// tokenText is a token that the good Entra of these tests gives.
var tokenText = longSecret("header") + "." + longSecret("payload") + "." + longSecret("signature")

// TestNothingOfTheWireComesOut has a Graph and an Entra repeat every kind of
// secret in every place and disguise, and looks for it in errors and logs.
func TestNothingOfTheWireComesOut(t *testing.T) {
	t.Parallel()
	p := makePair(t, rsaKey(t, 2048), time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Now().Add(time.Hour))
	credentials := map[string]graphclient.Credential{
		"secret":      withSecret(longSecret("secret")),
		"certificate": graphclient.Certificate{CertificateFile: write(t, "app.pem", append(p.cert, p.key...), 0o600)},
		"federated":   graphclient.FederatedFile{Path: write(t, "token", []byte(longSecret("a")+"."+longSecret("b")), 0o600)},
		"device":      graphclient.DeviceCode{TokenFile: write(t, "refresh", []byte(longSecret("refresh")), 0o600)},
	}
	for place, form := range echoes {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			for how, disguise := range disguises {
				for name, cred := range credentials {
					if name != "secret" && how != "plain" && how != "first half" {
						continue
					}
					synctest.Test(t, func(t *testing.T) {
						e := &echo{form: form, disguise: disguise, spare: longSecret("spare")}
						lookForSecrets(t, how+", "+name, e, cred, false)
					})
				}
				synctest.Test(t, func(t *testing.T) {
					e := &echo{form: form, disguise: disguise, spare: longSecret("spare")}
					lookForSecrets(t, how+", Graph", e, credentials["secret"], true)
				})
			}
		})
	}
}

// lookForSecrets asks for everything, with the echo in the place of Graph or of Entra.
func lookForSecrets(t *testing.T, what string, e *echo, cred graphclient.Credential, isGraph bool) {
	wires := newPlainWires(t)
	good := &world{login: func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(rw, `{"token_type":"Bearer","expires_in":3599,"access_token":%q}`, tokenText)
	}}
	hosts := []string{"127.0.0.1:1", "127.0.0.1:2"}
	if isGraph {
		slices.Reverse(hosts)
	}
	e.listen(t, wires, hosts[0])
	wires.serve(t, hosts[1], good)
	core, logged := observer.New(zap.DebugLevel)
	log, transport := zap.New(core), wires.transport(t, nil)
	cfg := graphclient.TokensConfig{
		Cloud:    graphclient.Cloud{LoginURL: "http://127.0.0.1:1", GraphURL: "http://127.0.0.1:2"},
		TenantID: tenantID, ClientID: clientID, Transport: transport, Log: log,
	}
	var out strings.Builder
	budget, _ := newBudget(t, 1500, true)
	for _, endpoint := range []graphclient.Endpoint{graphclient.EndpointBulk, graphclient.EndpointUser} {
		tokens := graphclient.NewTokens(cfg, cred)
		client, err := graphclient.New(graphclient.Config{Cloud: cfg.Cloud, Endpoint: endpoint, Transport: transport}, tokens, budget, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Presences(t.Context(), []presence.UserID{user(0)})
		out.WriteString(inEveryWay(err))
	}
	d, err := graphclient.NewDirectory(graphclient.DirectoryConfig{Cloud: cfg.Cloud, Transport: transport}, graphclient.NewTokens(cfg, cred), log)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Resolve(t.Context(), []string{"alice@contoso.com"}, []string{"g"})
	out.WriteString(inEveryWay(err))
	if device, ok := cred.(graphclient.DeviceCode); ok && !isGraph {
		err := graphclient.DeviceLogin(t.Context(), cfg, device, func(graphclient.DevicePrompt) {})
		out.WriteString(inEveryWay(err))
	}
	for _, line := range logged.All() {
		out.WriteString(line.Message + inEveryWay(line.ContextMap()))
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.sent) == 0 {
		t.Errorf("%s: nothing was sent: %.300s", what, out.String())
	}
	for _, secret := range slices.Compact(e.sent) {
		if at := finds(out.String(), secret, e.disguise(secret)); at >= 0 {
			t.Errorf("%s: a secret came out: …%s…", what, out.String()[max(0, at-100):min(out.Len(), at+60)])
			return
		}
	}
}

// finds looks for any nine characters in a row of a secret or its disguise.
func finds(text, secret, disguised string) int {
	const part = 9
	parts := map[string]bool{}
	for _, s := range []string{strings.ToLower(secret), strings.ToLower(disguised)} {
		for i := 0; i+part <= len(s); i++ {
			parts[s[i:i+part]] = true
		}
	}
	text = strings.ToLower(text)
	for i := 0; i+part <= len(text); i++ {
		if parts[text[i:i+part]] {
			return i
		}
	}
	return -1
}

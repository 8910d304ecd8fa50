package graphclient_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"presenced/graphclient"
	"presenced/presence"
)

// inEveryWay prints v in every way that a program may come to print it.
func inEveryWay(v any) string {
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if text, err := json.Marshal(v); err == nil {
		b.Write(text)
	}
	enc := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	fields := []zap.Field{zap.Any("any", v), zap.Reflect("reflect", v)}
	if err, ok := v.(error); ok {
		fields = append(fields, zap.Error(err))
	}
	if line, err := enc.EncodeEntry(zapcore.Entry{}, fields); err == nil {
		b.Write(line.Bytes())
	}
	return b.String()
}

const canaryToken, canaryRefresh = "canary-access-token", "canary-refresh-token"

// hostileLogins are Entras that repeat what they were sent, or answer nonsense.
func hostileLogins() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"granted": func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(rw, `{"token_type":"Bearer","expires_in":3599,"access_token":%q,"refresh_token":"canary-next"}`, canaryToken)
		},
		"told": func(rw http.ResponseWriter, req *http.Request) {
			_ = req.ParseForm()
			sent := req.PostForm.Get("client_secret") + req.PostForm.Get("client_assertion") + req.PostForm.Get("refresh_token")
			rw.WriteHeader(http.StatusUnauthorized)
			_ = json.NewEncoder(rw).Encode(map[string]any{"error": "bad_" + sent, "error_description": "AADSTS1: you sent " + sent, "trace_id": sent})
		},
		"broken": func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "<canary>") },
		"mac": func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(rw, `{"token_type":%q,"access_token":%q}`, canaryToken, canaryToken)
		},
		"line end": func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, `{"token_type":"Bearer","access_token":"canary\n"}`)
		},
	}
}

// hostileGraphs are Graphs that repeat the token and name people.
func hostileGraphs() map[string]http.HandlerFunc {
	graphs := map[string]http.HandlerFunc{
		"good": func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(rw, `{"value":[%s,%s]}`, entry(string(user(0)), "Napping", "Napping"), entry(string(user(7)), "Busy", "Busy"))
		},
		"HTML": func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Content-Type", "text/"+strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
			fmt.Fprint(rw, "<html>"+req.Header.Get("Authorization"))
		},
		"link": func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, `{"value":[],"@odata.nextLink":"https://alice:canary@evil.example/?canary"}`)
		},
	}
	for _, status := range []int{307, 400, 401, 403, 404, 429, 500, 503} {
		graphs[fmt.Sprint(status)] = func(rw http.ResponseWriter, req *http.Request) {
			told := req.Header.Get("Authorization")
			rw.Header().Set("Location", "https://alice:canary@evil.example/")
			rw.Header().Set("request-id", told)
			rw.WriteHeader(status)
			_ = json.NewEncoder(rw).Encode(map[string]any{"error": map[string]string{
				"code": "Bad " + told, "message": "you sent " + told + " for alice@contoso.com and " + string(user(0)),
			}})
		}
	}
	return graphs
}

// TestCanaries looks for secrets, names and presences in all that comes out of
// every credential against every hostile Entra and Graph.
func TestCanaries(t *testing.T) {
	t.Parallel()
	p := makePair(t, rsaKey(t, 2048), time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	credentials := map[string]func(t *testing.T) graphclient.Credential{
		"secret": func(*testing.T) graphclient.Credential { return withSecret("canary-secret") },
		"device": func(t *testing.T) graphclient.Credential {
			return graphclient.DeviceCode{TokenFile: write(t, "refresh", []byte(canaryRefresh), 0o600)}
		},
		"certificate": func(t *testing.T) graphclient.Credential {
			return graphclient.Certificate{CertificateFile: write(t, "app.pem", append(p.cert, p.key...), 0o600)}
		},
		"federated": func(t *testing.T) graphclient.Credential {
			return graphclient.FederatedFile{Path: write(t, "token", []byte("canary.federated.token"), 0o600)}
		},
	}
	for credential, cred := range credentials {
		for login, entra := range hostileLogins() {
			for answer, graph := range hostileGraphs() {
				if login != "granted" && answer != "good" {
					continue // without a token there is no Graph
				}
				t.Run(credential+"/"+login+"/"+answer, func(t *testing.T) {
					t.Parallel()
					lookForCanaries(t, &world{login: entra, graph: graph}, cred(t))
				})
			}
		}
	}
}

func lookForCanaries(t *testing.T, w *world, cred graphclient.Credential) {
	core, logged := observer.New(zap.DebugLevel)
	log := zap.New(core)
	r := overLoopback(t, w, setting{log: log})
	tokens := graphclient.NewTokens(graphclient.TokensConfig{Cloud: r.cloud, TenantID: tenantID, ClientID: clientID, Log: log}, cred)
	client, err := graphclient.New(graphclient.Config{Cloud: r.cloud}, tokens, r.budget, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	d, err := graphclient.NewDirectory(graphclient.DirectoryConfig{Cloud: r.cloud}, tokens, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond) // no time for pauses
	defer cancel()
	_, asked := client.Presences(ctx, []presence.UserID{user(0)})
	_, resolved := d.Resolve(ctx, []string{"alice@contoso.com"}, []string{"g"})
	out := inEveryWay(asked) + inEveryWay(resolved)
	for _, v := range []any{tokens, client, d, cred} {
		out += inEveryWay(v)
	}
	for _, line := range logged.All() {
		out += inEveryWay(line.ContextMap()) + line.Message
		if line.Level > zap.DebugLevel && strings.Contains(fmt.Sprint(line.ContextMap()), string(user(0))) {
			t.Errorf("a user id was logged above debug: %v", line)
		}
	}
	for _, canary := range []string{"canary", "alice", "Napping", "-----BEGIN"} {
		if at := strings.Index(out, canary); at >= 0 {
			t.Errorf("%q came out: …%s…", canary, out[max(0, at-80):min(len(out), at+80)])
		}
	}
}

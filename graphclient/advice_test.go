package graphclient_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"presenced/graphclient"
	"presenced/presence"
)

// The worker logs the error it gets and nothing else: all that a person needs has
// to stand in it.
func TestErrorsTellWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		endpoint graphclient.Endpoint
		graph    http.HandlerFunc
		login    http.HandlerFunc
		want     []string
	}{
		"forbidden":     {"", refusing(403, "Authorization_RequestDenied"), nil, []string{"forbidden: grant the app the permission Presence.Read.All (application", "403 Forbidden", "Authorization_RequestDenied"}},
		"forbidden, me": {graphclient.EndpointMe, refusing(403, "Forbidden"), nil, []string{"forbidden: grant the app the permission Presence.Read (delegated)", "403 Forbidden"}},
		"app at me":     {graphclient.EndpointMe, refusing(400, "BadRequest"), nil, []string{"forbidden: endpoint me needs a person's sign-in", "400 Bad Request"}},
		"unauthorized":  {"", refusing(401, "InvalidAuthenticationToken"), nil, []string{"unauthorized: check that graph_url", "401 Unauthorized", "InvalidAuthenticationToken"}},
		"throttled":     {"", refusing(429, "TooManyRequests"), nil, []string{"throttled: ", "429 Too Many Requests", "TooManyRequests"}},
		"server error":  {"", refusing(500, "generalException"), nil, []string{"unreachable: nothing to do here", "500 Internal Server Error", "generalException"}},
		"redirect":      {"", refusing(302, ""), nil, []string{"unreachable: check what stands between", "302 Found", "redirects are not followed"}},
		"not JSON": {"", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("request-id", "94fb3b52-0000-4000-8000-000000000001")
			rw.Header().Set("Content-Type", "text/html")
		}, nil, []string{"unreachable: check what stands between", "200 OK", "not JSON but text/html"}},
		"no presence": {"", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("request-id", "94fb3b52-0000-4000-8000-000000000001")
			_, _ = rw.Write([]byte(`{}`))
		}, nil, []string{"unreachable: ", "200 OK", "the answer has no value"}},
		"not found": {graphclient.EndpointMe, refusing(404, "itemNotFound"), nil, []string{"unreachable: check endpoint and graph_url", "404 Not Found", "itemNotFound"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := inMemory(t, &world{graph: tc.graph, login: tc.login}, setting{endpoint: tc.endpoint})
				_, err := r.Presences(t.Context(), users(1))
				if err == nil {
					t.Fatal("Presences gave no error")
				}
				for _, want := range append(tc.want, "request-id 94fb3b52-0000-4000-8000-000000000001", "client-request-id ") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("error = %q, want %q in it", err, want)
					}
				}
			})
		})
	}
}

func refusing(status int, code string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, status, code, "Some words.") }
}

// Without an answer the host is named; without a token, what Graph said before.
func TestSilenceTellsWhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		wires := newWires(t, "http/1.1")
		wires.serve(t, "login.test", w)
		r := wires.rig(t, w, setting{})
		_, err := r.Presences(t.Context(), users(1))
		blindBy(t, err, presence.CauseUnreachable)
		for _, want := range []string{"check the network", "graph.test: the name of the host cannot be looked up: no such host", "client-request-id "} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error = %q, want %q in it", err, want)
			}
		}
		again := inMemory(t, &world{graph: refusing(401, "InvalidAuthenticationToken"), login: func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusBadGateway)
		}}, setting{})
		_, err = again.Presences(t.Context(), users(1))
		if blindBy(t, err, presence.CauseUnreachable); !strings.Contains(err.Error(), "Entra answered 502") {
			t.Errorf("error = %q, want Entra's status", err)
		}
	})
}

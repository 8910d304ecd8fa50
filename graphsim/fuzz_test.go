package graphsim

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func FuzzParseIDs(f *testing.F) {
	for _, seed := range []string{`{"ids":["00000000-1111-4222-8333-444444444444"]}`, `{"ids":[]}`, `{"ids":null}`, `{`, `[]`, `{"ids":[1]}`,
		`{"IDS":["00000000-1111-4222-8333-444444444444","x"]}`, "{\"ids\":[\"\xff\"]}", strings.Repeat("[", 100)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ids, no := parseIDs(body)
		if (no == nil) != (len(ids) > 0) || len(ids) > maxIDs {
			t.Fatalf("%d ids and refusal %v", len(ids), no)
		}
		for _, id := range ids {
			if !isGUID(id) {
				t.Errorf("accepted %q", id)
			}
		}
		if no == nil && len(distinct(ids)) > len(ids) {
			t.Error("distinct made more")
		}
	})
}

func FuzzRoute(f *testing.F) {
	for _, seed := range []string{"/v1.0/users/a/presence", "/v1.0/groups/g/transitiveMembers/microsoft.graph.user", "/t/oauth2/v2.0/token",
		"/_sim/stats", "/", "//", "/v1.0/users/a%2Fb", "/v1.0/users/%00", "/v1.0//presence", "v1.0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.Parse("http://sim.example" + path)
		if err != nil {
			return
		}
		got := route(u)
		needs := got.endpoint == EndpointUser || got.endpoint == EndpointCommunications || got.endpoint == EndpointUserRecord
		if needs && got.argument == "" {
			t.Errorf("%q is %s of nobody", path, got.endpoint)
		}
	})
}

func FuzzQuery(f *testing.F) {
	f.Add("$top=999&$select=id,displayName&$count=true", "eventual")
	f.Add("$skiptoken=p12&$top=-1", "")
	f.Add("$select=,&$top=%31", "session")
	f.Add("$skiptoken=99999999999999999999", "")
	f.Fuzz(func(t *testing.T, query, consistency string) {
		r := httptest.NewRequest(http.MethodGet, "/v1.0/groups/g/transitiveMembers", nil)
		r.URL.RawQuery = query
		r.Header.Set("ConsistencyLevel", consistency)
		q, no := parseMembersQuery(r, allMembers)
		if no == nil && (q.top < 1 || q.top > maxTop || q.skip < 0) {
			t.Errorf("%q gives %+v", query, q)
		}
	})
}

// FuzzAnyRequest sends anything anywhere: no panic, and never an answer that only a token should give.
func FuzzAnyRequest(f *testing.F) {
	sim, err := New(Config{Users: 3})
	if err != nil {
		f.Fatal(err)
	}
	app := sim.Tenants()[0]
	for _, path := range []string{"/" + app.ID + "/oauth2/v2.0/token", "/" + app.ID + "/oauth2/v2.0/devicecode",
		"/v1.0/communications/getPresencesByUserId", "/v1.0/me/presence", "/_sim/faults", "/_sim/presence", "/"} {
		f.Add("POST", path, "client_id="+app.ClientID+"&grant_type=client_credentials&claims={}", "application/x-www-form-urlencoded", "Bearer a.b.c")
		f.Add("GET", path, `{"user": "1", "at": "1s"}`, "application/json", "Basic Og==")
	}
	f.Fuzz(func(t *testing.T, method, path, body, contentType, authorization string) {
		u, err := url.Parse("http://sim.example" + path)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://sim.example/", strings.NewReader(body))
		r.Method, r.URL = method, u
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		sim.faults.clear() // an injected fault may break connections on purpose
		sim.ServeHTTP(w, r)
		if strings.HasPrefix(u.EscapedPath(), "/v1.0/") && w.Code == http.StatusOK {
			t.Errorf("%s %s without a token: 200", method, path)
		}
	})
}

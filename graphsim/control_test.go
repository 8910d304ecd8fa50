package graphsim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"presenced/graphsim"
)

func (r *rig) control(method, path, body string, header ...string) answer {
	r.t.Helper()
	req := r.request(method, "/_sim/"+path, body)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.do(req)
}

func TestControl(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 3, Speed: 60})
	me := r.sim.UserIDs()[0]
	ok := func(path, body string) { t.Helper(); r.control(http.MethodPost, path, body).want(t, http.StatusOK) }

	ok("clock", `{"frozen": true}`)
	ok("clock", `{"advance": "1h"}`)
	if got := r.control(http.MethodGet, "clock", ""); !strings.Contains(string(got.body), `"frozen": true`) || r.sim.Simulated().Hour() < 10 {
		t.Errorf("clock = %s", got.body)
	}
	ok("presence", `{"user": "`+me+`", "availability": "Busy", "activity": "InACall"}`)
	r.bulk(me).want(t, http.StatusOK)
	var served map[string][]graphsim.Run
	if err := json.Unmarshal(r.control(http.MethodGet, "served", "").want(t, 200).body, &served); err != nil || served[me][0].Activity != "InACall" {
		t.Errorf("served = %v, %v", served, err)
	}
	ok("presence", `{"user": "2", "remove": true}`)
	var users []graphsim.User
	if err := json.Unmarshal(r.control(http.MethodGet, "users", "").want(t, 200).body, &users); err != nil || len(users) != 2 {
		t.Errorf("users = %v, %v", users, err)
	}
	ok("faults", `{"kind": "unavailable", "on": "bulk", "retry_after": "3", "for": "1h"}`)
	r.bulk(me).want(t, http.StatusServiceUnavailable)
	if got := r.control(http.MethodGet, "faults", ""); !strings.Contains(string(got.body), `"hits": 1`) {
		t.Errorf("faults = %s", got.body)
	}
	r.control(http.MethodDelete, "faults", "").want(t, http.StatusOK)
	r.bulk(me).want(t, http.StatusOK)
	var stats graphsim.Stats
	if err := json.Unmarshal(r.control(http.MethodGet, "stats", "").want(t, 200).body, &stats); err != nil || stats.Requests != 3 || stats.MaxInWindow != 3 {
		t.Errorf("stats = %+v, %v", stats, err)
	}
	ok("revoke", `{"tenant": "`+r.sim.Tenants()[0].Domain+`"}`)
	r.bulk(me).want(t, http.StatusUnauthorized)

	l := startLogin(t, r)
	ok("device", `{"user_code": "`+l.userCode+`", "user": "`+me+`"}`)
	l.poll().want(t, http.StatusOK)
	l = startLogin(t, r)
	ok("device", `{"user_code": "`+l.userCode+`", "decline": true}`)
	l.poll().want(t, http.StatusBadRequest)
	r.control(http.MethodGet, "device", "").want(t, http.StatusOK)
}

func TestControlRefusals(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	for _, test := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"unknown key", http.MethodPost, "faults", `{"kind": "reset", "colour": "red"}`, 400},
		{"bad fault", http.MethodPost, "faults", `{"kind": "meteor"}`, 400},
		{"nothing", http.MethodPost, "faults", ``, 400},
		{"garbage", http.MethodPost, "presence", `{{`, 400},
		{"unknown user", http.MethodPost, "presence", `{"user": "7", "remove": true}`, 400},
		{"backwards", http.MethodPost, "clock", `{"advance": "-1s"}`, 400},
		{"unknown tenant", http.MethodPost, "revoke", `{"tenant": "x"}`, 400},
		{"unknown code", http.MethodPost, "device", `{"user_code": "x"}`, 400},
		{"2 MB", http.MethodPost, "faults", strings.Repeat(" ", 2<<20), 413},
		{"change by GET", http.MethodGet, "revoke", ``, 405},
		{"unknown path", http.MethodGet, "secrets", ``, 404},
	} {
		if got := r.control(test.method, test.path, test.body); got.StatusCode != test.status {
			t.Errorf("%s: %d %s, want %d", test.name, got.StatusCode, got.body, test.status)
		}
	}
	if got := r.control(http.MethodDelete, "faults", "", "Sec-Fetch-Site", "cross-site"); got.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign web page may end faults: %d", got.StatusCode)
	}
}

package graphsim_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"presenced/graphsim"
)

func inject(t *testing.T, sim *graphsim.Server, f graphsim.Fault) {
	t.Helper()
	if err := sim.Inject(f); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsThatAnswerSomethingElse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault       graphsim.Fault
		status      int
		code, ctype string
		header      [2]string
		body        string // part of it
	}{
		{fault: graphsim.Fault{Kind: graphsim.KindInternalError}, status: 500, code: "InternalServerError"},
		{fault: graphsim.Fault{Kind: graphsim.KindBadGateway}, status: 502, ctype: "text/html", body: "<html>"},
		{fault: graphsim.Fault{Kind: graphsim.KindUnavailable, RetryAfter: "2.128"}, status: 503, code: "ServiceUnavailable", header: [2]string{"Retry-After", "2.128"}},
		{fault: graphsim.Fault{Kind: graphsim.KindUnavailable}, status: 503, code: "ServiceUnavailable", header: [2]string{"Retry-After", ""}},
		{fault: graphsim.Fault{Kind: graphsim.KindGatewayTimeout}, status: 504, code: "GatewayTimeout"},
		{fault: graphsim.Fault{Kind: graphsim.KindThrottled, RetryAfter: "-1"}, status: 429, code: "TooManyRequests", header: [2]string{"Retry-After", "-1"}},
		{fault: graphsim.Fault{Kind: graphsim.KindUnauthorized}, status: 401, code: "InvalidAuthenticationToken"},
		{fault: graphsim.Fault{Kind: graphsim.KindForbidden}, status: 403, code: "Forbidden"},
		{fault: graphsim.Fault{Kind: graphsim.KindRedirect, URL: "https://evil.example/v1.0"}, status: 307, header: [2]string{"Location", "https://evil.example/v1.0"}},
		{fault: graphsim.Fault{Kind: graphsim.KindEmpty}, status: 200},
		{fault: graphsim.Fault{Kind: graphsim.KindWrongEntity}, status: 200, body: `"userPrincipalName"`},
		{fault: graphsim.Fault{Kind: graphsim.KindDeep, Size: 20_000}, status: 200, body: strings.Repeat("[", 20_000)},
	} {
		t.Run(string(test.fault.Kind), func(t *testing.T) {
			t.Parallel()
			r := start(t, graphsim.Config{Users: 1})
			test.fault.Count = 1
			inject(t, r.sim, test.fault)
			got := r.bulk(r.sim.UserIDs()...).want(t, test.status)
			if got.text("error", "code") != test.code || !strings.Contains(string(got.body), test.body) {
				t.Errorf("body = %.200s, want code %q and %.50q", got.body, test.code, test.body)
			}
			if name := test.header[0]; name != "" && got.Header.Get(name) != test.header[1] {
				t.Errorf("%s = %q, want %q", name, got.Header.Get(name), test.header[1])
			}
			if test.ctype != "" && got.Header.Get("Content-Type") != test.ctype {
				t.Errorf("Content-Type = %q", got.Header.Get("Content-Type"))
			}
			if served := r.sim.Served(); len(served) != 0 {
				t.Errorf("served = %v, want nothing", served)
			}
			r.bulk(r.sim.UserIDs()...).want(t, http.StatusOK) // the count is used up
			if stats := r.sim.Stats(); stats.MaxInWindow != 2 {
				t.Errorf("stats = %+v, want the faulty answer counted", stats)
			}
		})
	}
}

func TestFaultsThatSpoilTheAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind  graphsim.Kind
		check func(t *testing.T, got answer)
	}{
		{graphsim.KindTruncated, func(t *testing.T, got answer) {
			if json.Valid(got.body) || len(got.body) == 0 {
				t.Errorf("body = %q, want half of the JSON", got.body)
			}
		}},
		{graphsim.KindTrailing, func(t *testing.T, got answer) {
			if json.Valid(got.body) || !strings.HasPrefix(string(got.body), "{") {
				t.Errorf("body = %q, want JSON and something behind it", got.body)
			}
		}},
		{graphsim.KindContentType, func(t *testing.T, got answer) {
			if got.Header.Get("Content-Type") != "text/html" || !json.Valid(got.body) {
				t.Errorf("headers = %v, body = %s", got.Header, got.body)
			}
		}},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			r := start(t, graphsim.Config{Users: 5})
			inject(t, r.sim, graphsim.Fault{Kind: test.kind})
			test.check(t, r.bulk(r.sim.UserIDs()...).want(t, http.StatusOK))
			if served := r.sim.Served(); len(served) != 0 {
				t.Errorf("served = %v, want nothing", served)
			}
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 50})
	send := func() (*http.Response, error) {
		req := r.request(http.MethodPost, bulkPath, idsBody(r.sim.UserIDs()...))
		req.Header.Set("Authorization", "Bearer "+r.token())
		req.Header.Set("Content-Type", "application/json")
		return r.client.Do(req)
	}
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindReset, Count: 1})
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindCut, Count: 1})
	if res, err := send(); err == nil {
		_ = res.Body.Close()
		t.Error("reset: got an answer")
	} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("reset: %v, want a reset connection", err)
	}
	res, err := send()
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 {
		t.Errorf("cut: %d bytes, %v; want some and an unexpected end", len(body), err)
	}
	if len(r.sim.Served()) != 0 {
		t.Error("a broken answer counts as served")
	}
}

func TestFloods(t *testing.T) {
	t.Parallel()
	for _, kind := range []graphsim.Kind{graphsim.KindOversized, graphsim.KindGzipBomb} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := start(t, graphsim.Config{Users: 1})
			inject(t, r.sim, graphsim.Fault{Kind: kind, Size: 5_000_000})
			got := r.bulk(r.sim.UserIDs()...).want(t, http.StatusOK)
			if len(got.body) < 5_000_000 || !json.Valid(got.body) {
				t.Errorf("%d bytes, valid %t; want 5 MB of valid JSON", len(got.body), json.Valid(got.body))
			}
			if kind == graphsim.KindGzipBomb && !got.Uncompressed {
				t.Error("the bomb was not compressed")
			}
		})
	}
}

func TestAClientThatHangsUpEndsAFlood(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindOversized, Size: 1 << 50})
	req := r.request(http.MethodPost, bulkPath, idsBody(r.sim.UserIDs()...))
	req.Header.Set("Authorization", "Bearer "+r.token())
	req.Header.Set("Content-Type", "application/json")
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // the server's Close at the end of the test waits for the handler
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := start(t, graphsim.Config{Users: 1, Now: clock.Now})
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindClockSkew, Skew: -365 * 24 * time.Hour})
	got := r.bulk(r.sim.UserIDs()...).want(t, http.StatusOK)
	if got.Header.Get("Date") != "Sun, 23 Nov 2025 12:00:00 GMT" || len(r.sim.Served()) != 1 {
		t.Errorf("Date = %q, served %d; want a year ago and a right answer", got.Header.Get("Date"), len(r.sim.Served()))
	}
}

func TestTokenFaults(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	app := r.sim.Tenants()[0]
	for _, test := range []struct {
		fault  graphsim.Fault
		status int
		oauth  string
	}{
		{graphsim.Fault{Kind: graphsim.KindTokenError, Code: 50196}, 400, "invalid_request"},
		{graphsim.Fault{Kind: graphsim.KindTokenError, Code: 53003}, 400, "invalid_grant"},
		{graphsim.Fault{Kind: graphsim.KindTokenError, Code: 7000222}, 401, "invalid_client"},
		{graphsim.Fault{Kind: graphsim.KindTokenError, Code: 90055, RetryAfter: "7"}, 429, "temporarily_unavailable"},
		{graphsim.Fault{Kind: graphsim.KindThrottled, RetryAfter: "7"}, 429, "temporarily_unavailable"},
		{graphsim.Fault{Kind: graphsim.KindUnavailable, RetryAfter: "7"}, 503, "temporarily_unavailable"},
		{graphsim.Fault{Kind: graphsim.KindBadGateway}, 502, ""},
		{graphsim.Fault{Kind: graphsim.KindWrongEntity}, 200, ""},
		{graphsim.Fault{Kind: graphsim.KindTruncated}, 200, ""},
	} {
		test.fault.On, test.fault.Count = "token", 1
		inject(t, r.sim, test.fault)
		got := r.form(app.ID, "token", secretForm(app))
		if got.StatusCode != test.status || got.text("error") != test.oauth || got.text("access_token") != "" || got.Header.Get("Retry-After") != test.fault.RetryAfter {
			t.Errorf("%s %d: %d %.200s", test.fault.Kind, test.fault.Code, got.StatusCode, got.body)
		}
	}
	r.token()
}

func TestFaultsOnTheDirectory(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	inject(t, r.sim, graphsim.Fault{Kind: graphsim.KindTruncated, On: "users"})
	if got := r.get("/v1.0/users/"+r.sim.UserIDs()[0]).want(t, http.StatusOK); json.Valid(got.body) {
		t.Errorf("body = %s, want it truncated", got.body)
	}
}

func TestInjectRefusesNonsense(t *testing.T) {
	t.Parallel()
	sim := newSim(t, graphsim.Config{Users: 1})
	for name, f := range map[string]graphsim.Fault{
		"no kind":               {},
		"unknown kind":          {Kind: "meteor"},
		"unknown endpoint":      {Kind: graphsim.KindReset, On: "bulkk"},
		"negative count":        {Kind: graphsim.KindReset, Count: -1},
		"negative time":         {Kind: graphsim.KindReset, After: -1},
		"probability above 1":   {Kind: graphsim.KindReset, Probability: 1.1},
		"negative size":         {Kind: graphsim.KindDeep, Size: -1},
		"poison without ids":    {Kind: graphsim.KindPoison},
		"redirect to nowhere":   {Kind: graphsim.KindRedirect},
		"skew of nothing":       {Kind: graphsim.KindClockSkew},
		"token error, no code":  {Kind: graphsim.KindTokenError, On: "token"},
		"token error for Graph": {Kind: graphsim.KindTokenError, Code: 50196},
	} {
		if err := sim.Inject(f); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if n := len(sim.Faults()); n != 0 {
		t.Errorf("%d faults injected, want none", n)
	}
}

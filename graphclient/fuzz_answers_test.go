package graphclient

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"presenced/presence"
)

// Whatever a directory answers, nobody without an id of the right form is watched.
func FuzzDirectoryAnswer(f *testing.F) {
	id := string(nthUser(7))
	for _, seed := range []string{
		`{"id":"` + id + `"}`, `{"value":[{"id":"` + id + `"},{"id":"` + id + `"}]}`, `{"value":[{"id":null},5,null,{"id":"x"}]}`,
		`{"value":[{"@odata.type":"#microsoft.graph.device","id":"` + id + `"}],"@odata.nextLink":"https://evil.example/v1.0/groups"}`,
		`{}`, `null`, `[]`, ``, `{"value":null}`, `{"value":[{"id":"` + strings.ToUpper(id) + `"}]}{}`, "\xff\xfe{",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, single bool) {
		into := map[presence.UserID]string{}
		link, err := collect(&reply{body: body}, single, "somebody", into)
		for user := range into {
			if id, err := presence.ParseUserID(string(user)); err != nil || id != user {
				t.Errorf("watches %q", user)
			}
		}
		if err != nil && (len(into) > 0 || link != "") {
			t.Errorf("%d people and link %q of a bad page: %v", len(into), link, err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error of several lines: %q", err)
		}
	})
}

// Whatever refuses a request, and wherever it would send us, the error is one short
// line without the token, and tells the status.
func FuzzRefusal(f *testing.F) {
	for _, seed := range []struct{ body, location string }{
		{`{"error":{"code":"Forbidden","message":"no","innerError":{"request-id":"r"}}}`, ""},
		{`{"error":"x"}`, "https://evil.example/"}, {`<html>`, "//evil.example"}, {``, "\x00"}, {`null`, "https://a\r\nX: y"},
		{`{"error":{"code":"Bearer canary-token-0123456789","message":"canary-token-0123456789"}}`, "https://evil.example/?canary-token-0123456789"},
	} {
		f.Add(403, seed.body, seed.location, "3")
		f.Add(302, seed.body, seed.location, "soon")
	}
	f.Fuzz(func(t *testing.T, status int, body, location, wait string) {
		req, err := http.NewRequest(http.MethodGet, "https://graph.microsoft.com/v1.0/me/presence", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer canary-token-0123456789")
		e := newAPIError(&http.Response{
			StatusCode: status, Request: req, Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Location": {location}, "Retry-After": {wait}, "Request-Id": {location}, "Content-Type": {"application/json"}},
		}, "ours")
		text := e.Error()
		if strings.Contains(text, "canary-token") || strings.ContainsAny(text, "\r\n\x00") || len(text) > 2000 || e.Status != status {
			t.Errorf("error %q of status %d", text, status)
		}
	})
}

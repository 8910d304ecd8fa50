package graphclient

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"presenced/presence"
)

var word = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

func nthUser(n int) presence.UserID {
	return presence.UserID(fmt.Sprintf("00000000-0000-4000-8000-%012x", n))
}

func FuzzDecodePresences(f *testing.F) {
	one := `{"id":"` + string(nthUser(0)) + `","availability":"Busy","activity":"InAMeeting","sequenceNumber":"A1",` +
		`"statusMessage":{"message":{"content":"x"}},"outOfOfficeSettings":{"isOutOfOffice":true,"message":null},"workLocation":null}`
	for _, seed := range []string{
		`{"value":[` + one + `]}`, one, `{"value":[]}`, `{}`, `null`, `[]`, `{"value":null}`, ``,
		`{"value":[` + one + `,` + one + `],"@odata.nextLink":"https://graph.microsoft.com/v1.0/communications/x"}`,
		`{"value":[null,5,"x",{"id":"` + string(nthUser(1)) + `","availability":null,"activity":"Off\u0020line"}]}`,
		`{"value":[` + one + `]}{}`, `{"value":[{"id":7,"availability":[],"activity":{}}]}`, "\xff\xfe{",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	ids := []presence.UserID{nthUser(0), nthUser(1)}
	f.Fuzz(func(t *testing.T, body []byte, single bool) {
		h := newHarvest(ids, Fields{StatusMessage: true, OutOfOffice: true, WorkLocation: true}, single)
		link, err := h.page(&reply{body: body})
		answers := h.answers()
		if err != nil && (len(answers) > 0 || link != "") {
			t.Errorf("%d answers and link %q of a bad page", len(answers), link)
		}
		for _, a := range answers {
			if a.User != ids[0] && a.User != ids[1] {
				t.Errorf("answer for %q, whom nobody asked for", a.User)
			}
			if !word.MatchString(a.Presence.Availability) || !word.MatchString(a.Presence.Activity) {
				t.Errorf("presence %+v is not made of words", a.Presence)
			}
			plain := strings.ToLower(string(body))
			if a.Presence.Availability == "Offline" && !strings.Contains(plain, `"offline"`) && !strings.Contains(plain, `\`) {
				t.Errorf("Offline out of nothing: %s", body)
			}
			if m := a.Presence.StatusMessage; m != nil && len(*m) > maxPersonal {
				t.Errorf("status message has %d bytes", len(*m))
			}
		}
	})
}

// fixed answers every request with the same body.
type fixed struct {
	status int
	body   string
}

func (f fixed) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: f.status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(f.body)), Request: req,
	}, nil
}

func FuzzTokenAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"token_type":"Bearer","expires_in":3599,"access_token":"t"}`, `{"token_type":"Bearer","expires_in":"3599","access_token":"t"}`,
		`{"token_type":"Bearer","expires_in":-1,"access_token":"t"}`, `{"token_type":"Bearer","expires_in":1e12,"access_token":"t\r\n"}`,
		`{"error":"invalid_client","error_description":"AADSTS7000215: x\r\nTrace ID: y","error_codes":[7000215]}`, `<html>`, ``, `null`,
	} {
		f.Add(200, seed)
		f.Add(400, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		tokens := NewTokens(TokensConfig{Cloud: microsoft, TenantID: "contoso.com", ClientID: "x", Transport: fixed{status, body}},
			ClientSecret{Read: func() (string, error) { return "canary-secret", nil }})
		token, err := tokens.Token(context.Background())
		if err != nil {
			if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 2000 || strings.Contains(text, "canary") {
				t.Errorf("error %q", text)
			}
			return
		}
		left := time.Until(tokens.Expiry())
		if checkToken(token) != nil || status < 200 || status > 299 || left <= 0 || left > maxLifetime {
			t.Errorf("token %q of status %d, good for %v", token, status, left)
		}
		if _, err := TokenClaims(token); err != nil && strings.Contains(err.Error(), token) && len(token) > 8 {
			t.Errorf("error repeats the token: %v", err)
		}
	})
}

// A ledger comes out of the log, where anybody may have written.
func FuzzCharge(f *testing.F) {
	f.Add(10, 5, 3, int64(time.Second), int64(time.Second), uint8(31))
	f.Add(-1, 1<<62, 1<<62, int64(-1), int64(1<<62), uint8(255))
	f.Fuzz(func(t *testing.T, completed, inFlight, reserved int, aged, settle int64, buckets uint8) {
		b, err := NewBudget(BudgetConfig{Requests: 10, Share: 1, Boot: func() time.Duration { return 1 }})
		if err != nil {
			t.Fatal(err)
		}
		l := presence.Ledger{InFlight: inFlight, Reserved: reserved}
		for range buckets {
			l.Completed = append(l.Completed, completed)
		}
		b.Charge(l, time.Duration(aged), time.Duration(settle))
		b.Charge(b.Ledger(), 0, time.Second) // its own successor
		if used := b.Used(); used < 0 || used > 2 {
			t.Errorf("Used = %v, want 0 to 2: one share for each ledger", used)
		}
		if n := len(b.Ledger().Completed); n > 31 {
			t.Errorf("ledger has %d buckets, want 31 at most", n)
		}
	})
}

// bulkAnswer is what Graph sends for a full chunk, some 230 bytes a user.
func bulkAnswer(n int) ([]byte, []presence.UserID) {
	var b strings.Builder
	ids := make([]presence.UserID, n)
	b.WriteString(`{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.presence)","value":[`)
	for i := range n {
		ids[i] = nthUser(i)
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%q,"availability":"Busy","activity":"InAMeeting","statusMessage":null,"sequenceNumber":"A%d",`+
			`"outOfOfficeSettings":{"message":null,"isOutOfOffice":false},"workLocation":null}`, ids[i], 129311063+i)
	}
	b.WriteString(`]}`)
	return []byte(b.String()), ids
}

func BenchmarkDecode650(b *testing.B) {
	for name, fields := range map[string]Fields{"lean": {}, "all fields": {StatusMessage: true, OutOfOffice: true, WorkLocation: true}} {
		b.Run(name, func(b *testing.B) {
			body, ids := bulkAnswer(MaxIDs)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				h := newHarvest(ids, fields, false)
				if _, err := h.page(&reply{body: body}); err != nil || len(h.answers()) != MaxIDs {
					b.Fatal(err)
				}
			}
		})
	}
}

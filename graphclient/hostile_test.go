package graphclient

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/presence"
)

// trap is the lowest level: it answers for every host there is, sends whoever
// asks on to a hostile URL, and remembers where secrets went.
type trap struct {
	mu      sync.Mutex
	status  int
	to      string
	foreign []string
	asked   int
}

func (r *trap) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	home := req.URL.Scheme == "https" && (req.URL.Host == "graph.microsoft.com" || req.URL.Host == "login.microsoftonline.com")
	if !home || req.Host != "" && req.Host != req.URL.Host {
		r.foreign = append(r.foreign, req.URL.Scheme+"://"+req.URL.Host)
	}
	resp := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: req}
	body := `{"token_type":"Bearer","expires_in":3599,"access_token":"canary-token"}`
	if strings.HasPrefix(req.URL.Host, "graph.") {
		r.asked++
		link, _ := json.Marshal(r.to)
		body = `{"value":[],"@odata.nextLink":` + string(link) + `}`
		if r.status != 200 {
			resp.StatusCode = r.status
			resp.Header["Location"] = []string{r.to}
			resp.Header["Refresh"] = []string{"0; url=" + r.to}
			resp.Header["Content-Location"] = []string{r.to}
		}
	}
	resp.Body = io.NopCloser(strings.NewReader(body))
	return resp, nil
}

// Every hostile URL in every form of sending somebody on: redirects and next
// links, for presences and for the directory. Nothing may leave for another host,
// with the token or without it.
func TestNothingIsSentOn(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 300, 301, 302, 303, 304, 305, 307, 308} {
		for _, hostile := range hostileURLs {
			r := &trap{status: status, to: hostile}
			tokens := NewTokens(TokensConfig{Cloud: microsoft, TenantID: "contoso.com", ClientID: "x", Transport: r},
				ClientSecret{Read: func() (string, error) { return "s", nil }})
			budget, err := NewBudget(BudgetConfig{Boot: func() time.Duration { return 1 }})
			if err != nil {
				t.Fatal(err)
			}
			budget.Permit(presence.Ledger{Reserved: 100}, 2)
			client, err := New(Config{Cloud: microsoft, Transport: r}, tokens, budget, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			d, err := NewDirectory(DirectoryConfig{Cloud: microsoft, Transport: r}, tokens, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, asked := client.Presences(t.Context(), []presence.UserID{nthUser(0)})
			_, resolved := d.Resolve(t.Context(), nil, []string{"g"})
			if hostile != "" && (asked == nil || resolved == nil) { // an empty link is none
				t.Errorf("%d to %q: Presences = %v, Resolve = %v, want errors", status, hostile, asked, resolved)
			}
			if len(r.foreign) > 0 || r.asked != 2 {
				t.Errorf("%d to %q: %d requests to Graph, and some to %q", status, hostile, r.asked, r.foreign)
			}
		}
	}
}

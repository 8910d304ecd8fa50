package graphsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"presenced/graphsim"
)

// A tenant to develop against: a token by client secret, then one bulk request.
func Example() {
	sim, err := graphsim.New(graphsim.Config{Users: 3, Frozen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(sim)
	defer web.Close()

	app, users := sim.Tenants()[0], sim.UserIDs()
	if err := sim.SetPresence(users[0], "Busy", "InAMeeting"); err != nil {
		fmt.Println(err)
		return
	}
	res, err := web.Client().PostForm(web.URL+"/"+app.ID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		fmt.Println(err)
		return
	}

	req, _ := http.NewRequest(http.MethodPost, web.URL+"/v1.0/communications/getPresencesByUserId", strings.NewReader(`{"ids":["`+users[0]+`"]}`))
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	req.Header.Set("Content-Type", "application/json")
	answer, err := web.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	var body struct {
		Value []struct{ Availability, Activity string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Status, body.Value)
	fmt.Println(sim.Stats().MaxInWindow, "request in the fullest window")
	// Output:
	// 200 OK [{Busy InAMeeting}]
	// 1 request in the fullest window
}

// Faults and presence changes can be written down.
func ExampleParseScript() {
	_, err := graphsim.ParseScript([]byte(`
faults:
  - {kind: unavailable, on: bulk, after: 5s, for: 10s, retry_after: "7"}
  - {kind: truncated, on: bulk, count: 3, probability: 0.1}
  - {kind: reset, on: carrier-pigeon}
presence:
  - {at: 10s, user: 3, availability: Busy, activity: InAMeeting}
`))
	fmt.Println(strings.Contains(err.Error(), `script: fault 2: on: got "carrier-pigeon"`))
	// Output: true
}

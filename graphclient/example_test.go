package graphclient_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"presenced/graphclient"
	"presenced/graphsim"
	"presenced/presence"
)

// Ask a simulated tenant who is there. A user that Graph does not answer for would
// be missing from the answers.
func Example() {
	sim, err := graphsim.New(graphsim.Config{Users: 2, Frozen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(sim)
	defer web.Close()
	app, ids := sim.Tenants()[0], sim.UserIDs()
	if err := sim.SetPresence(ids[0], "Busy", "InAMeeting"); err != nil {
		fmt.Println(err)
		return
	}

	cloud := graphclient.Cloud{LoginURL: web.URL, GraphURL: web.URL}
	tokens := graphclient.NewTokens(
		graphclient.TokensConfig{Cloud: cloud, TenantID: app.ID, ClientID: app.ClientID},
		graphclient.ClientSecret{Read: func() (string, error) { return app.ClientSecret, nil }},
	)
	start := time.Now()
	boot := func() time.Duration { return time.Since(start) }
	budget, err := graphclient.NewBudget(graphclient.BudgetConfig{Boot: boot})
	if err != nil {
		fmt.Println(err)
		return
	}
	budget.Permit(budget.Reserve(1), boot()+10*time.Second) // the log confirmed that we own the tenant
	client, err := graphclient.New(graphclient.Config{Tenant: "contoso", Cloud: cloud}, tokens, budget, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	answers, err := client.Presences(context.Background(), []presence.UserID{presence.UserID(ids[0])})
	fmt.Println(answers[0].Presence.Availability, answers[0].Presence.Activity, err)
	// Output: Busy InAMeeting <nil>
}

// A budget lets requests leave only while the log has confirmed the ownership.
func ExampleBudget_Permit() {
	budget, err := graphclient.NewBudget(graphclient.BudgetConfig{
		Requests: 9, Share: 1, Boot: func() time.Duration { return time.Hour },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = budget.Admit(context.Background())
	fmt.Println(err)

	record := budget.Reserve(3) // goes to the log; once it is there:
	budget.Permit(record, time.Hour+10*time.Second)
	for range record.Reserved {
		slot, err := budget.Admit(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		slot.Done()
	}
	fmt.Printf("%d of 9 left, %.0f %% of the budget is used\n", budget.Ledger().Sent, 100*budget.Used())
	// Output:
	// no request may leave before the log confirms the ownership
	// 3 of 9 left, 33 % of the budget is used
}

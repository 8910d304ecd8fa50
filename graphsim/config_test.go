package graphsim_test

import (
	"strings"
	"testing"
	"time"

	"presenced/graphsim"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	sim := newSim(t, graphsim.Config{})
	app := sim.Tenants()[0]
	if len(sim.UserIDs()) != 250 || len(sim.Tenants()) != 1 || app.ClientSecret == "" || app.Domain == "" || !app.PublicClient {
		t.Errorf("%d users, tenant %+v", len(sim.UserIDs()), app)
	}
	if at := sim.Simulated(); at.Weekday() != time.Tuesday || at.Hour() != 9 || at.Minute() != 30 {
		t.Errorf("begins at %v, want a Tuesday 09:30", at)
	}
}

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	const id = "11111111-0000-4000-8000-00000000000A"
	_, err := graphsim.New(graphsim.Config{
		Users: -1, Speed: -2, Start: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), Limit: -3, Per: -4, GlobalLimit: -5, DirectoryUnits: -6,
		TokenLifetime: -7, DeviceInterval: time.Millisecond,
		Tenants: []graphsim.TenantConfig{
			{ID: "contoso"}, {ClientID: "app"}, {ID: id, ClientID: id}, {ID: strings.ToLower(id), ClientID: id}, {Federated: make([]graphsim.Federated, 21)},
		},
		Modes:  graphsim.Modes{RetryAfter: "later", BulkPage: -1},
		Script: graphsim.Script{Faults: []graphsim.Fault{{Kind: "meteor"}}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"speed: got -2", "start: got 1999", "limit: got -3", "per: got -4ns", "global limit: got -5", "directory units: got -6", "lifetimes",
		"device interval: got 1ms", "tenant 0: id: got \"contoso\"", "tenant 1: client id: got \"app\"", "tenant 0: users: got -1",
		"tenant 3: this client id", "tenant 4: got 21 federated", "tenant 4: federated 20: key: got <nil>", "federated 20: issuer and subject", "retry after: got \"later\"", "bulk page: got -1", "script: fault 0: kind: got \"meteor\"",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not have %q", want)
		}
	}
}

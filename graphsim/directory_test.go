package graphsim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"presenced/graphsim"
)

func TestUserRecord(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 400, Tenants: []graphsim.TenantConfig{{}, {Roles: []string{"Presence.Read.All"}}}})
	users := r.sim.Users(r.sim.Tenants()[0].ID)
	guest := users[slices.IndexFunc(users, func(u graphsim.User) bool { return u.Guest })]
	const fields = "?$select=id,userPrincipalName,displayName,accountEnabled,userType"
	for _, name := range []string{guest.ID, upper(guest.ID), url.PathEscape(guest.UserPrincipalName), url.PathEscape(upper(guest.UserPrincipalName))} {
		got := r.get("/v1.0/users/"+name+fields).want(t, http.StatusOK)
		var record map[string]any
		if err := json.Unmarshal(got.body, &record); err != nil {
			t.Fatal(err)
		}
		delete(record, "@odata.context")
		want := map[string]any{"id": guest.ID, "userPrincipalName": guest.UserPrincipalName, "displayName": guest.DisplayName, "accountEnabled": true, "userType": "Guest"}
		if fmt.Sprint(record) != fmt.Sprint(want) {
			t.Errorf("%s = %v, want %v", name, record, want)
		}
	}
	if got := r.get("/v1.0/users/"+users[0].ID).want(t, http.StatusOK); got.text("userType") != "" || got.text("displayName") != users[0].DisplayName {
		t.Errorf("default properties = %s", got.body)
	}
	if got := r.get("/v1.0/users/nobody@contoso.example").want(t, http.StatusNotFound); got.text("error", "code") != "Request_ResourceNotFound" {
		t.Errorf("= %s", got.body)
	}
	r.get("/v1.0/users/"+users[0].ID+"?$select=shoeSize").want(t, http.StatusBadRequest)
	theirs := r.sim.Users(r.sim.Tenants()[1].ID)[0]
	r.get("/v1.0/users/"+theirs.ID).want(t, http.StatusNotFound)
	r.bearer = r.tokenOf(r.sim.Tenants()[1])
	if got := r.get("/v1.0/users/"+theirs.ID).want(t, http.StatusForbidden); got.text("error", "code") != "Authorization_RequestDenied" {
		t.Errorf("= %s", got.body)
	}
}

// members follows the pages of a group and returns ids and the number of pages.
func members(t *testing.T, r *rig, path string, header ...string) (ids []string, pages int) {
	t.Helper()
	for path != "" {
		got := r.get(path, header...).want(t, http.StatusOK)
		for _, m := range got.presences(t) {
			if m.ID != "" {
				ids = append(ids, m.ID)
			}
		}
		pages++
		path = strings.TrimPrefix(got.text("@odata.nextLink"), r.url)
	}
	return ids, pages
}

func TestGroupMembers(t *testing.T) {
	t.Parallel()
	eventual := []string{"ConsistencyLevel", "eventual"}
	r := start(t, graphsim.Config{Users: 250})
	tenant := r.sim.Tenants()[0].ID
	everyone := "/v1.0/groups/" + r.sim.GroupID(tenant, graphsim.Everyone) + "/transitiveMembers"
	cast := everyone + "/microsoft.graph.user?$count=true&$select=id"
	for _, test := range []struct {
		query string
		pages int
	}{{"", 3}, {"&$top=999", 1}, {"&$top=250", 1}, {"&$top=249", 2}, {"&$top=1", 250}} {
		ids, pages := members(t, r, cast+test.query, eventual...)
		if !slices.Equal(ids, r.sim.UserIDs()) || pages != test.pages {
			t.Errorf("%q: %d ids on %d pages, want all on %d", test.query, len(ids), pages, test.pages)
		}
	}
	sales := "/v1.0/groups/" + upper(r.sim.GroupID(tenant, "Sales")) + "/transitiveMembers/microsoft.graph.user?$count=true"
	ids, _ := members(t, r, sales, eventual...)
	for _, u := range r.sim.Users(tenant) {
		if slices.Contains(ids, u.ID) != (u.Department == "Sales") {
			t.Errorf("%s of %s: in Sales = %t", u.ID, u.Department, slices.Contains(ids, u.ID))
		}
	}
	all, _ := members(t, r, everyone)
	if len(all) != 250+8 {
		t.Errorf("%d members without the cast, want the groups too", len(all))
	}

	for path, want := range map[string]string{
		everyone + "/microsoft.graph.user":                "Request_UnsupportedQuery", // no $count
		cast + "&$top=1000":                               "BadRequest",
		cast + "&$top=0":                                  "BadRequest",
		cast + "&$top=all":                                "BadRequest",
		cast + ",shoeSize":                                "BadRequest",
		cast + "&$skiptoken=nonsense":                     "Directory_ExpiredPageToken",
		cast + "&$skiptoken=-1":                           "Directory_ExpiredPageToken",
		strings.Replace(cast, "/groups/", "/groups/0", 1): "Request_ResourceNotFound",
	} {
		if got := r.get(path, eventual...); got.text("error", "code") != want {
			t.Errorf("%s = %d %s, want %s", path, got.StatusCode, got.body, want)
		}
	}
	r.get(cast).want(t, http.StatusBadRequest) // no ConsistencyLevel
	tooMany := r.get(cast+"&$top=1000", eventual...)
	if want := "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive."; tooMany.text("error", "message") != want {
		t.Errorf("message = %q, want %q", tooMany.text("error", "message"), want)
	}
}

func TestGroupPagesMayBeEmpty(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 25, Modes: graphsim.Modes{EmptyPages: true}})
	path := "/v1.0/groups/" + r.sim.GroupID(r.sim.Tenants()[0].ID, graphsim.Everyone) + "/transitiveMembers/microsoft.graph.user?$count=true&$top=10"
	ids, pages := members(t, r, path, "ConsistencyLevel", "eventual")
	if !slices.Equal(ids, r.sim.UserIDs()) || pages != 5 {
		t.Errorf("%d ids on %d pages, want 25 on 5, two of them empty", len(ids), pages)
	}
}

func TestPagingSurvivesARemoval(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 30})
	ids := r.sim.UserIDs()
	path := "/v1.0/groups/" + r.sim.GroupID(r.sim.Tenants()[0].ID, graphsim.Everyone) + "/transitiveMembers/microsoft.graph.user?$count=true&$top=10"
	first := r.get(path, "ConsistencyLevel", "eventual").want(t, http.StatusOK)
	if err := r.sim.RemoveUser(ids[3]); err != nil {
		t.Fatal(err)
	}
	rest, _ := members(t, r, strings.TrimPrefix(first.text("@odata.nextLink"), r.url), "ConsistencyLevel", "eventual")
	if !slices.Equal(rest, ids[10:]) {
		t.Errorf("the pages after the first have %d ids, want 20: nobody may be skipped", len(rest))
	}
}

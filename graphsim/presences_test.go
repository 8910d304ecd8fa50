package graphsim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"presenced/graphsim"
)

const nobody = "00000000-1111-4222-8333-444444444444"

func TestBulkAnswersEveryIDOnce(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 650, Frozen: true})
	ids := r.sim.UserIDs()
	got := r.bulk(ids...).want(t, http.StatusOK).presences(t)
	if len(got) != 650 {
		t.Fatalf("%d presences, want 650", len(got))
	}
	order := make([]string, len(got))
	for i, p := range got {
		order[i] = p.ID
		want, _ := r.sim.Presence(p.ID)
		if p.words() != want.Availability+"/"+want.Activity || p.SequenceNumber != want.Sequence {
			t.Errorf("%s = %s %s, want %s/%s %s", p.ID, p.words(), p.SequenceNumber, want.Availability, want.Activity, want.Sequence)
		}
	}
	if slices.Equal(order, ids) {
		t.Error("the answer is in the order of the request; clients must not rely on that")
	}
	slices.Sort(order)
	slices.Sort(ids)
	if !slices.Equal(order, ids) {
		t.Error("the answer is about other ids than the request")
	}
}

func TestBulkRefusals(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 1})
	id := r.sim.UserIDs()[0]
	many := make([]string, 651)
	for i := range many {
		many[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	for _, test := range []struct {
		name, method, contentType, body string
		status                          int
	}{
		{"651 ids", http.MethodPost, "application/json", idsBody(many...), 400},
		{"650 ids", http.MethodPost, "application/json; charset=utf-8", idsBody(many[:650]...), 200},
		{"no ids", http.MethodPost, "application/json", `{"ids":[]}`, 400},
		{"ids absent", http.MethodPost, "application/json", `{}`, 400},
		{"ids null", http.MethodPost, "application/json", `{"ids":null}`, 400},
		{"ids not an array", http.MethodPost, "application/json", `{"ids":"` + id + `"}`, 400},
		{"an id not a string", http.MethodPost, "application/json", `{"ids":[1]}`, 400},
		{"an id null", http.MethodPost, "application/json", `{"ids":[null]}`, 400},
		{"a user principal name", http.MethodPost, "application/json", idsBody("a@contoso.example"), 400},
		{"a GUID in braces", http.MethodPost, "application/json", idsBody("{" + id + "}"), 400},
		{"not JSON", http.MethodPost, "application/json", `ids=` + id, 400},
		{"two documents", http.MethodPost, "application/json", idsBody(id) + idsBody(id), 400},
		{"empty", http.MethodPost, "application/json", "", 400},
		{"2 MB", http.MethodPost, "application/json", strings.Repeat(" ", 2<<20), 413},
		{"a form", http.MethodPost, "application/x-www-form-urlencoded", idsBody(id), 415},
		{"no type", http.MethodPost, "", idsBody(id), 415},
		{"GET", http.MethodGet, "", "", 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req := r.request(test.method, bulkPath, test.body)
			req.Header.Set("Authorization", "Bearer "+r.tokenOf(r.sim.Tenants()[0]))
			if test.contentType != "" {
				req.Header.Set("Content-Type", test.contentType)
			}
			got := r.do(req).want(t, test.status)
			if test.status != 200 && got.text("error", "code") == "" {
				t.Errorf("body = %s, want an OData error", got.body)
			}
		})
	}
}

func TestSinglePresence(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 3, Frozen: true})
	list := start(t, graphsim.Config{Users: 3, Frozen: true, Modes: graphsim.Modes{SingleAsList: true, UPNNotFound: true}})
	user := r.sim.Users("")[1]
	want, _ := r.sim.Presence(user.ID)
	words := want.Availability + "/" + want.Activity

	for path, context := range map[string]string{
		"/v1.0/users/" + user.ID + "/presence":                        "/v1.0/$metadata#users('" + user.ID + "')/presence/$entity",
		"/v1.0/communications/presences/" + user.ID:                   "/v1.0/$metadata#communications/presences/$entity",
		"/v1.0/Communications/Presences/" + user.ID:                   "/v1.0/$metadata#communications/presences/$entity",
		"/v1.0/communications/presences/" + upper(user.ID):            "/v1.0/$metadata#communications/presences/$entity",
		"/v1.0/users/%" + hex(user.ID[0]) + user.ID[1:] + "/presence": "/v1.0/$metadata#users('" + user.ID + "')/presence/$entity",
	} {
		got := r.get(path).want(t, http.StatusOK)
		if p := got.presences(t)[0]; p.words() != words || p.ID != user.ID || got.text("@odata.context") != r.url+context {
			t.Errorf("%s = %s, want %s and %s", path, got.body, words, context)
		}
	}
	if got := list.get("/v1.0/communications/presences/"+user.ID).want(t, http.StatusOK); !strings.Contains(string(got.body), `"value":[{`) {
		t.Errorf("legacy shape = %s", got.body)
	}
	if got := list.get("/v1.0/users/"+user.ID+"/presence").want(t, http.StatusOK); strings.Contains(string(got.body), `"value":[`) {
		t.Errorf("the legacy shape is not for users/{id}/presence: %s", got.body)
	}
	upn := "/v1.0/users/" + strings.ReplaceAll(user.UserPrincipalName, "#", "%23") + "/presence"
	if got := r.get(upn).want(t, http.StatusOK).presences(t)[0]; got.words() != "PresenceUnknown/PresenceUnknown" {
		t.Errorf("by user principal name = %s", got.words())
	}
	list.get(upn).want(t, http.StatusNotFound)
	r.get("/v1.0/users/"+user.ID+"/presence?$select=id").want(t, http.StatusBadRequest)
	r.graph(http.MethodPost, "/v1.0/users/"+user.ID+"/presence", "{}").want(t, http.StatusMethodNotAllowed)
	r.get("/v1.0/users/"+user.ID+"/calendar").want(t, http.StatusBadRequest)
}

func upper(s string) string { return strings.ToUpper(s) }

func hex(b byte) string { return fmt.Sprintf("%x", b) }

func TestRemovedUserIsUnknown(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 3, Frozen: true})
	gone := r.sim.UserIDs()[1]
	if err := r.sim.RemoveUser(gone); err != nil {
		t.Fatal(err)
	}
	if got := r.bulk(gone).presences(t)[0]; got.words() != "PresenceUnknown/PresenceUnknown" {
		t.Errorf("= %s", got.words())
	}
	if slices.Contains(r.sim.UserIDs(), gone) || r.sim.SetPresence(gone, "Busy", "Busy") == nil {
		t.Error("a removed user is still there")
	}
	r.get("/v1.0/users/"+gone).want(t, http.StatusNotFound)
}

func TestTenantsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	r := start(t, graphsim.Config{Users: 2, Frozen: true, Tenants: []graphsim.TenantConfig{{}, {Users: 5}}})
	first, second := r.sim.Tenants()[0], r.sim.Tenants()[1]
	theirs := r.sim.Users(second.ID)
	if len(r.sim.Users(first.ID)) != 2 || len(theirs) != 5 || len(r.sim.UserIDs()) != 7 {
		t.Fatalf("sizes = %d, %d, %d", len(r.sim.Users(first.ID)), len(theirs), len(r.sim.UserIDs()))
	}
	if err := r.sim.SetPresence(theirs[0].ID, "Busy", "InACall"); err != nil {
		t.Fatal(err)
	}
	if got := r.bulk(theirs[0].ID).presences(t)[0]; got.words() != "PresenceUnknown/PresenceUnknown" {
		t.Errorf("another tenant's user = %s", got.words())
	}
	r.bearer = r.tokenOf(second)
	if got := r.bulk(theirs[0].ID).presences(t)[0]; got.words() != "Busy/InACall" {
		t.Errorf("own user = %s", got.words())
	}
}

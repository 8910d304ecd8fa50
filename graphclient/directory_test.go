package graphclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"presenced/graphclient"
	"presenced/presence"
)

func newDirectory(t *testing.T, r *rig, transport http.RoundTripper) *graphclient.Directory {
	t.Helper()
	d, err := graphclient.NewDirectory(graphclient.DirectoryConfig{Tenant: "contoso", Cloud: r.cloud, Transport: transport}, r.tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestResolve(t *testing.T) {
	t.Parallel()
	var r *rig
	var asked []string
	w := &world{}
	w.graph = func(rw http.ResponseWriter, req *http.Request) {
		asked = append(asked, req.URL.RequestURI())
		if strings.HasPrefix(req.URL.Path, "/v1.0/groups/") && req.Header.Get("ConsistencyLevel") != "eventual" {
			t.Errorf("%s without ConsistencyLevel", req.URL)
		}
		switch {
		case strings.HasSuffix(req.URL.Path, "/alice@contoso.com"):
			fmt.Fprintf(rw, `{"@odata.context":"x","id":%q}`, strings.ToUpper(string(user(1))))
		case strings.HasSuffix(req.URL.Path, "/guest_x.com#EXT#@contoso.com"):
			fmt.Fprintf(rw, `{"id":%q}`, user(2))
		case strings.Contains(req.URL.Path, "/gone"):
			refuse(rw, 404, "Request_ResourceNotFound", "Resource 'gone@contoso.com' does not exist")
		case strings.Contains(req.URL.RawQuery, "page3"):
			fmt.Fprintf(rw, `{"value":[{"id":%q}]}`, user(4))
		case strings.Contains(req.URL.RawQuery, "page2"): // may be empty
			fmt.Fprintf(rw, `{"value":[],"@odata.nextLink":"%s/v1.0/groups/g1/transitiveMembers/microsoft.graph.user?$skiptoken=page3"}`, r.cloud.GraphURL)
		default:
			fmt.Fprintf(rw, `{"@odata.count":3,"value":[{"@odata.type":"x","id":%q},{"id":%q}],"@odata.nextLink":"%s/v1.0/groups/g1/transitiveMembers/microsoft.graph.user?$skiptoken=page2%%2B"}`,
				user(1), user(3), r.cloud.GraphURL)
		}
	}
	r = overLoopback(t, w, setting{})
	d := newDirectory(t, r, nil)
	got, err := d.Resolve(t.Context(), []string{"alice@contoso.com", "gone@contoso.com", "guest_x.com#EXT#@contoso.com", "..", ""}, []string{"g1", "gone"})
	if err != nil {
		t.Fatal(err)
	}
	want := graphclient.Resolution{
		Users: map[presence.UserID]string{
			user(1): "alice@contoso.com", user(2): "guest_x.com#EXT#@contoso.com", user(3): "g1", user(4): "g1",
		},
		Missing: []string{"gone@contoso.com", "..", "", "gone"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Resolve (-want +got):\n%s", diff)
	}
	paths := []string{
		"/v1.0/users/alice@contoso.com?$select=id",
		"/v1.0/users/gone@contoso.com?$select=id",
		"/v1.0/users/guest_x.com%23EXT%23@contoso.com?$select=id",
		"/v1.0/groups/g1/transitiveMembers/microsoft.graph.user?$select=id&$top=999&$count=true",
		"/v1.0/groups/g1/transitiveMembers/microsoft.graph.user?$skiptoken=page2%2B",
		"/v1.0/groups/g1/transitiveMembers/microsoft.graph.user?$skiptoken=page3",
		"/v1.0/groups/gone/transitiveMembers/microsoft.graph.user?$select=id&$top=999&$count=true",
	}
	if diff := cmp.Diff(paths, asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestResolveRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		graph http.HandlerFunc
		cause presence.Cause
		want  string
	}{
		"names forbidden": {func(rw http.ResponseWriter, _ *http.Request) {
			refuse(rw, 403, "Authorization_RequestDenied", "Insufficient privileges")
		}, presence.CauseForbidden, "User.Read.All"},
		"groups forbidden": {func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/groups/") {
				refuse(rw, 403, "Authorization_RequestDenied", "Insufficient privileges")
				return
			}
			fmt.Fprintf(rw, `{"id":%q}`, user(1))
		}, presence.CauseForbidden, "GroupMember.Read.All"},
		// Everybody missing would empty the roster: only Graph itself may say so.
		"404 of a proxy": {func(rw http.ResponseWriter, _ *http.Request) { http.NotFound(rw, nil) }, presence.CauseUnreachable, "404"},
		"no id":          {func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{}`) }, presence.CauseUnreachable, "without a user id"},
		"no list": {func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/groups/") {
				fmt.Fprint(rw, `{}`)
				return
			}
			fmt.Fprintf(rw, `{"id":%q}`, user(1))
		}, presence.CauseUnreachable, "no value"},
		"link elsewhere": {func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/groups/") {
				fmt.Fprint(rw, `{"value":[],"@odata.nextLink":"https://evil.example/v1.0/groups/x"}`)
				return
			}
			fmt.Fprintf(rw, `{"id":%q}`, user(1))
		}, presence.CauseUnreachable, `"evil.example"`},
		"endless": {func(rw http.ResponseWriter, req *http.Request) {
			if strings.Contains(req.URL.Path, "/groups/") {
				fmt.Fprintf(rw, `{"value":[],"@odata.nextLink":"http://%s/v1.0/groups/x"}`, req.Host)
				return
			}
			fmt.Fprintf(rw, `{"id":%q}`, user(1))
		}, presence.CauseUnreachable, "again and again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := overLoopback(t, &world{graph: tc.graph}, setting{})
			_, err := newDirectory(t, r, nil).Resolve(t.Context(), []string{"alice@contoso.com"}, []string{"g1"})
			if blindBy(t, err, tc.cause); !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "alice") {
				t.Errorf("Resolve = %v, want an error with %q and no name", err, tc.want)
			}
		})
	}
}

func TestResolveWaitsAsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.graph = func(rw http.ResponseWriter, _ *http.Request) {
			switch w.requests.Load() {
			case 1:
				rw.Header().Set("Retry-After", "30")
				refuse(rw, 429, "TooManyRequests", "")
			case 2:
				refuse(rw, 401, "InvalidAuthenticationToken", "") // the token ended meanwhile
			default:
				fmt.Fprintf(rw, `{"id":%q}`, user(1))
			}
		}
		r := inMemory(t, w, setting{})
		d := newDirectory(t, r, w)
		took := elapsed(func() {
			if got, err := d.Resolve(context.Background(), []string{"a@contoso.com"}, nil); err != nil || len(got.Users) != 1 {
				t.Errorf("Resolve = %v, %v, want the user in the end", got, err)
			}
		})
		if took < 30*time.Second || took > 34*time.Second {
			t.Errorf("took %v, want the 30s asked for and a back-off", took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		w.graph = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "30")
			refuse(rw, 503, "", "")
		}
		took = elapsed(func() {
			_, err := d.Resolve(ctx, []string{"a@contoso.com"}, nil)
			var e *graphclient.APIError
			if !errors.As(err, &e) || e.Status != 503 {
				t.Errorf("Resolve = %v, want the refusal", err)
			}
		})
		if took != 0 {
			t.Errorf("took %v, want no waiting in vain", took)
		}
	})
}

package graphclient_test

import (
	"fmt"
	"strings"
	"testing"

	"presenced/graphclient"
)

func TestCloudCheck(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://graph.microsoft.com":        true,
		"https://graph.microsoft.com/":       true,
		"https://GRAPH.microsoft.com:8443":   true,
		"http://127.0.0.1:8080":              true,
		"http://[::1]:8080":                  true,
		"http://localhost:8080":              true,
		"http://graph.microsoft.com":         false,
		"http://127.0.0.1.evil.example":      false,
		"http://localhost.evil.example":      false,
		"http://0.0.0.0:80":                  false,
		"":                                   false,
		"graph.microsoft.com":                false,
		"ftp://graph.microsoft.com":          false,
		"https://":                           false,
		"https://graph.microsoft.com/v1.0":   false,
		"https://graph.microsoft.com?x=1":    false,
		"https://graph.microsoft.com#x":      false,
		"https://canary:pw@graph.microsoft":  false,
		"https://graph.microsoft.com:port":   false,
		"https://\u212Aelvin.microsoft.com":  false, // the Kelvin sign becomes k when lowered
		"https://graph.microsoft.com\n.evil": false,
	} {
		for _, c := range []graphclient.Cloud{
			{LoginURL: base, GraphURL: "https://graph.microsoft.com"},
			{LoginURL: "https://login.microsoftonline.com", GraphURL: base},
		} {
			err := c.Check()
			if (err == nil) != ok {
				t.Errorf("Check(%q) = %v, want ok: %v", base, err, ok)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("Check(%q) = %v repeats credentials", base, err)
			}
		}
	}
}

func TestTokensConfigCheck(t *testing.T) {
	t.Parallel()
	cloud := graphclient.Cloud{LoginURL: "https://login.microsoftonline.com", GraphURL: "https://graph.microsoft.com"}
	for _, tc := range []struct {
		tenant, client, want string
	}{
		{"0b5c1cf2-8f5a-4d3c-9f0e-2f6d7a1b9c11", "x", ""},
		{"contoso.onmicrosoft.com", "x", ""},
		{"common", "x", "names no single directory"},
		{"organizations", "x", "names no single directory"},
		{"", "x", "tenant_id"},
		{"..", "x", "tenant_id"},
		{"../../evil", "x", "tenant_id"},
		{"<tenant-id>", "x", "tenant_id"},
		{"contoso.com", "", "client_id"},
	} {
		err := graphclient.TokensConfig{Cloud: cloud, TenantID: tc.tenant, ClientID: tc.client}.Check()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Check(%q, %q) = %v, want %q", tc.tenant, tc.client, err, tc.want)
		}
	}
}

// A simulated tenant on this machine may be asked over plain http; nothing else.
func ExampleCloud_Check() {
	fmt.Println(graphclient.Cloud{LoginURL: "http://127.0.0.1:9090", GraphURL: "http://127.0.0.1:9090"}.Check())
	fmt.Println(graphclient.Cloud{LoginURL: "https://login.example", GraphURL: "http://graph.example"}.Check())
	// Output:
	// <nil>
	// graph_url: plain http is allowed to loopback only, want https
}

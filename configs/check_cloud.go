package configs

import (
	"fmt"
	"strings"
)

// authorityVariable is how the Azure SDKs name the token service. The workload identity webhook sets it in every pod.
const authorityVariable = "AZURE_AUTHORITY_HOST"

type hosts struct{ graph, login string }

// clouds are the national clouds that have presence
// (https://learn.microsoft.com/graph/deployments, https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
func clouds() map[string]hosts {
	return map[string]hosts{
		"global":    {"https://graph.microsoft.com", "https://login.microsoftonline.com"},
		"usgov":     {"https://graph.microsoft.us", "https://login.microsoftonline.us"},
		"usgov-dod": {"https://dod-graph.microsoft.us", "https://login.microsoftonline.us"},
	}
}

// cloud resolves the addresses of a tenant. only says that there is no other tenant, so that the variable counts.
func (c *check) cloud(key string, t *Tenant, only bool) {
	custom := t.Cloud.GraphURL != "" || t.Cloud.LoginURL != "" || t.Cloud.Name == ""
	if custom {
		t.Cloud.Name = ""
		c.addresses(key, t)
	} else if h, known := clouds()[t.Cloud.Name]; known {
		t.GraphURL, t.LoginURL = h.graph, h.login
	} else {
		c.oneCloud(key, t.Cloud.Name)
		return
	}
	if authority := strings.TrimRight(c.env[authorityVariable], "/"); authority != "" && only {
		c.authority(key, t, authority, custom)
	}
}

func (c *check) addresses(key string, t *Tenant) {
	if t.Cloud == (Cloud{}) {
		c.missing(key, "global, usgov, usgov-dod, or a section with graph_url and login_url", "write one, or remove the key")
		return
	}
	if t.Cloud.GraphURL == "" {
		c.missing(key+".graph_url", "the address of Graph beside login_url", "write both, or the name of a cloud")
	} else {
		t.GraphURL = c.baseURL(key+".graph_url", t.Cloud.GraphURL)
	}
	if t.Cloud.LoginURL == "" {
		c.missing(key+".login_url", "the address of the token service beside graph_url", "write both, or the name of a cloud")
	} else {
		t.LoginURL = c.baseURL(key+".login_url", t.Cloud.LoginURL)
	}
}

func (c *check) oneCloud(key, name string) {
	x := &fault{got: quoted(name), want: "global, usgov, usgov-dod, or a section with graph_url and login_url", mend: mendWord(name, "global", "usgov", "usgov-dod")}
	if strings.Contains(strings.ToLower(name), "china") {
		x.mend = "there is no presence in the Graph of that cloud"
	}
	c.refuse(key, x)
}

// authority takes the token service from the variable. It may choose the cloud only where the file did not: a token
// service of one cloud with the Graph of another never works.
func (c *check) authority(key string, t *Tenant, authority string, custom bool) {
	switch {
	case strings.EqualFold(authority, t.LoginURL):
		return
	case custom:
		c.override(key+".login_url", origin{authorityVariable, fromUsual})
		t.LoginURL = c.baseURL(key+".login_url", authority)
		return
	case c.layer(key) == fromDefault && strings.EqualFold(authority, clouds()["usgov"].login):
		t.Cloud.Name = "usgov"
		c.override(key, origin{authorityVariable, fromUsual})
		t.GraphURL, t.LoginURL = clouds()["usgov"].graph, clouds()["usgov"].login
		return
	}
	c.refuse(key, &fault{
		got:  fmt.Sprintf("the cloud %s, while %s is %s", t.Cloud.Name, authorityVariable, shownURL(authority)),
		want: "Graph and token service of one cloud",
		mend: "unset the variable, or write both addresses: cloud: {graph_url: …, login_url: …}",
	})
}

// unseen warns of fields that the Graph of a cloud does not have.
func (c *check) unseen(key string, t *Tenant) {
	if t.Cloud.Name != "usgov" && t.Cloud.Name != "usgov-dod" {
		return
	}
	for i, field := range t.Fields {
		if field == "out_of_office" || field == "work_location" {
			c.warn(element(key, i), "the Graph of this cloud does not answer "+field+"; it will never change")
		}
	}
}
